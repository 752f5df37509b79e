"""At which address clusters find the service, from what routers, gateways and ingress controllers say. Pure.

An address that was published once stays published while its way is down: clusters have it in their configuration, and a field
that comes and goes helps nobody.
"""

from dataclasses import dataclass
from typing import Any

from upgraph.errors.problems.reconcile import EXPOSURE_NOT_ADMITTED
from upgraph.kube.objects import Object
from upgraph.operator.desired.exposure import Way, way_of
from upgraph.operator.inputs.values import Inputs
from upgraph.operator.inputs.view import at
from upgraph.operator.resource.trouble import Trouble


@dataclass(frozen=True, slots=True)
class Exposed:
    """How a service is reached."""

    uri: str = ""
    """Base of the address, without a path; empty while nobody knows it."""
    trouble: Trouble | None = None
    """Why it is not known, or why nothing leads there yet."""


def exposed_of(inputs: Inputs, found: Object | None, published: str) -> Exposed:
    """The address of a service.

    Args:
        inputs: of its UpdateService.
        found: the object that exposes it, if it is there.
        published: the address that its status has now.
    """
    way = way_of(inputs)
    if way == "None":
        names = inputs.names
        return Exposed(f"http://{names.policy_engine_service}.{names.namespace}.svc")
    if found is None:
        return Exposed(published)
    makers = {"Route": _of_route, "HTTPRoute": _of_http_route, "Ingress": _of_ingress}
    exposed = makers[way](inputs, found)
    return exposed if exposed.uri else Exposed(published, exposed.trouble)


def _of_route(inputs: Inputs, route: Object) -> Exposed:
    scheme = "https" if at(route, "spec", "tls") else "http"
    refused = ""
    for ingress in at(route, "status").get("ingress") or []:
        admitted = _condition(ingress.get("conditions"), "Admitted")
        if admitted.get("status") == "True" and ingress.get("host"):
            return Exposed(f"{scheme}://{ingress['host']}")
        refused = refused or _said(admitted)
    return _not_admitted(inputs, "Route", route, refused or "no router has admitted it")


def _of_http_route(inputs: Inputs, route: Object) -> Exposed:
    hosts = at(route, "spec").get("hostnames") or []
    uri = f"{inputs.gateway_scheme}://{hosts[0]}" if hosts else ""
    refused = ""
    for parent in at(route, "status").get("parents") or []:
        accepted = _condition(parent.get("conditions"), "Accepted")
        if accepted.get("status") == "True":
            return Exposed(uri)
        refused = refused or _said(accepted)
    waiting = _not_admitted(inputs, "HTTPRoute", route, refused or "no gateway has accepted it")
    return Exposed(uri, waiting.trouble)


def _of_ingress(inputs: Inputs, ingress: Object) -> Exposed:
    scheme = "https" if at(ingress, "spec").get("tls") else "http"
    host = inputs.service.spec.exposure.host
    balancers = at(ingress, "status", "loadBalancer").get("ingress") or []
    if host:
        # Not every controller says where it answers, and the host is what clusters ask for.
        return Exposed(f"{scheme}://{host}")
    for balancer in balancers:
        address = balancer.get("hostname") or balancer.get("ip")
        if address:
            return Exposed(f"{scheme}://{address}")
    return _not_admitted(inputs, "Ingress", ingress, "no ingress controller has given it an address")


def _not_admitted(inputs: Inputs, way: Way, found: Object, why: str) -> Exposed:
    seen = f"the {way} {inputs.names.namespace}/{found['metadata']['name']}: {why}"
    return Exposed("", Trouble("NotAdmitted", EXPOSURE_NOT_ADMITTED, seen))


def _condition(conditions: Any, kind: str) -> Object:  # noqa: ANN401  # JSON
    found = [one for one in conditions or [] if isinstance(one, dict) and one.get("type") == kind]
    return found[0] if found else {}


def _said(condition: Object) -> str:
    if condition.get("status") != "False":
        return ""
    return ": ".join(str(condition[key]) for key in ("reason", "message") if condition.get(key))
