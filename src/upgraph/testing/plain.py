"""Releases and graph data as plain JSON values, and what they are as values of the product.

The model of Cincinnati and the product are given the same plain values, so that neither can lean on how
the other one reads them.
"""

from collections.abc import Sequence
from typing import NotRequired, TypedDict

from upgraph.graph import (
    Block,
    Channel,
    ConditionalBlock,
    GraphData,
    MatchingRule,
    Pattern,
    Release,
    Risk,
    Version,
)

SCHEMA = "1.1.0"
"""The schema version that all plain graph data have."""


class PlainRelease(TypedDict):
    """One release image; ``version`` has the architecture as its build part."""

    version: str
    payload: str
    digest: str
    metadata: dict[str, str]
    previous: list[str]
    next: list[str]


class PlainPromql(TypedDict):
    """The query of a rule."""

    promql: str


class PlainRule(TypedDict):
    """One matching rule of a risk."""

    type: str
    promql: NotRequired[PlainPromql]


class PlainRisk(TypedDict):
    """A risk, as it stands in an answer."""

    url: str
    name: str
    message: str
    matchingRules: list[PlainRule]


PlainBlock = TypedDict("PlainBlock", {"to": str, "from": str})
PlainConditional = TypedDict("PlainConditional", {"to": str, "from": str, "risk": PlainRisk})


class PlainChannel(TypedDict):
    """The content of a channel file."""

    name: str
    versions: list[str]


class PlainGraphData(TypedDict):
    """The content of a graph-data repository; rules stand in the order of their files."""

    channels: list[PlainChannel]
    blocks: list[PlainBlock]
    conditional: list[PlainConditional]
    raw: dict[str, dict[str, str]]


def release_of(plain: PlainRelease) -> Release:
    """The release as a value of the product."""
    return Release(
        version=Version.parse(plain["version"]),
        payload=plain["payload"],
        digest=plain["digest"],
        metadata=plain["metadata"],
        previous=_versions(plain["previous"]),
        next=_versions(plain["next"]),
    )


def graph_data_of(plain: PlainGraphData) -> GraphData:
    """The graph data as a value of the product."""
    return GraphData(
        schema=Version.parse(SCHEMA),
        channels=tuple(
            Channel(channel["name"], _versions(channel["versions"])) for channel in plain["channels"]
        ),
        blocks=tuple(_block(*entry) for entry in enumerate(plain["blocks"])),
        conditional_blocks=tuple(_conditional(*entry) for entry in enumerate(plain["conditional"])),
        raw_metadata=tuple((Version.parse(version), values) for version, values in plain["raw"].items()),
    )


def _versions(texts: Sequence[str]) -> tuple[Version, ...]:
    return tuple(map(Version.parse, texts))


def _file(number: int) -> str:
    return f"blocked-edges/{number:04}.yaml"


def _block(number: int, plain: PlainBlock) -> Block:
    return Block(Version.parse(plain["to"]), Pattern.compile(plain["from"]), _file(number))


def _conditional(number: int, plain: PlainConditional) -> ConditionalBlock:
    target, source = Version.parse(plain["to"]), Pattern.compile(plain["from"])
    return ConditionalBlock(target, source, _risk(plain["risk"]), _file(number))


def _risk(plain: PlainRisk) -> Risk:
    rules = tuple(
        MatchingRule(rule["type"], rule["promql"]["promql"] if "promql" in rule else "")
        for rule in plain["matchingRules"]
    )
    return Risk(plain["url"], plain["name"], plain["message"], rules)
