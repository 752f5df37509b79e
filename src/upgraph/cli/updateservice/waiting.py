"""Waiting until an UpdateService answers, and telling meanwhile what is going on."""

import asyncio
from collections.abc import Callable

from upgraph.cli.output import printable
from upgraph.errors import RemoteError
from upgraph.errors.problems.operator import UPDATE_SERVICE_NOT_ANSWERING
from upgraph.kube.api import Api
from upgraph.kube.objects import Key
from upgraph.operator.resource.standing import DEGRADED, standing_of
from upgraph.operator.resource.update_service import (
    UPDATE_SERVICE,
    Condition,
    UpdateService,
    parse_update_service,
)

POLL_SECONDS = 1.0
"""Between two looks at the resource."""
JUDGING_SECONDS = 30.0
"""Longest wait for what the cluster says of an address that answers: its authorities come by another operator, mostly in seconds."""


async def wait_until_answering(
    api: Api, key: Key, *, seconds: float, tell: Callable[[str], None]
) -> UpdateService:
    """Wait until clusters can be sent to an UpdateService.

    Args:
        api: the cluster.
        key: which UpdateService.
        seconds: how long.
        tell: is given a line whenever a condition changes.

    Raises:
        RemoteError: it does not answer in time, and what stands in the way; or it is gone.
    """
    watched = _Watched(tell)
    try:
        async with asyncio.timeout(seconds):
            while not await watched.look(api, key):  # noqa: ASYNC110  # what is waited for is in the cluster
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError:
        raise RemoteError(
            UPDATE_SERVICE_NOT_ANSWERING, f"{key}: after {seconds:g} s {watched.explanation}", retryable=True
        ) from None
    if watched.service is None:
        raise AssertionError("it has answered")
    return watched.service


async def wait_until_judged(api: Api, service: UpdateService) -> UpdateService:
    """Wait until it is known whether the cluster trusts the address of an UpdateService, but not for long.

    Gives the UpdateService as it was seen last; not every cluster ever says it.

    Raises:
        RemoteError: it is gone, or must not be read.
    """
    try:
        async with asyncio.timeout(JUDGING_SECONDS):
            while not is_judged(service):
                await asyncio.sleep(POLL_SECONDS)
                service = await _read_again(api, service)
    except TimeoutError:
        pass
    return service


def is_judged(service: UpdateService) -> bool:
    """Whether it is known if the cluster trusts the address; where nothing has to be trusted it is."""
    authority = service.status.serving_ca
    has_tls = (service.status.policy_engine_uri or "").startswith("https:")
    return not has_tls or (authority is not None and authority.trusted_by_cluster is not None)


async def _read_again(api: Api, service: UpdateService) -> UpdateService:
    try:
        return parse_update_service(await api.get(UPDATE_SERVICE, service.key))
    except RemoteError as error:
        if not error.retryable:
            raise
        return service


class _Watched:
    """What was last seen of an UpdateService, and what was told of it."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.service: UpdateService | None = None
        self._tell = tell
        self._told: dict[str, Condition] = {}
        self._fault = ""

    async def look(self, api: Api, key: Key) -> bool:
        """Whether it answers now."""
        try:
            service = parse_update_service(await api.get(UPDATE_SERVICE, key))
        except RemoteError as error:
            if not error.retryable:
                raise
            self._note_fault(error)
            return False
        self.service, self._fault = service, ""
        standing = standing_of(service)
        if not standing.is_current:
            return False
        # Degraded repeats the others.
        others = [one for one in service.status.conditions if one.type != DEGRADED]
        for condition in (*others, *(one for one in standing.obstacles if one.type == DEGRADED)):
            self._note(condition)
        return standing.is_answering

    @property
    def explanation(self) -> str:
        """Why it does not answer yet."""
        if self.service is None:
            return self._fault
        standing = standing_of(self.service)
        if not standing.is_current:
            return "no operator has looked at it"
        if standing.obstacles:
            return described(standing.obstacles[0])
        return "it has no address" if standing.address is None else "nobody has said that it answers"

    def _note_fault(self, error: RemoteError) -> None:
        if error.seen != self._fault:
            self._fault = error.seen
            self._tell(printable(error.seen))

    def _note(self, condition: Condition) -> None:
        known = self._told.get(condition.type)
        self._told[condition.type] = condition
        if known is None or (known.status, known.reason, known.message) != (
            condition.status,
            condition.reason,
            condition.message,
        ):
            self._tell(described(condition))


def described(condition: Condition, since: str | None = None) -> str:
    """A condition for people: what it is, since when, and its message, of which further lines are set in."""
    reason = f" ({condition.reason})" if condition.reason else ""
    moment = f" since {since}" if since else ""
    message = f": {condition.message}" if condition.message else ""
    lines = f"{condition.type} is {condition.status}{reason}{moment}{message}".splitlines()
    return "\n    ".join(printable(line) for line in lines)
