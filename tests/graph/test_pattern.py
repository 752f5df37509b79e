"""`from` patterns mean what they mean to the Rust engine, or it is said that they do not."""

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from upgraph.errors import DataError
from upgraph.graph import Pattern
from upgraph.graph.pattern import MAX_PATTERN_LENGTH
from upgraph.testing.strategies import BASES, regexes, version_texts

RustEngine = Callable[[str], Callable[[str], bool] | None]

NEWER_THAN_THE_ORACLE = re.compile(r"\(\?<[A-Za-z]|\{0\}")
"""``(?<name>...)`` and an empty repeat: the engine in the rure package is from 2018, today's has both."""

MATCHES = [
    ("4.18.*", "4.18.1+amd64", True),
    ("4.18.*", "4.4.18+amd64", True),
    ("4.18.*", "4.14.18+amd64", True),
    ("4[.]18[.]", "4.4.18+amd64", False),
    (r"4[.]8[.]3\+amd64", "4.8.3+amd64", True),
    ("amd64$", "4.8.3+amd64", True),
    ("^8", "4.8.3+amd64", False),
    ("", "4.8.3+amd64", True),
    (".*", "4.8.3+amd64", True),
    ("(?i)AMD", "4.8.3+amd64", True),
    ("4(?i)AMD|x", "4.8.3+X", True),
    (r"\d+[.]\d+", "4.8.3+amd64", True),
    (r"3\b", "4.8.3+amd64", True),
    ("[]3]", "4.8.3+amd64", True),
    ("(4[.]8|50])$", "4.8.50]", True),
]


@pytest.mark.parametrize(("text", "version", "expected"), MATCHES)
def test_a_pattern_is_searched_for_anywhere_in_the_version(
    text: str, version: str, *, expected: bool
) -> None:
    assert Pattern.compile(text).matches(version) is expected


REFUSED = {
    "look-ahead": "4(?=[.]8)",
    "negative look-ahead": "4(?![.]8)",
    "look-behind": "(?<=4)[.]8",
    "back-reference": r"(4)\1",
    "possessive repeat": "4++",
    "open group": "(4",
    "open class": "[4",
    "huge repeat": "4{1001}",
    "too long": "4" * (MAX_PATTERN_LENGTH + 1),
    "too much memory": r"\pL{1000}",
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_what_linear_time_forbids_is_refused(text: str) -> None:
    with pytest.raises(DataError) as caught:
        Pattern.compile(text)
    assert caught.value.reference == "pattern-invalid"


DIFFERENT = {
    "intersection": "[a-z&&[^m]]",
    "difference": "[a-z--m]",
    "symmetric difference": "[a-d~~b-f]",
    "nested class": "[a[bc]]",
    "one byte": r"\C",
    "quoting": r"\Q4.8\E",
    "octal escape": r"\07",
    "octal escape in a class": r"[\07]",
    "literal brace": "4{",
    "brace without a lower bound": "4{,2}",
    "repeated flags": "4(?i)*",
    "empty flags": "4(?)",
    "flag twice": "(?ii)4",
    "flag twice in a group": "(?ii:4)",
    "flag set and taken away": "(?s-s)4",
    "group name that starts with a digit": "(?P<1>4)",
    "group name twice": "(?P<n>4)(?P<n>8)",
    "range from a class": r"[\d-z]",
}


@pytest.mark.parametrize("text", DIFFERENT.values(), ids=DIFFERENT.keys())
def test_a_construct_of_another_meaning_is_reported(text: str) -> None:
    assert Pattern.compile(text).differences


@pytest.mark.parametrize(
    "text",
    [
        "(?is-m)4",
        "(?:4)",
        "(?i:4)",
        r"[\[\]]",
        r"4\{",
        "a{2}",
        "a{2,}",
        "[[:digit:]]",
        "[a-z]",
        r"\\Q",
        "[&-]",
        "",
    ],
)
def test_a_construct_of_the_same_meaning_is_not_reported(text: str) -> None:
    assert Pattern.compile(text).differences == ()


_versions = version_texts() | st.sampled_from(BASES).map("{}+amd64".format)


@given(regexes(), st.lists(_versions, min_size=1, max_size=5))
def test_a_pattern_without_reported_differences_means_the_same_to_the_rust_engine(
    rust_engine: RustEngine, text: str, versions: list[str]
) -> None:
    try:
        ours = Pattern.compile(text)
    except DataError:
        return
    oracle = rust_engine(text)
    assume(oracle is not None or not NEWER_THAN_THE_ORACLE.search(text))
    if oracle is None:
        assert ours.differences
    elif not ours.differences:
        assert [ours.matches(v) for v in versions] == [oracle(v) for v in versions]


def test_the_patterns_of_real_graph_data_mean_the_same_to_the_rust_engine(
    real_data: Path, rust_engine: RustEngine
) -> None:
    files = (real_data / "graph-data" / "blocked-edges").glob("*.yaml")
    texts = {yaml.load(file.read_text(), yaml.CBaseLoader)["from"] for file in files}
    assert len(texts) > 100
    versions = [
        f"{major}.{minor}.{patch}+amd64"
        for major in (4, 14)
        for minor in range(23)
        for patch in range(0, 60, 7)
    ]
    for text in texts:
        ours, oracle = Pattern.compile(text), rust_engine(text)
        assert oracle is not None
        assert ours.differences == (), text
        assert [ours.matches(v) for v in versions] == [oracle(v) for v in versions], text


def test_a_pattern_that_others_backtrack_on_takes_linear_time() -> None:
    pattern = Pattern.compile("(a+)+(a+)+(a+)+$")
    before = time.process_time()
    assert not pattern.matches("4.8.1-" + "a" * 200 + "!")
    assert time.process_time() - before < 1


def test_patterns_are_equal_when_their_texts_are() -> None:
    assert Pattern.compile("4[.]8") == Pattern.compile("4[.]8")
    assert len({Pattern.compile("a"), Pattern.compile("a"), Pattern.compile("b")}) == 2
    assert Pattern.compile("a") != "a"
