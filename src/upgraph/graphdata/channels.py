"""Files of ``channels/``: named lists of versions.

The name inside the file counts, the name of the file does not. Keys other than ``name`` and
``versions`` (``feeder``, ``tombstones``) steer promotion, not the service.
Cincinnati drops a broken channel file without a word; here it refuses the set.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from upgraph.errors import DataError, Finding, Severity
from upgraph.errors.problems.graphdata import CHANNEL, CHANNEL_NAME, CHANNEL_REPEATED
from upgraph.graph import Channel, Version
from upgraph.graphdata.fault import LocatedError
from upgraph.graphdata.yaml import Items, Parse, Table, parse

# What the policy engine lets through in a request.
_REQUESTABLE = re.compile(r"[0-9a-z\-.]+")
# The names of all channels of a release are one text, separated by commas.
_UNUSABLE = re.compile(r"[,\s]")


@dataclass(frozen=True, slots=True)
class ChannelFile:
    """What one file says about a channel."""

    file: str
    channel: Channel
    line: int
    """Line of the name."""


def read_channel(file: str, content: bytes, *, parse: Parse = parse) -> ChannelFile:
    """Read one file.

    Args:
        file: its path inside the set.
        content: the whole file.
        parse: makes the YAML a value.

    Raises:
        LocatedError: it is not a channel.
    """
    table = parse(content)
    if not isinstance(table, Table):
        raise LocatedError(CHANNEL, "the file is not a mapping with name and versions", 1)
    missing = [key for key in ("name", "versions") if key not in table.values]
    if missing:
        raise LocatedError(CHANNEL, f"it lacks {' and '.join(missing)}")
    line = table.lines["name"]
    name = table.values["name"]
    if not isinstance(name, str) or not name or _UNUSABLE.search(name):
        raise LocatedError(CHANNEL, f"{name!r} cannot be the name of a channel", line)
    versions = table.values["versions"]
    if not isinstance(versions, Items):
        raise LocatedError(CHANNEL, "versions is not a list", table.lines["versions"])
    return ChannelFile(file, Channel(name, tuple(_versions(versions))), line)


def _versions(items: Items) -> Iterable[Version]:
    for value, line in zip(items.values, items.lines, strict=True):
        try:
            yield Version.parse(value if isinstance(value, str) else "")
        except DataError as error:
            shown = repr(value[:80]) if isinstance(value, str) else "a list or a mapping"
            raise LocatedError(CHANNEL, f"{shown} is not a version", line) from error


def merge(parts: Iterable[ChannelFile]) -> tuple[tuple[Channel, ...], list[Finding]]:
    """All channels by name, and what is doubtful about them; files count in the order of their names."""
    first: dict[str, ChannelFile] = {}
    channels: dict[str, Channel] = {}
    findings = []
    for part in sorted(parts, key=lambda part: part.file):
        name = part.channel.name
        known = channels.get(name)
        channels[name] = part.channel if known is None else _joined(known, part.channel)
        origin = first.setdefault(name, part)
        if origin is not part:
            seen = f"the channel {name} is also defined in {origin.file}"
            findings.append(Finding(Severity.WARNING, CHANNEL_REPEATED, seen, part.file, part.line))
        if not _REQUESTABLE.fullmatch(name):
            seen = f"no request can name the channel {name!r}"
            findings.append(Finding(Severity.WARNING, CHANNEL_NAME, seen, part.file, part.line))
    return tuple(channels[name] for name in sorted(channels)), findings


def _joined(one: Channel, other: Channel) -> Channel:
    return Channel(one.name, tuple(dict.fromkeys(one.versions + other.versions)))
