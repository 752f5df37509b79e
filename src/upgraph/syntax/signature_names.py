"""How the signature of a release is called, in requests, in directories and in bundles.

A name is made of three parts, each of which is checked letter by letter before anything is looked up. So no
name can lead to another file, whatever a client sends.

Source: the signature stores of the Cluster Version Operator (library-go ``pkg/verify/store/sigstore``), which
ask for ``sha256=HEX/signature-1`` and count on until there is none.
"""

import re
from dataclasses import dataclass

HEX_DIGITS = {"sha": 40, "sha256": 64}
"""The algorithms that Cincinnati's metadata-helper knows, and the digits of their digests."""
MAX_SIGNATURE_BYTES = 1024 * 1024
"""Bytes of the largest signature; real ones have about 1,200."""
MANIFEST_ENDINGS = (".yaml", ".yml", ".json")
"""What files end in that hold ConfigMaps with signatures."""
ARCHIVE_ENDINGS = (".tar", ".tar.gz", ".tgz")
"""What archives of signatures end in."""

_FILE = re.compile(r"signature-[1-9][0-9]{0,5}", re.ASCII)
_HEX = re.compile(r"[0-9a-f]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class SignatureName:
    """The name of one signature. Every part can stand in a path as it is."""

    algorithm: str
    hex_digest: str
    file: str
    """``signature-1`` and so on."""

    def __str__(self) -> str:
        return f"{self.algorithm}={self.hex_digest}/{self.file}"

    @property
    def paths(self) -> tuple[str, str]:
        """Where it may lie in a directory: as mirrors keep it, and as metadata-helper does."""
        return str(self), f"{self.algorithm}/{self.hex_digest}/{self.file}"


def is_digest_of(algorithm: str, hex_digest: str) -> bool:
    """Whether ``hex_digest`` is a digest of a known algorithm, in lower case."""
    return _HEX.fullmatch(hex_digest) is not None and len(hex_digest) == HEX_DIGITS.get(algorithm)


def is_file_name(name: str) -> bool:
    """Whether a file of this name can be a signature."""
    return _FILE.fullmatch(name) is not None


def name_of_path(path: str) -> SignatureName | None:
    """The signature that lies at a path of a directory, in either form; none if it is something else."""
    folder, _, file = path.rpartition("/")
    algorithm, _, hex_digest = folder.replace("=", "/", 1).partition("/")
    if not is_digest_of(algorithm, hex_digest) or not is_file_name(file):
        return None
    return SignatureName(algorithm, hex_digest, file)
