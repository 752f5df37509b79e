"""Signatures are put where others look for them, beside those that are there already."""

import pytest

from tests.cosign.conftest import IDENTITY, INDEX, KeyPair, Place
from upgraph.errors import DataError
from upgraph.oci import Digest, LayoutDestination, LayoutSource, fallback_tag, referrers_of
from upgraph.signing.cosign import (
    attach_cosign,
    digests_to_sign,
    find_cosign,
    refer_cosign,
    sign_cosign,
    signature_tag,
    verify_cosign_image,
)
from upgraph.testing.image_source import Sample
from upgraph.testing.registry import SimulatedRegistry


@pytest.fixture(params=["simulated", "docker-registry"])
def somewhere(request: pytest.FixtureRequest) -> Place:
    found: Place = request.getfixturevalue("place" if request.param == "simulated" else "real_place")
    return found


async def test_a_signature_under_the_tag_is_found_again(
    somewhere: Place, digest: Digest, pair: KeyPair
) -> None:
    made = sign_cosign(digest, IDENTITY, pair.signing)
    tag = await attach_cosign(digest, made, somewhere.images, somewhere.destination)
    assert tag == f"sha256-{digest.removeprefix('sha256:')}.sig"
    assert (await verify_cosign_image(somewhere.images, digest, pair.trusted)).digest == digest


async def test_a_signature_that_refers_to_the_image_is_found_again(
    somewhere: Place, digest: Digest, pair: KeyPair
) -> None:
    made = sign_cosign(digest, IDENTITY, pair.signing)
    artifact = await refer_cosign(digest, made, somewhere.images, somewhere.destination)
    assert [one.manifest.digest for one in await referrers_of(somewhere.images, digest)] == [artifact]
    verified = await verify_cosign_image(somewhere.images, digest, pair.trusted)
    assert verified.signers[0].place.endswith(f"@{artifact}")


async def test_signatures_of_several_people_stand_beside_one_another(
    somewhere: Place, digest: Digest, pair: KeyPair, other: KeyPair
) -> None:
    for one in (pair, other):
        made = sign_cosign(digest, IDENTITY, one.signing)
        await attach_cosign(digest, made, somewhere.images, somewhere.destination)
        await refer_cosign(digest, made, somewhere.images, somewhere.destination)
    found = await find_cosign(somewhere.images, digest)
    assert len(found.signatures) == 2
    assert len(await referrers_of(somewhere.images, digest)) == 2
    for one in (pair, other):
        verified = await verify_cosign_image(somewhere.images, digest, one.trusted)
        assert verified.signers[0].key == one.trusted[0]


async def test_signing_again_changes_nothing(somewhere: Place, digest: Digest, pair: KeyPair) -> None:
    made = sign_cosign(digest, IDENTITY, pair.signing)
    seen = set()
    for _ in range(2):
        await attach_cosign(digest, made, somewhere.images, somewhere.destination)
        artifact = await refer_cosign(digest, made, somewhere.images, somewhere.destination)
        seen.add((artifact, (await somewhere.images.manifest(signature_tag(digest))).digest))
    assert len(seen) == 1


async def test_a_registry_that_keeps_account_gets_no_list(
    place: Place, registry: SimulatedRegistry, digest: Digest, pair: KeyPair
) -> None:
    await refer_cosign(digest, sign_cosign(digest, IDENTITY, pair.signing), place.images, place.destination)
    assert fallback_tag(digest) not in registry.tags


async def test_what_is_gone_leaves_the_list_and_the_rest_stays(
    place: Place, registry: SimulatedRegistry, digest: Digest, pair: KeyPair, other: KeyPair
) -> None:
    registry.referrers.offered = False
    made = [sign_cosign(digest, f"{IDENTITY}-{number}", pair.signing) for number in range(2)]
    gone, kept = [await refer_cosign(digest, one, place.images, place.destination) for one in made]
    del registry.blobs[gone]
    last = await refer_cosign(
        digest, sign_cosign(digest, IDENTITY, other.signing), place.images, place.destination
    )
    assert {one.manifest.digest for one in await referrers_of(place.images, digest)} == {kept, last}


async def test_what_is_no_image_of_signatures_is_not_replaced(
    place: Place, registry: SimulatedRegistry, digest: Digest, pair: KeyPair
) -> None:
    registry.tags[signature_tag(digest)] = digest
    with pytest.raises(DataError, match="it is an index and no image"):
        await attach_cosign(
            digest, sign_cosign(digest, IDENTITY, pair.signing), place.images, place.destination
        )
    assert registry.tags[signature_tag(digest)] == digest


async def test_an_index_is_signed_with_all_its_images(place: Place, sample: Sample) -> None:
    digests = await digests_to_sign(place.images, INDEX)
    assert digests == (
        sample.digests[INDEX],
        sample.digests["4.18.1-x86_64"],
        sample.digests["4.18.1-aarch64"],
    )
    assert await digests_to_sign(place.images, digests[1]) == (digests[1],)


async def test_a_layout_holds_signatures_as_a_registry_does(
    layout_copy: LayoutSource, layout_destination: LayoutDestination, digest: Digest, pair: KeyPair
) -> None:
    made = sign_cosign(digest, IDENTITY, pair.signing)
    async with layout_destination:
        await attach_cosign(digest, made, layout_copy, layout_destination)
    async with layout_destination:
        await refer_cosign(digest, made, layout_copy, layout_destination)
    assert (await verify_cosign_image(layout_copy, digest, pair.trusted)).digest == digest
    assert len(await referrers_of(layout_copy, digest)) == 1
