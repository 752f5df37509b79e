"""The first steps towards a server, one at a time: for whoever has to find out which of them fails.

They are those that a client of registries takes anyway, with the same trust, proxies and credentials, and they
never show a login where that client would not.
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import aiohttp
from yarl import URL

from upgraph.oci.http.access import Access
from upgraph.oci.http.connections import Connections, named
from upgraph.oci.http.failures import translated
from upgraph.oci.http.retry import Retry
from upgraph.oci.http.timing import Timing
from upgraph.oci.images.reference import Repository
from upgraph.oci.registry.challenge import Challenge, parse_challenges
from upgraph.oci.registry.transport import Transport
from upgraph.oci.registry.turns import Turns

GREETING_SECONDS = 15.0
"""Longest time for one greeting, from connecting to the header of the answer."""
_ONCE = Timing(retry=Retry(attempts=1))
_MAX_AGE_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Greeting:
    """What a server answers to a request without a login."""

    status: int
    moment: datetime | None
    """What its clock says, in UTC; None if it does not tell."""
    challenges: tuple[Challenge, ...]
    """The ways of login that it offers."""


async def greet(url: str, access: Access) -> Greeting:
    """Ask for ``url`` without a login. Redirects are not followed, and the body is not read.

    Raises:
        RemoteError: there was no answer.
    """
    address = URL(url).with_user(None)
    connections = Connections(access.trust, access.proxies, limit=1)
    try:
        with translated(named("GET", address)):
            async with asyncio.timeout(GREETING_SECONDS):
                response = await connections.send("GET", address, {})
                response.close()
                return Greeting(response.status, _moment(response), _challenges(response))
    finally:
        await connections.close()


async def ask_for_leave(repository: Repository, access: Access) -> int:
    """Ask a registry for the first tag of a repository, with the login that it wants; gives the status.

    Any status tells that the registry let us in, but those that are raised.

    Raises:
        RemoteError: it, or its token service, refuses the login or cannot be asked.
    """
    transport = Transport(repository, access=access, turns=Turns(1, _ONCE), timing=_ONCE)
    try:
        async with transport.exchange("GET", f"/v2/{repository.path}/tags/list?n=1", {}) as response:
            if response.status == 403:
                raise await transport.failure(response)
            return response.status
    finally:
        await transport.close()


def _challenges(response: aiohttp.ClientResponse) -> tuple[Challenge, ...]:
    return parse_challenges(response.headers.getall("WWW-Authenticate", []))


def _moment(response: aiohttp.ClientResponse) -> datetime | None:
    # A cache on the way keeps the date of when it got the answer.
    age = response.headers.get("Age", "")
    seconds = int(age) if age.isascii() and age.isdigit() and len(age) <= _MAX_AGE_DIGITS else 0
    try:
        stated = parsedate_to_datetime(response.headers.get("Date", ""))
        if stated.tzinfo is None:
            stated = stated.replace(tzinfo=UTC)
        return stated.astimezone(UTC) + timedelta(seconds=seconds)
    except (ValueError, OverflowError):
        return None
