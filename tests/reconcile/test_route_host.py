"""The host of a Route is the one that clusters have been told, whatever has become of the Route or of the domain."""

from typing import Any

import pytest

from upgraph.kube.objects import Object
from upgraph.operator.desired import plan_of
from upgraph.operator.inputs.values import Inputs, Live, Platform
from upgraph.operator.resource.update_service import parse_update_service

MADE = "service-route-n.apps.old.example"
"""The host that a cluster makes from the names of the Route and of its namespace."""
OF_OLD = "service-policy-engine-route-n.apps.old.example"
NO_ROUTE = Live()


def route_of(published: str, live: Live, **exposure: Any) -> Object:
    """The Route that is applied while clusters have an address."""
    spec = {"replicas": 1, "releases": "r.example/a", "graphDataImage": "r.example/g:1", "exposure": exposure}
    status = {"policyEngineURI": published} if published else {}
    metadata = {"name": "service", "namespace": "n", "uid": "7"}
    service = parse_update_service({"metadata": metadata, "spec": spec, "status": status})
    inputs = Inputs(service=service, operand="r.example/u:1", platform=Platform(routes=True), live=live)
    return next(one for one in plan_of(inputs).objects if one["kind"] == "Route")


def with_host(host: str) -> Live:
    return Live(route={"metadata": {"name": "service-route"}, "spec": {"host": host}})


@pytest.mark.parametrize("host", [MADE, OF_OLD], ids=["a Route", "the Route of an old release"])
def test_a_host_that_was_published_is_asked_for(host: str) -> None:
    for live in (NO_ROUTE, with_host(host)):
        assert route_of(f"https://{host}", live)["spec"]["host"] == host


@pytest.mark.parametrize(
    ("published", "live"),
    [
        ("", NO_ROUTE),
        ("http://service-policy-engine.n.svc", NO_ROUTE),
        ("https://asked-for.example", NO_ROUTE),
        ("https://service-route-n2.apps.old.example", NO_ROUTE),
        (f"https://{MADE}", with_host("given.example")),
    ],
    ids=[
        "nothing was published",
        "the Service alone was published",
        "a host was published that somebody had asked for",
        "a host was published that another Route has",
        "somebody has given the Route another host",
    ],
)
def test_the_host_is_left_to_the_cluster_where(published: str, live: Live) -> None:
    assert "host" not in route_of(published, live)["spec"]


def test_a_host_that_is_asked_for_counts_before_the_one_that_was_published() -> None:
    route = route_of(f"https://{MADE}", with_host(MADE), host="new.example")
    assert route["spec"]["host"] == "new.example"
