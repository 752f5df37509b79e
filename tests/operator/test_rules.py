"""What can never work is told before anything is sent, and what can work is let through."""

import pytest

from upgraph.errors import UserError
from upgraph.operator.resource import rules, value_rules
from upgraph.operator.resource.request import refuse_faults
from upgraph.operator.resource.rules import faults
from upgraph.operator.resource.update_service import parse_update_service
from upgraph.testing.misshapen_update_services import IMAGES, VALUES, WELL_SHAPED
from upgraph.testing.update_services import ACCEPTED, REFUSED, Example, Refused

TABLES = (
    rules.COPIES,
    rules.EXPOSURE,
    rules.GRAPH_DATA_IMAGE,
    rules.HOST,
    rules.NAME,
    rules.RELEASES,
    rules.SIGNATURES,
    rules.SIGNATURE_SOURCE,
    rules.SPEC,
    rules.VERSIONS,
    rules.VOLUME,
)
EVERY_MESSAGE = dict.fromkeys(rule.message for table in TABLES for rule in table)


@pytest.mark.parametrize("example", [*ACCEPTED, *WELL_SHAPED], ids=lambda example: example.id)
def test_what_can_work_breaks_no_rule(example: Example) -> None:
    assert faults(parse_update_service(example.object())) == ()


@pytest.mark.parametrize("refused", [*REFUSED, *IMAGES], ids=lambda refused: refused.example.id)
def test_what_can_never_work_breaks_one_rule_that_names_the_field(refused: Refused) -> None:
    (fault,) = faults(parse_update_service(refused.example.object()))
    assert fault.path == refused.path
    assert refused.says in fault.message


@pytest.mark.parametrize("message", EVERY_MESSAGE)
def test_every_rule_is_broken_by_an_example(message: str) -> None:
    broken = {
        fault.message
        for one in (*REFUSED, *IMAGES)
        for fault in faults(parse_update_service(one.example.object()))
    }
    assert message in broken


@pytest.mark.parametrize("message", [rule.message for rule in value_rules.ALL])
def test_every_rule_about_a_value_is_broken_by_an_example(message: str) -> None:
    told = []
    for one in VALUES:
        with pytest.raises(UserError) as caught:
            refuse_faults(parse_update_service(one.example.object()))
        told.append(caught.value.seen)
    assert any(message in seen for seen in told)


def test_faults_come_in_the_order_of_their_fields() -> None:
    both = Example("two", {"releases": "a", "graphDataImage": ""}).object()
    assert [fault.path for fault in faults(parse_update_service(both))] == [
        "spec.graphDataImage",
        "spec.releases",
    ]
