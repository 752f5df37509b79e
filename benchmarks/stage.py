"""A cluster with pods that really run, on which things are changed and the time is taken until a client sees it.

The registry of the releases can show another certificate and take another login, without its content or its address being
another.
"""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.catalogue import BrokenMeasurementError
from benchmarks.processes import wait_until
from tools.cluster import nodes, procedure
from tools.cluster.control_plane import DOMAIN
from tools.cluster.site import Site, pull_secret, push_releases
from upgraph.operator.resource.names import Names
from upgraph.testing.certificates import Certificates, make_authority
from upgraph.testing.real_registry import (
    PASSWORD,
    USERNAME,
    RealRegistry,
    real_registry,
    renewed_registry,
)

NAMESPACE = "effects"
EFFECT_SECONDS = 400.0
"""Longest wait for an effect."""
POLL_SECONDS = 0.1
SILENT_CONNECTIONS = 1024
"""Connections that the system takes for somebody who does not."""
SECOND_USERNAME = "boatswain"
"""Who logs in after the rotation; the password stays, as the registry knows it by a hash alone."""
CHANNEL = "channels/stable-4.1.yaml"
VERSIONS = ("4.1.0", "4.1.1", "4.1.2", "4.1.3")

_NAMES = Names(NAMESPACE, "service")
_URI = f"https://{_NAMES.route_label}.{DOMAIN}"
_MADE = "configmaps,secrets,services,poddisruptionbudgets,networkpolicies,routes,deployments"
"""Kinds of what an UpdateService becomes on OpenShift, in the order in which it is written."""
_GIVEN = ("clusterIP", "clusterIPs")
"""What the cluster puts into the spec of a Service."""


def channel(*versions: str) -> str:
    """The file of a channel with these versions."""
    return "name: stable-4.1\nversions:\n" + "".join(f"- {one}\n" for one in versions)


class Stage:
    """The site, and what is done at it.

    Args:
        site: with the namespace of the stage.
        folder: an empty one.
    """

    def __init__(self, site: Site, folder: Path) -> None:
        namespace = nodes.namespace(NAMESPACE, nodes=nodes.REAL)
        site.cluster.client.create("/api/v1/namespaces", namespace)
        self.site = site
        self._folder = folder
        self._mirror: RealRegistry | None = None
        self._new("registry")

    @contextmanager
    def mirror(self, name: str) -> Iterator[None]:
        """Run the registry with a certificate of a new authority for as long as the block lasts."""
        place, host = self._new(name), str(self.site.cluster.addresses.host)
        authority = make_authority(place, name=name)
        with self._registry(authority.issue(place, names=f"IP:{host}"), host) as running:
            self._mirror = running
            logins = self._logins(USERNAME)
            self.site = replace(self.site, mirror=running, ca=authority.certificate, logins=logins)
            yield

    @contextmanager
    def silence(self) -> Iterator[None]:
        """Take connections in the place of the registry that has ended, and never answer them."""
        port = self._mirror.port if self._mirror is not None else 0
        with socket.create_server((str(self.site.cluster.addresses.host), port), backlog=SILENT_CONNECTIONS):
            yield

    def _registry(self, shown: Certificates, host: str) -> AbstractContextManager[RealRegistry]:
        folder = self._folder / "registry"
        if self._mirror is None:
            return real_registry(folder, certificates=shown, login=True, host=host)
        return renewed_registry(folder, self._mirror, certificates=shown, password=PASSWORD)

    def begin(self) -> None:
        """Follow the documentation up to the UpdateService."""
        push_releases(self.site.mirror, self._new("releases"), VERSIONS[:2])
        self.site.pack("latest", **{CHANNEL: channel(VERSIONS[1])})
        procedure.configure_registry_access(self.site)
        procedure.install_operator(self.site)

    def push(self, version: str) -> None:
        """Have one more release in the registry, of which no client is told yet."""
        push_releases(self.site.mirror, self._new(version), VERSIONS[: VERSIONS.index(version) + 1])
        if version in self.offered():
            raise BrokenMeasurementError(f"{version} is offered before it could be read")

    def change_login(self) -> None:
        """Let the registry take another login and the old one no longer, and the file of the administrator have it."""
        accounts = self._folder / "registry" / "htpasswd"
        accounts.write_text(accounts.read_text().replace(USERNAME, SECOND_USERNAME))
        self.site = replace(self.site, logins=self._logins(SECOND_USERNAME))

    def create(self) -> None:
        """Apply the UpdateService."""
        procedure.create_update_service(self.site)

    def create_bare(self, objects: str) -> None:
        """Write the objects of an UpdateService by hand."""
        self.site.oc("-n", NAMESPACE, "create", "-f", "-", stdin=objects)

    def delete(self) -> None:
        """Delete the UpdateService and all that it has become, and wait for the end of the pods."""
        self.site.oc("-n", NAMESPACE, "delete", "updateservice", "service", "--ignore-not-found")
        of_service = [f"{kind}/{name}" for kind, name in self._made()]
        if of_service:
            self.site.oc("-n", NAMESPACE, "delete", "--ignore-not-found", *of_service)
        self.wait(lambda: not self._pods() and not self._made(), "the end of the service")

    def objects(self) -> str:
        """What the UpdateService has become, as somebody would write it by hand."""
        found = [one for one in self.site.get(_MADE)["items"] if _is_of_service(one)]
        return json.dumps({"apiVersion": "v1", "kind": "List", "items": [_plain(one) for one in found]})

    def offered(self) -> set[str]:
        """The versions of which a client is told.

        Raises:
            BrokenMeasurementError: it gets no answer.
        """
        try:
            return procedure.versions(self.site, _URI)
        except RuntimeError as error:
            raise BrokenMeasurementError(str(error)) from error

    def is_answered(self) -> bool:
        """Whether a client gets an answer."""
        return procedure.answer(self.site, _URI)[0] == 200

    def is_reachable(self) -> bool:
        """Whether the status of the resource says that the registry of the releases can be read."""
        return bool(self.site.condition("ReleasesReachable").get("status") == "True")

    def wait(self, condition: Callable[[], bool], what: str) -> float:
        """Wait for an effect; gives the seconds that took.

        Raises:
            BrokenMeasurementError: it did not come.
        """
        try:
            return wait_until(condition, seconds=EFFECT_SECONDS, every=POLL_SECONDS, what=what)
        except BrokenMeasurementError as error:
            raise BrokenMeasurementError(f"{error}\n{self.site.told()}") from error

    def _made(self) -> list[tuple[str, str]]:
        found = self.site.get(_MADE)["items"]
        names = [(one["kind"].lower(), one["metadata"]["name"]) for one in found]
        return [
            (kind, name) for kind, name in names if name == _NAMES.name or name.startswith(f"{_NAMES.name}-")
        ]

    def _pods(self) -> list[Any]:
        return list(self.site.get("pods", "-l", f"app={_NAMES.name}")["items"])

    def _logins(self, username: str) -> Path:
        file = self._folder / f"{username}.json"
        port = self._mirror.port if self._mirror is not None else 0
        file.write_text(pull_secret(f"{self.site.cluster.addresses.host}:{port}", username))
        return file

    def _new(self, name: str) -> Path:
        place = self._folder / name
        place.mkdir()
        return place


def _is_of_service(found: dict[str, Any]) -> bool:
    owners = found["metadata"].get("ownerReferences", ())
    return any((one["kind"], one["name"]) == ("UpdateService", _NAMES.name) for one in owners)


def _plain(found: dict[str, Any]) -> dict[str, Any]:
    """An object without what the cluster has added."""
    metadata = {key: found["metadata"].get(key, {}) for key in ("name", "labels", "annotations")}
    plain = {key: value for key, value in found.items() if key not in ("metadata", "status")}
    if found["kind"] == "Service" and found["spec"].get("clusterIP") != "None":
        plain["spec"] = {key: value for key, value in found["spec"].items() if key not in _GIVEN}
    return plain | {"metadata": metadata}
