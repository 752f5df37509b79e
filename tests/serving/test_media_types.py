"""Which media type a client gets (RFC 9110, 12.5.1), as a superset of what Cincinnati accepts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upgraph.service.answering.message import RefusalError
from upgraph.service.answering.negotiation import (
    BUILDER_TYPES,
    CINCINNATI_V1,
    CLIENT_TYPES,
    JSON,
    MAX_FIELD_LENGTH,
    media_type,
)

CHOICES = [
    # What Cincinnati accepts: its outcomes are kept.
    (None, CINCINNATI_V1),
    ("*", JSON),
    ("*/*", JSON),
    ("application/*", JSON),
    (JSON, JSON),
    (CINCINNATI_V1, CINCINNATI_V1),
    # Lists and weights.
    ("application/json, */*", JSON),
    ("text/html, */*;q=0.1", JSON),
    (f"{JSON}, {CINCINNATI_V1}", JSON),
    (f"{CINCINNATI_V1}, {JSON}", CINCINNATI_V1),
    (f"*/*, {CINCINNATI_V1}", CINCINNATI_V1),
    (f"{JSON};q=0.5, {CINCINNATI_V1};q=0.6", CINCINNATI_V1),
    (f"{JSON};q=0, */*", CINCINNATI_V1),
    (f"{JSON};q=0.4, application/*;q=0.5", CINCINNATI_V1),
    # Java's own default.
    ("text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", JSON),
    # Case, space and parameters.
    ("Application/JSON", JSON),
    ("  application/json  ", JSON),
    ("application/json ; charset=utf-8 ; Q=1.000", JSON),
    ('application/json;x="a,b;q=0"', JSON),
    # An empty field states no preference.
    ("", CINCINNATI_V1),
    (" , ,", CINCINNATI_V1),
    # What is malformed is passed over.
    ("garbage, application/json", JSON),
    ("application/json;q=2, */*;q=0.1", JSON),
    (";, ;q=1, application/json", JSON),
    ('application/json, text/html;x="unclosed, */*;q=0', JSON),
]
MISSES = [
    "text/html",
    "application/xml, text/*",
    "*/*;q=0",
    "application/json;q=0",
    "application/json;q=0.0, text/html",
    "application/json;q=abc",
    "application/jsonx",
    "application/json/*",
    "json",
    "\x7f",
]


@pytest.mark.parametrize(("accept", "chosen"), CHOICES, ids=repr)
def test_the_type_that_is_wanted_most_is_given(accept: str | None, chosen: str) -> None:
    assert media_type(accept, CLIENT_TYPES) == chosen


@pytest.mark.parametrize("accept", MISSES, ids=repr)
def test_a_client_that_accepts_none_is_refused(accept: str) -> None:
    with pytest.raises(RefusalError) as caught:
        media_type(accept, CLIENT_TYPES)
    assert (caught.value.status, caught.value.kind) == (406, "invalid_content_type")


@pytest.mark.parametrize("accept", [None, "", "*/*", f"{CINCINNATI_V1}, */*;q=0.1"])
def test_a_policy_engine_always_gets_json(accept: str | None) -> None:
    assert media_type(accept, BUILDER_TYPES) == JSON


NAMES = st.sampled_from([JSON, CINCINNATI_V1, "application/*", "*/*", "*", "text/html", "APPLICATION/json"])
WEIGHTS = st.sampled_from(["", ";q=0", ";q=0.5", ";q=1", ";charset=utf-8", ";v=1;q=0.3"])
LISTS = st.lists(st.tuples(NAMES, WEIGHTS).map("".join), min_size=1, max_size=6).map(", ".join)


def choose(accept: str | None) -> str | None:
    try:
        return media_type(accept, CLIENT_TYPES)
    except RefusalError:
        return None


@given(LISTS)
def test_a_type_that_is_forbidden_is_never_given(accept: str) -> None:
    # "a value of 0 means 'not acceptable'" (RFC 9110, 12.4.2); the exact type decides about itself.
    assert (
        choose(f"{accept.replace(JSON, 'text/plain')}, {JSON};q=0".replace("APPLICATION/json", "a/b")) != JSON
    )


@given(LISTS, st.sampled_from(["text/plain", "image/*;q=0.7", "a/b;c=d"]))
def test_types_that_nobody_offers_change_nothing(accept: str, foreign: str) -> None:
    assert choose(f"{foreign}, {accept}") == choose(accept)


@given(LISTS)
def test_space_around_elements_and_empty_elements_change_nothing(accept: str) -> None:
    assert choose(f" ,\t{accept} , ") == choose(accept)


@given(st.text(max_size=600))
def test_no_field_breaks_the_reader(accept: str) -> None:
    assert choose(accept) in {JSON, CINCINNATI_V1, None}


@given(LISTS)
def test_a_value_too_long_to_be_remembered_is_read_the_same(accept: str) -> None:
    assert choose(accept + ", text/plain" * 40) == choose(accept)


def test_a_field_that_only_somebody_hostile_sends_counts_as_none() -> None:
    assert choose(f"{JSON}, " * 1000) == choose(None)
    assert choose(f"image/png{' ' * MAX_FIELD_LENGTH}") == choose(None)
