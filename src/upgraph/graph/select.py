"""What one client sees of the graph: the second of the two functions everything rests on."""

from upgraph.graph.model import UpdateGraph


def select(graph: UpdateGraph, channel: str, arch: str) -> UpdateGraph:
    """The part of ``graph`` that a cluster of this channel and architecture gets.

    Abstract versions, other channels and other architectures are left out with all their edges. The
    architecture disappears from versions and metadata. Unknown channels and architectures give an
    empty graph. Source: Cincinnati's channel-filter and arch-filter plugins; architectures are
    compared whole here, where those search for them as text.
    """
    kept = graph.members(channel, arch)
    position = {index: place for place, index in enumerate(kept)}
    return UpdateGraph(
        nodes=tuple([graph.nodes[index].for_arch(arch) for index in kept]),
        children=tuple(
            [tuple([position[to] for to in graph.children[index] if to in position]) for index in kept]
        ),
        risky=tuple(
            [
                tuple([(position[to], risks) for to, risks in graph.risky[index] if to in position])
                for index in kept
            ]
        ),
        risk_sets=graph.risk_sets,
    )
