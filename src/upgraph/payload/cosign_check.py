"""Whether a release is signed with a key of cosign, by what lies beside it."""

from collections.abc import Sequence

from upgraph.errors import DataError, RemoteError, VerificationError
from upgraph.oci import Digest, ImageSource
from upgraph.payload.signature_check import SignatureOutcome
from upgraph.signing.cosign import PublicKey, verify_cosign_image


class CosignCheck:
    """A :class:`~upgraph.payload.SignatureCheck` by public keys, any of which may have signed.

    Args:
        images: where the release lies; the caller closes it.
        keys: those that are trusted.
    """

    def __init__(self, images: ImageSource, keys: Sequence[PublicKey]) -> None:
        self._images = images
        self._keys = tuple(keys)

    async def check(self, digest: Digest) -> SignatureOutcome:
        """See :meth:`~upgraph.payload.SignatureCheck.check`."""
        try:
            return await verify_cosign_image(self._images, digest, self._keys)
        except (DataError, RemoteError, VerificationError) as error:
            return error
