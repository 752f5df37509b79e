"""One file of blocked-edges."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upgraph.errors import Severity
from upgraph.graph import Block, ConditionalBlock, MatchingRule, Pattern, Risk, Version
from upgraph.graphdata.fault import LocatedError
from upgraph.graphdata.rules import CONDITIONAL_KEYS, read_rule

FILE = "blocked-edges/4.18.2-Risky.yaml"
LINES = {
    "to": "to: 4.18.2",
    "from": "from: 4[.]17[.].*",
    "url": "url: https://example.com/1",
    "name": "name: Risky",
    "message": "message: It may fail.",
    "matchingRules": "matchingRules:\n- type: PromQL\n  promql:\n    promql: up == 0\n- type: Always",
}


def conditional(**changes: str | None) -> bytes:
    """A conditional rule with lines replaced, or left out where None."""
    lines = {**LINES, **changes}
    return "\n".join(line for line in lines.values() if line is not None).encode() + b"\n"


def test_to_and_from_alone_are_an_unconditional_rule() -> None:
    read = read_rule(FILE, b"to: 4.18.2\nfrom: 4[.]17[.].*\n")
    assert read.rule == Block(Version.parse("4.18.2"), Pattern.compile("4[.]17[.].*"), FILE)
    assert read.findings == ()


def test_all_six_keys_are_a_conditional_rule() -> None:
    rules = (MatchingRule("PromQL", "up == 0"), MatchingRule("Always"))
    risk = Risk("https://example.com/1", "Risky", "It may fail.", rules)
    expected = ConditionalBlock(Version.parse("4.18.2"), Pattern.compile("4[.]17[.].*"), risk, FILE)
    assert read_rule(FILE, conditional()).rule == expected


@pytest.mark.parametrize("extra", ["fixedIn: 4.18.3", "autoExtend: https://example.com", "later: {a: [b]}"])
def test_a_conditional_rule_may_have_further_keys(extra: str) -> None:
    assert isinstance(read_rule(FILE, conditional(extra=extra)).rule, ConditionalBlock)


@given(
    st.sets(st.sampled_from(CONDITIONAL_KEYS)).filter(lambda keys: len(keys) < 6 and keys != {"to", "from"})
)
def test_some_of_the_six_keys_are_an_error_that_names_the_missing_ones(present: set[str]) -> None:
    changes = {key: None for key in CONDITIONAL_KEYS if key not in present}
    with pytest.raises(LocatedError) as caught:
        read_rule(FILE, conditional(**changes) or b"{}")
    required = CONDITIONAL_KEYS if present - {"to", "from"} else ("to", "from")
    if caught.value.reference == "graph-data-rule":
        named = caught.value.seen.removeprefix("it lacks ").split(", ")
        assert named == [key for key in required if key not in present]
    else:
        assert present == set()


@pytest.mark.parametrize(
    ("content", "line", "seen"),
    [
        pytest.param(
            b"to: 4.18.2\nfrom: .*\nfixedIn: 4.18.3\n", 3, "'fixedIn'", id="unconditional-extra-key"
        ),
        pytest.param(b"_to: 4.18.2\nfrom: .*\n", None, "lacks to", id="misspelt-key"),
        pytest.param(b"to: 4.10\nfrom: .*\n", 1, "'4.10'", id="version-of-two-numbers"),
        pytest.param(b"to:\nfrom: .*\n", 1, "''", id="empty-version"),
        pytest.param(b"from: .*\nto: [4.18.2]\n", 2, "to is a list", id="list-as-target"),
        pytest.param(b"to: 4.18.2\nfrom: [a, b]\n", 2, "from is a list", id="list-as-pattern"),
        pytest.param(b"to: 4.18.2\nfrom: {a: b}\n", 2, "from is a mapping", id="mapping-as-pattern"),
        pytest.param(b"- to: 4.18.2\n", 1, "a list, not a mapping", id="list-as-file"),
        pytest.param(b"just text\n", 1, "the text 'just text'", id="text-as-file"),
        pytest.param(b"---\n", 1, "the file is empty", id="empty-document"),
        pytest.param(conditional(url="url: [x]"), 3, "url is a list", id="list-as-url"),
        pytest.param(
            conditional(matchingRules="matchingRules: Always"), 6, "text 'Always'", id="rules-as-text"
        ),
        pytest.param(
            conditional(matchingRules="matchingRules:\n- Always"), 7, "text 'Always'", id="rule-as-text"
        ),
        pytest.param(
            conditional(matchingRules="matchingRules:\n- type: PromQL\n  promql: up"),
            8,
            "promql",
            id="bare-query",
        ),
        pytest.param(
            conditional(matchingRules="matchingRules:\n- type: [PromQL]"),
            7,
            "type is a list",
            id="list-as-type",
        ),
    ],
)
def test_what_is_not_one_rule_is_an_error_with_its_line(content: bytes, line: int | None, seen: str) -> None:
    with pytest.raises(LocatedError) as caught:
        read_rule(FILE, content)
    assert (caught.value.reference, caught.value.line) == ("graph-data-rule", line)
    assert seen in caught.value.seen


@pytest.mark.parametrize("pattern", ["(", "(?=a)", r"(a)\1", "*"])
def test_a_pattern_that_cannot_be_used_is_an_error_of_its_own_kind(pattern: str) -> None:
    with pytest.raises(LocatedError) as caught:
        read_rule(FILE, f"to: 4.18.2\nfrom: '{pattern}'\n".encode())
    assert (caught.value.reference, caught.value.line) == ("pattern-invalid", 2)


@pytest.mark.parametrize(
    ("content", "reference", "line"),
    [
        pytest.param(b"to: 4.18.2\nfrom:\n", "pattern-empty", 2, id="empty-pattern"),
        pytest.param(b"from: '[a&&b]'\nto: 4.18.2\n", "pattern-meaning", 1, id="set-operator"),
        pytest.param(
            conditional(matchingRules="matchingRules: []"),
            "graph-data-matching-rule",
            6,
            id="no-matching-rule",
        ),
        pytest.param(
            conditional(matchingRules="matchingRules: [{}]"),
            "graph-data-matching-rule",
            6,
            id="rule-without-type",
        ),
        pytest.param(
            conditional(matchingRules="matchingRules: [{type: PromQL}]"),
            "graph-data-matching-rule",
            6,
            id="no-query",
        ),
        pytest.param(
            conditional(matchingRules="matchingRules: [{type: PromQL, promql: {}}]"),
            "graph-data-matching-rule",
            6,
            id="empty-query",
        ),
        pytest.param(
            conditional(matchingRules="matchingRules: [{type: Always, promql: {promql: up}}]"),
            "graph-data-matching-rule",
            6,
            id="always-with-query",
        ),
    ],
)
def test_a_doubtful_rule_is_kept_with_a_warning(content: bytes, reference: str, line: int) -> None:
    (finding,) = read_rule(FILE, content).findings
    assert (finding.severity, finding.reference, finding.line) == (Severity.WARNING, reference, line)


def test_types_of_matching_rules_pass_through() -> None:
    read = read_rule(FILE, conditional(matchingRules="matchingRules: [{type: Later, more: x}]"))
    assert isinstance(read.rule, ConditionalBlock)
    assert read.rule.risk.matching_rules == (MatchingRule("Later"),)
    assert read.findings == ()
