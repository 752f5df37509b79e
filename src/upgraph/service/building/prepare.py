"""Every answer a graph can give, prepared as bytes: identity, gzip and zstd.

All answers of a graph share nodes and risks, which are encoded once. Bytes depend on the graph alone:
no time stamps, fixed levels, so replicas agree on every ETag.
"""

import gzip
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

import msgspec
import zstandard

from upgraph.errors import DataError, Finding
from upgraph.errors.problems.service import SNAPSHOT_TOO_LARGE
from upgraph.graph import Encoder, UpdateGraph, select
from upgraph.graph.promotion import Promotion
from upgraph.service.snapshot import Coding, Facts, SnapshotWriter, as_facts

_GZIP_LEVEL = 5
"""The knee of the curve: level 6 takes half as long again for one percent."""
_ZSTD_LEVEL = 3
MAX_SNAPSHOT_BYTES = 1024 * 1024 * 1024
"""Bytes of all prepared answers together; those of the public graph data have about sixty million."""


def coded(document: bytes) -> dict[Coding, bytes]:
    """A document in every coding in which it is served."""
    return {
        Coding.IDENTITY: document,
        Coding.GZIP: gzip.compress(document, _GZIP_LEVEL, mtime=0),
        Coding.ZSTD: zstandard.ZstdCompressor(level=_ZSTD_LEVEL, write_checksum=True).compress(document),
    }


@dataclass(frozen=True, slots=True)
class Origin:
    """What a graph was built from."""

    releases: int
    """Releases that were read."""
    releases_digest: str
    graph_data_digest: str
    graph_data: bytes | None
    """The graph data as an archive; none where the graph came from an upstream server."""
    refreshed_at: float
    """Unix time in seconds at which the inputs were last known to be current."""
    signatures: Mapping[str, bytes] = field(default_factory=dict)
    """Signatures that came with the releases, by name."""
    trust: str = ""
    """See :attr:`Facts.trust`."""
    promotion: Promotion | None = None
    """Which versions are promoted; none where all are."""
    withheld: Mapping[str, int] = field(default_factory=dict)
    """Updates that were taken away because of it, by architecture."""


def write_snapshot(graph: UpdateGraph, origin: Origin, findings: Iterable[Finding], into: BinaryIO) -> Facts:
    """Prepare every answer of ``graph`` and write them as a snapshot; gives the facts that it records.

    Raises:
        DataError: the answers are too many or too large.
    """
    encoder = Encoder()
    writer = SnapshotWriter(into)
    writer.add_empty(coded(encoder.for_clients(UpdateGraph())))
    channels: dict[str, dict[str, int]] = {channel: {} for channel in graph.channels}
    for channel, counts in channels.items():
        for arch in graph.arches:
            seen = select(graph, channel, arch)
            if seen.nodes:
                writer.add_answer(channel, arch, coded(encoder.for_clients(seen)))
                counts[arch] = len(seen.nodes)
            _check_size(into.tell())
    digest = writer.add_builder_graph(coded(encoder.for_builder_clients(graph)))
    if origin.graph_data is not None:
        writer.add_graph_data(origin.graph_data)
    if origin.promotion is not None:
        writer.add_promotion(origin.promotion.document)
    for name, content in sorted(origin.signatures.items()):
        writer.add_signature(name, content)
    _check_size(into.tell())
    facts = msgspec.structs.replace(_facts(graph, origin, digest, findings), channels=channels)
    writer.finish(facts)
    return facts


def _check_size(size: int) -> None:
    if size > MAX_SNAPSHOT_BYTES:
        raise DataError(SNAPSHOT_TOO_LARGE, f"the answers have more than {MAX_SNAPSHOT_BYTES} bytes together")


def _facts(graph: UpdateGraph, origin: Origin, digest: str, findings: Iterable[Finding]) -> Facts:
    arch_of = [node.version.build or "none" for node in graph.nodes]
    return Facts(
        digest=digest,
        releases_digest=origin.releases_digest,
        graph_data_digest=origin.graph_data_digest,
        releases=origin.releases,
        nodes=len(graph.nodes),
        nodes_by_arch=_counts(arch_of),
        edges_by_arch=_counts(arch_of[source] for source, _ in graph.edges()),
        conditional_edges_by_arch=_counts(
            arch_of[source] for source, targets in enumerate(graph.risky) for _ in targets
        ),
        findings=as_facts(findings),
        refreshed_at=origin.refreshed_at,
        trust=origin.trust,
        promoted=origin.promotion.digest if origin.promotion else "",
        withheld_by_arch={arch or "none": count for arch, count in origin.withheld.items()},
    )


def _counts(arches: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(arches).items()))
