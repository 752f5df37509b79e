"""Which tags of a repository can be releases, told by their names alone, so that the others cost no request."""

import re

# Cosign and its relatives keep signatures, attestations and bills of materials under tags made of the digest.
_COMPANION = re.compile(r"\.(sig|att|sbom)$|^sha(256|512)-[0-9a-f]{64,128}(\..*)?$")


def is_companion(tag: str) -> bool:
    """Whether a tag only accompanies an image: a signature, an attestation or a bill of materials."""
    return _COMPANION.search(tag) is not None
