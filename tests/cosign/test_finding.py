"""Signatures are found wherever they may lie beside an image, and nothing that lies there does harm."""

import base64
from collections.abc import Callable, Mapping

import msgspec
import pytest

from tests.cosign.conftest import IDENTITY, KeyPair, Place
from upgraph.errors import RemoteError, VerificationError
from upgraph.oci import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST, Digest, fallback_tag
from upgraph.signing.cosign import find_cosign, sign_cosign, signature_tag, verify_cosign_image
from upgraph.signing.cosign.finding import MAX_SIGNATURES
from upgraph.signing.cosign.payload import MAX_PAYLOAD_BYTES
from upgraph.signing.cosign.signature import SIGNATURE, SIGNATURE_ARTIFACT, SIMPLE_SIGNING
from upgraph.testing.image_source import Sample
from upgraph.testing.registry import Fault, SimulatedRegistry

BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
Document = dict[str, object]


def layer(digest: Digest, pair: KeyPair, registry: SimulatedRegistry, identity: str = IDENTITY) -> Document:
    made = sign_cosign(digest, identity, pair.signing)
    signature = base64.b64encode(made.signature).decode()
    return {
        "mediaType": SIMPLE_SIGNING,
        "digest": registry.add(made.payload),
        "size": len(made.payload),
        "annotations": {SIGNATURE: signature},
    }


def image(registry: SimulatedRegistry, *layers: Mapping[str, object], **more: object) -> bytes:
    config = {"mediaType": OCI_CONFIG, "digest": registry.add(b"{}"), "size": 2}
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": layers, **more}
    return msgspec.json.encode(document)


def referring(registry: SimulatedRegistry, digest: Digest, *layers: Document) -> bytes:
    subject = {"mediaType": OCI_INDEX, "digest": digest, "size": len(registry.blobs[digest])}
    return image(registry, *layers, subject=subject, artifactType=SIGNATURE_ARTIFACT)


def list_under_tag(registry: SimulatedRegistry, digest: Digest, *manifests: bytes) -> None:
    entries = [
        {
            "mediaType": OCI_MANIFEST,
            "digest": registry.add(one),
            "size": len(one),
            "artifactType": SIGNATURE_ARTIFACT,
        }
        for one in manifests
    ]
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}
    registry.add(msgspec.json.encode(index), tag=fallback_tag(digest))


def lies_under_tag(registry: SimulatedRegistry, digest: Digest, one: Document) -> None:
    registry.add(image(registry, one), tag=signature_tag(digest))


def lies_as_referrer(registry: SimulatedRegistry, digest: Digest, one: Document) -> None:
    registry.add(referring(registry, digest, one))


def lies_in_list(registry: SimulatedRegistry, digest: Digest, one: Document) -> None:
    registry.referrers.offered = False
    list_under_tag(registry, digest, referring(registry, digest, one))


PLACES = [lies_under_tag, lies_as_referrer, lies_in_list]
Lies = Callable[[SimulatedRegistry, Digest, Document], None]


@pytest.mark.parametrize("lies", PLACES)
async def test_a_signature_is_found_in_every_place(
    lies: Lies, registry: SimulatedRegistry, place: Place, digest: Digest, pair: KeyPair
) -> None:
    lies(registry, digest, layer(digest, pair, registry))
    verified = await verify_cosign_image(place.images, digest, pair.trusted)
    assert [signer.identity for signer in verified.signers] == [IDENTITY]


@pytest.mark.parametrize("offered", [True, False])
async def test_an_image_without_signature_is_called_so(
    *, offered: bool, registry: SimulatedRegistry, place: Place, digest: Digest, pair: KeyPair
) -> None:
    registry.referrers.offered = offered
    with pytest.raises(VerificationError, match="has no signature"):
        await verify_cosign_image(place.images, digest, pair.trusted)


async def test_a_good_signature_under_the_tag_spares_the_other_places(
    registry: SimulatedRegistry, place: Place, digest: Digest, pair: KeyPair
) -> None:
    lies_under_tag(registry, digest, layer(digest, pair, registry))
    await verify_cosign_image(place.images, digest, pair.trusted)
    assert registry.counts["referrers"] == 0


async def test_a_signature_of_another_does_not_hide_a_good_one(
    registry: SimulatedRegistry, place: Place, digest: Digest, pair: KeyPair, other: KeyPair
) -> None:
    lies_under_tag(registry, digest, layer(digest, other, registry))
    lies_as_referrer(registry, digest, layer(digest, pair, registry))
    assert (await verify_cosign_image(place.images, digest, pair.trusted)).digest == digest


async def test_the_same_signature_in_several_places_is_one(
    registry: SimulatedRegistry, place: Place, digest: Digest, pair: KeyPair
) -> None:
    one = layer(digest, pair, registry)
    lies_under_tag(registry, digest, one)
    lies_as_referrer(registry, digest, one)
    found = await find_cosign(place.images, digest)
    assert len(found.signatures) == 1
    assert found.signatures[0].place.endswith(f":{signature_tag(digest)}")


async def test_signatures_of_another_image_do_not_count(
    registry: SimulatedRegistry, place: Place, digest: Digest, pair: KeyPair, sample: Sample
) -> None:
    swapped = sample.digests["4.18.1-x86_64"]
    lies_under_tag(registry, digest, layer(swapped, pair, registry))
    with pytest.raises(VerificationError, match=f"it is for {swapped}"):
        await verify_cosign_image(place.images, digest, pair.trusted)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip"}, "a layer has the type"),
        ({"mediaType": BUNDLE}, "is a Sigstore bundle"),
        ({"size": 0}, "a payload has 0 bytes"),
        ({"size": MAX_PAYLOAD_BYTES + 1}, "a payload has 65537 bytes"),
        ({"annotations": {}}, "has 0 characters"),
        ({"annotations": None}, "has 0 characters"),
        ({"annotations": {SIGNATURE: "A" * 20_000}}, "has 20000 characters"),
        ({"annotations": {SIGNATURE: "?"}}, "is not base64"),
        ({"digest": "sha256:short"}, "digest"),
    ],
    ids=["type", "bundle", "empty", "huge", "none", "null", "endless", "base64", "digest"],
)
async def test_a_layer_that_is_no_signature_is_told_and_passed_over(
    *,
    change: Document,
    said: str,
    registry: SimulatedRegistry,
    place: Place,
    digest: Digest,
    pair: KeyPair,
) -> None:
    one = layer(digest, pair, registry)
    content = image(registry, one | change, one)
    registry.add(content, tag=signature_tag(digest))
    found = await find_cosign(place.images, digest)
    assert [said in fault.seen for fault in found.faults] == [True]
    assert len(found.signatures) <= 1


async def test_a_payload_that_was_replaced_is_told(
    registry: SimulatedRegistry, place: Place, digest: Digest, pair: KeyPair
) -> None:
    one = layer(digest, pair, registry)
    name = Digest(str(one["digest"]))
    registry.blobs[name] = registry.blobs[name].replace(b"quay", b"evil")
    lies_under_tag(registry, digest, one)
    with pytest.raises(VerificationError, match=r"the payload: expected sha256:\w+, got sha256:"):
        await verify_cosign_image(place.images, digest, pair.trusted)


async def test_an_index_under_the_tag_is_told(
    registry: SimulatedRegistry, place: Place, digest: Digest, pair: KeyPair
) -> None:
    registry.tags[signature_tag(digest)] = digest
    with pytest.raises(VerificationError, match="it is an index and no image") as refused:
        await verify_cosign_image(place.images, digest, pair.trusted)
    assert refused.value.reference == "cosign-signature-refused"


async def test_a_bundle_is_named_with_what_to_do(
    registry: SimulatedRegistry, place: Place, digest: Digest
) -> None:
    subject = {"mediaType": OCI_INDEX, "digest": digest, "size": 1}
    registry.add(image(registry, subject=subject, artifactType=BUNDLE))
    (fault,) = (await find_cosign(place.images, digest)).faults
    assert fault.reference == "cosign-bundle"
    assert "--new-bundle-format=false" in fault.remedy


async def test_other_things_that_refer_to_the_image_are_none_of_our_business(
    registry: SimulatedRegistry, place: Place, digest: Digest
) -> None:
    subject = {"mediaType": OCI_INDEX, "digest": digest, "size": 1}
    registry.add(image(registry, subject=subject, artifactType="application/spdx+json"))
    found = await find_cosign(place.images, digest)
    assert (found.signatures, found.faults) == ((), ())


async def test_what_is_listed_and_gone_is_told(
    registry: SimulatedRegistry, place: Place, digest: Digest, pair: KeyPair
) -> None:
    registry.referrers.offered = False
    gone = referring(registry, digest, layer(digest, pair, registry))
    list_under_tag(registry, digest, gone)
    del registry.blobs[registry.add(gone)]
    (fault,) = (await find_cosign(place.images, digest)).faults
    assert "it is listed and not there" in fault.seen


async def test_no_more_signatures_are_looked_at_than_is_sensible(
    registry: SimulatedRegistry, place: Place, digest: Digest, other: KeyPair
) -> None:
    layers = [layer(digest, other, registry, f"name-{number}") for number in range(50)]
    for start in (0, 1, 2):
        registry.add(referring(registry, digest, *layers[start:]))
    found = await find_cosign(place.images, digest)
    assert f"more than {MAX_SIGNATURES} signatures" in found.faults[-1].seen


@pytest.mark.parametrize("step", ["manifest", "referrers"])
async def test_a_place_that_cannot_be_asked_does_not_look_empty(
    step: str, registry: SimulatedRegistry, place: Place, digest: Digest, pair: KeyPair
) -> None:
    registry.faults.append(Fault("manifest" if step == "manifest" else "referrers", status=403))
    with pytest.raises(RemoteError):
        await verify_cosign_image(place.images, digest, pair.trusted)
