"""Options of commands about one release that say where its signatures are and whose count, and what they open."""

import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from upgraph.cli.cosign_options import trusted_key_option, trusted_keys
from upgraph.cli.output import show_findings
from upgraph.cli.signatures.places import (
    Places,
    keyring_option,
    policy_option,
    read_keyring_files,
    signatures_option,
)
from upgraph.errors import UpgraphError
from upgraph.oci import Digest, ImageSource
from upgraph.payload import KeyringCheck, SignatureCheck
from upgraph.payload.cosign_check import CosignCheck
from upgraph.service.configuration import Configuration
from upgraph.signing import Candidate, Gpgv, Policy, SignatureStore, Verifier, find
from upgraph.signing.cosign import PublicKey

F = TypeVar("F", bound=Callable[..., Any])

OPENPGP = "openpgp"
"""Signatures that clusters read."""
COSIGN = "cosign"


@dataclass(frozen=True, slots=True)
class Trust:
    """Where signatures are and whose count, as it was given."""

    stores: tuple[str, ...]
    keyrings: tuple[Path, ...]
    policy: Policy
    cosign_keys: tuple[Path, ...]


def trust_options(function: F) -> F:
    """``--signatures``, ``--keyring``, ``--policy`` and ``--cosign-key``, together the parameter ``trust``."""

    @wraps(function)
    def with_trust(
        *arguments: object,
        stores: tuple[str, ...],
        keyrings: tuple[Path, ...],
        policy: Policy,
        cosign_keys: tuple[Path, ...],
        **others: object,
    ) -> object:
        return function(*arguments, trust=Trust(stores, keyrings, policy, cosign_keys), **others)

    decorators = (
        signatures_option(required=False),
        keyring_option(required=False),
        policy_option,
        trusted_key_option,
    )
    decorated = cast("F", with_trust)
    for decorate in reversed(decorators):
        decorated = decorate(decorated)
    return decorated


@dataclass(frozen=True, slots=True)
class Trusted:
    """What was given, opened and read."""

    stores: Sequence[SignatureStore]
    verifier: Verifier | None
    """None without keyrings."""
    cosign_keys: tuple[PublicKey, ...]

    def checks(self, images: ImageSource) -> Mapping[str, SignatureCheck]:
        """What can tell whether a release is signed that lies among ``images``; one for each kind of keys."""
        found: dict[str, SignatureCheck] = {}
        if self.verifier is not None:
            found[OPENPGP] = KeyringCheck(self.verifier, self.stores)
        if self.cosign_keys:
            found[COSIGN] = CosignCheck(images, self.cosign_keys)
        return found

    async def present(self, digest: Digest) -> Sequence[Candidate] | UpgraphError | None:
        """What stores have for a release, which nobody verifies; None if no store was named."""
        return (await find([digest], self.stores))[digest] if self.stores else None


@asynccontextmanager
async def open_trust(trust: Trust, chosen: Configuration) -> AsyncIterator[Trusted]:
    """Open what was given.

    Raises:
        UsageError: there are keyrings, and nobody said where signatures are.
        UserError, DataError, RemoteError: a key or a store cannot be read, or there is no gpgv.
    """
    if trust.keyrings and not trust.stores:
        raise click.UsageError("--keyring says whose signatures count; say with --signatures where they are")
    cosign_keys = trusted_keys(trust.cosign_keys)
    rings = read_keyring_files(trust.keyrings)
    async with Places(chosen) as places:
        with Gpgv(os.environ) if rings else nullcontext() as judge:
            verifier = Verifier(rings, judge, policy=trust.policy) if judge is not None else None
            stores = places.stores(trust.stores)
            for store in stores:
                show_findings(await store.refresh())
            yield Trusted(stores, verifier, cosign_keys)
