"""Ways to the service beside a Route, and replicas that an autoscaler chooses, as a real API server takes them."""

import json
from typing import Any

import pytest

from tests.cluster.walk.conftest import Site

HOST = "updates.site.example"


def test_a_gateway_is_asked_for_with_an_http_route(operated: Site) -> None:
    gateway = {"name": "front", "sectionName": "https"}
    operated.create("gated", exposure={"type": "HTTPRoute", "host": HOST, "gateway": gateway})
    operated.until(lambda: found(operated, "httproutes"), "an HTTPRoute")
    (route,) = found(operated, "httproutes")
    assert route["spec"]["hostnames"] == [HOST]
    assert route["spec"]["parentRefs"][0] | gateway == route["spec"]["parentRefs"][0]
    assert route["spec"]["rules"][0]["backendRefs"][0]["name"] == "gated-policy-engine"
    accept(operated, route)
    operated.until(
        lambda: operated.status("gated").get("policyEngineURI") == f"https://{HOST}", "its address"
    )
    assert found(operated, "routes") == []


def accept(site: Site, route: Any) -> None:
    """What a gateway does that takes the route."""
    moment = "2026-01-01T00:00:00Z"
    said = {
        "type": "Accepted",
        "status": "True",
        "reason": "Accepted",
        "message": "",
        "lastTransitionTime": moment,
    }
    parent = {
        "parentRef": route["spec"]["parentRefs"][0],
        "controllerName": "test.example/gateways",
        "conditions": [said],
    }
    name, content = route["metadata"]["name"], json.dumps({"status": {"parents": [parent]}})
    change = ("patch", "httproute", name, "--subresource=status", "--type=merge", "-p", content)
    site.oc("-n", site.namespace, *change)


def test_an_ingress_has_the_host_and_the_certificate(operated: Site) -> None:
    wanted = {"type": "Ingress", "host": HOST, "tlsSecret": "updates-tls", "ingressClassName": "nginx"}
    operated.create("entered", exposure=wanted)
    operated.until(lambda: found(operated, "ingresses"), "an Ingress")
    (ingress,) = found(operated, "ingresses")
    assert ingress["spec"]["tls"] == [{"hosts": [HOST], "secretName": "updates-tls"}]
    assert ingress["spec"]["ingressClassName"] == "nginx"
    backend = ingress["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
    assert backend == {"name": "entered-policy-engine", "port": {"name": "policy-engine"}}
    operated.until(
        lambda: operated.status("entered").get("policyEngineURI") == f"https://{HOST}", "its address"
    )


def test_one_way_in_takes_the_place_of_another(operated: Site) -> None:
    operated.create("turned", exposure={"type": "Ingress", "host": HOST})
    operated.until(lambda: found(operated, "ingresses"), "an Ingress")
    operated.patch("turned", exposure={"type": "Route", "host": None})
    operated.until(lambda: not found(operated, "ingresses") and found(operated, "routes"), "a Route alone")


def test_a_router_that_chooses_by_labels_finds_the_route_as_long_as_it_is_to(operated: Site) -> None:
    operated.create("sharded", exposure={"labels": {"router": "internal"}})
    operated.until(lambda: chosen(operated), "a Route that the router chooses")
    (route,) = chosen(operated)
    assert route["metadata"]["labels"]["app"] == "sharded"
    operated.patch("sharded", exposure={"labels": {"router": "external"}})
    operated.until(lambda: not chosen(operated), "a Route for another router")
    (other,) = found(operated, "routes")
    assert (other["metadata"]["uid"], other["spec"]) == (route["metadata"]["uid"], route["spec"])
    operated.patch("sharded", exposure={"labels": None})
    operated.until(lambda: "router" not in found(operated, "routes")[0]["metadata"]["labels"], "no label")


def chosen(site: Site) -> list[Any]:
    return list(site.get("routes", "--selector=router=internal")["items"])


def found(site: Site, plural: str) -> list[Any]:
    return list(site.get(plural)["items"])


@pytest.fixture
def scaled(operated: Site) -> Site:
    """A site with a service whose replicas an autoscaler chooses."""
    operated.create("scaled", autoscaling={"maxReplicas": 4})
    operated.until(lambda: found(operated, "horizontalpodautoscalers"), "an autoscaler")
    operated.settled("scaled")
    return operated


def test_replicas_that_somebody_else_has_chosen_stay(scaled: Site) -> None:
    scaled.oc("-n", scaled.namespace, "scale", "deployment/scaled", "--replicas=3")
    scaled.until(lambda: scaled.is_rolled_out("scaled") and len(scaled.pods("scaled")) == 3, "three replicas")
    # The operator looks again: it puts back what is its own.
    scaled.oc("-n", scaled.namespace, "set", "image", "deployment/scaled", "update-service=other:1")
    scaled.until(lambda: image_of(scaled) != "other:1", "the image that is wanted")
    assert scaled.get("deployment", "scaled")["spec"]["replicas"] == 3


def test_the_autoscaler_keeps_its_bounds(scaled: Site) -> None:
    scaled.patch("scaled", replicas=2)
    scaled.until(lambda: scaled.is_rolled_out("scaled") and len(scaled.pods("scaled")) == 2, "the least")
    (autoscaler,) = found(scaled, "horizontalpodautoscalers")
    assert (autoscaler["spec"]["minReplicas"], autoscaler["spec"]["maxReplicas"]) == (2, 4)


def image_of(site: Site) -> str:
    return str(site.get("deployment", "scaled")["spec"]["template"]["spec"]["containers"][0]["image"])
