"""Versions are read, printed and ordered as Cincinnati and SemVer have it."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upgraph.errors import DataError
from upgraph.graph import Version
from upgraph.graph.version import MAX_VERSION_LENGTH
from upgraph.testing.cincinnati_model import precedence
from upgraph.testing.strategies import version_texts

ACCEPTED = [
    ("4.8.3", "4.8.3", "4.8.3", "", ""),
    (" 4.8.3\n", "4.8.3", "4.8.3", "", ""),
    ("4.8.3+amd64", "4.8.3+amd64", "4.8.3", "", "amd64"),
    ("4.2.11-s390x+s390x", "4.2.11-s390x+s390x", "4.2.11-s390x", "s390x", "s390x"),
    ("4.0.0-0.okd-0+amd64", "4.0.0-0.okd-0+amd64", "4.0.0-0.okd-0", "0.okd-0", "amd64"),
    ("1.0.0-01", "1.0.0-01", "1.0.0-01", "01", ""),
    ("1.0.0+a-b.c", "1.0.0+a-b.c", "1.0.0", "", "a-b.c"),
    (f"{2**64 - 1}.0.0", f"{2**64 - 1}.0.0", f"{2**64 - 1}.0.0", "", ""),
]


@pytest.mark.parametrize(("text", "canonical", "base", "pre", "build"), ACCEPTED)
def test_a_version_is_taken_apart(text: str, canonical: str, base: str, pre: str, build: str) -> None:
    version = Version.parse(text)
    assert (version.text, version.base, version.pre, version.build) == (canonical, base, pre, build)


REFUSED = {
    "empty": "",
    "two numbers": "4.8",
    "four numbers": "4.8.1.2",
    "leading zero": "4.08.1",
    "prefix": "v4.8.1",
    "hyphen first": "4.8.1--a",
    "hyphen last": "4.8.1-a-",
    "empty pre-release": "4.8.1-",
    "empty build": "4.8.1+",
    "empty identifier": "4.8.1-a..b",
    "two builds": "4.8.1+a+b",
    "underscore": "4.8.1-a_b",
    "other digits": "4.8.\N{ARABIC-INDIC DIGIT ONE}",
    "line break inside": "4.8.1\n-a",
    "beyond 64 bits": f"{2**64}.0.0",
    "too long": "4.8.1-" + "a" * MAX_VERSION_LENGTH,
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_version_is_refused_and_named(text: str) -> None:
    with pytest.raises(DataError) as caught:
        Version.parse(text)
    assert caught.value.reference == "version-invalid"
    assert len(caught.value.seen) < 2 * MAX_VERSION_LENGTH


ASCENDING = [
    "1.0.0-0",
    "1.0.0-9",
    "1.0.0-10",
    "1.0.0-01",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.0.0+amd64",
    "1.0.0+arm64",
    "1.0.1-rc.1",
    "1.0.2",
    "1.0.10",
    "1.2.0",
    "1.10.0",
    "2.0.0",
]


def test_the_order_is_that_of_semver_and_then_of_the_build_part() -> None:
    for lower, higher in itertools.pairwise(ASCENDING):
        assert Version.parse(lower) < Version.parse(higher)
        assert not Version.parse(higher) <= Version.parse(lower)


@given(version_texts())
def test_printing_a_version_and_reading_it_again_gives_the_same(text: str) -> None:
    version = Version.parse(text)
    assert str(version) == text
    assert Version.parse(str(version)) == version


@given(version_texts(), version_texts())
def test_the_order_agrees_with_the_rules_written_a_second_time(left: str, right: str) -> None:
    assert (Version.parse(left) < Version.parse(right)) == (precedence(left) < precedence(right))


@given(version_texts(), version_texts(), version_texts())
def test_the_order_is_total_and_agrees_with_equality(x: str, y: str, z: str) -> None:
    a, b, c = map(Version.parse, (x, y, z))
    assert (a < b) + (b < a) + (a == b) == 1
    assert not (a <= b <= c) or a <= c
    assert (a.key < b.key) == (a < b)
    assert a != b or hash(a) == hash(b)


@given(version_texts(), st.sampled_from(["", "amd64", "multi"]))
def test_another_build_part_changes_nothing_else(text: str, build: str) -> None:
    version = Version.parse(text).with_build(build)
    assert version.build == build
    assert version.base == text.partition("+")[0]


def test_an_architecture_fits_on_the_longest_version() -> None:
    longest = "4.8.1-" + "a" * (MAX_VERSION_LENGTH - len("4.8.1-"))
    assert Version.parse(longest).with_build("amd64").text == f"{longest}+amd64"


def test_a_version_is_equal_to_no_text() -> None:
    assert Version.parse("4.8.1") != "4.8.1"
