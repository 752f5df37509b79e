"""At which address clusters find a service is what routers, gateways and ingress controllers say."""

from typing import Any

import pytest

from upgraph.kube.objects import Object
from upgraph.operator.inputs.values import Inputs, Platform
from upgraph.operator.observing.exposed import Exposed, exposed_of
from upgraph.operator.resource.update_service import parse_update_service

HOST = "updates.example"
GATEWAY = {"type": "HTTPRoute", "host": HOST, "gateway": {"name": "edge"}}
PUBLISHED = "https://published.example"


def inputs(**exposure: Any) -> Inputs:
    spec = {"replicas": 1, "releases": "r.example/a", "graphDataImage": "r.example/g:1", "exposure": exposure}
    metadata = {"name": "service", "namespace": "n", "uid": "7"}
    service = parse_update_service({"metadata": metadata, "spec": spec})
    return Inputs(service=service, operand="r.example/upgraph:1", platform=Platform(routes=True))


def found(spec: Object, status: Object) -> Object:
    return {"metadata": {"name": "service-route"}, "spec": spec, "status": status}


def said(kind: str, status: str) -> list[Object]:
    return [{"type": kind, "status": status, "reason": "NotAllowed", "message": "not from here"}]


ADMITTED = {"ingress": [{"host": HOST, "conditions": said("Admitted", "True")}]}
ACCEPTED = {"parents": [{"conditions": said("Accepted", "True")}]}


@pytest.mark.parametrize(
    ("exposure", "spec", "status", "uri"),
    [
        ({}, {"tls": {"termination": "edge"}}, ADMITTED, f"https://{HOST}"),
        ({}, {}, ADMITTED, f"http://{HOST}"),
        (GATEWAY, {"hostnames": [HOST]}, ACCEPTED, f"https://{HOST}"),
        ({"type": "Ingress", "host": HOST}, {"tls": [{}]}, {}, f"https://{HOST}"),
        ({"type": "Ingress", "host": HOST}, {}, {}, f"http://{HOST}"),
        ({"type": "None"}, {}, {}, "http://service-policy-engine.n.svc"),
    ],
    ids=["a Route", "a Route without TLS", "an HTTPRoute", "an Ingress", "an Ingress without TLS", "none"],
)
def test_the_address_is_the_one_that_leads_there(
    exposure: Object, spec: Object, status: Object, uri: str
) -> None:
    assert exposed_of(inputs(**exposure), found(spec, status), PUBLISHED) == Exposed(uri)


@pytest.mark.parametrize(
    ("exposure", "status", "uri", "why"),
    [
        ({}, {}, PUBLISHED, "no router has admitted it"),
        (
            {},
            {"ingress": [{"host": HOST, "conditions": said("Admitted", "False")}]},
            PUBLISHED,
            "NotAllowed: not",
        ),
        (GATEWAY, {}, f"https://{HOST}", "no gateway has accepted it"),
        (
            GATEWAY,
            {"parents": [{"conditions": said("Accepted", "False")}]},
            f"https://{HOST}",
            "NotAllowed: not",
        ),
    ],
    ids=["no router", "a router that refuses", "no gateway", "a gateway that refuses"],
)
def test_what_is_not_admitted_is_told_in_the_words_of_who_refuses(
    exposure: Object, status: Object, uri: str, why: str
) -> None:
    spec = {"hostnames": [HOST]} if exposure else {}
    exposed = exposed_of(inputs(**exposure), found(spec, status), PUBLISHED)
    assert (exposed.uri, exposed.trouble is not None and why in exposed.trouble.seen) == (uri, True)
