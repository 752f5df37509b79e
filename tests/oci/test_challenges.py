"""The WWW-Authenticate header."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upgraph.oci.registry.challenge import Challenge, parse_challenges

WORDS = st.from_regex(r"\A[A-Za-z][A-Za-z0-9-]{0,8}\Z").map(str.lower)
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('Basic realm="a"', [("basic", {"realm": "a"})]),
        (
            'BEARER Realm="https://a/t",SERVICE="b c" , scope="repository:x:pull,push"',
            [("bearer", {"realm": "https://a/t", "service": "b c", "scope": "repository:x:pull,push"})],
        ),
        (
            'Basic realm="a", Bearer realm="b",service=c',
            [("basic", {"realm": "a"}), ("bearer", {"realm": "b", "service": "c"})],
        ),
        ('Basic realm="a \\"quoted\\" \\\\"', [("basic", {"realm": 'a "quoted" \\'})]),
        ('Negotiate, Basic realm="a"', [("negotiate", {}), ("basic", {"realm": "a"})]),
        ('Negotiate YWJj==, Basic realm="a"', [("negotiate", {}), ("basic", {"realm": "a"})]),
        ('Basic realm="a", realm="b"', [("basic", {"realm": "a"})]),
        ('Basic realm = "a"', [("basic", {"realm": "a"})]),
        ("Basic", [("basic", {})]),
        ("", []),
        (",,,", []),
        ('Bearer realm="never closed', [("bearer", {})]),
    ],
)
def test_challenges_are_found(header: str, expected: list[tuple[str, dict[str, str]]]) -> None:
    found = parse_challenges([header])
    assert [(challenge.scheme, dict(challenge.parameters)) for challenge in found] == expected


def test_several_headers_are_one_offer() -> None:
    assert [c.scheme for c in parse_challenges(['Basic realm="a"', 'Bearer realm="b"'])] == [
        "basic",
        "bearer",
    ]


@given(st.lists(st.tuples(WORDS, st.dictionaries(WORDS, VALUES, min_size=1, max_size=3)), max_size=3))
def test_what_is_written_by_the_rules_is_read_as_it_was_meant(
    offers: list[tuple[str, dict[str, str]]],
) -> None:
    def quoted(value: str) -> str:
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'

    texts = [
        f"{scheme} " + ",".join(f"{k}={quoted(v)}" for k, v in given.items()) for scheme, given in offers
    ]
    assert parse_challenges([", ".join(texts)]) == tuple(Challenge(scheme, given) for scheme, given in offers)


@given(st.text())
def test_any_text_is_survived(header: str) -> None:
    for challenge in parse_challenges([header]):
        assert challenge.scheme == challenge.scheme.lower()
