"""Writes the status of UpdateServices, also under a definition of the resource that knows less of it than the operator tells.

Where the reference operator or an older one of this was before, its definition may still be there. The API server refuses
a status with one field that it does not know as a whole, so that nothing at all would be told. Then what every definition
has is written, with the condition that says what to do, and the whole is tried again from time to time.
"""

import time
from collections.abc import Callable

from upgraph.kube.api import Api, RefusedError
from upgraph.kube.objects import Object
from upgraph.operator.reporting.status import Status

AGAIN_SECONDS = 60.0
"""When the whole status is tried again after it was refused."""
_NOT_DECLARED = "field not declared in schema"


class StatusWriter:
    """Writes to one cluster.

    Args:
        api: the cluster.
        clock: seconds that never go back.
    """

    def __init__(self, api: Api, clock: Callable[[], float] = time.monotonic) -> None:
        self._api = api
        self._clock = clock
        self._old_until: float | None = None

    @property
    def is_definition_old(self) -> bool:
        """Whether the cluster has refused the whole status a short time ago."""
        return self._old_until is not None and self._clock() < self._old_until

    async def write(
        self, obj: Object, whole: Callable[[], Status], reduced: Callable[[], Status]
    ) -> Status | None:
        """Write a status where it differs from the one that is there; what was written, None if nothing was.

        Args:
            obj: the resource as it was read.
            whole: makes the status.
            reduced: makes what an old definition has of it.

        Raises:
            RemoteError: it could not be written.
        """
        is_old = self.is_definition_old
        try:
            return await self._written(obj, reduced() if is_old else whole())
        except RefusedError as error:
            if is_old or _NOT_DECLARED not in error.seen:
                raise
        self._old_until = self._clock() + AGAIN_SECONDS
        return await self._written(obj, reduced())

    async def _written(self, obj: Object, status: Status) -> Status | None:
        if status.content == obj.get("status"):
            return None
        await self._api.apply_status(status.apply_to(obj))
        return status
