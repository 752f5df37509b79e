"""The environment and the command of a container: fields of the pod, ConfigMaps, Secrets, Services. Pure.

The variables of Services are there as Kubernetes makes them, because they are a trap: a Service named like a program
gives variables that look like settings of that program.
"""

import base64
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from tools.cluster.node.specification import (
    Container,
    KeyReference,
    NotStartableError,
    Variable,
    VariableSource,
)
from upgraph.kube.kinds import CONFIG_MAP, SECRET
from upgraph.kube.objects import Key, Kind, Object

PERSISTENT_VOLUME = Kind("", "v1", "PersistentVolume", "persistentvolumes", namespaced=False)

_EXPANSION = re.compile(r"\$(?:\$|\(([^)]*)\))")
_ELEMENT = re.compile(r"metadata\.(labels|annotations)\['(.+)'\]")
_NAME = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")


class Objects(Protocol):
    """What a cluster has, as far as a node looks at it."""

    def get(self, kind: Kind, key: Key) -> Object | None:
        """One object; None if there is none."""
        ...

    def all(self, kind: Kind) -> Iterable[Object]:
        """All objects of a kind."""
        ...


@dataclass(frozen=True, slots=True)
class Facts:
    """A pod and what became of it on this node."""

    pod: Object
    node: str
    host_address: str
    address: str

    @property
    def namespace(self) -> str:
        """The namespace of the pod."""
        return str(self.pod["metadata"]["namespace"])

    def field(self, path: str) -> str:
        """A field of the pod, as ``fieldRef`` names it.

        Raises:
            NotStartableError: there is no such field.
        """
        metadata = self.pod["metadata"]
        if element := _ELEMENT.fullmatch(path):
            return str((metadata.get(element[1]) or {}).get(element[2], ""))
        if path in {"metadata.labels", "metadata.annotations"}:
            items = sorted((metadata.get(path.partition(".")[2]) or {}).items())
            return "".join(f'{key}="{_quoted(value)}"\n' for key, value in items)
        fields = {
            "metadata.name": metadata["name"],
            "metadata.namespace": self.namespace,
            "metadata.uid": metadata.get("uid", ""),
            "spec.nodeName": self.node,
            "spec.serviceAccountName": self.pod["spec"].get("serviceAccountName", "default"),
            "status.hostIP": self.host_address,
            "status.hostIPs": self.host_address,
            "status.podIP": self.address,
            "status.podIPs": self.address,
        }
        if path not in fields:
            raise _refusal(f"this node for tests does not know the field {path!r}")
        return str(fields[path])


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def variables(
    container: Container, facts: Facts, objects: Objects, services: Mapping[str, str]
) -> dict[str, str]:
    """The variables that Kubernetes gives to a container; those of the image are below them.

    Args:
        container: the container.
        facts: about its pod.
        objects: ConfigMaps and Secrets.
        services: variables of Services, the weakest of all.

    Raises:
        NotStartableError: what a variable comes from is not there.
    """
    found = dict(services)
    for source in container.env_from:
        found.update(_all_of(source, facts.namespace, objects))
    for variable in container.env:
        value = _value(variable, facts, objects, found)
        if value is not None:
            found[variable.name] = value
    return found


def _all_of(source: VariableSource, namespace: str, objects: Objects) -> Iterator[tuple[str, str]]:
    for kind, wanted in ((CONFIG_MAP, source.config_map_ref), (SECRET, source.secret_ref)):
        if wanted is None:
            continue
        found = objects.get(kind, Key(namespace, wanted.name))
        if found is None and not wanted.optional:
            raise _not_found(kind, wanted.name)
        for key, value in sorted(texts(kind, found or {}).items()):
            if _NAME.fullmatch(source.prefix + key):
                yield source.prefix + key, value.decode(errors="replace")


def _value(variable: Variable, facts: Facts, objects: Objects, known: Mapping[str, str]) -> str | None:
    source = variable.value_from
    if source is None:
        return expanded(variable.value, known)
    if source.field_ref is not None:
        return facts.field(source.field_ref.field_path)
    for kind, wanted in ((CONFIG_MAP, source.config_map_key_ref), (SECRET, source.secret_key_ref)):
        if wanted is not None:
            return _one_of(kind, wanted, facts.namespace, objects)
    raise _refusal(f"the variable {variable.name} has no source")


def _one_of(kind: Kind, wanted: KeyReference, namespace: str, objects: Objects) -> str | None:
    found = objects.get(kind, Key(namespace, wanted.name))
    values = texts(kind, found or {})
    if wanted.key in values:
        return values[wanted.key].decode(errors="replace")
    if wanted.optional:
        return None
    if found is None:
        raise _not_found(kind, wanted.name)
    raise _refusal(f"couldn't find key {wanted.key} in {kind.kind} {namespace}/{wanted.name}")


def texts(kind: Kind, obj: Object) -> dict[str, bytes]:
    """The values of a ConfigMap or Secret by key; ``binaryData`` and the ``data`` of a Secret are base64."""
    plain = {} if kind == SECRET else obj.get("data") or {}
    encoded = obj.get("data" if kind == SECRET else "binaryData") or {}
    return {
        **{key: value.encode() for key, value in plain.items()},
        **{key: base64.b64decode(value) for key, value in encoded.items()},
    }


def expanded(text: str, known: Mapping[str, str]) -> str:
    """A text in which ``$(NAME)`` is replaced where NAME is known, and ``$$`` is a dollar sign."""
    return _EXPANSION.sub(lambda match: "$" if match[1] is None else known.get(match[1], match[0]), text)


def command(
    container: Container, entrypoint: Sequence[str], arguments: Sequence[str], known: Mapping[str, str]
) -> list[str]:
    """What is run: the command of the container or that of its image, with the arguments that belong to it.

    Raises:
        NotStartableError: there is nothing to run.
    """
    first = entrypoint if container.command is None else [expanded(word, known) for word in container.command]
    rest = [expanded(word, known) for word in container.args or ()]
    if container.args is None and container.command is None:
        rest = list(arguments)
    if not first and not rest:
        raise NotStartableError("CreateContainerError", "no command specified")
    return [*first, *rest]


def service_variables(namespace: str, objects: Iterable[Object], *, links: bool) -> dict[str, str]:
    """The variables by which containers find Services, as Docker's links once did.

    Args:
        namespace: of the pod.
        objects: Services.
        links: whether Services of the namespace are named too; the API itself always is.
    """
    found: dict[str, str] = {}
    for service in objects:
        metadata, spec = service["metadata"], service["spec"]
        is_api = (metadata["namespace"], metadata["name"]) == ("default", "kubernetes")
        address = spec.get("clusterIP") or "None"
        if address != "None" and (is_api or (links and metadata["namespace"] == namespace)):
            found.update(_of_service(metadata["name"], address, spec.get("ports") or []))
    return found


def _of_service(name: str, address: str, ports: Sequence[Object]) -> Iterator[tuple[str, str]]:
    prefix = name.upper().replace("-", "_")
    yield f"{prefix}_SERVICE_HOST", address
    for at, port in enumerate(ports):
        protocol = port.get("protocol", "TCP")
        url = f"{protocol.lower()}://{address}:{port['port']}"
        if at == 0:
            yield f"{prefix}_SERVICE_PORT", str(port["port"])
            yield f"{prefix}_PORT", url
        if port.get("name"):
            suffix = port["name"].upper().replace("-", "_")
            yield f"{prefix}_SERVICE_PORT_{suffix}", str(port["port"])
        one = f"{prefix}_PORT_{port['port']}_{protocol}"
        yield one, url
        yield f"{one}_PROTO", protocol.lower()
        yield f"{one}_PORT", str(port["port"])
        yield f"{one}_ADDR", address


def _not_found(kind: Kind, name: str) -> NotStartableError:
    return _refusal(f'{kind.kind.lower()} "{name}" not found')


def _refusal(message: str) -> NotStartableError:
    return NotStartableError("CreateContainerConfigError", message)
