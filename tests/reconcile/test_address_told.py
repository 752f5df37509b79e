"""What is said of the address in a status: of the address that clusters have now, and of no other."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from upgraph.kube.objects import Object
from upgraph.operator.inputs.values import Inputs, Live, Platform
from upgraph.operator.observing.exposed import Exposed
from upgraph.operator.observing.replicas import ServiceSeen, UriSeen
from upgraph.operator.observing.serving_ca import ServingCA
from upgraph.operator.observing.statuses import ReplicasSeen
from upgraph.operator.reporting.addresses import of_address
from upgraph.operator.reporting.conclusions import Known
from upgraph.operator.reporting.status import status_of
from upgraph.operator.resource.update_service import parse_update_service

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECURE, PLAIN, OTHER = (
    "https://updates.example",
    "http://service-policy-engine.n.svc",
    "https://other.example",
)
OLD = {"subject": "CN=Old", "trustedByCluster": False}
AUTHORITY = ServingCA("CN=New", trusted=False)
DEPLOYMENT = {"status": {"replicas": 1, "readyReplicas": 1}}


def resource(**exposure: Any) -> Object:
    """An UpdateService whose address had a certificate when it was looked at last."""
    spec = {"replicas": 1, "releases": "r.example/a", "graphDataImage": "r.example/g:1", "exposure": exposure}
    status = {"policyEngineURI": SECURE, "servingCA": OLD, "conditions": []}
    return {"metadata": {"name": "service", "namespace": "n", "uid": "7"}, "spec": spec, "status": status}


def told(
    address: str,
    *looked_at: UriSeen,
    obj: Object | None = None,
    platform: Platform = Platform(),  # noqa: B008  # it is frozen
) -> Object:
    """The status while clusters have an address, after a look at others or the same."""
    obj = obj or resource()
    inputs = Inputs(service=parse_update_service(obj), operand="r.example/upgraph:1", platform=platform)
    uri, candidate = (*looked_at, None, None)[:2]
    seen = ServiceSeen(ReplicasSeen(), uri, candidate=candidate) if looked_at else None
    known = Known(inputs=inputs, troubles=(), exposed=Exposed(address), seen=seen, deployment=DEPLOYMENT)
    return status_of(known, obj, NOW).content


def condition(status: Object, kind: str) -> Object:
    return next(one for one in status["conditions"] if one["type"] == kind)


def test_the_authority_of_a_certificate_that_is_shown_is_told() -> None:
    status = told(SECURE, UriSeen(SECURE, answers=True, authority=AUTHORITY))
    assert status["servingCA"] == {"subject": "CN=New", "trustedByCluster": False}
    assert "is signed by CN=New" in condition(status, "Degraded")["message"]


@pytest.mark.parametrize("shown", ["", "-----BEGIN CERTIFICATE-----"])
def test_only_a_certificate_that_is_in_the_status_is_to_be_taken_from_there(shown: str) -> None:
    authority = replace(AUTHORITY, certificate=shown)
    status = told(SECURE, UriSeen(SECURE, answers=True, authority=authority))
    message = condition(status, "Degraded")["message"]
    assert ("jsonpath='{.status.servingCA.certificate}'" in message) == bool(shown)
    assert ("put it under ca.crt" in message) == (not shown)


@pytest.mark.parametrize(
    "looked_at",
    [(), (UriSeen(SECURE, fault="no answer in time"),)],
    ids=["nobody has looked yet", "it does not answer"],
)
def test_what_was_seen_of_the_same_address_holds_on(looked_at: tuple[UriSeen, ...]) -> None:
    assert told(SECURE, *looked_at)["servingCA"] == OLD


@pytest.mark.parametrize(
    ("address", "looked_at"),
    [
        (PLAIN, (UriSeen(PLAIN, answers=True),)),
        (PLAIN, ()),
        (PLAIN, (UriSeen(SECURE, answers=True, authority=AUTHORITY),)),
        (OTHER, (UriSeen(SECURE, answers=True, authority=AUTHORITY),)),
        (OTHER, (UriSeen(OTHER, fault="no answer in time"),)),
        ("", ()),
    ],
    ids=[
        "an address without TLS",
        "an address without TLS that nobody has looked at",
        "the former one has been looked at",
        "another one that nobody has looked at",
        "another one that does not answer",
        "no address",
    ],
)
def test_an_authority_that_no_address_is_signed_by_any_more_goes(
    address: str, looked_at: tuple[UriSeen, ...]
) -> None:
    status = told(address, *looked_at)
    assert "servingCA" not in status
    assert "is signed by" not in condition(status, "Degraded")["message"]


def test_an_address_is_not_said_to_answer_because_the_former_one_does() -> None:
    status = told(OTHER, UriSeen(SECURE, answers=True))
    assert condition(status, "Available")["reason"] == "Checking"


def test_an_address_that_was_looked_at_before_it_was_published_is_known() -> None:
    looked_at = UriSeen(SECURE, answers=True), UriSeen(OTHER, answers=True, authority=AUTHORITY)
    status = told(OTHER, *looked_at)
    assert condition(status, "Available")["message"] == f"{OTHER} answers."
    assert status["servingCA"]["subject"] == "CN=New"


@pytest.mark.parametrize(
    ("exposure", "platform", "why"),
    [
        ({}, Platform(), "reached by its Service alone"),
        (
            {"gateway": {"name": "g"}, "host": "other.example"},
            Platform(http_routes=True),
            "listener of its Gateway",
        ),
    ],
    ids=["a Service alone", "an HTTPRoute"],
)
def test_a_certificate_that_nothing_uses_is_told(exposure: Object, platform: Platform, why: str) -> None:
    status = told(OTHER, obj=resource(tlsSecret="shown", **exposure), platform=platform)
    degraded, completed = (condition(status, kind) for kind in ("Degraded", "ReconcileCompleted"))
    assert (degraded["status"], degraded["reason"], why in degraded["message"]) == (
        "True",
        "CertificateUnused",
        True,
    )
    assert "Secret shown of spec.exposure.tlsSecret" in degraded["message"]
    assert completed["status"] == "True"


@pytest.mark.parametrize(
    ("exposure", "platform"),
    [
        ({"host": "other.example"}, Platform()),
        ({}, Platform(routes=True)),
        ({"type": "Route"}, Platform(routes=True)),
    ],
    ids=["an Ingress", "a Route", "a Route that is asked for"],
)
def test_a_certificate_that_is_used_is_no_trouble(exposure: Object, platform: Platform) -> None:
    status = told(OTHER, obj=resource(tlsSecret="shown", **exposure), platform=platform)
    assert "tlsSecret" not in condition(status, "Degraded")["message"]


@pytest.mark.parametrize(("termination", "is_told"), [("edge", 0), ("reencrypt", 1), ("passthrough", 1)])
def test_a_route_that_needs_pods_with_tls_is_told(termination: str, is_told: int) -> None:
    route = {
        "metadata": {"namespace": "n", "name": "service-route"},
        "spec": {"tls": {"termination": termination}},
    }
    inputs = Inputs(
        service=parse_update_service(resource()),
        operand="r.example/upgraph:1",
        platform=Platform(routes=True),
        live=Live(route=route),
    )
    troubles = of_address(Known(inputs=inputs, troubles=(), exposed=Exposed(SECURE)))
    assert [one.seen for one in troubles] == [
        f"the Route n/service-route has the termination {termination}"
    ] * is_told
