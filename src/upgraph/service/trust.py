"""Whose signatures a service requires, as one text that both of its processes can compare.

A graph that was saved or comes from another replica is served only if its releases, and its graph data where that is
required, were verified with the same keyrings and the same policy, and if lists of promoted versions have restricted it where there are any. They
may be older lists: those of the last good graph stay in force until new ones were read. Nothing is verified here.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from upgraph.errors import UserError
from upgraph.errors.problems.signing import KEYRING_INVALID
from upgraph.service.configuration import Configuration
from upgraph.service.plain_file import read_plain
from upgraph.service.snapshot import Facts

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
    """The text for all keyrings of a configuration.

    Raises:
        UserError: one cannot be read.
    """
    policy = configuration.signature_policy
    releases = trust_of(keyring_contents(configuration.require_signatures), policy)
    data = trust_of(keyring_contents(configuration.require_graph_data_signature), policy)
    # A keyring for the one must not pass for a keyring for the other.
    return hashlib.sha256(f"{releases} {data}".encode()).hexdigest() if data else releases


def unfit(facts: Facts, configuration: Configuration, trust: str) -> str:
    """Why a graph that was made before, or elsewhere, is not served under a configuration; empty if it is.

    Args:
        facts: of that graph.
        configuration: of the service.
        trust: what :func:`required_trust` gives for it.
    """
    if trust and facts.trust != trust:
        return "what it is made of was not verified so"
    if configuration.promoted and not facts.promoted:
        return "it was made without a list of promoted versions"
    return ""


def _content(path: Path) -> bytes:
    try:
        return read_plain(path, MAX_FILE_BYTES)
    except OSError as error:
        raise UserError(KEYRING_INVALID, f"{path} cannot be read: {error.strerror}") from error
