"""What a scrape costs, in requests that the registry counted."""

from dataclasses import replace

import pytest

from tests.building.conftest import Yard
from upgraph.payload import Verification

HEX = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    "tag", [f"sha256-{HEX}.sig", f"sha256-{HEX}.att", f"sha256-{HEX}.sbom", f"sha256-{HEX}", "x.sig"]
)
async def test_what_accompanies_an_image_costs_no_request(yard: Yard, tag: str) -> None:
    yard.component(tag)
    harvest = await yard.scrape()
    assert yard.requests == {"GET tags": 1}
    assert harvest.counts.companions == 1


async def test_a_new_release_costs_a_manifest_a_configuration_and_the_start_of_a_layer(yard: Yard) -> None:
    yard.release("a", "4.1.0")
    harvest = await yard.scrape()
    assert yard.requests == {"GET tags": 1, "GET manifest": 1, "GET blob": 2}
    assert harvest.counts.layer_bytes <= 16 * 1024


async def test_a_known_release_costs_one_head(yard: Yard) -> None:
    yard.release("a", "4.1.0")
    await yard.scrape()
    harvest = await yard.scrape()
    assert yard.requests == {"GET tags": 1, "HEAD manifest": 1}
    assert (harvest.counts.known, harvest.counts.read) == (1, 0)


async def test_a_registry_without_head_costs_a_manifest(yard: Yard) -> None:
    yard.registry.heads = False
    yard.release("a", "4.1.0")
    await yard.scrape()
    await yard.scrape()
    assert yard.requests["GET manifest"] == 1
    assert yard.requests["GET blob"] == 0


async def test_an_image_that_is_no_release_is_read_once(yard: Yard) -> None:
    yard.component("component")
    first = await yard.scrape()
    assert first.counts.layer_bytes <= 64 * 1024
    await yard.scrape()
    assert yard.requests == {"GET tags": 1, "HEAD manifest": 1}


async def test_a_broken_image_is_read_once(yard: Yard) -> None:
    yard.broken("a")
    await yard.scrape()
    await yard.scrape()
    assert yard.requests["GET blob"] == 0
    assert yard.requests["GET manifest"] == 0
    assert yard.references == ["oci-manifest"]


async def test_two_tags_of_one_image_read_it_once(yard: Yard) -> None:
    digest = yard.release("a", "4.1.0")
    yard.registry.tags |= {"b": digest, "c": digest}
    harvest = await yard.scrape()
    assert yard.requests["GET blob"] == 2
    assert harvest.counts.read == 1
    assert yard.versions == dict.fromkeys("abc", "4.1.0")


async def test_after_a_restart_known_images_cost_one_head(yard: Yard) -> None:
    yard.release("a", "4.1.0")
    yard.component("component")
    await yard.scrape()
    yard.forget_memory()
    assert yard.versions == {"a": "4.1.0"}
    await yard.scrape()
    assert yard.requests == {"GET tags": 1, "HEAD manifest": 2}


async def test_proof_costs_the_whole_layer_once(yard: Yard) -> None:
    yard.release("a", "4.1.0")
    yard.settings = replace(yard.settings, verification=Verification.WHOLE_LAYER)
    largest = max(map(len, yard.registry.blobs.values()))
    assert (await yard.scrape()).counts.layer_bytes >= largest
    assert (await yard.scrape()).counts.layer_bytes == 0
