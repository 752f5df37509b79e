"""Edges that must go so that the graph leads forward."""

from collections.abc import Collection, Iterator, Sequence

from upgraph.errors import Finding, Severity
from upgraph.errors.problems.graph import RELEASE_CYCLE
from upgraph.graph.version import Version

Parents = Sequence[Collection[int]]
"""The sources of the edges into each node; nodes are numbered in ascending order of version."""


def backward_edges_in_cycles(parents: Parents) -> list[tuple[int, int]]:
    """Edges, as source and target, that lead to the same or a lower version and lie on a cycle.

    Every cycle has at least one such edge, so without them none is left. Edges to a lower version that
    lie on no cycle stay. The result does not depend on any order.
    """
    backward = sorted(
        (source, target) for target, sources in enumerate(parents) for source in sources if source >= target
    )
    if not backward:
        return []
    component = _Components(parents).component
    return [(source, target) for source, target in backward if component[source] == component[target]]


def finding_of(source: Version, target: Version) -> Finding:
    """What is told of an edge that was left out for the sake of a cycle."""
    seen = f"the edge from {source} to {target} closes a circle and is left out"
    return Finding(Severity.ERROR, RELEASE_CYCLE, seen)


class _Components:
    """The strongly connected component of each node, by Tarjan's algorithm without recursion."""

    def __init__(self, parents: Parents) -> None:
        self._parents = parents
        self._order: dict[int, int] = {}
        self._low: dict[int, int] = {}
        self._open: list[int] = []
        self._trail: list[tuple[int, Iterator[int]]] = []
        self.component: dict[int, int] = {}
        for root in range(len(parents)):
            if root not in self._order:
                self._enter(root)
                while self._trail:
                    self._advance()

    def _enter(self, node: int) -> None:
        self._order[node] = self._low[node] = len(self._order)
        self._open.append(node)
        self._trail.append((node, iter(self._parents[node])))

    def _advance(self) -> None:
        node, sources = self._trail[-1]
        following = next(sources, None)
        if following is None:
            self._leave(node)
        elif following not in self._order:
            self._enter(following)
        elif following not in self.component:
            self._low[node] = min(self._low[node], self._order[following])

    def _leave(self, node: int) -> None:
        self._trail.pop()
        if self._trail:
            before = self._trail[-1][0]
            self._low[before] = min(self._low[before], self._low[node])
        if self._low[node] == self._order[node]:
            number = len(self.component)
            while node not in self.component:
                self.component[self._open.pop()] = number
