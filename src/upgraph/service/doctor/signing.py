"""Whether signatures could be judged: the program that decides, the keys that are trusted, the place of signatures."""

import asyncio
import shlex
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from upgraph.oci import Access, Digest
from upgraph.service.building.sources import signature_reach
from upgraph.service.configuration import Configuration
from upgraph.service.doctor.check import Outcome, Outcomes, Step
from upgraph.service.setting import masked
from upgraph.service.trust import keyring_contents
from upgraph.signing import CollectedStore, Gpgv, Key, open_store, read_keyrings

STORE_SECONDS = 90.0
"""Longest time for reading what holds signatures; an image may have to be downloaded."""
SHOWN_KEYS = 5
"""Keys of a keyring that are named."""
_ASKED = Digest(f"sha256:{'0' * 64}")
"""The digest of nothing: a store that says that it has no signature of it can be asked."""


def signing_steps(
    configuration: Configuration, environment: Mapping[str, str], access: Access, access_step: Step
) -> Iterator[Step]:
    """The steps of a service that requires signatures; none of one that does not."""
    rings = (*configuration.require_signatures, *configuration.require_graph_data_signature)
    if not rings:
        return
    yield Step("gpgv", "gpgv", partial(program, environment))
    for path in dict.fromkeys(rings):
        yield Step("keyring", str(path), partial(keyring, path), words={"file": shlex.quote(str(path))})
    if configuration.signatures is not None:
        yield Step(
            "signature-store",
            masked(configuration.signatures),
            partial(store, configuration, access),
            (access_step,),
            seconds=STORE_SECONDS,
        )


async def program(environment: Mapping[str, str]) -> Outcomes:
    """Whether gpgv is there, can be run, and has a place for its home.

    Raises:
        UserError, RemoteError: it is not, or cannot.
    """
    with Gpgv(environment) as judge:
        return (Outcome(f"{await judge.version()} can be run"),)


async def keyring(path: Path) -> Outcomes:
    """Which keys a keyring of the service holds. Whether they have expired is what gpgv knows.

    Raises:
        UserError, DataError: it cannot be used.
    """
    (content,) = await asyncio.to_thread(keyring_contents, (path,))
    return tuple(
        Outcome(f"{ring.name} holds {_named(ring.keys)}") for ring in read_keyrings(content, str(path))
    )


def _named(keys: tuple[Key, ...]) -> str:
    shown = "; ".join(f"{key.fingerprint} {', '.join(key.user_ids)}".rstrip() for key in keys[:SHOWN_KEYS])
    rest = f"; and {len(keys) - SHOWN_KEYS} more" if len(keys) > SHOWN_KEYS else ""
    return f"{len(keys)} {'key' if len(keys) == 1 else 'keys'}: {shown}{rest}"


async def store(configuration: Configuration, access: Access) -> Outcomes:
    """Whether the place of signatures can be asked, and how much it holds where it tells.

    Raises:
        UpgraphError: it cannot.
    """
    opened = open_store(configuration.signatures or "", signature_reach(configuration, access))
    try:
        told = tuple(map(Outcome.of_finding, await opened.refresh()))
        if isinstance(opened, CollectedStore):
            held = (await opened.collection()).signatures
            number = sum(map(len, held.values()))
            return (Outcome(f"{opened.name} has {number} signatures of {len(held)} releases"), *told)
        async for _ in opened.candidates(_ASKED):
            pass
        return (Outcome(f"{opened.name} can be asked"), *told)
    finally:
        await opened.close()
