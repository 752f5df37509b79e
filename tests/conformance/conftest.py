"""Graph data on disk, read once by the product and once by a reader that is too simple to be wrong."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
import yaml

from upgraph.graph import GraphData, Version
from upgraph.graphdata.load import load
from upgraph.testing.plain import (
    PlainBlock,
    PlainChannel,
    PlainConditional,
    PlainGraphData,
    PlainRelease,
    PlainRule,
)

ReadPlain = Callable[[Path], PlainGraphData]
ReadOurs = Callable[[Path], GraphData]


def _documents(folder: Path) -> list[dict[str, object]]:
    """Every YAML file in the order of names; all scalars stay text."""
    return [yaml.load(path.read_text(), yaml.CBaseLoader) for path in sorted(folder.glob("*.yaml"))]


def _rule(plain: dict[str, object]) -> PlainRule:
    query = plain.get("promql")
    if isinstance(query, dict) and query.get("promql"):
        return {"type": str(plain["type"]), "promql": {"promql": query["promql"]}}
    return {"type": str(plain["type"])}


def _conditional(file: dict[str, object]) -> PlainConditional:
    assert isinstance(file["matchingRules"], list)
    return {
        "to": str(file["to"]),
        "from": str(file["from"]),
        "risk": {
            "url": str(file["url"]),
            "name": str(file["name"]),
            "message": str(file["message"]),
            "matchingRules": [_rule(rule) for rule in file["matchingRules"]],
        },
    }


@pytest.fixture(scope="session")
def read_plain() -> ReadPlain:
    """Graph data as the model takes it."""

    def read(folder: Path) -> PlainGraphData:
        rules = _documents(folder / "blocked-edges")
        channels = _documents(folder / "channels")
        return PlainGraphData(
            channels=[PlainChannel(name=str(c["name"]), versions=list(c["versions"])) for c in channels],  # type: ignore[call-overload]  # a list of texts in every channel file
            blocks=[
                PlainBlock({"to": str(r["to"]), "from": str(r["from"])}) for r in rules if "url" not in r
            ],
            conditional=[_conditional(rule) for rule in rules if "url" in rule],
            raw=json.loads((folder / "raw" / "metadata.json").read_text()),
        )

    return read


@pytest.fixture(scope="session")
def read_ours() -> ReadOurs:
    """Graph data as the product loads it."""

    @cache
    def read(folder: Path) -> GraphData:
        paths = (path for path in folder.rglob("*") if path.is_file())
        loaded = load({path.relative_to(folder).as_posix(): path.read_bytes() for path in paths})
        assert loaded.data is not None, loaded.findings
        return loaded.data

    return read


@dataclass(frozen=True)
class Suggestion:
    """What a file of build-suggestions/ says: from which versions a release of this minor can be reached."""

    z_range: tuple[Version, Version]
    minor_range: tuple[Version, Version]
    left_out: frozenset[str]

    def offers(self, source: Version, target: Version) -> bool:
        ranges = (self.z_range, self.minor_range)
        return (
            self.minor_range[0].minor <= source.minor <= target.minor
            and any(first <= source <= last for first, last in ranges)
            and source < target
            and source.text not in self.left_out
        )


@cache
def _suggestion(path: Path) -> Suggestion:
    content = yaml.load(path.read_text(), yaml.CBaseLoader)["default"]

    def bounds(name: str) -> tuple[Version, Version]:
        return Version.parse(content[f"{name}_min"]), Version.parse(content[f"{name}_max"])

    left_out = [*content.get("z_block_list", []), *content.get("minor_block_list", [])]
    return Suggestion(bounds("z"), bounds("minor"), frozenset(left_out))


def _previous(target: Version, known: Iterable[Version], folder: Path) -> list[str]:
    path = folder / f"{target.minor[0]}.{target.minor[1]}.yaml"
    if not path.exists():
        return [source.text for source in known if source.minor == target.minor and source < target]
    suggestion = _suggestion(path)
    return [source.text for source in known if suggestion.offers(source, target)]


def _release(target: Version, arch: str, previous: list[str]) -> PlainRelease:
    digest = f"sha256:{target}+{arch}"
    return PlainRelease(
        version=f"{target}+{arch}",
        payload=f"registry.example/release@{digest}",
        digest=digest,
        metadata={"url": f"https://example.com/errata/{target}"},
        previous=previous,
        next=[],
    )


Generate = Callable[[Path, tuple[str, ...]], list[PlainRelease]]


@pytest.fixture(scope="session")
def generate(read_ours: ReadOurs) -> Generate:
    """A release image for every version that the channels of graph data name, and every architecture."""

    def generate(folder: Path, arches: tuple[str, ...]) -> list[PlainRelease]:
        named = {version.base for channel in read_ours(folder).channels for version in channel.versions}
        known = sorted(map(Version.parse, named))
        previous = {version: _previous(version, known, folder / "build-suggestions") for version in known}
        return [_release(version, arch, previous[version]) for arch in arches for version in known]

    return generate
