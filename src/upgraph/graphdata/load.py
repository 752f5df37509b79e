"""From files to graph data: what is broken is failed towards safety, or refuses the set.

A broken rule withholds all updates into its target, because the update it blocks must not be offered
meanwhile. A fault of anything else refuses the whole set: it would look like channels that were taken
away. Whoever loads keeps the last good set then. All faults are reported at once, not the first alone.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import PurePosixPath
from typing import Generic, TypeVar

from upgraph.errors import DataError, Finding, Severity
from upgraph.errors.findings import ordered
from upgraph.errors.problems.graphdata import IGNORED, LAYOUT, NO_BLOCKED_EDGES, RULE_TARGET
from upgraph.graph import Block, Channel, ConditionalBlock, GraphData, Pattern, Version
from upgraph.graphdata import files as names
from upgraph.graphdata.channels import ChannelFile, merge, read_channel
from upgraph.graphdata.fault import LocatedError
from upgraph.graphdata.files import Files
from upgraph.graphdata.metadata import read_raw_metadata, read_schema
from upgraph.graphdata.rules import ReadRule, Rule, read_rule
from upgraph.graphdata.target import targets_of
from upgraph.graphdata.yaml import Parse, parse

# Cincinnati's own pattern and, unlike there, `.yml`. It finds this anywhere in the ending, in `.yaml~` too; a rule that is
# not read is unsafe, so rules are found like that and in capitals. A channel of a backup would bring versions back.
_CHANNEL_ENDING = re.compile(r"\.(ya+ml|yml)")
_RULE_ENDING = re.compile(r"\..*(ya+ml|yml).*", re.IGNORECASE)
# What stands beside data in repositories, and is meant for people.
_FOR_PEOPLE = re.compile(r"(README|OWNERS|LICENSE|CONTRIBUTING)(\..*)?|.*\.(md|txt|rst)", re.IGNORECASE)
_EVERY_VERSION = Pattern.compile(".*")

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of a set of files."""

    data: GraphData | None
    """The graph data; None where the set is refused."""
    findings: tuple[Finding, ...]
    """All faults, gravest first; those that refuse the set before all others."""


def load(files: Files) -> Loaded:
    """Read one set. The result depends on the files alone, not on their order."""
    return Loader().load(files)


class Loader:
    """Loads one set after the other and parses only files that have changed in between.

    Args:
        parse: makes the YAML of a file a value.
    """

    def __init__(self, *, parse: Parse = parse) -> None:
        self._rules = _Cache(partial(read_rule, parse=parse))
        self._channels = _Cache(partial(read_channel, parse=parse))

    def load(self, files: Files) -> Loaded:
        """Read one set; the same as :func:`load`."""
        try:
            names.check_limits(files)
        except DataError as error:
            return Loaded(None, (Finding.of(error),))
        reading = _Reading(files)
        schema = reading.single(names.VERSION, read_schema)
        raw_metadata = reading.single(names.RAW_METADATA, read_raw_metadata)
        channels = reading.channels(self._channels)
        blocks, conditional = reading.rules(self._rules, _bases(channels))
        if schema is None or raw_metadata is None or reading.refusals:
            return Loaded(None, (*ordered(reading.refusals), *ordered(reading.findings)))
        data = GraphData(schema, channels, blocks, conditional, raw_metadata)
        return Loaded(data, ordered(reading.findings))


def _bases(channels: tuple[Channel, ...]) -> frozenset[str]:
    return frozenset(version.base for channel in channels for version in channel.versions)


class _Cache(Generic[_T]):
    """Remembers what was read of each file of the last set; a fault is remembered as well."""

    def __init__(self, read: Callable[[str, bytes], _T]) -> None:
        self._read = read
        self._known: dict[str, tuple[bytes, _T | LocatedError]] = {}

    def read_all(self, contents: Files) -> Iterator[tuple[str, _T | LocatedError]]:
        """What each file says, in the order of paths."""
        known, self._known = self._known, {}
        for path in sorted(contents):
            digest = hashlib.sha256(contents[path]).digest()
            entry = known.get(path)
            if entry is None or entry[0] != digest:
                entry = digest, self._attempt(path, contents[path])
            self._known[path] = entry
            yield path, entry[1]

    def _attempt(self, path: str, content: bytes) -> _T | LocatedError:
        try:
            return self._read(path, content)
        except LocatedError as error:
            # As it was raised it would keep the frames it came through, and with them the content.
            return LocatedError(error.problem, error.seen, error.line)


@dataclass(slots=True)
class _Reading:
    """One pass over a set, with what was found on the way."""

    files: Files
    findings: list[Finding] = field(default_factory=list)
    refusals: list[Finding] = field(default_factory=list)

    def _refuse(self, finding: Finding) -> None:
        self.refusals.append(finding)

    def single(self, path: str, read: Callable[[bytes], tuple[_T, list[Finding]]]) -> _T | None:
        """What a file says that every set has; None if it is missing or wrong."""
        content = self.files.get(path)
        if content is None:
            self._refuse(Finding(Severity.ERROR, LAYOUT, f"{path} is missing", path))
            return None
        try:
            value, findings = read(content)
        except LocatedError as error:
            self._refuse(error.finding(path))
            return None
        self.findings += findings
        return value

    def _folder(self, folder: str, wanted: re.Pattern[str]) -> Files:
        """The files of a directory whose ending is wanted; reports the others."""
        found = {}
        for path in sorted(self.files):
            if not (path.startswith(folder) and names.belongs(path)):
                continue
            name = PurePosixPath(path)
            if wanted.fullmatch(name.suffix):
                found[path] = self.files[path]
                continue
            seen = (
                f"the ending {name.suffix!r} is not that of YAML" if name.suffix else "the name has no ending"
            )
            severity = Severity.INFO if _FOR_PEOPLE.fullmatch(name.name) else Severity.WARNING
            self.findings.append(Finding(severity, IGNORED, seen, path))
        return found

    def _has(self, folder: str) -> bool:
        return any(path.startswith(folder) for path in self.files)

    def channels(self, cache: "_Cache[ChannelFile]") -> tuple[Channel, ...]:
        """All channels that can be read."""
        contents = self._folder(names.CHANNELS, _CHANNEL_ENDING)
        if not contents:
            self._refuse(Finding(Severity.ERROR, LAYOUT, "channels/ has no YAML file", names.CHANNELS))
        parts = []
        for path, read in cache.read_all(contents):
            if isinstance(read, LocatedError):
                self._refuse(read.finding(path))
            else:
                parts.append(read)
        channels, findings = merge(parts)
        self.findings += findings
        return channels

    def rules(
        self, cache: "_Cache[ReadRule]", known: frozenset[str]
    ) -> tuple[tuple[Block, ...], tuple[ConditionalBlock, ...]]:
        """All rules in the order of their files; broken ones withhold everything."""
        # A directory without channels is empty or no graph data: its layout says that, and more of it would mislead.
        if self._has(names.CHANNELS) and not self._has(names.BLOCKED_EDGES):
            seen = "blocked-edges/ has no file"
            self._refuse(Finding(Severity.ERROR, NO_BLOCKED_EDGES, seen, names.BLOCKED_EDGES))
        rules: list[Rule] = []
        for path, read in cache.read_all(self._folder(names.BLOCKED_EDGES, _RULE_ENDING)):
            if isinstance(read, LocatedError):
                rules += self._withheld(path, read, known)
            else:
                rules.append(read.rule)
                self.findings += read.findings
        blocks = tuple(rule for rule in rules if isinstance(rule, Block))
        return blocks, tuple(rule for rule in rules if isinstance(rule, ConditionalBlock))

    def _withheld(self, path: str, error: LocatedError, known: frozenset[str]) -> list[Block]:
        targets = targets_of(path, self.files[path], known)
        if not targets:
            seen = f"{error.seen}; neither content nor name tell the target"
            self._refuse(Finding(Severity.ERROR, RULE_TARGET, seen, path, error.line))
            return []
        self.findings.append(error.finding(path, f"; all updates into {_listed(targets)} are withheld"))
        return [Block(target, _EVERY_VERSION, path) for target in targets]


def _listed(targets: tuple[Version, ...]) -> str:
    return ", ".join(map(str, targets))
