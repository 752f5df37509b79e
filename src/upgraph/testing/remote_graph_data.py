"""Whether a remote source of graph data keeps its contract (:class:`upgraph.graphdata.RemoteGraphData`).

Run every one of :data:`REMOTE_CHECKS` on a fresh :class:`RemotePlace`. A check that fails raises AssertionError.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

from upgraph.errors import DataError, RemoteError, VerificationError
from upgraph.graphdata import Files, RemoteGraphData, load
from upgraph.testing.graph_data_source import SAMPLE, STATES, STRANGERS


class RemotePlace(Protocol):
    """A source, and the means to change what it reads."""

    @property
    def source(self) -> RemoteGraphData:
        """The source under test, the same each time; whoever runs the checks closes it."""
        ...

    async def put(self, files: Files) -> None:
        """Make ``files`` all that is there."""
        ...

    async def remove(self) -> None:
        """Take the place itself away."""
        ...


async def gives_what_is_there(place: RemotePlace) -> None:
    """The files come as they were put, and make graph data."""
    await place.put(SAMPLE)
    files = await place.source.fetch()
    assert files is not None
    assert dict(files) == dict(SAMPLE)
    assert load(files).data is not None


async def passes_over_what_does_not_belong(place: RemotePlace) -> None:
    """What is no part of a set does not enter it."""
    await place.put({**SAMPLE, **STRANGERS})
    assert await place.source.fetch() == SAMPLE


async def gives_nothing_while_nothing_changes(place: RemotePlace) -> None:
    """A set that stayed is not given again."""
    await place.put(SAMPLE)
    assert place.source.origin == ""
    assert await place.source.fetch() is not None
    origin = place.source.origin
    assert origin.startswith(("sha256:", "sha1:"))
    assert await place.source.fetch() is None
    assert await place.source.fetch() is None
    assert place.source.origin == origin


async def gives_each_change_once(place: RemotePlace) -> None:
    """A file that changes, comes or goes is in the next set, and then there is peace."""
    origins = set()
    for state in STATES:
        await place.put(state)
        assert await place.source.fetch() == state
        assert await place.source.fetch() is None
        origins.add(place.source.origin)
    assert len(origins) == len({tuple(sorted(state.items())) for state in STATES})


async def says_each_time_that_the_place_is_gone(place: RemotePlace) -> None:
    """A place that is gone is an error in every round, never an empty set and never peace."""
    await place.put(SAMPLE)
    assert await place.source.fetch() is not None
    await place.remove()
    for _ in range(2):
        try:
            files = await place.source.fetch()
        except (RemoteError, DataError, VerificationError) as error:
            assert error.seen
        else:
            raise AssertionError(f"a place that is gone gave {files}")


async def goes_on_when_the_place_is_back(place: RemotePlace) -> None:
    """After an error the next round says what is there, whether it is the old set or another."""
    await place.put(SAMPLE)
    await place.source.fetch()
    await place.remove()
    try:
        await place.source.fetch()
    except (RemoteError, DataError, VerificationError):
        await place.put(STATES[1])
    assert await place.source.fetch() == STATES[1]
    await place.put(SAMPLE)
    assert await place.source.fetch() == SAMPLE


REMOTE_CHECKS: tuple[Callable[[RemotePlace], Awaitable[None]], ...] = (
    gives_what_is_there,
    passes_over_what_does_not_belong,
    gives_nothing_while_nothing_changes,
    gives_each_change_once,
    says_each_time_that_the_place_is_gone,
    goes_on_when_the_place_is_back,
)
"""All checks."""
