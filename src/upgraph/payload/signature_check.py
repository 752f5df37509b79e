"""Whether a release is signed, told by whoever has keys: the port, and its adapter for signatures that clusters read.

Trust comes from the keys that somebody named, never from the release. The adapter for keys of cosign is
:mod:`upgraph.payload.cosign_check`: its library is loaded only where such a key is named.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias

from upgraph.errors import DataError, RemoteError, UpgraphError, VerificationError
from upgraph.oci import Digest
from upgraph.signing import SignatureStore, VerifiedDigest, Verifier

if TYPE_CHECKING:
    from upgraph.signing.cosign import CosignVerified

SignatureOutcome: TypeAlias = "VerifiedDigest | CosignVerified | UpgraphError"
"""A digest that somebody vouches for, or why it is not one. A ``RemoteError`` says that nothing is known."""


class SignatureCheck(Protocol):
    """Whether a release is signed, for whoever has keys to tell."""

    async def check(self, digest: Digest) -> SignatureOutcome:
        """What is known of a release, by the digest of its manifest or index.

        Raises:
            UserError: there is nothing that could judge.
        """
        ...


class KeyringCheck:
    """A :class:`SignatureCheck` by keyrings, of signatures in stores.

    Args:
        verifier: decides.
        stores: where signatures are; the caller closes them.
    """

    def __init__(self, verifier: Verifier, stores: Sequence[SignatureStore]) -> None:
        self._verifier = verifier
        self._stores = tuple(stores)

    async def check(self, digest: Digest) -> SignatureOutcome:
        """See :meth:`SignatureCheck.check`."""
        try:
            return await self._verifier.verify(digest, self._stores)
        except (DataError, RemoteError, VerificationError) as error:
            return error
