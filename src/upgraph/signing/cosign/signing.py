"""Signs images like cosign, with a key in a file.

There is no transparency log and no certificate, so cosign has to be told not to ask for them
(``cosign verify --key KEY --insecure-ignore-tlog``). The same key and name give the same signature.
"""

from upgraph.errors import UserError
from upgraph.errors.problems import cosign as problems
from upgraph.oci import Digest, ImageSource, Index, parse_manifest
from upgraph.signing.cosign.payload import write_payload
from upgraph.signing.cosign.private_key import SigningKey
from upgraph.signing.cosign.signature import CosignSignature
from upgraph.signing.cosign.verifying import verify_cosign


def sign_cosign(digest: Digest, identity: str, key: SigningKey) -> CosignSignature:
    """Sign an image.

    Args:
        digest: of the manifest or index.
        identity: the name under which it is known, ``host/repository`` or ``host/repository:tag``. Readers with a
            policy of the containers library compare it; cosign and we do not.
        key: the key.

    Raises:
        UserError: ``identity`` is empty.
    """
    if not identity.strip():
        raise UserError(problems.COSIGN_SIGNING, f"{digest} is to be signed without a name of its image")
    payload = write_payload(digest, identity)
    made = CosignSignature(payload, key.sign(payload), "the new signature")
    verify_cosign(digest, [made], [key.public])
    return made


async def digests_to_sign(images: ImageSource, reference: str) -> tuple[Digest, ...]:
    """An image, and if it is an index every image in it, so that each can be signed.

    cosign and we verify what is asked for, the index. Podman, CRI-O and skopeo with a policy want a signature of the
    image of their architecture.

    Raises:
        RemoteError, DataError: see :meth:`ImageSource.manifest`.
    """
    manifest = await images.manifest(reference)
    parsed = parse_manifest(manifest.content, manifest.media_type)
    if not isinstance(parsed, Index):
        return (manifest.digest,)
    members = (entry.descriptor.digest for entry in parsed.entries if not entry.is_attestation)
    return tuple(dict.fromkeys((manifest.digest, *members)))
