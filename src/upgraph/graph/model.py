"""The update graph as an immutable value."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product

from upgraph.graph import labels
from upgraph.graph.release import Risk
from upgraph.graph.version import Version


@dataclass(frozen=True)
class Node:
    """A release in the graph, or an abstract version that releases only name."""

    version: Version
    payload: str | None = None
    """Pull spec by digest; none for an abstract version, which clients never get."""
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_abstract(self) -> bool:
        """Whether no release image stands behind this version."""
        return self.payload is None

    @cached_property
    def channels(self) -> frozenset[str]:
        """The channels the release belongs to."""
        return frozenset(labels.items(self.metadata.get(labels.CHANNELS, "")))

    @cached_property
    def arches(self) -> frozenset[str]:
        """The architectures the release is for; one, unless the metadata say otherwise."""
        return frozenset(labels.items(self.metadata.get(labels.ARCH, "")))

    def for_arch(self, arch: str) -> "Node":
        """The node as clients of ``arch`` see it: nothing in it tells the architecture.

        The same object is given each time, so that what is made from it can be kept beside it.
        """
        known = self._views.get(arch)
        if known is None:
            version = self.version.with_build("") if self.version.build == arch else self.version
            metadata = {key: value for key, value in self.metadata.items() if key != labels.ARCH}
            known = self._views[arch] = Node(version, self.payload, metadata)
        return known

    @cached_property
    def _views(self) -> "dict[str, Node]":
        return {}


@dataclass(frozen=True)
class UpdateGraph:
    """Releases and the updates between them.

    Edges are kept by source: ``children[i]`` lists the targets of node ``i`` in ascending order, and
    ``risky[i]`` lists pairs of target and index into ``risk_sets``. An edge stands in one of the two.
    """

    nodes: tuple[Node, ...] = ()
    """Sorted by version."""
    children: tuple[tuple[int, ...], ...] = ()
    risky: tuple[tuple[tuple[int, int], ...], ...] = ()
    risk_sets: tuple[tuple[Risk, ...], ...] = ()
    """Every distinct list of risks that some edge carries."""

    @staticmethod
    def of(nodes: Sequence[Node], edges: "Edges") -> "UpdateGraph":
        """A graph in its canonical form; ``nodes`` are sorted by version."""
        risk_sets = sorted(edges.risk_lists)
        place = {edges.risk_lists[risks]: position for position, risks in enumerate(risk_sets)}
        return UpdateGraph(
            nodes=tuple(nodes),
            children=tuple([tuple(sorted(edges.children.get(source, ()))) for source in range(len(nodes))]),
            risky=tuple(
                [
                    tuple(sorted([(target, place[risks]) for target, risks in edges.risky.get(source, ())]))
                    for source in range(len(nodes))
                ]
            ),
            risk_sets=tuple(risk_sets),
        )

    def edges(self) -> Iterator[tuple[int, int]]:
        """Unconditional edges as pairs of node indices, in ascending order."""
        return ((source, target) for source, targets in enumerate(self.children) for target in targets)

    def conditional_edges(self) -> Iterator[tuple[int, int, tuple[Risk, ...]]]:
        """Conditional edges with all their risks, in ascending order."""
        return (
            (source, target, self.risk_sets[risks])
            for source, targets in enumerate(self.risky)
            for target, risks in targets
        )

    def members(self, channel: str, arch: str) -> Sequence[int]:
        """Indices of the releases of one channel and architecture, ascending."""
        return self._members.get((channel, arch), ())

    @cached_property
    def _members(self) -> dict[tuple[str, str], list[int]]:
        members: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        for index, node in enumerate(self.nodes):
            if not node.is_abstract:
                for key in product(node.channels, node.arches):
                    members[key].append(index)
        return dict(members)

    @cached_property
    def channels(self) -> tuple[str, ...]:
        """Every channel that some release belongs to, sorted."""
        return tuple(sorted(set().union(*(node.channels for node in self.nodes))))

    @cached_property
    def arches(self) -> tuple[str, ...]:
        """Every architecture that some release is for, sorted."""
        return tuple(sorted(set().union(*(node.arches for node in self.nodes))))


class Edges:
    """Edges while they are collected, by numbers of nodes. Each edge is added once."""

    def __init__(self) -> None:
        self.children: defaultdict[int, list[int]] = defaultdict(list)
        self.risky: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        self.risk_lists: dict[tuple[Risk, ...], int] = {}
        """Every list of risks that was met, and the number under which edges refer to it."""

    def add(self, source: int, target: int) -> None:
        """Add an unconditional edge."""
        self.children[source].append(target)

    def number_of(self, risks: tuple[Risk, ...]) -> int:
        """The number of a list of risks. Comparing lists of risks is dear, so it is asked once a list."""
        return self.risk_lists.setdefault(risks, len(self.risk_lists))

    def add_conditional(self, source: int, target: int, risks: int) -> None:
        """Add an edge that carries the list of risks with this number."""
        self.risky[source].append((target, risks))
