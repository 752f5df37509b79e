"""Checks of rules as files: their names, their targets, and what they say twice."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from upgraph.errors import Finding, Severity
from upgraph.errors.problems.checking import (
    RULE_ARCHITECTURE,
    RULE_ENDING,
    RULE_FILE_NAME,
    RULE_REPEATED,
    RULE_TARGET_UNKNOWN,
)
from upgraph.graph import Block
from upgraph.graphdata.checking.subject import Subject

_ENDING = ".yaml"


def check_endings(subject: Subject) -> Iterator[Finding]:
    """Rules that Cincinnati does not read, because they end in ``.yml``."""
    for path in subject.rules:
        if not path.endswith(_ENDING):
            seen = f"the name ends in {PurePosixPath(path).suffix}"
            yield Finding(Severity.ERROR, RULE_ENDING, seen, path)


def check_file_names(subject: Subject) -> Iterator[Finding]:
    """Rules with a risk whose names do not begin with their targets (``validate-blocked-edges.py``)."""
    for path, table in subject.rules.items():
        to = table.values.get("to")
        if isinstance(to, str) and "name" in table.values and not PurePosixPath(path).name.startswith(to):
            seen = f"the name of the file does not begin with its target {to}"
            yield Finding(Severity.ERROR, RULE_FILE_NAME, seen, path, table.lines["to"])


def check_repeated(subject: Subject) -> Iterator[Finding]:
    """Blocks for one release in several files."""
    first: dict[str, Block] = {}
    for rule in subject.readable():
        if not isinstance(rule, Block):
            continue
        known = first.setdefault(rule.to.text, rule)
        if known is not rule:
            seen = f"updates into {rule.to} are also blocked in {known.file}"
            yield subject.at(rule, "to", RULE_REPEATED, seen)


def check_architectures(subject: Subject) -> Iterator[Finding]:
    """Risks for one architecture, which Cincinnati takes for a block of all others."""
    for rule in subject.readable():
        if not isinstance(rule, Block) and rule.to.build:
            seen = f"the risk {rule.risk.name} is for {rule.to.base} on {rule.to.build} alone"
            yield subject.at(rule, "to", RULE_ARCHITECTURE, seen)


def check_targets(subject: Subject) -> Iterator[Finding]:
    """Rules for releases that are in no channel."""
    known = {version.base for version in subject.named}
    known |= {release.version.base for release in subject.releases or ()}
    for rule in subject.readable():
        if rule.to.base not in known:
            yield subject.at(rule, "to", RULE_TARGET_UNKNOWN, f"no channel names {rule.to}")
