"""Conditions keep the moment of their last transition, and speak of a generation."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from upgraph.kube.conditions import (
    MAX_MESSAGE,
    Condition,
    conditions_of,
    observed_generation,
    stated,
)
from upgraph.kube.objects import Object

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
READY = Condition("Ready", status=True, reason="AllWell", message="it runs")


def resource(conditions: object = None, generation: int = 1) -> Object:
    status = {} if conditions is None else {"status": {"conditions": conditions}}
    return {"metadata": {"name": "a", "generation": generation}, **status}


def test_a_new_condition_has_the_present_moment_and_the_generation() -> None:
    assert stated([READY], resource(generation=3), NOON) == [
        {
            "type": "Ready",
            "status": "True",
            "reason": "AllWell",
            "message": "it runs",
            "lastTransitionTime": "2026-01-02T12:00:00Z",
            "observedGeneration": 3,
        }
    ]


@pytest.mark.parametrize(
    ("then", "moment"),
    [
        pytest.param(READY, NOON, id="the same"),
        pytest.param(Condition("Ready", status=True, reason="Other", message="x"), NOON, id="other words"),
        pytest.param(Condition("Ready", status=False, reason="AllWell"), LATER, id="other status"),
        pytest.param(Condition("Ready", status=None, reason="AllWell"), LATER, id="unknown"),
    ],
)
def test_only_another_status_is_a_transition(then: Condition, moment: datetime) -> None:
    before = resource(stated([READY], resource(), NOON), generation=2)
    (now,) = stated([then], before, LATER)
    assert now["lastTransitionTime"] == moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert (now["reason"], now["observedGeneration"]) == (then.reason, 2)


def test_the_same_said_again_gives_the_same() -> None:
    first = stated([READY], resource(), NOON)
    assert stated([READY], resource(first), LATER) == first


def test_moments_are_written_in_universal_time() -> None:
    east = datetime(2026, 1, 2, 14, 0, tzinfo=timezone(timedelta(hours=2)))
    assert stated([READY], resource(), east) == stated([READY], resource(), NOON)


def test_a_long_message_is_cut() -> None:
    long = Condition("Ready", status=True, reason="AllWell", message="x" * 40_000)
    assert len(stated([long], resource(), NOON)[0]["message"]) == MAX_MESSAGE


def test_what_was_stated_is_read_again() -> None:
    unknown = Condition("Answers", status=None, reason="NotAskedYet")
    read = resource(stated([READY, unknown], resource(generation=4), NOON))
    assert conditions_of(read) == {"Ready": READY, "Answers": unknown}
    assert observed_generation(read, "Ready") == 4
    assert observed_generation(read, "Other") is None


@pytest.mark.parametrize(
    "conditions",
    [
        None,
        "none",
        [None, 7, {}],
        [{"type": "Ready"}],
        [{"type": "Ready", "status": "Maybe", "reason": "AllWell"}],
        [{"type": "Ready", "status": "True", "reason": "not a word"}],
        [{"type": 7, "status": "True", "reason": "AllWell"}],
        [{"type": "Ready", "status": ["True"], "reason": "AllWell"}],
    ],
)
def test_what_is_no_condition_is_left_out(conditions: object) -> None:
    assert conditions_of(resource(conditions)) == {}
    assert stated([READY], resource(conditions), NOON)[0]["lastTransitionTime"] == "2026-01-02T12:00:00Z"


@pytest.mark.parametrize("reason", ["", "two words", "1st", "x" * 1025, "ends:"])
def test_a_reason_that_the_api_would_refuse_is_an_error(reason: str) -> None:
    with pytest.raises(ValueError, match="no reason"):
        Condition("Ready", status=True, reason=reason)
