"""Each deliberate difference from Cincinnati, on the smallest input that shows it.

The model plays Cincinnati, and with one switch on it plays a Cincinnati with one fault fixed.
"""

from dataclasses import fields, replace

import pytest

from upgraph.graph import Encoder, Precedence, build, select
from upgraph.testing.answers import CHANNELS_KEY, Edge, PlainGraph, read_answer
from upgraph.testing.cincinnati_model import (
    CINCINNATI,
    PRODUCT,
    ModelRefusesError,
    Switches,
    model_build,
    model_select,
)
from upgraph.testing.plain import (
    PlainBlock,
    PlainConditional,
    PlainGraphData,
    PlainRelease,
    PlainRisk,
    graph_data_of,
    release_of,
)

REGEX = "io.openshift.upgrades.graph.previous.remove_regex"
R1 = PlainRisk(url="https://example.com/1", name="R1", message="one", matchingRules=[{"type": "Always"}])
R2 = PlainRisk(url="https://example.com/2", name="R2", message="two", matchingRules=[{"type": "Always"}])
NO_DATA = PlainGraphData(channels=[], blocks=[], conditional=[], raw={})
INTO_490 = {("4.8.1+amd64", "4.9.0+amd64"), ("4.8.2+amd64", "4.9.0+amd64")}
WITHIN_48 = {("4.8.1+amd64", "4.8.2+amd64")}


def _release(version: str, *previous: str, arch: str = "amd64", **metadata: str) -> PlainRelease:
    digest = f"sha256:{version}+{arch}"
    return PlainRelease(
        version=f"{version}+{arch}",
        payload=f"registry.example/release@{digest}",
        digest=digest,
        metadata=metadata,
        previous=list(previous),
        next=[],
    )


RELEASES = [_release("4.8.1"), _release("4.8.2", "4.8.1"), _release("4.9.0", "4.8.1", "4.8.2")]
BOTH = [
    *RELEASES,
    *(_release("4.9.0", "4.8.1", arch="arm64") for _ in range(1)),
    _release("4.8.1", arch="arm64"),
]


def _conditional(to: str, source: str, risk: PlainRisk) -> PlainConditional:
    return PlainConditional({"to": to, "from": source, "risk": risk})


def _block(to: str, source: str) -> PlainBlock:
    return PlainBlock({"to": to, "from": source})


TWO_RISKS = [_conditional("4.9.0", "4[.]8[.]1", R1), _conditional("4.9.0", "4[.]8[.].*", R2)]


def _product(
    releases: list[PlainRelease], data: PlainGraphData, precedence: Precedence = Precedence.BLOCK_WINS
) -> PlainGraph:
    built = build(map(release_of, releases), graph_data_of(data), precedence=precedence)
    return read_answer(Encoder().for_builder_clients(built.graph))


def _regex(graph: PlainGraph) -> str:
    return graph.nodes["4.9.0+amd64"]["metadata"][REGEX]


def _names(graph: PlainGraph) -> dict[Edge, list[str]]:
    return {edge: [risk["name"] for risk in risks] for edge, risks in graph.conditional.items()}


EXAMPLE = [
    pytest.param(
        TWO_RISKS,
        [],
        "4[.]8[.]1|4[.]8[.].*",
        WITHIN_48,
        {("4.8.1+amd64", "4.9.0+amd64"): ["R1", "R2"], ("4.8.2+amd64", "4.9.0+amd64"): ["R2"]},
        id="two conditional rules",
    ),
    pytest.param(
        TWO_RISKS,
        [_block("4.9.0", ".*")],
        ".*|4[.]8[.]1|4[.]8[.].*",
        WITHIN_48,
        {("4.8.1+amd64", "4.9.0+amd64"): ["R1", "R2"], ("4.8.2+amd64", "4.9.0+amd64"): ["R2"]},
        id="and a block of everything",
    ),
    pytest.param(
        [],
        [_block("4.9.0", "4[.]8[.]1")],
        "4[.]8[.]1",
        {*WITHIN_48, ("4.8.2+amd64", "4.9.0+amd64")},
        {},
        id="a block alone",
    ),
]


@pytest.mark.parametrize(("conditional", "blocks", "regex", "edges", "risky"), EXAMPLE)
def test_the_worked_example_of_the_reference_holds_in_the_model_and_with_its_precedence(
    conditional: list[PlainConditional],
    blocks: list[PlainBlock],
    regex: str,
    edges: set[Edge],
    risky: dict[Edge, list[str]],
) -> None:
    data = PlainGraphData(channels=[], blocks=blocks, conditional=conditional, raw={})
    for graph in (model_build(RELEASES, data, CINCINNATI), _product(RELEASES, data, Precedence.CINCINNATI)):
        assert _regex(graph) == regex
        assert graph.edges == edges
        assert _names(graph) == risky


def test_a_block_wins_over_a_risk() -> None:
    data = NO_DATA | {"conditional": TWO_RISKS, "blocks": [_block("4.9.0", "4[.]8[.]1")]}
    assert set(model_build(RELEASES, data, CINCINNATI).conditional) == INTO_490
    graph = _product(RELEASES, data)
    assert _names(graph) == {("4.8.2+amd64", "4.9.0+amd64"): ["R2"]}
    assert graph == model_build(RELEASES, data, replace(CINCINNATI, block_wins=True))


def test_all_blocks_of_a_release_hold() -> None:
    data = NO_DATA | {"blocks": [_block("4.9.0", "8[.]1"), _block("4.9.0", "8[.]2")]}
    assert model_build(RELEASES, data, CINCINNATI).edges == {*WITHIN_48, ("4.8.1+amd64", "4.9.0+amd64")}
    graph = _product(RELEASES, data)
    assert (graph.edges, _regex(graph)) == (WITHIN_48, "8[.]1|8[.]2")
    assert graph == model_build(RELEASES, data, replace(CINCINNATI, rules_merged=True))


def test_a_block_does_not_wipe_the_pattern_that_the_release_brings() -> None:
    releases = [*RELEASES[:2], _release("4.9.0", "4.8.1", "4.8.2", **{REGEX: "8[.]1"})]
    data = NO_DATA | {"blocks": [_block("4.9.0", "8[.]2")]}
    assert _regex(model_build(releases, data, CINCINNATI)) == "8[.]2"
    assert _product(releases, data) == model_build(releases, data, replace(CINCINNATI, rules_merged=True))
    assert _product(releases, data).edges == WITHIN_48


def test_a_risk_that_two_files_repeat_stands_once() -> None:
    data = NO_DATA | {"conditional": [_conditional("4.9.0", "8[.]1", R1), _conditional("4.9.0", "8", R1)]}
    edge = ("4.8.1+amd64", "4.9.0+amd64")
    assert _names(model_build(RELEASES, data, CINCINNATI))[edge] == ["R1", "R1"]
    assert _names(_product(RELEASES, data))[edge] == ["R1"]
    assert _product(RELEASES, data) == model_build(RELEASES, data, replace(CINCINNATI, risks_once=True))


def test_a_conditional_rule_for_one_architecture_leaves_the_others_alone() -> None:
    data = NO_DATA | {"conditional": [_conditional("4.9.0+amd64", ".*", R1)]}
    other = ("4.8.1+arm64", "4.9.0+arm64")
    assert other not in model_build(BOTH, data, CINCINNATI).edges
    assert other in _product(BOTH, data).edges
    assert _product(BOTH, data) == model_build(BOTH, data, replace(CINCINNATI, explicit_builds=True))


def test_raw_metadata_for_one_architecture_leave_the_others_alone() -> None:
    data = NO_DATA | {"raw": {"4.9.0+arm64": {"note": "x"}}}
    assert "note" in model_build(BOTH, data, CINCINNATI).nodes["4.9.0+amd64"]["metadata"]
    assert "note" not in _product(BOTH, data).nodes["4.9.0+amd64"]["metadata"]
    assert _product(BOTH, data) == model_build(BOTH, data, replace(CINCINNATI, explicit_builds=True))


def test_a_channel_is_listed_once() -> None:
    data = NO_DATA | {"channels": [{"name": "stable-4.9", "versions": ["4.9.0", "4.9.0+amd64"]}]}
    releases = [_release("4.9.0", **{CHANNELS_KEY: "stable-4.9"})]
    model = model_build(releases, data, CINCINNATI)
    assert model.nodes["4.9.0+amd64"]["metadata"][CHANNELS_KEY] == "stable-4.9,stable-4.9"
    assert _product(releases, data).nodes["4.9.0+amd64"]["metadata"][CHANNELS_KEY] == "stable-4.9"


def test_a_version_without_an_image_has_no_risks_which_no_client_sees() -> None:
    releases: list[PlainRelease] = [{**_release("4.8.1"), "next": ["4.9.0"]}]
    data = NO_DATA | {"conditional": [_conditional("4.9.0", ".*", R1)]}
    assert set(model_build(releases, data, CINCINNATI).conditional) == {("4.8.1+amd64", "4.9.0+amd64")}
    assert _product(releases, data).conditional == {}
    assert _product(releases, data) == model_build(releases, data, replace(CINCINNATI, releases_only=True))


FAULTS = [
    pytest.param([_release("4.8.1", "4.8.2"), RELEASES[1]], id="cycle"),
    pytest.param([{**RELEASES[0], "digest": "sha256:other"}, *RELEASES], id="two images for one version"),
    pytest.param([_release("4.8.1", **{"io.openshift.upgrades.graph.next.add": "x"})], id="label"),
    pytest.param([_release("4.8.1", **{REGEX: "("})], id="pattern"),
    pytest.param([_release("4.8.1", **{CHANNELS_KEY: "a-1,plain"})], id="channel without hyphen"),
]


@pytest.mark.parametrize("releases", FAULTS)
def test_a_fault_that_stops_cincinnati_costs_one_release_or_edge(releases: list[PlainRelease]) -> None:
    with pytest.raises(ModelRefusesError):
        model_build(releases, NO_DATA, CINCINNATI)
    assert _product(releases, NO_DATA) == model_build(releases, NO_DATA, PRODUCT)


@pytest.mark.parametrize("arch", ["arm", "4"])
def test_a_part_of_an_architecture_gives_no_edges(arch: str) -> None:
    data = NO_DATA | {
        "conditional": [_conditional("4.9.0", ".*", R1)],
        "channels": [{"name": "stable-4.9", "versions": ["4.8.1", "4.9.0"]}],
    }
    model = model_build(BOTH, data, PRODUCT)
    assert model_select(model, "stable-4.9", arch, CINCINNATI).conditional
    answer = select(build(map(release_of, BOTH), graph_data_of(data)).graph, "stable-4.9", arch)
    assert read_answer(Encoder().for_clients(answer)) == PlainGraph()


def test_the_product_has_every_switch_on() -> None:
    assert all(getattr(PRODUCT, switch.name) for switch in fields(Switches))
    assert not any(getattr(CINCINNATI, switch.name) for switch in fields(Switches))
