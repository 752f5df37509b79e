"""The port to the API of a cluster: what is read, watched and written, without a word about how.

Every method raises :class:`~upgraph.errors.RemoteError`, with the status that was received, whether the same request may
succeed later, and a problem of :mod:`upgraph.errors.problems.kube`. What the server refuses with reasons for single
fields is a :class:`RefusedError`.
"""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from upgraph.errors import Problem, RemoteError
from upgraph.kube.objects import Key, Kind, Object, version_of


@dataclass(frozen=True, slots=True)
class Scope:
    """Which objects of a kind are meant."""

    namespace: str | None = None
    """None for all namespaces, and for what belongs to the cluster."""
    labels: str = ""
    """A label selector, for example ``app=web,tier!=test``."""
    name: str | None = None
    """One object alone. A role that names its resources allows to list and watch them in no other way."""

    def __str__(self) -> str:
        where = "everywhere" if self.namespace is None else f"in {self.namespace}"
        return " ".join(part for part in (self.name or "", self.labels, where) if part)


EVERYWHERE = Scope()


Keep = Callable[[Object], Object]
"""What is kept of an object; it may change what it is given."""


def whole(obj: Object) -> Object:
    """All of an object."""
    return obj


@dataclass(frozen=True, slots=True)
class Listing:
    """All objects of a scope at one moment."""

    objects: tuple[Object, ...]
    version: str
    """The moment. A watch from here misses nothing."""


class EventType(Enum):
    """What happened to an object."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    BOOKMARK = "BOOKMARK"
    """Nothing. Its object has a version alone, up to which all has been told."""


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a watch."""

    type: EventType
    object: Object

    @property
    def version(self) -> str:
        """The version from which a later watch goes on."""
        return version_of(self.object)


@dataclass(frozen=True, slots=True, order=True)
class Cause:
    """Why one field was refused."""

    field: str
    """Its path, for example ``.spec.replicas``."""
    reason: str
    """One word of the API, for example ``FieldManagerConflict``."""
    message: str


class RefusedError(RemoteError):
    """The server refuses, and may say which fields are why.

    Args:
        problem: the documented kind of fault.
        seen: what was observed.
        status: the HTTP status.
        retryable: whether the same request may succeed a little later.
        retry_after: seconds that the server asked us to wait, if it did.
        causes: the fields.
    """

    def __init__(  # noqa: PLR0913  # each is a fact about the one failure, named at the call
        self,
        problem: Problem,
        seen: str,
        *,
        status: int,
        retryable: bool,
        retry_after: float | None = None,
        causes: tuple[Cause, ...] = (),
    ) -> None:
        super().__init__(problem, seen, status=status, retryable=retryable, retry_after=retry_after)
        self.causes = causes


class ExpiredError(RemoteError):
    """The server no longer knows the version from which a watch or a page was to go on: list again."""


class OversizeError(RemoteError):
    """The answer has more bytes than are taken: ask for less at a time."""


class Api(Protocol):
    """The API of one cluster, under one identity. See the module for the errors."""

    @property
    def manager(self) -> str:
        """The name under which the cluster notes what is written here."""
        ...

    async def get(self, kind: Kind, key: Key) -> Object:
        """One object."""
        ...

    async def list(self, kind: Kind, scope: Scope = EVERYWHERE, *, keep: Keep = whole) -> Listing:
        """All objects of a scope, read in pages: smaller ones where objects are large.

        Args:
            kind: which objects.
            scope: which of them.
            keep: what is kept of each, page by page, so that a large list is never in memory as a whole.
        """
        ...

    def watch(self, kind: Kind, scope: Scope, version: str) -> AsyncGenerator[Event, None]:
        """What happens in a scope after ``version``. Ends when the server ends it, which it does every few minutes.

        Raises:
            ExpiredError: the version is too old.
            RemoteError: also where nothing was heard for so long that the connection must be dead (retryable).
        """
        ...

    async def create(self, obj: Object) -> Object:
        """Make an object; refused where there is one of its name."""
        ...

    async def apply(self, obj: Object, *, force: bool = True) -> Object:
        """Say what the fields that we manage are to be (server-side apply); other fields stay.

        Args:
            obj: the fields that we want, and no others. With a ``resourceVersion`` it is refused if that is old.
            force: take over fields that another manager has set, rather than be refused.
        """
        ...

    async def apply_status(self, obj: Object) -> Object:
        """The same for the ``status`` of an object that is there."""
        ...

    async def replace(self, obj: Object) -> Object:
        """Replace an object, if nobody has changed it since ``resourceVersion``."""
        ...

    async def patch(self, kind: Kind, key: Key, patch: Object) -> Object:
        """Change an object by a merge patch (RFC 7386)."""
        ...

    async def delete(self, kind: Kind, key: Key, *, uid: str | None = None) -> None:
        """Delete an object; what it owns is deleted after it.

        Args:
            kind: its kind.
            key: its place.
            uid: which object is meant; another one of the same name stays, and that is refused.
        """
        ...

    async def serves(self, kind: Kind) -> bool:
        """Whether the cluster has this kind in this version."""
        ...
