"""At which address clusters find the service, from what routers, gateways and ingress controllers say. Pure.

An address that was published once stays published while its way is down: clusters have it in their configuration, and a field
that comes and goes helps nobody. Another way takes its place when it leads to the service. Until then what led there before
is left: what cannot be made, or what nobody takes, must not cost clusters the way that they have.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from upgraph.errors.problems.reconcile import EXPOSURE_NOT_ADMITTED
from upgraph.kube.kinds import HTTP_ROUTE, INGRESS, ROUTE
from upgraph.kube.objects import Kind, Object, key_of
from upgraph.operator.desired.exposure import KINDS, places, way_of
from upgraph.operator.inputs.own import Own
from upgraph.operator.inputs.values import Inputs
from upgraph.operator.inputs.view import View, at
from upgraph.operator.resource.trouble import Trouble


@dataclass(frozen=True, slots=True)
class Exposed:
    """How a service is reached."""

    uri: str = ""
    """Base of the address, without a path; empty while nobody knows it."""
    trouble: Trouble | None = None
    """Why it is not known, or why what is asked for does not lead to the service yet."""
    candidate: str = ""
    """The address that it is to get, as far as that is known, while nothing leads there."""
    former_ways: frozenset[tuple[Kind, str]] = frozenset()
    """Kind and name of what exposes it otherwise than is asked for, as long as what is asked for does not lead to it."""


@dataclass(frozen=True, slots=True)
class _Way:
    """What an object says of itself."""

    kind: Kind
    uri: str
    why: str = ""
    """Why it is not known to lead to the service; empty if it does."""

    @property
    def host(self) -> str:
        return urlsplit(self.uri).hostname or ""


def exposed_of(inputs: Inputs, view: View, answering: frozenset[str] = frozenset()) -> Exposed:
    """How a service is reached.

    Args:
        inputs: of its UpdateService.
        view: the cluster.
        answering: addresses at which an update service was seen to answer.
    """
    kind, names = KINDS.get(way_of(inputs)), inputs.names
    published = inputs.service.status.policy_engine_uri or ""
    if kind is None:
        return Exposed(f"http://{names.policy_engine_service}.{names.namespace}.svc")
    own = Own(view, inputs.service)
    found = inputs.live.route if kind == ROUTE else own.find(kind, names.route)
    others = [place for place in places(names) if place[0] != kind]
    former = {place: one for place in others if (one := own.find(*place)) is not None}
    if found is None:
        return Exposed(published, former_ways=frozenset(former))
    way = _READERS[kind](inputs, found)
    known = answering | {published} if kind == INGRESS else answering
    rivals = [_READERS[other](inputs, one) for (other, _), one in former.items()]
    is_free = kind == INGRESS and not (published and former)
    if not way.why or (_has_own_host(way, rivals) and (is_free or way.uri in known)):
        return Exposed(way.uri or published)
    trouble = _not_admitted(way, found, former)
    return Exposed(published, trouble, "" if way.uri == published else way.uri, frozenset(former))


def _has_own_host(way: _Way, rivals: Iterable[_Way]) -> bool:
    """Whether an answer there can only have come this way."""
    # Few controllers say of an Ingress that they have it, so each may be one that leads to the service.
    leading = {one.host for one in rivals if not one.why or one.kind == INGRESS}
    return bool(way.host) and way.host not in leading


def _of_route(inputs: Inputs, route: Object) -> _Way:
    scheme = "https" if at(route, "spec", "tls") else "http"
    uris, refused = [], ""
    for ingress in at(route, "status").get("ingress") or []:
        admitted = _condition(ingress.get("conditions"), "Admitted")
        if admitted.get("status") == "True" and ingress.get("host"):
            uris.append(f"{scheme}://{ingress['host']}")
        refused = refused or _said(admitted)
    if not uris:
        return _Way(ROUTE, "", refused or "no router has admitted it")
    # Several routers may have a host each, in an order that changes, and one that is gone leaves what it has said.
    service = inputs.service
    wanted = (f"{scheme}://{service.spec.exposure.host}", service.status.policy_engine_uri)
    return _Way(ROUTE, next((uri for uri in wanted if uri in uris), uris[0]))


def _of_http_route(inputs: Inputs, route: Object) -> _Way:
    hosts = at(route, "spec").get("hostnames") or []
    uri = f"{inputs.gateway_scheme}://{hosts[0]}" if hosts else ""
    refused = ""
    for parent in at(route, "status").get("parents") or []:
        accepted = _condition(parent.get("conditions"), "Accepted")
        if accepted.get("status") == "True":
            return _Way(HTTP_ROUTE, uri)
        refused = refused or _said(accepted)
    # What answers at a host that every gateway refuses to lead here is something else.
    return _Way(HTTP_ROUTE, "" if refused else uri, refused or "no gateway has accepted it")


def _of_ingress(inputs: Inputs, ingress: Object) -> _Way:  # noqa: ARG001  # as all readers
    scheme = "https" if at(ingress, "spec").get("tls") else "http"
    host = next((one["host"] for one in at(ingress, "spec").get("rules") or [] if one.get("host")), "")
    uri = f"{scheme}://{host}" if host else ""
    if at(ingress, "status", "loadBalancer").get("ingress"):
        return _Way(INGRESS, uri)
    return _Way(INGRESS, uri, "no ingress controller says that it has taken it, and its host gives no answer")


_READERS: Mapping[Kind, Callable[[Inputs, Object], _Way]] = {
    ROUTE: _of_route,
    HTTP_ROUTE: _of_http_route,
    INGRESS: _of_ingress,
}


def _not_admitted(way: _Way, found: Object, former: Iterable[tuple[Kind, str]]) -> Trouble:
    left = " and ".join(f"the {kind.kind} {name}" for kind, name in sorted(former))
    kept = f"; until the {way.kind.kind} leads to the service, what was there stays: {left}" if left else ""
    seen = f"the {way.kind.kind} {key_of(found)}: {way.why}{kept}"
    return Trouble("NotAdmitted", EXPOSURE_NOT_ADMITTED, seen)


def _condition(conditions: Any, kind: str) -> Object:  # noqa: ANN401  # JSON
    found = [one for one in conditions or [] if isinstance(one, dict) and one.get("type") == kind]
    return found[0] if found else {}


def _said(condition: Object) -> str:
    if condition.get("status") != "False":
        return ""
    return ": ".join(str(condition[key]) for key in ("reason", "message") if condition.get(key))
