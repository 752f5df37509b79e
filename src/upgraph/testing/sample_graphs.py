"""Small releases and graph data in few words, for tests that are about one rule."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from upgraph.errors import Finding
from upgraph.graph import (
    Block,
    Built,
    Channel,
    ConditionalBlock,
    Encoder,
    GraphData,
    MatchingRule,
    Pattern,
    Precedence,
    Release,
    Risk,
    Version,
    build,
    select,
)
from upgraph.testing.answers import Edge, PlainGraph, read_answer

PREFIX = "io.openshift.upgrades.graph."
ALWAYS = (MatchingRule("Always"),)


@dataclass
class GraphBench:
    """Builds graphs of releases whose architecture is amd64 where nothing else is said."""

    findings: tuple[Finding, ...] = ()
    releases: list[Release] = field(default_factory=list)

    def release(
        self,
        version: str,
        *previous: str,
        following: Sequence[str] = (),
        digest: str = "",
        labels: Mapping[str, str] | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> Release:
        """One release; ``labels`` are metadata without their common prefix."""
        full = Version.parse(version if "+" in version else f"{version}+amd64")
        digest = digest or f"sha256:{full}"
        prefixed = {PREFIX + key: value for key, value in (labels or {}).items()}
        release = Release(
            version=full,
            payload=f"registry.example/release@{digest}",
            digest=digest,
            metadata={**(metadata or {}), **prefixed},
            previous=tuple(map(Version.parse, previous)),
            next=tuple(map(Version.parse, following)),
        )
        self.releases.append(release)
        return release

    def chain(self, *versions: str) -> None:
        """Releases where each can be updated to every later one."""
        for position, version in enumerate(versions):
            self.release(version, *versions[:position])

    def built(
        self,
        data: GraphData | None = None,
        *,
        served: Mapping[str, str] | None = None,
        precedence: Precedence = Precedence.BLOCK_WINS,
    ) -> Built:
        """What ``build`` makes of the releases."""
        built = build(self.releases, data or graph_data(), served=served, precedence=precedence)
        self.findings = built.findings
        return built

    def graph(self, data: GraphData | None = None, *, served: Mapping[str, str] | None = None) -> PlainGraph:
        """What a client of the whole graph reads."""
        return read_answer(Encoder().for_builder_clients(self.built(data, served=served).graph))

    def edges(self, data: GraphData | None = None) -> list[Edge]:
        """Unconditional edges without the architecture, sorted."""
        return sorted(map(_bare, self.graph(data).edges))

    def risks(self, data: GraphData) -> dict[Edge, list[str]]:
        """Names of the risks of each conditional edge, without the architecture."""
        conditional = self.graph(data).conditional
        return {_bare(edge): [risk["name"] for risk in risks] for edge, risks in conditional.items()}

    def label(self, key: str, version: str, data: GraphData | None = None) -> str | None:
        """A label in the final graph."""
        return self.graph(data).nodes[version]["metadata"].get(PREFIX + key)

    def answer(self, channel: str, arch: str, data: GraphData) -> PlainGraph:
        """What a client of one channel and architecture reads."""
        return read_answer(Encoder().for_clients(select(self.built(data).graph, channel, arch)))

    def references(self) -> list[str]:
        """The references of what the last build found."""
        return [finding.reference for finding in self.findings]


def _bare(edge: Edge) -> Edge:
    source, target = (end.removesuffix("+amd64") for end in edge)
    return source, target


def graph_data(
    *rules: Block | ConditionalBlock,
    channels: Mapping[str, Sequence[str]] | None = None,
    raw: Mapping[str, Mapping[str, str]] | None = None,
) -> GraphData:
    """Graph data with these rules, in this order."""
    return GraphData(
        schema=Version.parse("1.1.0"),
        channels=tuple(
            Channel(name, tuple(map(Version.parse, listed))) for name, listed in (channels or {}).items()
        ),
        blocks=tuple(rule for rule in rules if isinstance(rule, Block)),
        conditional_blocks=tuple(rule for rule in rules if isinstance(rule, ConditionalBlock)),
        raw_metadata=tuple((Version.parse(version), values) for version, values in (raw or {}).items()),
    )


def block(to: str, source: str) -> Block:
    """An unconditional rule."""
    return Block(Version.parse(to), Pattern.compile(source), "blocked-edges/block.yaml")


def risk(to: str, source: str, name: str) -> ConditionalBlock:
    """A conditional rule whose risk has this name and applies always."""
    known = Risk("https://example.com", name, "It may fail.", ALWAYS)
    return ConditionalBlock(Version.parse(to), Pattern.compile(source), known, f"blocked-edges/{name}.yaml")
