"""What is checked: a set of graph data, what the loader made of it, and the releases that it speaks of."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from upgraph.errors import Finding, Problem, Severity
from upgraph.graph import Block, Built, ConditionalBlock, GraphData, Pattern, Release, Version, build
from upgraph.graph.pattern_set import matched
from upgraph.graphdata import files as names
from upgraph.graphdata.channels import ChannelFile, read_channel
from upgraph.graphdata.fault import LocatedError
from upgraph.graphdata.files import Files
from upgraph.graphdata.load import Loaded
from upgraph.graphdata.yaml import Parse, Table, parse

USUAL_ARCHITECTURE = "amd64"
"""Stands for all architectures where a version names none: patterns rarely look at it."""
ARCHITECTURES = (USUAL_ARCHITECTURE, "arm64", "multi", "ppc64le", "s390x")

_YAML_ENDINGS = (".yaml", ".yml")


@dataclass(frozen=True)
class Subject:
    """One set, as all checks see it."""

    files: Files
    loaded: Loaded
    releases: tuple[Release, ...] | None
    """None where nobody said where they are."""
    parse: Parse = parse
    """Makes the YAML of a file a value."""

    @property
    def data(self) -> GraphData:
        """The values of the set; empty where it is refused."""
        return self.loaded.data or GraphData(Version.parse("1.0.0"))

    @property
    def _all_rules(self) -> tuple[Block | ConditionalBlock, ...]:
        return *self.data.blocks, *self.data.conditional_blocks

    @cached_property
    def rules(self) -> Mapping[str, Table]:
        """The files of ``blocked-edges/`` that are mappings, by path."""
        return dict(_tables(self.files, self.parse))

    @cached_property
    def channel_files(self) -> Mapping[str, ChannelFile]:
        """The first file of each channel, by the name of the channel."""
        found: dict[str, ChannelFile] = {}
        for path in sorted(self.files):
            if path.startswith(names.CHANNELS) and path.endswith(_YAML_ENDINGS):
                try:
                    read = read_channel(path, self.files[path], parse=self.parse)
                except LocatedError:
                    continue
                found.setdefault(read.channel.name, read)
        return found

    @cached_property
    def named(self) -> tuple[Version, ...]:
        """The versions that channels name, sorted."""
        return tuple(sorted({version for channel in self.data.channels for version in channel.versions}))

    @cached_property
    def sources(self) -> tuple[Version, ...]:
        """Every version that an update may start from, with an architecture, sorted."""
        found = {_with_arch(version) for version in self.named}
        found |= {release.version for release in self.releases or ()}
        found |= {_with_arch(rule.to) for rule in self._all_rules}
        return tuple(sorted(found))

    @cached_property
    def matches(self) -> Mapping[Pattern, frozenset[int]]:
        """The places in :attr:`sources` that each pattern of the set matches."""
        return self.matches_of([rule.source for rule in self._all_rules])

    def matches_of(self, patterns: Sequence[Pattern]) -> Mapping[Pattern, frozenset[int]]:
        """The places in :attr:`sources` that each of ``patterns`` matches."""
        return matched(patterns, [version.text for version in self.sources])

    @cached_property
    def built(self) -> Built:
        """The graph of the releases under this set."""
        return build(self.releases or (), self.data)

    def readable(self) -> Iterator[Block | ConditionalBlock]:
        """The rules that could be read, and not those that stand in for broken ones."""
        for rule in self._all_rules:
            table = self.rules.get(rule.file)
            if table is not None and table.values.get("from") == rule.source.text:
                yield rule

    def line(self, file: str, key: str) -> int | None:
        """The line of a key in a rule."""
        table = self.rules.get(file)
        return table.lines.get(key) if table is not None else None

    def at(self, rule: Block | ConditionalBlock, key: str, problem: Problem, seen: str) -> Finding:
        """A warning about the key of a rule."""
        return Finding(Severity.WARNING, problem, seen, rule.file, self.line(rule.file, key))

    def about_channel(self, name: str, problem: Problem, seen: str) -> Finding:
        """A warning about a channel, at the line of its name."""
        origin = self.channel_files.get(name)
        file, line = (origin.file, origin.line) if origin else (None, None)
        return Finding(Severity.WARNING, problem, seen, file, line)


def shown(items: Sequence[object], most: int = 5) -> str:
    """The first of ``items`` in words, and how many there are if there are more."""
    listed = ", ".join(map(str, items[:most]))
    return listed if len(items) <= most else f"{listed} and {len(items) - most} more"


def _with_arch(version: Version) -> Version:
    return version if version.build else version.with_build(USUAL_ARCHITECTURE)


def _tables(files: Files, parse: Parse) -> Iterator[tuple[str, Table]]:
    for path in sorted(files):
        if not (path.startswith(names.BLOCKED_EDGES) and path.endswith(_YAML_ENDINGS)):
            continue
        try:
            value = parse(files[path])
        except LocatedError:
            continue
        if isinstance(value, Table):
            yield path, value
