"""One file of ``blocked-edges/``: an unconditional or a conditional rule.

Cincinnati tries both shapes and drops what fits neither, with a warning, so a misspelt key takes
the block away. Here such a file is an error, and the loader withholds its target.
Source of the shapes: Cincinnati's openshift-secondary-metadata-parse plugin.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from upgraph.errors import DataError, Finding, Severity
from upgraph.errors.problems.graph import PATTERN_EMPTY, PATTERN_MEANING
from upgraph.errors.problems.graphdata import MATCHING_RULE, RULE, UNREADABLE
from upgraph.graph import Block, ConditionalBlock, MatchingRule, Pattern, Risk, Version
from upgraph.graphdata.fault import LocatedError
from upgraph.graphdata.files import unreadable_reason
from upgraph.graphdata.yaml import Items, Parse, Table, Value, parse

Rule: TypeAlias = Block | ConditionalBlock

UNCONDITIONAL_KEYS = ("to", "from")
CONDITIONAL_KEYS = ("to", "from", "url", "name", "message", "matchingRules")

# The same hundred patterns stand in nearly two thousand files.
_compile = lru_cache(maxsize=4096)(Pattern.compile)


@dataclass(frozen=True, slots=True)
class ReadRule:
    """A rule, and what is doubtful about it."""

    rule: Rule
    findings: tuple[Finding, ...]


def read_rule(file: str, content: bytes, *, parse: Parse = parse) -> ReadRule:
    """Read one rule.

    Args:
        file: its path inside the set.
        content: the whole file.
        parse: makes the YAML a value.

    Raises:
        LocatedError: it is not exactly one rule.
    """
    reason = unreadable_reason(content)
    if reason is not None:
        raise LocatedError(UNREADABLE, f"the file cannot be read: {reason}")
    table = _table_of(parse(content), "the file", 1)
    if _is_conditional(table):
        return _conditional(file, table)
    return _unconditional(file, table)


def _is_conditional(table: Table) -> bool:
    return any(key in table.values for key in CONDITIONAL_KEYS if key not in UNCONDITIONAL_KEYS)


def _unconditional(file: str, table: Table) -> ReadRule:
    _require(table, UNCONDITIONAL_KEYS)
    for key, line in table.lines.items():
        if key not in UNCONDITIONAL_KEYS:
            raise LocatedError(RULE, f"the key {key!r} is unknown in a rule without a risk", line)
    pattern = _pattern(table)
    return ReadRule(Block(_target(table), pattern, file), tuple(_doubts(pattern, file, table)))


def _conditional(file: str, table: Table) -> ReadRule:
    _require(table, CONDITIONAL_KEYS)
    pattern = _pattern(table)
    line = table.lines["matchingRules"]
    matching_rules = _matching_rules(table.values["matchingRules"], line)
    risk = Risk(_text(table, "url"), _text(table, "name"), _text(table, "message"), matching_rules)
    findings = [*_doubts(pattern, file, table), *_unevaluable(risk, file, line)]
    return ReadRule(ConditionalBlock(_target(table), pattern, risk, file), tuple(findings))


def _require(table: Table, keys: tuple[str, ...]) -> None:
    missing = [key for key in keys if key not in table.values]
    if missing:
        raise LocatedError(RULE, f"it lacks {', '.join(missing)}")


def _table_of(value: Value, what: str, line: int) -> Table:
    if isinstance(value, Table):
        return value
    raise LocatedError(RULE, f"{what} is {_kind(value)}, not a mapping", line)


def _kind(value: Value) -> str:
    match value:
        case Table():
            return "a mapping"
        case Items():
            return "a list"
        case "":
            return "empty"
        case text:
            return f"the text {text[:40]!r}"


def _text(table: Table, key: str) -> str:
    value = table.values.get(key, "")
    if isinstance(value, str):
        return value
    raise LocatedError(RULE, f"{key} is {_kind(value)}, not a text", table.lines[key])


def _target(table: Table) -> Version:
    text = _text(table, "to")
    try:
        return Version.parse(text)
    except DataError as error:
        raise LocatedError(RULE, f"to is {text[:80]!r}, which is not a version", table.lines["to"]) from error


def _pattern(table: Table) -> Pattern:
    try:
        return _compile(_text(table, "from"))
    except LocatedError:
        raise
    except DataError as error:
        raise LocatedError(error.problem, error.seen, table.lines["from"]) from error


def _doubts(pattern: Pattern, file: str, table: Table) -> list[Finding]:
    line = table.lines["from"]
    found = [
        Finding(Severity.WARNING, PATTERN_MEANING, f"from: {text}", file, line)
        for text in pattern.differences
    ]
    if not pattern.text:
        seen = "from is empty, so the rule applies to every version"
        found.append(Finding(Severity.WARNING, PATTERN_EMPTY, seen, file, line))
    return found


def _matching_rules(value: Value, line: int) -> tuple[MatchingRule, ...]:
    if not isinstance(value, Items):
        raise LocatedError(RULE, f"matchingRules is {_kind(value)}, not a list", line)
    return tuple(_matching_rule(*item) for item in zip(value.values, value.lines, strict=True))


def _matching_rule(value: Value, line: int) -> MatchingRule:
    table = _table_of(value, "a matching rule", line)
    if "promql" not in table.values:
        return MatchingRule(_text(table, "type"))
    promql = _table_of(table.values["promql"], "promql", table.lines["promql"])
    return MatchingRule(_text(table, "type"), _text(promql, "promql"))


def _unevaluable(risk: Risk, file: str, line: int) -> list[Finding]:
    """What the Cluster Version Operator would drop; types that it may learn later are let through."""
    seen = [f"the risk {risk.name} has no matching rule"] if not risk.matching_rules else []
    for number, rule in enumerate(risk.matching_rules, start=1):
        name = f"matching rule {number} of the risk {risk.name}"
        if not rule.type:
            seen.append(f"{name} has no type")
        elif rule.type == "PromQL" and not rule.promql:
            seen.append(f"{name} is of type PromQL and has no query")
        elif rule.type == "Always" and rule.promql:
            seen.append(f"{name} is of type Always and has a query")
    return [Finding(Severity.WARNING, MATCHING_RULE, text, file, line) for text in seen]
