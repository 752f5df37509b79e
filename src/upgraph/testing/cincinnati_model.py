"""A model of Cincinnati that is simple enough to be believed: the oracle for ``build`` and ``select``.

Written from the description of Cincinnati's plugins alone: plain dictionaries, sets of pairs of texts,
Python's ``re``, every step a loop over everything. It shares no code with the graph room. It is slow.

With :data:`CINCINNATI` it does what Cincinnati does, with the files in sorted order. Each deliberate
difference of the product is one switch, so a test says exactly which differences it grants.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from upgraph.testing.answers import ARCH_KEY, CHANNELS_KEY, Edge, PlainGraph, PlainNode
from upgraph.testing.plain import PlainBlock, PlainConditional, PlainGraphData, PlainRelease, PlainRisk

PREFIX = "io.openshift.upgrades.graph."
_MANIFESTREF = PREFIX + "release.manifestref"
_REGEX = PREFIX + "previous.remove_regex"
_SHARD = "release.openshift.io/architecture"
_SEMVER = re.compile(r"\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")


class ModelRefusesError(Exception):
    """Cincinnati would fail the whole run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Switches:
    """The deliberate differences. Each is off in Cincinnati and on in the product."""

    block_wins: bool = False
    """An edge that is taken away for every cluster is not offered with risks either."""
    rules_merged: bool = False
    """All unconditional rules and the release's own pattern hold; there the last file holds alone."""
    risks_once: bool = False
    """A risk that two files repeat stands once on an edge."""
    explicit_builds: bool = False
    """An architecture that a rule or raw metadata name restricts them to it."""
    channels_once: bool = False
    """A release that joins a channel twice lists it once; a channel without a hyphen is no fault."""
    releases_only: bool = False
    """An edge into a version without a release image carries no risks."""
    faults_isolated: bool = False
    """A cycle loses its backward edges, rivals for a version are left out, bad labels are skipped."""
    arch_whole: bool = False
    """An architecture is compared whole, where Cincinnati searches for it in versions."""


CINCINNATI = Switches()
PRODUCT = Switches(
    block_wins=True,
    rules_merged=True,
    risks_once=True,
    explicit_builds=True,
    channels_once=True,
    releases_only=True,
    faults_isolated=True,
    arch_whole=True,
)


def model_build(releases: Iterable[PlainRelease], data: PlainGraphData, switches: Switches) -> PlainGraph:
    """The graph as a graph builder serves it.

    Raises:
        ModelRefusesError: Cincinnati would fail the run.
    """
    return _Model(list(releases), data, switches).build()


def model_labels(graph: PlainGraph) -> None:
    """Apply in place what the labels of a graph ask for: the edge-add-remove plugin alone."""
    model = _Model([], {"channels": [], "blocks": [], "conditional": [], "raw": {}}, CINCINNATI)
    model.nodes, model.edges = graph.nodes, graph.edges
    model.add_edges()
    model.remove_edges()


def model_select(graph: PlainGraph, channel: str, arch: str, switches: Switches) -> PlainGraph:
    """What a policy engine makes of the graph for one client."""
    of_channel = {
        name for name, node in graph.nodes.items() if channel in _items(_metadata(node).get(CHANNELS_KEY, ""))
    }
    members = {name for name in of_channel if arch in _items(_metadata(graph.nodes[name]).get(ARCH_KEY, ""))}
    shown = {name: name.removesuffix(f"+{arch}") for name in graph.nodes}

    def stays(edge: Edge) -> bool:
        if switches.arch_whole:
            return set(edge) <= members
        return set(edge) <= of_channel and all(arch in end for end in edge)

    return PlainGraph(
        nodes={shown[name]: _shown(graph.nodes[name], shown[name]) for name in members},
        edges={(shown[source], shown[to]) for source, to in graph.edges if {source, to} <= members},
        conditional={
            (shown[source], shown[to]): risks
            for (source, to), risks in graph.conditional.items()
            if stays((source, to))
        },
    )


Precedence = tuple[list[int], bool, list[tuple[int, int, str]], str]


def precedence(version: str) -> Precedence:
    """Sort key: the order of SemVer 2.0.0 section 11, then the build part as text."""
    core, pre, build = _parts(version)
    words = (
        [(0, int(word), "") if _is_number(word) else (1, 0, word) for word in pre.split(".")] if pre else []
    )
    return [int(number) for number in core.split(".")], not pre, words, build


class _Model:
    def __init__(self, releases: Sequence[PlainRelease], data: PlainGraphData, switches: Switches) -> None:
        self.releases = releases
        self.data = data
        self.switches = switches
        self.nodes: dict[str, PlainNode] = {}
        self.edges: set[Edge] = set()
        self.blocked: dict[str, str] = {}
        self.conditional: dict[Edge, list[PlainRisk]] = {}

    def build(self) -> PlainGraph:
        self.create_graph()
        self.add_raw_metadata()
        self.block_edges()
        self.join_channels()
        self.add_edges()
        self.check_cycles()
        self.make_conditional()
        self.remove_edges()
        return PlainGraph(self.nodes, self.edges, self.conditional)

    def create_graph(self) -> None:
        accepted = [release for release in self.releases if not _is_shard(release)]
        for version in {release["version"] for release in accepted}:
            rivals = {release["digest"] for release in accepted if release["version"] == version}
            if len(rivals) > 1:
                self.fault(f"mismatched manifest ref for concrete release {version}")
                accepted = [release for release in accepted if release["version"] != version]
        for release in accepted:
            own = {_MANIFESTREF: release["digest"], ARCH_KEY: _build(release["version"])}
            self.nodes[release["version"]] = {
                "version": release["version"],
                "payload": release["payload"],
                "metadata": {**release["metadata"], **own},
            }
        for release in accepted:
            version, arch = release["version"], _build(release["version"])
            self.edges |= {(_with_build(name, arch), version) for name in release["previous"]}
            self.edges |= {(version, _with_build(name, arch)) for name in release["next"]}
        for name in {end for edge in self.edges for end in edge}:
            self.nodes.setdefault(name, {"version": name})

    def fault(self, reason: str) -> None:
        if not self.switches.faults_isolated:
            raise ModelRefusesError(reason)

    def concrete(self) -> dict[str, PlainNode]:
        return {name: node for name, node in self.nodes.items() if "payload" in node}

    def add_raw_metadata(self) -> None:
        for version, values in self.data["raw"].items():
            for name, node in self.concrete().items():
                same = _base(name) == _base(version)
                if same and (not self.switches.explicit_builds or _build(version) in {"", _build(name)}):
                    for key, value in values.items():
                        metadata = _metadata(node)
                        metadata[key] = f"{metadata[key]},{value}" if key in metadata else value

    def block_edges(self) -> None:
        for name, node in self.concrete().items():
            regexes = [rule["from"] for rule in self.data["blocks"] if _blocks(rule, name)]
            own = [_metadata(node)[_REGEX]] if _REGEX in _metadata(node) else []
            if own and not _compiles(own[0]):
                self.fault(f"{own[0]} is no regular expression")
                own = [".*"]
            applying = own + regexes if self.switches.rules_merged else (regexes or own)[-1:]
            if applying:
                self.blocked[name] = "|".join(applying)
            risky = [rule["from"] for rule in self.data["conditional"] if self.strips(rule, name)]
            if applying or risky:
                _metadata(node)[_REGEX] = "|".join(applying + risky)

    def strips(self, rule: PlainConditional, name: str) -> bool:
        """Whether a conditional rule takes edges into ``name`` out of the unconditional ones."""
        any_build = not self.switches.explicit_builds or not _build(rule["to"])
        return _base(name) == _base(rule["to"]) if any_build else name == rule["to"]

    def join_channels(self) -> None:
        for name, node in self.concrete().items():
            joined = (
                _metadata(node).get(CHANNELS_KEY, "").split(",") if CHANNELS_KEY in _metadata(node) else []
            )
            for channel in self.data["channels"]:
                listed = [v for v in channel["versions"] if _base(v) == _base(name)]
                if any(_build(v) in {"", _build(name)} for v in listed):
                    joined.append(channel["name"])
            if self.switches.channels_once:
                joined = list({word.strip() for word in joined if word.strip()})
            elif len(joined) > 1 and any("-" not in word for word in joined):
                self.fault("a channel without a hyphen")
            if joined:
                by_name = sorted(joined)
                _metadata(node)[CHANNELS_KEY] = ",".join(sorted(by_name, key=_after_hyphen))

    def labelled(self, label: str) -> Iterator[Edge]:
        """Each node that has a label, with each version that the label names."""
        for name, node in self.nodes.items():
            value = _metadata(node).get(PREFIX + label, "")
            if value.strip() == "*" and label == "previous.remove":
                yield from ((name, source) for source, target in self.edges if target == name)
                continue
            for item in _items(value):
                if _SEMVER.fullmatch(item):
                    yield name, _with_build(item, _build(name))
                else:
                    self.fault(f"{item} is no version")
                    # What cannot be read may name any of them.
                    yield from self.edges_that(label, name)

    def edges_that(self, label: str, name: str) -> Iterator[Edge]:
        """All that a label of a node could take away, as pairs of the node and the other end."""
        if label == "previous.remove":
            yield from ((name, source) for source, target in self.edges if target == name)
        elif label == "next.remove":
            yield from ((name, target) for source, target in self.edges if source == name)

    def add_edges(self) -> None:
        added = {(source, target) for target, source in self.labelled("previous.add")}
        added |= set(self.labelled("next.add"))
        self.edges |= {edge for edge in added if set(edge) <= set(self.nodes)}

    def check_cycles(self) -> None:
        backward = {edge for edge in self.edges if precedence(edge[0]) >= precedence(edge[1])}
        cut = {(source, target) for source, target in backward if source in self.reached_from(target)}
        if cut:
            self.fault("a cycle")
        self.edges -= cut

    def reached_from(self, start: str) -> set[str]:
        reached, left = {start}, [start]
        while left:
            node = left.pop()
            following = {target for source, target in self.edges if source == node} - reached
            reached |= following
            left += following
        return reached

    def make_conditional(self) -> None:
        into: dict[str, list[Edge]] = {}
        for edge in self.edges:
            into.setdefault(_base(edge[1]), []).append(edge)
        for rule in self.data["conditional"]:
            for source, target in into.get(_base(rule["to"]), []):
                if self.has_risk(rule, target) and re.search(rule["from"], source):
                    risks = self.conditional.setdefault((source, target), [])
                    if rule["risk"] not in risks or not self.switches.risks_once:
                        risks.append(rule["risk"])
        if self.switches.block_wins:
            gone = self.removed_by_labels() | self.removed_by_regex(self.blocked)
            self.conditional = {edge: risks for edge, risks in self.conditional.items() if edge not in gone}

    def has_risk(self, rule: PlainConditional, target: str) -> bool:
        """Whether a conditional rule gives its risk to edges into ``target``."""
        if self.switches.releases_only and "payload" not in self.nodes[target]:
            return False
        return rule["to"] in {target, _base(target)}

    def removed_by_labels(self) -> set[Edge]:
        return {(source, target) for target, source in self.labelled("previous.remove")} | set(
            self.labelled("next.remove")
        )

    def removed_by_regex(self, regexes: dict[str, str]) -> set[Edge]:
        return {
            (source, target)
            for source, target in self.edges
            if target in regexes and re.search(regexes[target], source)
        }

    def remove_edges(self) -> None:
        shown = {
            name: _metadata(node)[_REGEX] for name, node in self.nodes.items() if _REGEX in _metadata(node)
        }
        self.edges -= self.removed_by_labels() | self.removed_by_regex(shown)


def _metadata(node: PlainNode) -> dict[str, str]:
    return node.get("metadata", {})


def _shown(node: PlainNode, name: str) -> PlainNode:
    metadata = {key: value for key, value in _metadata(node).items() if key != ARCH_KEY}
    return {"version": name, "payload": node["payload"], "metadata": metadata}


def _is_shard(release: PlainRelease) -> bool:
    return release["metadata"].get(_SHARD) == "multi" and _build(release["version"]) != "multi"


def _blocks(rule: PlainBlock, name: str) -> bool:
    """Whether an unconditional rule is for the node; pre-release ``s390x`` was an architecture once."""
    if _build(rule["to"]):
        return name == rule["to"]
    return name == f"{rule['to']}+s390x" if _pre(rule["to"]) == "s390x" else _base(name) == rule["to"]


def _items(value: str) -> list[str]:
    return [item.strip() for item in value.split(",") if item.strip()]


def _after_hyphen(channel: str) -> str:
    return channel.split("-", 1)[1] if "-" in channel else ""


def _compiles(regex: str) -> bool:
    try:
        re.compile(regex)
    except re.error:
        return False
    return True


def _parts(version: str) -> tuple[str, str, str]:
    base, _, build = version.partition("+")
    core, _, pre = base.partition("-")
    return core, pre, build


def _base(version: str) -> str:
    return version.partition("+")[0]


def _build(version: str) -> str:
    return _parts(version)[2]


def _pre(version: str) -> str:
    return _parts(version)[1]


def _with_build(version: str, build: str) -> str:
    return f"{_base(version)}+{build}"


def _is_number(word: str) -> bool:
    return word.isdigit() and str(int(word)) == word
