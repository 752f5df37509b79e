"""Problems with signatures of cosign: keys, and signatures that are found beside images."""

from upgraph.errors.problem import Problem

COSIGN_KEY = Problem(
    "cosign-key",
    "A key for signatures of cosign cannot be used",
    "The key decides whose images are accepted, so one that cannot be read exactly is not used at all.",
    "To verify, give the public key as PEM (`-----BEGIN PUBLIC KEY-----`): ECDSA on P-256 or P-384, RSA with 2,048 bits "
    "or more, or Ed25519. To sign, give the private key as PEM, or as cosign writes it.",
)
COSIGN_MISSING = Problem(
    "cosign-signature-missing",
    "An image has no signature of cosign",
    "Nobody vouches for it with a key. It may be the right one, but nothing proves that.",
    "Copy the signature along with the image (`upgraph image copy --with-signatures`): it has the tag sha256-DIGITS.sig in "
    "the same repository, or refers to the image. Or sign the image with a key of your own.",
)
COSIGN_REFUSED = Problem(
    "cosign-signature-refused",
    "No signature of cosign beside an image is valid",
    "There are signatures, and none of them is by a trusted key over exactly this digest. The image may not be what it "
    "claims to be.",
    "The reason stands beside each signature. If another key signed, compare fingerprints before you trust it; if the "
    "digest differs, copy image and signature again from their origin.",
)
COSIGN_UNUSABLE = Problem(
    "cosign-signature-unusable",
    "Something that should be a signature of cosign cannot be read",
    "It is passed over. If it was the only signature of an image, the image counts as unsigned.",
    "Copy it again from its origin. What stands under the tag sha256-DIGITS.sig has to be an OCI image whose layers are "
    "signed payloads of a few hundred bytes.",
)
COSIGN_BUNDLE = Problem(
    "cosign-bundle",
    "A signature has the form of a Sigstore bundle, which is not read",
    "The image may well be signed, but Upgraph reads the form with a payload and a key of its own only. So the image "
    "counts as unsigned.",
    "Sign with `upgraph signatures sign --key`, or with `cosign sign --new-bundle-format=false --tlog-upload=false --key`.",
)
COSIGN_IMAGE = Problem(
    "cosign-image",
    "It is not said where an image is",
    "Signatures of cosign lie beside the image, in its repository. Without that place there is nowhere to look, and nowhere "
    "to put one.",
    "Name the image with its place: HOST/REPOSITORY:TAG, HOST/REPOSITORY@DIGEST or oci:DIRECTORY:TAG.",
)
COSIGN_SIGNING = Problem(
    "cosign-signing",
    "It is not clear what to sign",
    "A signature is for one image under one name, and can be carried to any registry. A wrong one vouches for something "
    "that nobody meant.",
    "Name the image by its digest or tag where it can be read, and say under which name it is known: HOST/REPOSITORY.",
)
