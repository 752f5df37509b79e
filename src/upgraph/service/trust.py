"""Whose signatures a service requires, as one text that both of its processes can compare.

A graph that was saved or comes from another replica is served only if its releases were verified with the
same keyrings and the same policy. Nothing is verified here.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from upgraph.errors import UserError
from upgraph.errors.problems.signing import KEYRING_INVALID
from upgraph.service.configuration import Configuration
from upgraph.service.plain_file import read_plain

MAX_FILE_BYTES = 4 * 1024 * 1024
"""Bytes of the largest keyring."""


def keyring_contents(paths: Iterable[Path]) -> tuple[bytes, ...]:
    """The contents of keyrings.

    Raises:
        UserError: one cannot be read.
    """
    return tuple(map(_content, paths))


def trust_of(contents: Iterable[bytes], policy: str) -> str:
    """The text that stands for keyrings and policy; empty if there is no keyring."""
    digests = sorted(hashlib.sha256(content).hexdigest() for content in contents)
    return hashlib.sha256(" ".join((policy, *digests)).encode()).hexdigest() if digests else ""


def required_trust(configuration: Configuration) -> str:
    """The text for the keyrings of a configuration.

    Raises:
        UserError: one cannot be read.
    """
    contents = keyring_contents(configuration.require_signatures)
    return trust_of(contents, configuration.signature_policy)


def _content(path: Path) -> bytes:
    try:
        return read_plain(path, MAX_FILE_BYTES)
    except OSError as error:
        raise UserError(KEYRING_INVALID, f"{path} cannot be read: {error.strerror}") from error
