"""The resource is read as the reference operator writes it, and with every field of ours; faults name their field."""

from typing import Any

import pytest

from upgraph.errors import DataError
from upgraph.kube.objects import Key
from upgraph.operator.resource.update_service import Exposure, UpdateService, parse_update_service
from upgraph.testing.update_services import NAMESPACE, SEED_SPEC, SEED_STATUS, Example

SEED = Example("seed")


def read(**spec: object) -> UpdateService:
    return parse_update_service(Example("", spec).object())


def test_the_resource_of_the_documentation_is_read_as_it_is() -> None:
    service = parse_update_service(SEED.object())
    assert service.key == Key(NAMESPACE, "service")
    assert service.spec.replicas == 2
    assert service.spec.repositories == (SEED_SPEC["releases"],)
    assert service.spec.graph_data_image == SEED_SPEC["graphDataImage"]
    assert service.spec.exposure == Exposure()


def test_a_status_of_the_reference_operator_is_read() -> None:
    service = parse_update_service(SEED.object() | {"status": SEED_STATUS})
    condition = service.status.condition("RegistryCACertFound")
    assert condition is not None
    assert (condition.status, condition.reason) == ("True", "CACertFound")
    assert service.status.policy_engine_uri == SEED_STATUS["policyEngineURI"]
    assert service.status.condition("Available") is None


def test_a_field_of_a_later_definition_is_passed_over() -> None:
    assert read(futureField={"a": 1}).spec.replicas == 2


def test_a_repository_that_is_named_twice_is_read_once() -> None:
    named = read(additionalReleases=["registry.example/b", SEED_SPEC["releases"]])
    assert named.spec.repositories == (SEED_SPEC["releases"], "registry.example/b")


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        pytest.param({"replicas": "2"}, "spec.replicas: Expected `int`, got `str`", id="a text for a number"),
        pytest.param({"exposure": {"type": "Tunnel"}}, "spec.exposure.type", id="an unknown word"),
        pytest.param({"trust": {}}, "spec.trust: Object missing required field `configMap`", id="a part"),
        pytest.param({"versions": {"allow": [4.16]}}, "spec.versions.allow[0]", id="a number in a list"),
    ],
)
def test_a_fault_names_the_resource_and_the_field(spec: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError) as caught:
        read(**spec)
    assert caught.value.reference == "update-service-invalid"
    assert caught.value.seen.startswith(f"UpdateService {NAMESPACE}/service: ")
    assert said in caught.value.seen


@pytest.mark.parametrize("broken", [{}, {"metadata": 1}, {"metadata": {}}], ids=str)
def test_what_is_no_object_is_told_as_such(broken: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="UpdateService"):
        parse_update_service(broken)


def test_an_end_that_was_asked_for_is_seen() -> None:
    ending = SEED.object()
    assert not parse_update_service(ending).being_deleted
    ending["metadata"]["deletionTimestamp"] = "2024-02-29T12:00:00Z"
    assert parse_update_service(ending).being_deleted
