"""Puts signatures where cosign and other readers look for them: under a tag, or as something that refers to the image."""

import base64
from collections.abc import Mapping, Sequence

import msgspec

from upgraph.oci import (
    OCI_CONFIG,
    OCI_INDEX,
    OCI_MANIFEST,
    Composition,
    Descriptor,
    Digest,
    Image,
    ImageDestination,
    ImageMissing,
    ImageSource,
    Manifest,
    Order,
    Referrer,
    copy_image,
    digest_of,
    fallback_tag,
    parse_manifest,
    referrer_index,
    referrers_of,
    still_there,
)
from upgraph.signing.cosign.signature import (
    MAX_LAYERS,
    SIGNATURE,
    SIGNATURE_ARTIFACT,
    SIMPLE_SIGNING,
    CosignSignature,
    signature_tag,
    unusable,
)

_Document = dict[str, object]


class _Layers(msgspec.Struct, frozen=True):
    layers: list[_Document]


async def attach_cosign(
    digest: Digest, signature: CosignSignature, images: ImageSource, destination: ImageDestination
) -> str:
    """Add a signature to those under the tag of cosign; gives the tag. Others that are there stay.

    Two that do this for one image at the same moment may lose one signature: registries have no way to prevent that.

    Args:
        digest: of the image that is signed.
        signature: of that image.
        images: the repository, to read.
        destination: the same repository, to write.

    Raises:
        DataError: what is under the tag is no image of signatures, so it is not replaced.
        RemoteError: it could not be read or written.
    """
    tag = signature_tag(digest)
    before = await _layers_under(tag, images)
    # The base stays open: it is the caller's.
    made = Composition(f"the signature of {digest}", images)
    layer = _layer(made, signature)
    if layer in before:
        return tag
    layers = [*before, layer]
    config = made.blob(_config(layers), OCI_CONFIG)
    made.tag(tag, made.document(_image(config, layers), OCI_MANIFEST))
    await copy_image(Order(made, tag, destination, tag, overwrite=True))
    return tag


async def refer_cosign(
    digest: Digest, signature: CosignSignature, images: ImageSource, destination: ImageDestination
) -> Digest:
    """Put a signature beside an image as an artifact that refers to it; gives the digest of the artifact.

    Where the registry keeps no account of what refers to an image, the list under the fallback tag is kept up.

    Raises:
        ImageMissing: the signed image is not in the repository.
        RemoteError, DataError: something could not be read or written.
    """
    signed = await images.manifest(digest)
    made = Composition(f"the signature of {digest}")
    config = made.blob(b"{}", SIGNATURE_ARTIFACT)
    document = _image(config, [_layer(made, signature)])
    subject = Descriptor(
        parse_manifest(signed.content, signed.media_type).media_type, digest, len(signed.content)
    )
    document |= {"artifactType": SIGNATURE_ARTIFACT, "subject": _reference(subject)}
    artifact = made.document(document, OCI_MANIFEST)
    await copy_image(Order(made, artifact.digest, destination))
    listed = await referrers_of(images, digest)
    if artifact.digest not in {one.manifest.digest for one in listed}:
        await _list(digest, [*listed, Referrer(artifact, SIGNATURE_ARTIFACT)], images, destination)
    return artifact.digest


async def _list(
    digest: Digest, referrers: Sequence[Referrer], images: ImageSource, destination: ImageDestination
) -> None:
    tag = fallback_tag(digest)
    content = msgspec.json.encode(referrer_index(await still_there(images, referrers)), order="deterministic")
    listed = Manifest(digest_of(content), OCI_INDEX, content)
    await destination.put_manifest(listed)
    await destination.put_tag(tag, listed)


async def _layers_under(tag: str, images: ImageSource) -> list[_Document]:
    place = f"{images.name}:{tag}"
    try:
        manifest = await images.manifest(tag)
    except ImageMissing:
        return []
    if not isinstance(parse_manifest(manifest.content, manifest.media_type), Image):
        raise unusable(place, "it is an index and no image")
    layers = msgspec.json.decode(manifest.content, type=_Layers).layers
    if len(layers) >= MAX_LAYERS:
        raise unusable(place, f"it has {len(layers)} signatures already; {MAX_LAYERS} are looked at")
    return layers


def _layer(made: Composition, signature: CosignSignature) -> _Document:
    annotations = {SIGNATURE: base64.b64encode(signature.signature).decode()}
    return _reference(made.blob(signature.payload, SIMPLE_SIGNING)) | {"annotations": annotations}


def _image(config: Descriptor, layers: Sequence[Mapping[str, object]]) -> _Document:
    return {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": _reference(config),
        "layers": list(layers),
    }


def _config(layers: Sequence[Mapping[str, object]]) -> bytes:
    content = {"type": "layers", "diff_ids": [layer["digest"] for layer in layers]}
    return msgspec.json.encode({"architecture": "", "os": "", "rootfs": content}, order="deterministic")


def _reference(descriptor: Descriptor) -> _Document:
    return {"mediaType": descriptor.media_type, "digest": descriptor.digest, "size": descriptor.size}
