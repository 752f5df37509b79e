"""The last good snapshot of another replica, for one that starts with nothing.

A name may stand for many replicas, as a headless Service does: all of its addresses are asked, and the
freshest snapshot that arrives whole is taken. What cannot be had in a short time is not waited for, because
the own first scrape stands behind it. Siblings are neighbours: no proxy is used, and no credentials are sent.
"""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import BinaryIO

import msgspec

from upgraph.errors import DataError, UpgraphError
from upgraph.oci import Access, Downloads, Proxies
from upgraph.service.answering.sharing import OFFER_PATH, SNAPSHOT_PATH, Offer
from upgraph.service.building.shelf import in_memory
from upgraph.service.configuration import address
from upgraph.service.snapshot import Snapshot, read_foreign_snapshot

MAX_SNAPSHOT_BYTES = 512 * 1024 * 1024
"""Bytes of the largest snapshot that is taken; one of 5,400 tags has about 70 MB."""
MAX_OFFER_BYTES = 4096
"""Bytes of what a replica says of its snapshot."""
MAX_ADDRESSES = 32
"""Addresses that are asked."""
OFFER_SECONDS = 3.0
"""Time for the name and for the first word of each replica."""
SNAPSHOT_SECONDS = 60.0
"""Time for all attempts at a snapshot."""

_log = logging.getLogger(__name__)

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Gives the addresses of a name, each as ``host:port``."""


@dataclass(frozen=True, slots=True)
class Inherited:
    """A snapshot that another replica made."""

    snapshot: Snapshot
    file: BinaryIO
    refreshed_at: float
    """Unix time in seconds at which its inputs were last known to be current."""


@dataclass(frozen=True, slots=True)
class _Offered:
    place: str
    offer: Offer


async def addresses_of(host: str, port: int) -> list[str]:
    """All addresses of a name.

    Raises:
        OSError: there is none.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    hosts = sorted({str(info[4][0]) for info in found})
    return [f"[{one}]:{port}" if ":" in one else f"{one}:{port}" for one in hosts]


async def inherit(
    siblings: Iterable[str], access: Access, now: float, resolve: Resolve = addresses_of
) -> Inherited | None:
    """The freshest snapshot of other replicas; None if there is none to be had.

    Args:
        siblings: ``host:port`` of their status ports; a name may stand for several.
        access: whom to trust.
        now: Unix time in seconds; a sibling whose clock is ahead is not fresher for it.
        resolve: finds addresses.
    """
    neighbours = Access(trust=access.trust, proxies=Proxies())
    async with neighbours.session(concurrency=MAX_ADDRESSES) as session:
        found = await asyncio.gather(*(_places(sibling, resolve) for sibling in siblings))
        places = list(dict.fromkeys(place for some in found for place in some))[:MAX_ADDRESSES]
        offers = [one for one in await asyncio.gather(*(_ask(session, place) for place in places)) if one]
        offers.sort(key=lambda one: (-min(one.offer.refreshed_at, now), one.place))
        try:
            async with asyncio.timeout(SNAPSHOT_SECONDS):
                for one in offers:
                    taken = await _take(session, one, now)
                    if taken is not None:
                        return taken
        except TimeoutError:
            _log.warning("no sibling gave its snapshot within %g s", SNAPSHOT_SECONDS)
    return None


async def _places(sibling: str, resolve: Resolve) -> list[str]:
    try:
        async with asyncio.timeout(OFFER_SECONDS):
            return await resolve(*address(sibling))
    except (OSError, TimeoutError, UnicodeError) as error:
        # Names that no name server could know are no text that can be asked for.
        _log.info("sibling %s: no address (%s)", sibling, str(error) or "no answer")
        return []


async def _ask(session: Downloads, place: str) -> _Offered | None:
    url = f"http://{place}{OFFER_PATH}"
    try:
        answer = await session.get(url, limit=MAX_OFFER_BYTES, seconds=OFFER_SECONDS)
        return _Offered(place, msgspec.json.decode(answer.content, type=Offer))
    except (UpgraphError, msgspec.DecodeError) as error:
        # One that starts as well has nothing either; nor has this replica, if it is asked by itself.
        _log.info("sibling %s offers no snapshot: %s", place, getattr(error, "seen", error))
    return None


async def _take(session: Downloads, offered: _Offered, now: float) -> Inherited | None:
    try:
        answer = await session.get(
            f"http://{offered.place}{SNAPSHOT_PATH}", limit=MAX_SNAPSHOT_BYTES, seconds=SNAPSHOT_SECONDS
        )
        taken = _opened(answer.content, offered, now)
    except DataError as error:
        _log.warning(
            "the snapshot of sibling %s is not used: %s",
            offered.place,
            error.seen,
            extra={"reference": error.reference},
        )
    except OSError as error:
        _log.warning("there is no room for the snapshot of sibling %s: %s", offered.place, error.strerror)
    except UpgraphError as error:
        _log.warning("the snapshot of sibling %s did not arrive: %s", offered.place, error.seen)
    else:
        _log.info("sibling %s gave a graph of %d releases", offered.place, taken.snapshot.facts.releases)
        return taken
    return None


def _opened(content: bytes, offered: _Offered, now: float) -> Inherited:
    with ExitStack() as stack:
        file = stack.enter_context(in_memory())
        file.write(content)
        file.flush()
        snapshot = read_foreign_snapshot(file, offered.offer.digest)
        stack.pop_all()
    return Inherited(snapshot, file, min(offered.offer.refreshed_at, now))
