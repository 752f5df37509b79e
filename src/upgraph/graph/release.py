"""Releases and what graph data says about them, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from upgraph.graph.pattern import Pattern
from upgraph.graph.version import Version


class Provenance(StrEnum):
    """How far the content of a release is known to be what its digest names."""

    UNVERIFIED = "unverified"
    """The metadata was read from the beginning of a layer; only the manifest was checked."""
    VERIFIED = "verified"
    """The whole layer was hashed and is the one that the manifest names."""


@dataclass(frozen=True, slots=True)
class Release:
    """One release image for one architecture (or ``multi``)."""

    version: Version
    """The version; its build part is the architecture."""
    payload: str
    """Pull spec by digest: what clusters are told to pull."""
    digest: str
    """Digest of the image's manifest or index, ``sha256:...``."""
    metadata: Mapping[str, str]
    """String metadata of the release document, for example ``url``."""
    previous: tuple[Version, ...] = ()
    """Versions that can be updated to this one."""
    next: tuple[Version, ...] = ()
    """Versions that this one can be updated to."""
    provenance: Provenance = Provenance.UNVERIFIED
    source: str = field(default="", compare=False)
    """Name of the source that it was read from, for messages; empty if there is only one."""

    @property
    def arch(self) -> str:
        """The architecture, as clusters name it in their requests."""
        return self.version.build


@dataclass(frozen=True, slots=True, order=True)
class MatchingRule:
    """One rule that decides whether a risk applies to a cluster; evaluated by the cluster."""

    type: str
    """``Always`` or ``PromQL``; other types pass through, clusters skip what they do not know."""
    promql: str = ""
    """The query of a ``PromQL`` rule, which yields 1 where the risk applies."""


@dataclass(frozen=True, slots=True, order=True)
class Risk:
    """A known issue of an update."""

    url: str
    name: str
    """CamelCase: it becomes the reason of a condition in the cluster."""
    message: str
    matching_rules: tuple[MatchingRule, ...] = ()


@dataclass(frozen=True, slots=True)
class Block:
    """An unconditional rule: updates into ``to`` from versions that match are not offered."""

    to: Version
    source: Pattern
    file: str


@dataclass(frozen=True, slots=True)
class ConditionalBlock:
    """A conditional rule: updates into ``to`` from versions that match carry a risk."""

    to: Version
    source: Pattern
    risk: Risk
    file: str


@dataclass(frozen=True, slots=True)
class Channel:
    """A named list of versions. A version without a build part counts for every architecture."""

    name: str
    versions: tuple[Version, ...]


@dataclass(frozen=True, slots=True)
class GraphData:
    """One valid set of graph data.

    Rules keep the order of their files, which decides the order of risks in answers.
    """

    schema: Version
    """Content of the ``version`` file."""
    channels: tuple[Channel, ...] = ()
    blocks: tuple[Block, ...] = ()
    conditional_blocks: tuple[ConditionalBlock, ...] = ()
    raw_metadata: tuple[tuple[Version, Mapping[str, str]], ...] = ()
    """Additions to the metadata of releases, from ``raw/metadata.json``, in the order of versions."""
