"""What a scrape believes, keeps and gives up: the rules at the top of the scraper, one by one."""

from dataclasses import replace

import pytest

from tests.building.conftest import Yard
from upgraph.errors import RemoteError, Severity
from upgraph.graph import Provenance
from upgraph.oci import Digest, digest_of
from upgraph.payload import OtherImage, ReleaseImage, Verification
from upgraph.service.building.scrape import MAX_FAILURES_IN_A_ROW
from upgraph.testing.registry import Fault

ALL = 10_000


async def test_releases_of_all_tags_are_found(yard: Yard) -> None:
    yard.release("a", "4.1.0")
    yard.release("b", "4.1.1", previous=("4.1.0",))
    await yard.scrape()
    assert yard.versions == {"a": "4.1.0", "b": "4.1.1"}


async def test_a_listing_that_cannot_be_read_is_an_error(yard: Yard) -> None:
    yard.release("a", "4.1.0")
    yard.registry.faults.append(Fault("tags", times=ALL, status=500))
    with pytest.raises(RemoteError):
        await yard.scrape()


async def test_a_listing_that_breaks_off_in_the_middle_is_an_error(yard: Yard) -> None:
    for patch in range(4):
        yard.release(f"t{patch}", f"4.1.{patch}")
    yard.registry.page_tags = 2
    yard.registry.faults += [Fault("tags"), Fault("tags", times=ALL, status=500)]
    with pytest.raises(RemoteError):
        await yard.scrape()


async def test_tags_that_are_listed_without_their_manifests_count_as_lost(yard: Yard) -> None:
    for number in range(4):
        yard.release(f"4.1.{number}", f"4.1.{number}")
    await yard.scrape()
    for number in range(3):
        yard.registry.tags[f"4.1.{number}"] = digest_of(b"lost")
    await yard.scrape()
    assert (len(yard.versions), yard.references) == (4, ["listing-shrunk"])
    assert (yard.last.counts.missing, yard.last.counts.gone) == (3, ())
    assert not yard.last.is_current


@pytest.mark.parametrize("left", [0, 1], ids=["empty", "shrunken"])
async def test_a_listing_that_lost_much_at_once_is_held_back(yard: Yard, left: int) -> None:
    for patch in range(4):
        yard.release(f"t{patch}", f"4.1.{patch}")
    known = (await yard.scrape()).listing
    yard.registry.tags = dict(list(yard.registry.tags.items())[:left])
    harvest = await yard.scrape()
    assert harvest.listing == known
    assert yard.references == ["listing-shrunk"]
    assert not harvest.is_current


async def test_a_listing_that_is_held_back_stays_so_until_it_is_whole_again(yard: Yard) -> None:
    for patch in range(4):
        yard.release(f"t{patch}", f"4.1.{patch}")
    await yard.scrape()
    tags, yard.registry.tags = yard.registry.tags, {}
    await yard.scrape()
    await yard.scrape()
    assert yard.references == ["listing-shrunk"]
    yard.registry.tags = tags
    assert (await yard.scrape()).is_current
    assert len(yard.versions) == 4


@pytest.mark.parametrize("left", [0, 1], ids=["empty", "shrunken"])
async def test_a_limit_of_one_accepts_any_listing(yard: Yard, left: int) -> None:
    for patch in range(4):
        yard.release(f"t{patch}", f"4.1.{patch}")
    await yard.scrape()
    yard.settings = replace(yard.settings, shrink_limit=1)
    yard.registry.tags = dict(list(yard.registry.tags.items())[:left])
    harvest = await yard.scrape()
    assert len(harvest.listing) == left
    assert harvest.findings == ()
    assert harvest.is_current


async def test_a_tag_that_is_no_longer_listed_leaves(yard: Yard) -> None:
    for patch in range(4):
        yard.release(f"t{patch}", f"4.1.{patch}")
    await yard.scrape()
    del yard.registry.tags["t2"]
    await yard.scrape()
    assert yard.versions == {"t0": "4.1.0", "t1": "4.1.1", "t3": "4.1.3"}


async def test_a_tag_whose_manifest_is_gone_leaves_and_is_told_as_long_as_it_is_listed(yard: Yard) -> None:
    digests = [yard.release(f"t{patch}", f"4.1.{patch}") for patch in range(4)]
    await yard.scrape()
    del yard.registry.blobs[digests[2]]
    for gone in (("4.1.2+amd64",), ()):
        harvest = await yard.scrape()
        assert yard.versions == {"t0": "4.1.0", "t1": "4.1.1", "t3": "4.1.3"}
        assert yard.references == ["tags-without-manifest"]
        assert harvest.findings[0].seen.endswith(" 4 tags and has no manifest for 1 of them, for example t2")
        assert (harvest.counts.missing, harvest.counts.gone, harvest.is_current) == (1, gone, True)
    del yard.registry.tags["t2"]
    assert (await yard.scrape()).findings == ()


async def test_tags_without_a_manifest_are_told_at_once_in_one_finding(yard: Yard) -> None:
    yard.release("a", "4.1.0")
    for patch in range(1, 4):
        del yard.registry.blobs[yard.release(f"t{patch}", f"4.1.{patch}")]
    harvest = await yard.scrape()
    assert yard.versions == {"a": "4.1.0"}
    assert [finding.severity for finding in harvest.findings] == [Severity.WARNING]
    assert harvest.findings[0].seen.endswith("no manifest for 3 of them, for example t1")
    assert (harvest.counts.missing, harvest.counts.gone) == (3, ())


async def test_a_release_that_one_of_its_tags_still_leads_to_is_not_gone(yard: Yard) -> None:
    yard.release("a", "4.1.0")
    yard.registry.tags["b"] = yard.release("c", "4.1.1")
    await yard.scrape()
    del yard.registry.tags["b"]
    assert (await yard.scrape()).counts.gone == ()
    del yard.registry.tags["c"]
    assert (await yard.scrape()).counts.gone == ("4.1.1+amd64",)


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
async def test_a_tag_that_cannot_be_asked_for_keeps_its_last_reading(yard: Yard, status: int) -> None:
    yard.release("a", "4.1.0")
    await yard.scrape()
    yard.registry.faults.append(Fault("manifest", times=ALL, status=status))
    harvest = await yard.scrape()
    assert yard.versions == {"a": "4.1.0"}
    assert [(finding.file, "last good reading stays" in finding.seen) for finding in harvest.findings] == [
        ("a", True)
    ]
    assert not harvest.is_current


async def test_a_new_tag_that_cannot_be_read_is_left_out_and_reported(yard: Yard) -> None:
    yard.release("a", "4.1.0")
    digest = yard.release("b", "4.1.1")
    yard.registry.blobs[digest] += b" "
    await yard.scrape()
    assert yard.versions == {"a": "4.1.0"}
    assert yard.references == ["oci-digest-mismatch"]


async def test_a_tag_that_moved_is_the_other_release(yard: Yard) -> None:
    yard.release("a", "4.1.0")
    await yard.scrape()
    yard.release("a", "4.1.1")
    await yard.scrape()
    assert yard.versions == {"a": "4.1.1"}


async def test_a_tag_that_moved_to_a_broken_image_keeps_its_release(yard: Yard) -> None:
    yard.release("a", "4.1.0")
    await yard.scrape()
    yard.broken("a")
    await yard.scrape()
    assert yard.versions == {"a": "4.1.0"}
    assert yard.references == ["oci-manifest"]


async def test_a_tag_that_moved_to_an_image_that_is_no_release_leaves(yard: Yard) -> None:
    yard.release("a", "4.1.0")
    yard.release("b", "4.1.1")
    await yard.scrape()
    yard.component("a")
    await yard.scrape()
    assert yard.versions == {"b": "4.1.1"}


async def test_a_layer_that_ends_too_early_keeps_the_last_release_of_a_moved_tag(yard: Yard) -> None:
    yard.release("a", "4.1.0")
    await yard.scrape()
    yard.release("a", "4.1.1")
    yard.registry.faults.append(Fault("blob", times=ALL, cut_after=10))
    await yard.scrape()
    assert yard.versions == {"a": "4.1.0"}


async def test_many_failures_in_a_row_cut_the_round_short(yard: Yard) -> None:
    for number in range(200):
        yard.registry.tags[f"t{number:03}"] = Digest(f"sha256:{number:064}")
    yard.registry.faults.append(Fault("manifest", times=ALL, status=503))
    yard.settings = replace(yard.settings, concurrency=4)
    harvest = await yard.scrape()
    assert "scrape-cut-short" in yard.references
    assert yard.requests["GET manifest"] < 2 * (MAX_FAILURES_IN_A_ROW + 4)
    assert harvest.counts.failed == 200


async def test_a_round_that_is_cut_short_loses_nothing(yard: Yard) -> None:
    digests = [yard.release("a", "4.1.0"), yard.release("b", "4.1.1")]
    for number in range(100):
        yard.registry.tags[f"c{number:03}"] = digests[number % 2]
    known = (await yard.scrape()).listing
    yard.registry.faults.append(Fault("manifest", times=ALL, status=503))
    harvest = await yard.scrape()
    assert harvest.listing == known
    assert not harvest.is_current


async def test_failures_with_good_answers_between_them_do_not_cut_a_round_short(yard: Yard) -> None:
    for number in range(MAX_FAILURES_IN_A_ROW + 20):
        yard.registry.tags[f"t{number:03}"] = Digest(f"sha256:{number:064}")
    yard.release("z", "4.1.0")
    await yard.scrape()
    assert yard.versions == {"z": "4.1.0"}


async def test_what_was_proven_stays_proven_when_proof_is_no_longer_wanted(yard: Yard) -> None:
    yard.release("a", "4.1.0")
    yard.settings = replace(yard.settings, verification=Verification.WHOLE_LAYER)
    await yard.scrape()
    yard.settings = replace(yard.settings, verification=Verification.PREFIX)
    assert [_provenance(image) for image in (await yard.scrape()).images.values()] == [Provenance.VERIFIED]


async def test_a_release_is_read_again_once_when_proof_is_wanted(yard: Yard) -> None:
    yard.release("a", "4.1.0")
    before = await yard.scrape()
    assert before.counts.layer_bytes < 100_000
    yard.settings = replace(yard.settings, verification=Verification.WHOLE_LAYER)
    harvest = await yard.scrape()
    assert [_provenance(image) for image in harvest.images.values()] == [Provenance.VERIFIED]
    assert harvest.counts.read == 1
    assert (await yard.scrape()).counts.read == 0


async def test_a_release_whose_proof_fails_leaves(yard: Yard) -> None:
    yard.release("a", "4.1.0")
    layer = max(yard.registry.blobs, key=lambda digest: len(yard.registry.blobs[digest]))
    content = yard.registry.blobs[layer]
    yard.registry.blobs[layer] = content[:-8] + bytes(8)
    await yard.scrape()
    assert yard.versions == {"a": "4.1.0"}
    yard.settings = replace(yard.settings, verification=Verification.WHOLE_LAYER)
    await yard.scrape()
    assert yard.versions == {}
    assert yard.references == ["layer-mismatch"]


def _provenance(image: ReleaseImage | OtherImage) -> Provenance:
    assert isinstance(image, ReleaseImage)
    return image.metadata.provenance
