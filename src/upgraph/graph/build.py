"""From releases and graph data to the update graph: the first of the two functions everything rests on.

The order of the passes is Cincinnati's and is normative: releases and their own edges, labels and
channels from graph data, edges that labels add, cycles, and last what rules take away or make
conditional. Whatever is wrong with one release or one label costs that one alone and is a finding.

Cincinnati first publishes conditional edges and then removes edges, so an edge that is blocked
outright stays available as a conditional one (its issue OTA-1043). Here a block wins;
``Precedence.CINCINNATI`` keeps the old way for comparisons.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from upgraph.errors import DataError, Finding, Severity
from upgraph.errors.findings import ordered
from upgraph.errors.problems.graph import LABEL_INVALID, LABEL_UNKNOWN
from upgraph.graph import labels
from upgraph.graph.conflicts import settle
from upgraph.graph.cycles import backward_edges_in_cycles, finding_of
from upgraph.graph.model import Edges, Node, UpdateGraph
from upgraph.graph.pattern import MATCH_ALL, Pattern
from upgraph.graph.release import GraphData, Release
from upgraph.graph.rules import Matcher, Rules
from upgraph.graph.version import Version

_SHOWN = 64
"""Characters of a bad item that a finding shows."""


class Precedence(Enum):
    """What becomes of an edge that is blocked outright and conditional at once."""

    BLOCK_WINS = "block-wins"
    """It is not offered."""
    CINCINNATI = "cincinnati"
    """It is offered with its risks, as Cincinnati does."""


@dataclass(frozen=True, slots=True)
class Built:
    """A graph, and what was left out of it and why."""

    graph: UpdateGraph
    findings: tuple[Finding, ...]


def build(
    releases: Iterable[Release],
    data: GraphData,
    *,
    served: Mapping[str, str] | None = None,
    precedence: Precedence = Precedence.BLOCK_WINS,
) -> Built:
    """Build the update graph. The result depends on the values alone, not on their order.

    Args:
        releases: all known releases of all architectures.
        data: the graph data in force.
        served: digest by version text (with architecture) of the graph that clients have now; decides
            between two images that claim the same version.
        precedence: what a block does to a conditional edge.

    Source of the rules: Cincinnati's release scraper, metadata parser and edge-add-remove plugins.
    """
    kept, conflicts = settle(releases, served or {})
    labelled = _Labelled(kept, data)
    versions, parents = _join(kept, labelled)
    _cut_cycles(versions, parents, labelled.findings)
    edges = _apply_rules(versions, parents, labelled, precedence)
    graph = UpdateGraph.of([labelled.node(version) for version in versions], edges)
    return Built(graph, ordered([*conflicts, *labelled.findings]))


class _Labelled:
    """The releases with their final labels, and what the labels ask for."""

    def __init__(self, releases: Sequence[Release], data: GraphData) -> None:
        self.findings: list[Finding] = []
        self._takes_all: defaultdict[str, set[Version]] = defaultdict(set)
        self._by_base: defaultdict[str, list[Version]] = defaultdict(list)
        self._releases = {release.version: release for release in releases}
        self._metadata: dict[Version, dict[str, str]] = {}
        for release in releases:
            own = {labels.MANIFESTREF: release.digest, labels.ARCH: release.arch}
            self._metadata[release.version] = {**release.metadata, **own}
            self._by_base[release.version.base].append(release.version)
        self._add_raw_metadata(data)
        self._join_channels(data)
        self.rules = Rules(data, self._targets)

    def _targets(self, to: Version) -> list[Version]:
        """The releases that a rule or a list names by ``to``: all architectures unless it has one."""
        return [version for version in self._by_base.get(to.base, ()) if to.build in {"", version.build}]

    def _add_raw_metadata(self, data: GraphData) -> None:
        for version, additions in data.raw_metadata:
            for target in self._targets(version):
                metadata = self._metadata[target]
                for key, value in additions.items():
                    metadata[key] = f"{metadata[key]},{value}" if key in metadata else value

    def _join_channels(self, data: GraphData) -> None:
        joined: defaultdict[Version, set[str]] = defaultdict(set)
        for channel in data.channels:
            for version in channel.versions:
                for target in self._targets(version):
                    joined[target].add(channel.name)
        for version, metadata in self._metadata.items():
            names = joined[version].union(labels.items(metadata.get(labels.CHANNELS, "")))
            if names:
                metadata[labels.CHANNELS] = labels.channels_sorted(names)

    def named(self, key: str) -> Iterator[tuple[Version, Version]]:
        """Every release that has the label ``key``, with each version that the label names."""
        for version, metadata in self._metadata.items():
            value = metadata.get(key, "")
            if key == labels.PREVIOUS_REMOVE and value.strip() == labels.REMOVE_ALL:
                # The one label that may name everything.
                self._takes_all[key].add(version)
                continue
            for item in labels.items(value):
                try:
                    yield version, Version.parse(item).with_build(version.build)
                except DataError:
                    self._note_invalid(version, key, item)

    def _note_invalid(self, version: Version, key: str, item: str) -> None:
        seen = f"{key} of {version} has the item {item[:_SHOWN]!r}, which is not a version"
        if key in {labels.PREVIOUS_REMOVE, labels.NEXT_REMOVE}:
            # What cannot be read may name any of them, so the label takes all that it could.
            self._takes_all[key].add(version)
            seen += "; all updates that it could take away are withheld"
        self.findings.append(Finding(Severity.ERROR, LABEL_INVALID, seen))

    def removed_edges(self) -> Callable[[Version, Version], bool]:
        """A test whether labels take away the edge from one version to another."""
        pairs = {(source, target) for target, source in self.named(labels.PREVIOUS_REMOVE)}
        pairs.update(self.named(labels.NEXT_REMOVE))
        closed, sealed = self._takes_all[labels.PREVIOUS_REMOVE], self._takes_all[labels.NEXT_REMOVE]
        if not (pairs or closed or sealed):
            return lambda _source, _target: False
        return lambda source, target: target in closed or source in sealed or (source, target) in pairs

    def own_pattern(self, version: Version) -> Pattern | None:
        """The pattern that the release or raw metadata bring themselves; withholds all if it is broken."""
        text = self._metadata.get(version, {}).get(labels.PREVIOUS_REMOVE_REGEX)
        if text is None:
            return None
        try:
            return Pattern.compile(text)
        except DataError as error:
            seen = (
                f"{labels.PREVIOUS_REMOVE_REGEX} of {version}: {error.seen}; all updates into it are withheld"
            )
            self.findings.append(Finding(Severity.ERROR, error.problem, seen))
            return Pattern.compile(MATCH_ALL)

    def show_patterns(self, version: Version, regex: str) -> None:
        """Record the patterns in force where administrators look for them."""
        self._metadata[version][labels.PREVIOUS_REMOVE_REGEX] = regex

    def node(self, version: Version) -> Node:
        """The node of a release, or of a version that releases only name."""
        release = self._releases.get(version)
        return Node(version, release.payload, self._metadata[version]) if release else Node(version)


class _Numbering:
    """Versions by number in the order in which they are met, and the sources of the edges into each.

    Hundreds of thousands of edges name a few thousand versions. Numbers are quick to hash, and so are the
    texts by which neighbours are found.
    """

    def __init__(self) -> None:
        self.numbers: dict[Version, int] = {}
        self.parents: list[set[int]] = []
        self._by_arch: defaultdict[str, dict[str, int]] = defaultdict(dict)

    def number(self, version: Version) -> int:
        """The number of a version, which is new if it was not met before."""
        known = self.numbers.get(version)
        if known is None:
            known = self.numbers[version] = len(self.parents)
            self.parents.append(set())
        return known

    def add(self, release: Release) -> None:
        """Add a release with the edges that it names."""
        own = self.number(release.version)
        # Edges never cross architectures: neighbours take the architecture of the release that names them.
        neighbours = self._by_arch[release.arch]
        for name in (*release.previous, *release.next):
            if name.text not in neighbours:
                neighbours[name.text] = self.number(name.with_build(release.arch))
        self.parents[own].update([neighbours[name.text] for name in release.previous])
        for name in release.next:
            self.parents[neighbours[name.text]].add(own)

    def sorted(self) -> tuple[list[Version], list[set[int]]]:
        """Versions in ascending order, and the sources of the edges into each by their place in it."""
        versions = sorted(self.numbers, key=lambda version: version.key)
        old = [self.numbers[version] for version in versions]
        place = [0] * len(old)
        for position, number in enumerate(old):
            place[number] = position
        return versions, [{place[source] for source in self.parents[number]} for number in old]


def _join(releases: Iterable[Release], labelled: _Labelled) -> tuple[list[Version], list[set[int]]]:
    """All versions in ascending order, and the sources of the edges into each, by number."""
    numbering = _Numbering()
    for release in releases:
        numbering.add(release)
    numbers = numbering.numbers
    for target, source in _known(labelled, labels.PREVIOUS_ADD, numbers):
        numbering.parents[numbers[target]].add(numbers[source])
    for source, target in _known(labelled, labels.NEXT_ADD, numbers):
        numbering.parents[numbers[target]].add(numbers[source])
    return numbering.sorted()


def _known(
    labelled: _Labelled, key: str, known: Mapping[Version, object]
) -> Iterator[tuple[Version, Version]]:
    for version, named in labelled.named(key):
        if named in known:
            yield version, named
        else:
            seen = f"{key} of {version} names {named}, which no release provides"
            labelled.findings.append(Finding(Severity.WARNING, LABEL_UNKNOWN, seen))


def _cut_cycles(versions: Sequence[Version], parents: Sequence[set[int]], findings: list[Finding]) -> None:
    for source, target in backward_edges_in_cycles(parents):
        parents[target].discard(source)
        findings.append(finding_of(versions[source], versions[target]))


def _apply_rules(
    versions: Sequence[Version], parents: Sequence[set[int]], labelled: _Labelled, precedence: Precedence
) -> Edges:
    edges = Edges()
    matcher = Matcher(versions)
    removed = labelled.removed_edges()
    for target, version in enumerate(versions):
        verdict = labelled.rules.verdict(version, labelled.own_pattern(version), matcher, edges)
        if verdict:
            labelled.show_patterns(version, verdict.regex)
        for source in parents[target]:
            gone = removed(versions[source], version) or (verdict is not None and verdict.blocks(source))
            risks = verdict.risks(source) if verdict else None
            if risks is not None and (not gone or precedence is Precedence.CINCINNATI):
                edges.add_conditional(source, target, risks)
            elif not gone:
                edges.add(source, target)
    return edges
