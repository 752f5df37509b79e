"""Which releases the generated registry has: every version that real channels name, with real updates.

Channels give the versions and ``build-suggestions`` the updates into each, by the rule with which the
releases were once made: from its own minor stream between ``z_min`` and ``z_max``, from the stream
before between ``minor_min`` and ``minor_max``, without those on the block lists.
"""

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import yaml

from upgraph.graph import GraphData, Release, Version
from upgraph.graphdata import load
from upgraph.graphdata.directory import DirectorySource

FIRST_MINOR: Mapping[str, tuple[int, int]] = {
    "amd64": (4, 1),
    "arm64": (4, 9),
    "s390x": (4, 12),
    "ppc64le": (4, 12),
    "multi": (4, 17),
}
"""First minor stream by architecture: with these, the whole repository has about 4,100 releases."""
QUICK_MINORS = frozenset({(4, 17), (4, 18)})
"""The minor streams of a quick run."""


@dataclass(frozen=True, slots=True)
class PlannedRelease:
    """A release that the registry is to have."""

    version: Version
    """Without a build part."""
    arch: str
    previous: tuple[str, ...]

    @property
    def url(self) -> str:
        """The address of an erratum that does not exist."""
        number = int.from_bytes(hashlib.sha256(self.version.text.encode()).digest()[:2])
        return f"https://access.redhat.com/errata/RHBA-2026:{number}"


class _Suggestion(msgspec.Struct):
    """Updates into the releases of one minor stream; its versions need not exist."""

    minor_min: str
    minor_max: str
    z_min: str
    z_max: str
    minor_block_list: list[str] = []
    z_block_list: list[str] = []


class _SuggestionFile(msgspec.Struct):
    default: _Suggestion


class BrokenMeasurementError(Exception):
    """A measurement could not be made, or what it gave cannot be right."""


def load_graph_data(directory: Path) -> GraphData:
    """The graph data in ``directory``.

    Raises:
        BrokenMeasurementError: it is refused.
    """
    loaded = load(DirectorySource(directory).read())
    if loaded.data is None:
        raise BrokenMeasurementError(f"{directory} is no usable graph data: {loaded.findings[0].seen}")
    return loaded.data


def plan(directory: Path, *, minors: frozenset[tuple[int, int]] | None = None) -> tuple[PlannedRelease, ...]:
    """Every release for every architecture, sorted.

    Args:
        directory: graph data with ``build-suggestions/``.
        minors: the minor streams to keep; None: all.
    """
    channels = load_graph_data(directory).channels
    named = {version.with_build("") for channel in channels for version in channel.versions}
    versions = sorted(version for version in named if minors is None or version.minor in minors)
    suggestions = dict(_suggestions(directory / "build-suggestions"))
    found = {version: _previous(version, versions, suggestions) for version in versions}
    return tuple(
        PlannedRelease(version, arch, found[version])
        for arch, first in FIRST_MINOR.items()
        for version in versions
        if version.minor >= first
    )


def releases_of(planned: Iterable[PlannedRelease]) -> list[Release]:
    """The releases as a scrape would give them, with digests that no image has."""
    return [_release(release) for release in planned]


def _release(planned: PlannedRelease) -> Release:
    name = planned.version.with_build(planned.arch)
    digest = f"sha256:{hashlib.sha256(name.text.encode()).hexdigest()}"
    return Release(
        version=name,
        payload=f"registry.example/ocp/release@{digest}",
        digest=digest,
        metadata={"url": planned.url},
        previous=tuple(map(Version.parse, planned.previous)),
    )


def _suggestions(directory: Path) -> Iterable[tuple[tuple[int, int], _Suggestion]]:
    for path in sorted(directory.glob("*.yaml")):
        major, _, minor = path.stem.partition(".")
        with path.open("rb") as file:
            document = yaml.load(file, Loader=yaml.CBaseLoader)
        yield (int(major), int(minor)), msgspec.convert(document, _SuggestionFile).default


def _previous(
    version: Version, versions: list[Version], suggestions: Mapping[tuple[int, int], _Suggestion]
) -> tuple[str, ...]:
    suggestion = suggestions.get(version.minor)
    before = versions[: bisect_left(versions, version)]
    if suggestion is None:
        return tuple(other.text for other in before if other.minor == version.minor)
    earlier = _between(before, suggestion.minor_min, suggestion.minor_max)
    own = _between(before, suggestion.z_min, suggestion.z_max)
    blocked = {*suggestion.z_block_list, *suggestion.minor_block_list}
    return tuple(other.text for other in (*earlier, *own) if other.text not in blocked)


def _between(versions: list[Version], low: str, high: str) -> list[Version]:
    """Those of sorted ``versions`` that lie between two others, which count."""
    return versions[bisect_left(versions, Version.parse(low)) : bisect_right(versions, Version.parse(high))]
