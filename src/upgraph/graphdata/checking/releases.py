"""Checks that need releases: whether what the data names exists, and whether clusters find their way.

Source of the first two: ``check_releases`` and ``check_errata_link`` of ``graph-data.rs`` in the public graph data.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from upgraph.errors import Finding, Severity
from upgraph.errors.problems.checking import DEAD_END, RELEASE_ERRATA, RELEASE_MISSING
from upgraph.graph import Block, Release, UpdateGraph, Version
from upgraph.graphdata.checking.subject import Subject, shown

_ERRATA_SITE = "https://access.redhat.com/errata/"
_ERRATA = re.compile(r"https://access\.redhat\.com/errata/RH[BSE]A-[0-9]{4}:[0-9]{3,}/?")
_KNOWN_WITHOUT = frozenset({"0.0.0", "4.6.5", "4.6.6", "4.7.35", "4.8.9", "4.9.2"})
"""Releases that the public data excuses."""


def check_existence(subject: Subject) -> Iterator[Finding]:
    """Versions of channels and of blocks of which there is no release."""
    known = {release.version.text for release in subject.releases or ()}
    known |= {release.version.base for release in subject.releases or ()}
    for channel in subject.data.channels:
        missing = [version for version in channel.versions if version.text not in known]
        if missing:
            seen = f"{len(missing)} of {len(channel.versions)} versions have no release: {shown(missing)}"
            yield subject.about_channel(channel.name, RELEASE_MISSING, seen)
    for rule in subject.readable():
        if isinstance(rule, Block) and rule.to.text not in known:
            yield subject.at(rule, "to", RELEASE_MISSING, f"there is no release {rule.to}")


def check_errata(subject: Subject) -> Iterator[Finding]:
    """General releases without errata, where the others have them: in a platform with errata elsewhere nothing is asked."""
    releases = subject.releases or ()
    if not any(_url(release).startswith(_ERRATA_SITE) for release in releases):
        return
    named = {version.base for version in subject.named} - _KNOWN_WITHOUT
    for release in sorted(releases, key=lambda release: release.version):
        is_general = release.version.base in named and not release.version.pre
        if is_general and not _ERRATA.fullmatch(_url(release)):
            seen = f"url of {release.version} is {_url(release)[:80]!r}"
            yield Finding(Severity.WARNING, RELEASE_ERRATA, seen)


def _url(release: Release) -> str:
    return release.metadata.get("url", "")


def check_ways_out(subject: Subject) -> Iterator[Finding]:
    """Releases that clusters of a channel can update to, and then not away from, although it has later versions."""
    graph = subject.built.graph
    for channel in graph.channels:
        stuck: defaultdict[Version, list[str]] = defaultdict(list)
        for arch in graph.arches:
            for index in _dead_ends(graph, graph.members(channel, arch)):
                stuck[graph.nodes[index].version.with_build("")].append(arch)
        for version in sorted(stuck):
            seen = f"clusters of {channel} ({', '.join(stuck[version])}) that update to {version} find no way out of it"
            yield subject.about_channel(channel, DEAD_END, seen)


def _dead_ends(graph: UpdateGraph, members: Sequence[int]) -> Iterator[int]:
    """Members that edges of the channel lead to and none away from; the last member leads nowhere by nature."""
    inside = frozenset(members)
    reached, left = set(), set()
    for source in members:
        targets = (*graph.children[source], *(target for target, _ in graph.risky[source]))
        kept = [target for target in targets if target in inside]
        if kept:
            left.add(source)
            reached.update(kept)
    last = {index for index in members if _is_last(graph, index, members)}
    return (index for index in members if index in reached and index not in left and index not in last)


def _is_last(graph: UpdateGraph, index: int, members: Sequence[int]) -> bool:
    # Members are sorted by version.
    return graph.nodes[index].version.precedence == graph.nodes[members[-1]].version.precedence
