"""What Services and their EndpointSlices say: where connections go, and which names there are. Pure.

Endpoints that are ready count. Where there is none, connections go to those that still serve although their pod is
ending, as kube-proxy has it; names do not.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from upgraph.kube.objects import Key, Object, key_of

_NO_ADDRESS = frozenset({"", "None"})
_OWNER = "kubernetes.io/service-name"
API_SERVICE = Key("default", "kubernetes")


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """An address and a port."""

    host: str
    port: int


Table = Mapping[Address, tuple[Address, ...]]
"""For each address of a Service those that its connections go to; none where nobody is ready."""


@dataclass(frozen=True, slots=True)
class _Backend:
    address: str
    hostname: str
    is_ready: bool
    is_serving: bool
    ports: Mapping[str, int]


def table(services: Iterable[Object], slices: Iterable[Object], api: Address | None) -> Table:
    """Where connections to Services go.

    Args:
        services: Services; those without an address of their own are left out.
        slices: EndpointSlices.
        api: the API server, where the cluster itself does not say where it is.
    """
    backends = _by_service(slices)
    found: dict[Address, tuple[Address, ...]] = {}
    for service in services:
        spec = service["spec"]
        if spec.get("clusterIP", "") in _NO_ADDRESS:
            continue
        behind = backends.get(key_of(service), [])
        for port in spec.get("ports") or ():
            targets = _targets(behind, port.get("name") or "")
            if not targets and key_of(service) == API_SERVICE and api is not None:
                targets = (api,)
            if port.get("protocol", "TCP") == "TCP":
                found[Address(spec["clusterIP"], port["port"])] = targets
    return found


def _targets(backends: Sequence[_Backend], port: str) -> tuple[Address, ...]:
    ready = [one for one in backends if one.is_ready]
    chosen = ready or [one for one in backends if one.is_serving]
    return tuple(sorted(Address(one.address, one.ports[port]) for one in chosen if port in one.ports))


def _by_service(slices: Iterable[Object]) -> dict[Key, list[_Backend]]:
    found: dict[Key, list[_Backend]] = {}
    for one in slices:
        metadata = one["metadata"]
        service = Key(metadata["namespace"], (metadata.get("labels") or {}).get(_OWNER, ""))
        ports = {port.get("name") or "": port["port"] for port in one.get("ports") or ()}
        for endpoint in one.get("endpoints") or ():
            found.setdefault(service, []).extend(_backends(endpoint, ports))
    return found


def _backends(endpoint: Object, ports: Mapping[str, int]) -> list[_Backend]:
    conditions = endpoint.get("conditions") or {}
    is_ready = conditions.get("ready", True) is not False
    is_serving = conditions.get("serving", is_ready) is not False
    return [
        _Backend(address, endpoint.get("hostname") or "", is_ready, is_serving, ports)
        for address in endpoint.get("addresses") or ()
    ]


@dataclass(frozen=True, slots=True)
class Names:
    """The names of a cluster.

    Args:
        domain: of the cluster, for example ``cluster.local``.
        services: addresses by name, without the domain.
        hosts: further names: whole ones, or ``*.`` and a domain.
    """

    domain: str
    services: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    hosts: Mapping[str, str] = field(default_factory=dict)

    def find(self, name: str) -> tuple[str, ...] | None:
        """The addresses of a name in lower case without a dot at its end; None: there is no such name."""
        inner = name.removesuffix(f".{self.domain}")
        if inner != name:
            return self.services.get(inner)
        above = f"*.{name.partition('.')[2]}"
        found = self.hosts.get(name) or self.hosts.get(above)
        return None if found is None else (found,)


def names(
    services: Iterable[Object], slices: Iterable[Object], *, domain: str, hosts: Mapping[str, str]
) -> Names:
    """The names of Services, and of the pods behind those that have no address of their own."""
    backends = _by_service(slices)
    found: dict[str, tuple[str, ...]] = {}
    for service in services:
        key, address = key_of(service), service["spec"].get("clusterIP", "")
        name = f"{key.name}.{key.namespace}.svc"
        if address not in _NO_ADDRESS:
            found[name] = (address,)
            continue
        ready = [one for one in backends.get(key, []) if one.is_ready]
        if ready:
            found[name] = tuple(sorted({one.address for one in ready}))
        for one in ready:
            if one.hostname:
                found[f"{one.hostname}.{name}"] = (one.address,)
    return Names(domain, found, hosts)
