"""Problems of the signing room: keyrings, signatures of releases, and where they are kept."""

from upgraph.errors.problem import Problem

GPGV_UNUSABLE = Problem(
    "gpgv-unusable",
    "The program gpgv is missing or cannot be run",
    "It is what decides whether a signature is good. Without it nothing can be verified, so nothing is accepted.",
    "Install it: the package gpgv of Debian and Ubuntu, gnupg2 of Red Hat Enterprise Linux and Fedora. It must be in PATH.",
)
KEYRING_INVALID = Problem(
    "keyring-invalid",
    "A keyring cannot be used",
    "It decides whose signatures count. An empty or damaged one would refuse every release without saying why.",
    "Give a file with public keys, as `gpg --export` or `gpg --export --armor` writes it, or the ConfigMap of a release "
    "with verifier-public-key- entries. `upgraph signatures keyring show FILE` prints what a file holds.",
)
SIGNATURE_MISSING = Problem(
    "signature-missing",
    "A release has no signature",
    "Nobody vouches for it. Clusters refuse it unless they are forced, and a service that requires signatures leaves it out.",
    "Fetch its signature where there is a connection (`upgraph signatures fetch`) and carry it over, or sign the release "
    "with a key of your own (`upgraph signatures sign`).",
)
SIGNATURE_REFUSED = Problem(
    "signature-refused",
    "No signature of a release is valid",
    "There are signatures, and none is by a trusted key over exactly this digest. The release may not be what it claims to be.",
    "The reason stands beside each signature. If a key is unknown, compare fingerprints before you add it to the keyring; "
    "if the content is bad, fetch signature and release again from their origin.",
)
STORE_UNUSABLE = Problem(
    "signature-source-unusable",
    "What should hold signatures cannot be used",
    "No signature can be found in it, so every release would look unsigned.",
    "Name a directory or archive with sha256=HEX/signature-1 files, ConfigMap manifests, an image that "
    "`upgraph signatures push` made, or the http or https address of a signature store.",
)
STORE_FAILED = Problem(
    "signature-store-failed",
    "A signature store could not be asked",
    "Whether a release is signed is unknown. What was verified before stays verified; what is new has to wait.",
    "Check the address, the proxy and the certificate (`--ca`). The store is asked again with the next round.",
)
SIGNATURE_UNUSABLE = Problem(
    "signature-unusable",
    "Something among signatures cannot be taken",
    "It is left out. If it was the only signature of a release, that release counts as unsigned.",
    "Fetch it again from its origin. A signature has about 1,000 bytes; one of more than 1 MiB is none.",
)
SIGNATURES_NONE = Problem(
    "signatures-none",
    "There is no signature to write",
    "An empty store would look as if signatures had been carried over, and clusters would refuse every release.",
    "Look at the warnings, which name what was left out: with --keyring only valid signatures are taken, so it may be the wrong "
    "keyring. Without warnings the source holds none: `upgraph signatures list` shows which releases of a repository have one.",
)
SIGNATURES_BEYOND_REACH = Problem(
    "signatures-beyond-reach",
    "A release has more signatures than clusters ask for",
    "They ask a store for signature-1 to signature-9. What has a higher number is never looked at; if it is the only one by "
    "a key that they trust, they refuse the release.",
    "Write those that count into a new place: `upgraph signatures pack SOURCE --keyring KEYS -o PLACE` takes one valid "
    "signature for each keyring. ConfigMaps (`-o signatures.yaml`) have no such limit.",
)
SIGNATURES_INCOMPLETE = Problem(
    "signatures-incomplete",
    "Only some of the releases were signed",
    "What was signed is in a file of its own, beside the one that was named. A file is replaced as a whole, so one that was "
    "complete would have lost the rest.",
    "Repair what stopped the others, sign them into another file, and put all together: `upgraph signatures pack PART REST "
    "-o PLACE`. To a directory (`-o signatures`) signatures are added, so nothing is to be put together there.",
)
SIGNING_FAILED = Problem(
    "signing-failed",
    "gpg did not sign",
    "There is no signature, so clusters refuse the release.",
    "Look at what gpg said. The key must be in its keyring (`gpg --list-secret-keys`), able to sign, and not expired; "
    "--gpg-home names another home, and --passphrase-file is for machines where nobody can be asked.",
)
SIGNING_REQUEST = Problem(
    "signing-request",
    "It is not clear what to sign",
    "A signature is over a digest and the name that it is known by. Guessing either could vouch for the wrong image.",
    "Name the release as HOST/REPOSITORY:TAG, or its digest with --identity HOST/REPOSITORY:TAG.",
)
KEY_UNKNOWN_TO_CLUSTERS = Problem(
    "signing-key-unknown-to-clusters",
    "A key is of a kind that clusters cannot use",
    "The Cluster Version Operator knows RSA, DSA and ECDSA on NIST curves. It passes over all other keys, such as Ed25519, so it "
    "refuses what they sign.",
    "Sign with an RSA key of 3072 bits or more (`gpg --quick-gen-key NAME rsa4096 sign never`) if clusters should accept it.",
)
VERIFICATION_CONFIG = Problem(
    "verification-config-missing",
    "A release says nothing about whom to trust",
    "A cluster at this release verifies nothing, and every update of it has to be forced.",
    "Look into another release of the same platform. A release carries a ConfigMap with the annotation "
    "release.openshift.io/verification-config-map for this.",
)
