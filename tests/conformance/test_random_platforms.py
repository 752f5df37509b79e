"""Random releases with random graph data: the product and the model say the same."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from upgraph.graph import Built, Encoder, build, select
from upgraph.testing.answers import client_violations, read_answer, violations
from upgraph.testing.cincinnati_model import PRODUCT, model_build, model_select
from upgraph.testing.plain import graph_data_of, release_of
from upgraph.testing.strategies import ARCHES, CHANNELS, Platform, platforms

EXAMPLES = 100
"""Drawing a platform is dear, so there are no more of them anywhere."""
OF_THE_DATA = "risk without rules: C"
"""Graph data may have such a risk. Clusters drop the update that carries it, which is the safe side."""


def _build(platform: Platform) -> Built:
    return build(map(release_of, platform.releases), graph_data_of(platform.data))


@settings(max_examples=EXAMPLES)
@given(platforms())
def test_the_graph_is_that_of_the_model_and_keeps_every_guarantee_of_the_protocol(platform: Platform) -> None:
    document = Encoder().for_builder_clients(_build(platform).graph)
    assert read_answer(document) == model_build(platform.releases, platform.data, PRODUCT)
    assert violations(document) == []


@settings(max_examples=EXAMPLES)
@given(platforms(), st.sampled_from(CHANNELS), st.sampled_from(ARCHES))
def test_the_answer_to_a_client_is_that_of_the_model(platform: Platform, channel: str, arch: str) -> None:
    answer = Encoder().for_clients(select(_build(platform).graph, channel, arch))
    model = model_build(platform.releases, platform.data, PRODUCT)
    assert read_answer(answer) == model_select(model, channel, arch, PRODUCT)
    assert set(client_violations(answer, channel, arch)) <= {OF_THE_DATA}


@settings(max_examples=EXAMPLES)
@given(platforms(), st.randoms(use_true_random=False))
def test_the_graph_does_not_depend_on_the_order_of_releases_and_channels(
    platform: Platform, random: Random
) -> None:
    before = _build(platform)
    random.shuffle(platform.releases)
    random.shuffle(platform.data["channels"])
    after = _build(platform)
    assert Encoder().for_builder_clients(after.graph) == Encoder().for_builder_clients(before.graph)
    assert after.findings == before.findings
