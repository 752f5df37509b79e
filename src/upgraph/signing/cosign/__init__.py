"""Signatures of cosign with a key that lasts: found beside images, verified, made, and put beside images.

What may enter are PEM files of an administrator and bytes from registries that claim to be signatures. What needs an
image that a key vouches for takes a :class:`CosignVerified`, which only :func:`verify_cosign` makes.
"""

from upgraph.signing.cosign.attaching import attach_cosign, refer_cosign
from upgraph.signing.cosign.finding import CosignFound, find_cosign, verify_cosign_image
from upgraph.signing.cosign.private_key import SigningKey, parse_signing_key
from upgraph.signing.cosign.public_keys import MAX_KEY_FILE_BYTES, PublicKey, parse_public_keys
from upgraph.signing.cosign.signature import CosignSignature, signature_tag
from upgraph.signing.cosign.signing import digests_to_sign, sign_cosign
from upgraph.signing.cosign.verifying import CosignSigner, CosignVerified, verify_cosign

__all__ = [
    "MAX_KEY_FILE_BYTES",
    "CosignFound",
    "CosignSignature",
    "CosignSigner",
    "CosignVerified",
    "PublicKey",
    "SigningKey",
    "attach_cosign",
    "digests_to_sign",
    "find_cosign",
    "parse_public_keys",
    "parse_signing_key",
    "refer_cosign",
    "sign_cosign",
    "signature_tag",
    "verify_cosign",
    "verify_cosign_image",
]
