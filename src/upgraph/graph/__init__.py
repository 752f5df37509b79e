"""The domain: versions, releases, graph data as values, and the two pure functions on them.

``build(releases, graph_data)`` makes the update graph, ``select(graph, channel, arch)`` what one client
sees of it. Values go in and values come out; nothing here reads a file, a clock or a network, so a line of
code that does lives elsewhere.
"""

from upgraph.graph.build import Built, Precedence, build
from upgraph.graph.model import Node, UpdateGraph
from upgraph.graph.pattern import Pattern
from upgraph.graph.release import (
    Block,
    Channel,
    ConditionalBlock,
    GraphData,
    MatchingRule,
    Provenance,
    Release,
    Risk,
)
from upgraph.graph.select import select
from upgraph.graph.version import Version
from upgraph.graph.wire import Encoder, decode

__all__ = [
    "Block",
    "Built",
    "Channel",
    "ConditionalBlock",
    "Encoder",
    "GraphData",
    "MatchingRule",
    "Node",
    "Pattern",
    "Precedence",
    "Provenance",
    "Release",
    "Risk",
    "UpdateGraph",
    "Version",
    "build",
    "decode",
    "select",
]
