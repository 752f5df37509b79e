"""Checks of channels against each other. Source: ``check_channels`` of ``graph-data.rs`` in the public graph data."""

import re
from collections.abc import Iterator

from upgraph.errors import Finding
from upgraph.errors.problems.checking import CHANNEL_SIBLING, CHANNEL_SUBSET
from upgraph.graphdata.checking.subject import Subject, shown

_MINOR = re.compile(r"(?:0|[1-9][0-9]*)[.](?:0|[1-9][0-9]*)")
_FIRST_MINOR = "-4.1"
_BEFORE = {"stable": "fast", "fast": "candidate"}
"""The channel that a version passes before this one."""


def check_subsets(subject: Subject) -> Iterator[Finding]:
    """Versions that are in stable and not in fast, or in fast and not in candidate."""
    members = {
        channel.name: {version.base for version in channel.versions} for channel in subject.data.channels
    }
    for name in sorted(members):
        before = _before(name)
        if before is None or before not in members:
            continue
        lacking = members[name] - members[before]
        missing = [v for v in subject.named if v.base in lacking]
        if missing:
            bases = list(dict.fromkeys(version.base for version in missing))
            yield subject.about_channel(name, CHANNEL_SUBSET, f"{before} lacks {shown(bases)} of {name}")


def check_siblings(subject: Subject) -> Iterator[Finding]:
    """Channels without the one before them, but for those of the first minor, which are as old as the custom."""
    known = {channel.name for channel in subject.data.channels}
    for name in sorted(known):
        before = _before(name)
        if before is not None and before not in known and not before.endswith(_FIRST_MINOR):
            yield subject.about_channel(name, CHANNEL_SIBLING, f"{name} exists and {before} does not")


def _before(name: str) -> str | None:
    kind, _, minor = name.partition("-")
    return f"{_BEFORE[kind]}-{minor}" if kind in _BEFORE and _MINOR.fullmatch(minor) else None
