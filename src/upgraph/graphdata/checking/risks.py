"""Checks of risks: what clusters and administrators are shown.

Source: ``validate-blocked-edges.py`` of the public graph data, and the validation of the resource ClusterVersion.
"""

import re
from collections.abc import Callable, Iterator

from upgraph.errors import Finding, Problem, Severity
from upgraph.errors.problems.checking import RISK_DIFFERS, RISK_MESSAGE, RISK_NAME, RISK_RULES, RISK_URL
from upgraph.graphdata.checking.subject import Subject
from upgraph.graphdata.yaml import Items, Table, Value

ALWAYS = "Always"
PROMQL_TYPE = "PromQL"
_SECURE = "https://"
_PLAIN = "http://"
_NAME = re.compile(r"[A-Z][A-Za-z0-9_]*")
_FREE_KEYS = ("from", "to", "fixedIn")
"""Keys in which files of one risk may differ."""


def check_urls(subject: Subject) -> Iterator[Finding]:
    """Addresses that nobody can open. Without TLS they are doubtful: a site may have no other."""
    yield from _each_text(subject, "url", RISK_URL, _url_fault)


def check_names(subject: Subject) -> Iterator[Finding]:
    """Names that cannot become the reason of a condition."""
    yield from _each_text(subject, "name", RISK_NAME, _name_fault)


def check_messages(subject: Subject) -> Iterator[Finding]:
    """Messages that are empty."""
    yield from _each_text(subject, "message", RISK_MESSAGE, _message_fault)


def _each_text(
    subject: Subject, key: str, problem: Problem, fault: Callable[[str], tuple[Severity, str] | None]
) -> Iterator[Finding]:
    for path, table in subject.rules.items():
        value = table.values.get(key)
        found = fault(value) if isinstance(value, str) else None
        if found is not None:
            severity, seen = found
            yield Finding(severity, problem, seen, path, table.lines[key])


def _url_fault(text: str) -> tuple[Severity, str] | None:
    if text.startswith(_SECURE) and len(text) > len(_SECURE):
        return None
    plain = text.startswith(_PLAIN) and len(text) > len(_PLAIN)
    seen = f"url is {text[:80]!r}, which does not begin with {_SECURE}"
    return (Severity.WARNING if plain else Severity.ERROR), seen


def _name_fault(text: str) -> tuple[Severity, str] | None:
    return None if _NAME.fullmatch(text) else (Severity.ERROR, f"name is {text[:80]!r}")


def _message_fault(text: str) -> tuple[Severity, str] | None:
    return None if text.strip() else (Severity.ERROR, "message is empty")


def check_matching_rules(subject: Subject) -> Iterator[Finding]:
    """Types that are unknown or stand twice, and keys beside those that a type has."""
    for path, table in subject.rules.items():
        items = table.values.get("matchingRules")
        if not isinstance(items, Items):
            continue
        met: set[str] = set()
        for value, line in zip(items.values, items.lines, strict=True):
            if isinstance(value, Table):
                for seen in _rule_faults(value, met):
                    yield Finding(Severity.ERROR, RISK_RULES, seen, path, line)


def _rule_faults(rule: Table, met: set[str]) -> Iterator[str]:
    kind = rule.values.get("type")
    if not isinstance(kind, str) or not kind:
        return
    if kind in met:
        yield f"a second rule is of type {kind}"
    met.add(kind)
    if kind not in {ALWAYS, PROMQL_TYPE}:
        yield f"the type {kind[:40]!r} is neither {ALWAYS} nor {PROMQL_TYPE}"
        return
    allowed = {"type"} if kind == ALWAYS else {"type", "promql"}
    unknown = sorted(set(rule.values) - allowed)
    if unknown:
        yield f"a rule of type {kind} has the keys {', '.join(unknown)}"
    query = rule.values.get("promql")
    unknown = sorted(set(query.values) - {"promql"}) if isinstance(query, Table) and kind != ALWAYS else []
    if unknown:
        yield f"promql has the keys {', '.join(unknown)}"


def check_agreement(subject: Subject) -> Iterator[Finding]:
    """Files of one risk that differ in more than the updates that they are for."""
    first: dict[str, tuple[str, dict[str, object]]] = {}
    for path, table in subject.rules.items():
        name = table.values.get("name")
        if not isinstance(name, str) or not name:
            continue
        content = {key: _plain(value) for key, value in table.values.items() if key not in _FREE_KEYS}
        origin, known = first.setdefault(name, (path, content))
        if content != known:
            keys = sorted(key for key in {*content, *known} if content.get(key) != known.get(key))
            seen = f"{', '.join(keys)} of the risk {name} differs from {origin}"
            yield Finding(Severity.ERROR, RISK_DIFFERS, seen, path, table.lines.get(keys[0]))


def _plain(value: Value) -> object:
    match value:
        case Table():
            return {key: _plain(inner) for key, inner in value.values.items()}
        case Items():
            return [_plain(inner) for inner in value.values]
        case text:
            return text
