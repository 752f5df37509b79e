"""How clusters reach the service from outside: a Route, an HTTPRoute or an Ingress."""

from collections.abc import Mapping
from typing import Literal
from urllib.parse import urlsplit

from upgraph.kube.kinds import HTTP_ROUTE, INGRESS, ROUTE
from upgraph.kube.objects import Kind, Object
from upgraph.operator.desired.metadata import new_object
from upgraph.operator.desired.ports import POLICY_ENGINE, POLICY_ENGINE_SERVICE_PORT
from upgraph.operator.inputs.values import Inputs
from upgraph.operator.resource.names import Names

Way = Literal["Route", "HTTPRoute", "Ingress", "None"]
"""What a resource is exposed by; ``None`` is the Service alone."""
KINDS: Mapping[Way, Kind] = {"Route": ROUTE, "HTTPRoute": HTTP_ROUTE, "Ingress": INGRESS}
"""Of the object that exposes it in each way."""
CERTIFIED: frozenset[Way] = frozenset({"Route", "Ingress"})
"""The ways that use the certificate of the Secret that a resource names."""

_DESCRIPTION = "Leads clusters to the update service."


def places(names: Names) -> tuple[tuple[Kind, str], ...]:
    """Kind and name of all that may expose a service, whatever is asked for."""
    return ((ROUTE, names.legacy_route), *((kind, names.route) for kind in KINDS.values()))


def way_of(inputs: Inputs) -> Way:
    """What the resource asks for, or without a wish what the cluster has."""
    wanted = inputs.service.spec.exposure
    if wanted.type != "Auto":
        return wanted.type
    if inputs.platform.routes:
        return "Route"
    # Also while the cluster has none: another way would take the place of the address that clusters have.
    if wanted.gateway is not None:
        return "HTTPRoute"
    return "Ingress" if wanted.host else "None"


def exposure(inputs: Inputs) -> Object | None:
    """The object that exposes the service, if there is to be one."""
    makers = {"Route": _route, "HTTPRoute": _http_route, "Ingress": _ingress}
    maker = makers.get(way_of(inputs))
    return maker(inputs) if maker else None


def _exposing(inputs: Inputs, kind: Kind, name: str) -> Object:
    """An object that exposes the service, with the labels and annotations that are asked for. Its content follows."""
    wanted = inputs.service.spec.exposure
    made = new_object(inputs, kind, name, _DESCRIPTION, wanted.labels | {"app": inputs.names.name})
    made["metadata"]["annotations"] |= wanted.annotations
    return made


def _route(inputs: Inputs) -> Object:
    names, wanted = inputs.names, inputs.service.spec.exposure
    # What clusters have been told stays valid: a Route of an old release is used on.
    name = names.legacy_route if inputs.live.legacy_route else names.route
    route = _exposing(inputs, ROUTE, name)
    route["spec"] = {
        "to": {"kind": "Service", "name": names.policy_engine_service, "weight": 100},
        "port": {"targetPort": POLICY_ENGINE.name},
        "tls": _tls(inputs),
    }
    host = wanted.host or _published_host(inputs)
    if host:
        route["spec"]["host"] = host
    return route


def _published_host(inputs: Inputs) -> str:
    """The host that the cluster has made for a Route of before, where clusters have been told that one; else empty.

    A Route that is made again without it would get one below the domain that the cluster has now.
    """
    names, route = inputs.names, inputs.live.route
    host = urlsplit(inputs.service.status.policy_engine_uri or "").hostname or ""
    is_made = host.startswith(tuple(f"{one}-{names.namespace}." for one in (names.route, names.legacy_route)))
    there = "" if route is None else (route.get("spec") or {}).get("host") or ""
    return host if is_made and there in ("", host) else ""


def _tls(inputs: Inputs) -> Object:
    """TLS of the Route: what an administrator has put there stays, as with the reference operator."""
    found = ((inputs.live.route or {}).get("spec") or {}).get("tls") or {}
    tls: Object = {
        "termination": found.get("termination") or "edge",
        "insecureEdgeTerminationPolicy": found.get("insecureEdgeTerminationPolicy") or "None",
    }
    if inputs.serving is not None:
        tls |= {"certificate": inputs.serving.certificate, "key": inputs.serving.key}
    return tls


def _http_route(inputs: Inputs) -> Object:
    names, wanted = inputs.names, inputs.service.spec.exposure
    route = _exposing(inputs, HTTP_ROUTE, names.route)
    parent: Object = {"group": "gateway.networking.k8s.io", "kind": "Gateway"}
    if wanted.gateway is not None:
        parent |= {
            "name": wanted.gateway.name,
            "namespace": wanted.gateway.namespace or names.namespace,
        }
        if wanted.gateway.section_name:
            parent["sectionName"] = wanted.gateway.section_name
    backend = {"name": names.policy_engine_service, "port": POLICY_ENGINE_SERVICE_PORT}
    route["spec"] = {
        "parentRefs": [parent],
        "rules": [
            {
                "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
                "backendRefs": [{"group": "", "kind": "Service", "weight": 1, **backend}],
            }
        ],
    }
    if wanted.host:
        route["spec"]["hostnames"] = [wanted.host]
    return route


def _ingress(inputs: Inputs) -> Object:
    names, wanted = inputs.names, inputs.service.spec.exposure
    ingress = _exposing(inputs, INGRESS, names.route)
    backend = {"service": {"name": names.policy_engine_service, "port": {"name": POLICY_ENGINE.name}}}
    rule: Object = {"http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    if wanted.host:
        rule = {"host": wanted.host} | rule
    ingress["spec"] = {"rules": [rule]}
    if wanted.ingress_class_name:
        ingress["spec"]["ingressClassName"] = wanted.ingress_class_name
    if wanted.tls_secret:
        entry: Object = {"secretName": wanted.tls_secret}
        ingress["spec"]["tls"] = [entry | ({"hosts": [wanted.host]} if wanted.host else {})]
    return ingress
