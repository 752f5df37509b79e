"""At which address clusters find a service is what routers, gateways and ingress controllers say."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from upgraph.kube.kinds import HTTP_ROUTE, INGRESS, ROUTE
from upgraph.kube.objects import Kind, Object
from upgraph.operator.inputs.values import Inputs, Live, Platform
from upgraph.operator.observing.exposed import Exposed, exposed_of
from upgraph.operator.resource.update_service import parse_update_service

HOST = "updates.example"
GATEWAY = {"type": "HTTPRoute", "host": HOST, "gateway": {"name": "edge"}}
INGRESS_WANTED = {"type": "Ingress", "host": HOST}
PUBLISHED = "https://published.example"
OWN = {"kind": "UpdateService", "name": "service", "uid": "7", "controller": True}
KINDS = {"Route": ROUTE, "HTTPRoute": HTTP_ROUTE, "Ingress": INGRESS}


@dataclass
class Cluster:
    """A cluster with what exposes a service."""

    objects: dict[Kind, Object] = field(default_factory=dict)

    def find(self, kind: Kind, namespace: str, name: str) -> Object | None:
        return self.objects.get(kind) if (namespace, name) == ("n", "service-route") else None


def found(spec: Object, status: Object, owner: Mapping[str, object] = OWN) -> Object:
    metadata = {"name": "service-route", "namespace": "n", "ownerReferences": [dict(owner)]}
    return {"metadata": metadata, "spec": spec, "status": status}


def inputs(cluster: Cluster, published: str, **exposure: Any) -> Inputs:
    spec = {"replicas": 1, "releases": "r.example/a", "graphDataImage": "r.example/g:1", "exposure": exposure}
    metadata = {"name": "service", "namespace": "n", "uid": "7"}
    status = {"policyEngineURI": published} if published else {}
    service = parse_update_service({"metadata": metadata, "spec": spec, "status": status})
    live = Live(route=cluster.objects.get(ROUTE))
    return Inputs(service=service, operand="r.example/upgraph:1", platform=Platform(routes=True), live=live)


def exposed(cluster: Cluster, exposure: Object, published: str = PUBLISHED, *answering: str) -> Exposed:
    return exposed_of(inputs(cluster, published, **exposure), cluster, frozenset(answering))


def said(kind: str, status: str) -> list[Object]:
    return [{"type": kind, "status": status, "reason": "NotAllowed", "message": "not from here"}]


ADMITTED = {"ingress": [{"host": HOST, "conditions": said("Admitted", "True")}]}
ACCEPTED = {"parents": [{"conditions": said("Accepted", "True")}]}
TAKEN = {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}
RULES = {"rules": [{"host": HOST}]}
ROUTE_THAT_SERVES = found({"tls": {"termination": "edge"}}, ADMITTED)
INGRESS_THAT_NOBODY_SERVES = found({"rules": [{"host": "new.example"}]}, {})
TO_INGRESS = {"type": "Ingress", "host": "new.example"}


@pytest.mark.parametrize(
    ("exposure", "spec", "status", "uri"),
    [
        ({}, {"tls": {"termination": "edge"}}, ADMITTED, f"https://{HOST}"),
        ({}, {}, ADMITTED, f"http://{HOST}"),
        (GATEWAY, {"hostnames": [HOST]}, ACCEPTED, f"https://{HOST}"),
        (INGRESS_WANTED, {"tls": [{}], **RULES}, TAKEN, f"https://{HOST}"),
        (INGRESS_WANTED, RULES, TAKEN, f"http://{HOST}"),
        (INGRESS_WANTED, RULES, {}, f"http://{HOST}"),
        ({"type": "None"}, {}, {}, "http://service-policy-engine.n.svc"),
    ],
    ids=[
        "a Route",
        "a Route without TLS",
        "an HTTPRoute",
        "an Ingress",
        "an Ingress without TLS",
        "an Ingress of a controller that says nothing",
        "none",
    ],
)
def test_the_address_is_the_one_that_leads_there(
    exposure: Object, spec: Object, status: Object, uri: str
) -> None:
    kind = KINDS.get(exposure.get("type", "Route"), ROUTE)
    assert exposed(Cluster({kind: found(spec, status)}), exposure) == Exposed(uri)


@pytest.mark.parametrize("hosts", [(HOST, "other.example"), ("other.example", HOST)])
def test_of_several_routers_the_one_of_the_published_address_counts(hosts: tuple[str, ...]) -> None:
    admitted = said("Admitted", "True")
    status = {"ingress": [{"host": host, "conditions": admitted} for host in hosts]}
    cluster = Cluster({ROUTE: found({"subdomain": "updates", "tls": {}}, status)})
    assert exposed(cluster, {}, f"http://{HOST}").uri == f"http://{HOST}"


def test_a_router_that_is_gone_keeps_no_address_from_the_host_that_was_asked_for() -> None:
    admitted = said("Admitted", "True")
    status = {"ingress": [{"host": host, "conditions": admitted} for host in ("old.example", "new.example")]}
    cluster = Cluster({ROUTE: found({"host": "new.example"}, status)})
    assert exposed(cluster, {"host": "new.example"}, "http://old.example").uri == "http://new.example"


@pytest.mark.parametrize(
    ("exposure", "status", "why"),
    [
        ({}, {}, "no router has admitted it"),
        ({}, {"ingress": [{"host": HOST, "conditions": said("Admitted", "False")}]}, "NotAllowed: not"),
        (GATEWAY, {}, "no gateway has accepted it"),
        (GATEWAY, {"parents": [{"conditions": said("Accepted", "False")}]}, "NotAllowed: not"),
    ],
    ids=["no router", "a router that refuses", "no gateway", "a gateway that refuses"],
)
def test_what_is_not_admitted_is_told_in_the_words_of_who_refuses(
    exposure: Object, status: Object, why: str
) -> None:
    spec = {"hostnames": [HOST]} if exposure else {}
    kind = HTTP_ROUTE if exposure else ROUTE
    seen = exposed(Cluster({kind: found(spec, status)}), exposure)
    assert (seen.uri, seen.trouble is not None and why in seen.trouble.seen) == (PUBLISHED, True)


def test_an_address_that_answers_needs_no_word_of_the_gateway() -> None:
    cluster = Cluster({HTTP_ROUTE: found({"hostnames": [HOST]}, {})})
    assert exposed(cluster, GATEWAY).candidate == f"https://{HOST}"
    assert exposed(cluster, GATEWAY, PUBLISHED, f"https://{HOST}") == Exposed(f"https://{HOST}")


def test_an_answer_at_a_host_that_the_gateway_refuses_is_that_of_another() -> None:
    status = {"parents": [{"conditions": said("Accepted", "False")}]}
    cluster = Cluster({HTTP_ROUTE: found({"hostnames": [HOST]}, status)})
    assert exposed(cluster, GATEWAY, PUBLISHED, f"https://{HOST}").uri == PUBLISHED


@pytest.mark.parametrize("kind", [ROUTE, HTTP_ROUTE, INGRESS], ids=str)
def test_an_object_of_another_says_nothing(kind: Kind) -> None:
    cluster = Cluster({kind: found({"hostnames": [HOST], **RULES}, ADMITTED | ACCEPTED, OWN | {"uid": "8"})})
    exposure = {"type": kind.kind, "host": HOST, "gateway": {"name": "edge"}}
    given = inputs(cluster, PUBLISHED, **exposure)
    assert exposed_of(replace(given, live=Live()), cluster) == Exposed(PUBLISHED)


def test_a_former_way_is_left_until_the_ingress_in_its_place_is_served() -> None:
    cluster = Cluster({ROUTE: ROUTE_THAT_SERVES, INGRESS: INGRESS_THAT_NOBODY_SERVES})
    waiting = exposed(cluster, TO_INGRESS)
    assert (waiting.uri, waiting.candidate) == (PUBLISHED, "http://new.example")
    assert waiting.former_ways == {(ROUTE, "service-route")}
    assert exposed(cluster, TO_INGRESS, PUBLISHED, "http://new.example") == Exposed("http://new.example")
    cluster.objects[INGRESS] = INGRESS_THAT_NOBODY_SERVES | {"status": TAKEN}
    assert exposed(cluster, TO_INGRESS) == Exposed("http://new.example")


def test_an_answer_at_the_host_of_the_former_way_proves_nothing() -> None:
    cluster = Cluster({ROUTE: ROUTE_THAT_SERVES, INGRESS: found(RULES, {})})
    waiting = exposed(cluster, INGRESS_WANTED, f"https://{HOST}", f"http://{HOST}", f"https://{HOST}")
    assert waiting.former_ways == {(ROUTE, "service-route")}


def test_whoever_goes_back_to_an_ingress_that_serves_has_nothing_to_wait_for() -> None:
    cluster = Cluster({ROUTE: found({}, {}), INGRESS: found(RULES, {})})
    assert exposed(cluster, INGRESS_WANTED, f"http://{HOST}") == Exposed(f"http://{HOST}")


def test_before_there_is_an_address_an_ingress_waits_for_nobody() -> None:
    cluster = Cluster({ROUTE: found({}, {}), INGRESS: found(RULES, {})})
    assert exposed(cluster, INGRESS_WANTED, "") == Exposed(f"http://{HOST}")
