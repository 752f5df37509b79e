"""Whether an UpdateService is well is judged by what its conditions mean, not by how many of them are True."""

from typing import Any

import pytest

from upgraph.operator.resource.standing import Standing, standing_of
from upgraph.operator.resource.update_service import UpdateService, parse_update_service
from upgraph.testing.update_services import SEED_STATUS, Example

URI = "https://updates.example"
WELL = {
    "ReconcileCompleted": ("True", "Success"),
    "RegistryCACertFound": ("True", "CACertFound"),
    "Available": ("True", "Answering"),
    "Degraded": ("False", "AsExpected"),
}


def service(uri: str | None = URI, *, seen: int = 1, **conditions: tuple[str, str]) -> UpdateService:
    listed = [
        {"type": kind, "status": status, "reason": reason}
        for kind, (status, reason) in {**WELL, **conditions}.items()
    ]
    status: dict[str, Any] = {"conditions": listed, "observedGeneration": seen}
    found = Example("").object() | {"status": status | ({"policyEngineURI": uri} if uri else {})}
    found["metadata"]["generation"] = 1
    return parse_update_service(found)


def obstacles(standing: Standing) -> list[str]:
    return [condition.type for condition in standing.obstacles]


def test_what_answers_and_lacks_nothing_is_well() -> None:
    standing = standing_of(service())
    assert standing.is_healthy
    assert standing.obstacles == ()
    assert standing.address == "https://updates.example/api/upgrades_info/v1/graph"


@pytest.mark.parametrize("uri", [None, ""])
def test_without_an_address_nobody_can_be_sent_to_it(uri: str | None) -> None:
    standing = standing_of(service(uri))
    assert standing.address is None
    assert not standing.is_answering


def test_a_status_about_an_older_spec_says_nothing() -> None:
    assert not standing_of(service(seen=0)).is_answering


def test_no_authority_of_its_own_is_no_fault() -> None:
    assert standing_of(service(RegistryCACertFound=("False", "NotConfigured"))).obstacles == ()


def test_a_degraded_service_answers_and_is_not_well() -> None:
    standing = standing_of(service(Degraded=("True", "RegistryUnreachable")))
    assert standing.is_answering
    assert not standing.is_healthy
    assert obstacles(standing) == ["Degraded"]


def test_causes_are_told_before_what_follows_from_them() -> None:
    standing = standing_of(
        service(
            Available=("False", "NoPods"),
            Degraded=("True", "NoPods"),
            RegistryCACertFound=("False", "EnsureAdditionalTrustedCAFailed"),
        )
    )
    assert obstacles(standing) == ["RegistryCACertFound", "Available"]


@pytest.mark.parametrize("repeated", ["Give a CA.", "Available: Give a CA."])
def test_what_degraded_repeats_is_told_once(repeated: str) -> None:
    found = Example("").object()
    found["status"] = {
        "conditions": [
            {"type": "Available", "status": "False", "message": "Give a CA."},
            {"type": "Degraded", "status": "True", "message": f"{repeated}\nOpen port 9081."},
        ]
    }
    told = [condition.message for condition in standing_of(parse_update_service(found)).obstacles]
    assert told == ["Give a CA.", "Open port 9081."]


def test_a_resource_that_nobody_has_looked_at_is_not_well() -> None:
    fresh = Example("").object()
    fresh["metadata"]["generation"] = 1
    standing = standing_of(parse_update_service(fresh))
    assert not standing.is_current
    assert not standing.is_healthy


def test_the_reference_operator_never_says_that_it_answers() -> None:
    standing = standing_of(parse_update_service(Example("").object() | {"status": SEED_STATUS}))
    assert standing.address is not None
    assert not standing.is_answering
