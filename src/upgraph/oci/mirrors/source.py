"""A repository that is read from several places, in their order: its mirrors, then itself.

The place that answers the listing is asked first for everything else, until the next listing; a place that
broke off comes last until then. Manifests are checked against their digests wherever they come from, so a
mirror can lack an image or be late with a tag, but not change what a digest means.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, aclosing
from typing import TypeVar

from upgraph.errors import DataError, Finding, RemoteError, Severity, VerificationError
from upgraph.errors.problems import oci as problems
from upgraph.oci.images.closing import Closing
from upgraph.oci.images.digest import Digest
from upgraph.oci.images.manifest import Descriptor
from upgraph.oci.images.reference import Repository
from upgraph.oci.images.referrers import Referrer, referrers_of
from upgraph.oci.images.source import FIRST_RANGE_BYTES, ImageMissing, ImageSource, Manifest, Sink
from upgraph.oci.mirrors.rules import Mirrors, Place

_MAX_SHOWN = 300
"""Characters of what was seen at one place, in a message about all of them."""

_T = TypeVar("_T")
_Failure = tuple[ImageSource, RemoteError | DataError | VerificationError]


def open_mirrored(
    repository: Repository, mirrors: Mirrors, client: Callable[[Repository], ImageSource]
) -> "ImageSource | MirroredSource":
    """A repository where its mirrors have it.

    Args:
        repository: its canonical name.
        mirrors: the rules.
        client: opens one repository.
    """

    def images(place: Place) -> ImageSource:
        clients = [client(one) for one in place.repositories]
        # Which way an insecure place answers is nothing to report.
        return clients[0] if len(clients) == 1 else MirroredSource(clients[0].name, clients)

    places = mirrors.places(repository)
    if places == (Place((repository,)),):
        return client(repository)
    return MirroredSource(str(repository), [images(place) for place in places])


class MirroredSource(Closing):
    """One repository, and the places where it can be read.

    Args:
        name: the canonical name of the repository.
        places: where to read it, the best place first; at least one.
    """

    def __init__(self, name: str, places: Sequence[ImageSource]) -> None:
        self._name = name
        self._places = tuple(places)
        self._first = self._places[0]
        self._broken: list[ImageSource] = []
        self._findings: dict[str, Finding] = {}

    @property
    def name(self) -> str:
        """The canonical name."""
        return self._name

    def take_findings(self) -> tuple[Finding, ...]:
        """Which places failed where another answered, each once since this was last asked."""
        taken = tuple(self._findings.values())
        self._findings.clear()
        return taken

    async def tags(self) -> list[str]:
        """See :meth:`ImageSource.tags`. The listing of the first place that has one; they are never joined."""
        self._broken.clear()
        failures: list[_Failure] = []
        empty: ImageSource | None = None
        for place in self._places:
            try:
                listed = await place.tags()
            except (RemoteError, DataError) as error:
                failures.append((place, error))
                self._broken.append(place)
                continue
            if listed:
                self._answered(place, failures)
                return listed
            # A mirror that was not filled yet; if there is nothing else, it is the truth.
            empty = empty or place
            failures.append((place, RemoteError(problems.MIRROR_FAILED, f"{place.name} lists no tag")))
        if empty is None:
            raise self._exhausted(failures)
        self._answered(empty, [failure for failure in failures if failure[0] is not empty])
        return []

    async def resolve(self, reference: str) -> Digest | None:
        """See :meth:`ImageSource.resolve`."""
        return await self._ask(lambda place: place.resolve(reference))

    async def manifest(self, reference: str) -> Manifest:
        """See :meth:`ImageSource.manifest`."""
        return await self._ask(lambda place: place.manifest(reference))

    async def pour(self, blob: Descriptor, into: Sink, *, first: int | None = FIRST_RANGE_BYTES) -> int:
        """See :meth:`ImageSource.pour`. Another place goes on where one broke off."""
        sink = _Continued(into)

        async def pour_from(place: ImageSource) -> int:
            sink.restart()
            return await place.pour(blob, sink, first=first)

        return await self._ask(pour_from) + sink.repeated

    async def read(self, blob: Descriptor, start: int = 0) -> AsyncGenerator[bytes, None]:
        """See :meth:`ImageSource.read`. Another place goes on where one broke off."""
        at = start
        failures: list[_Failure] = []
        for place in self._order():
            try:
                async with aclosing(place.read(blob, at)) as pieces:
                    async for piece in pieces:
                        at += len(piece)
                        yield piece
            except (RemoteError, DataError, VerificationError) as error:
                failures.append((place, error))
                self._note_broken(place, error)
            else:
                self._note(failures, place)
                return
        raise self._exhausted(failures)

    async def referrers(self, digest: Digest) -> tuple[Referrer, ...]:
        """What refers to an image, at the first place that lists anything; lists are never joined."""
        failures: list[_Failure] = []
        lacking: list[_Failure] = []
        for place in self._order():
            try:
                listed = await referrers_of(place, digest)
            except (RemoteError, DataError, VerificationError) as error:
                failures.append((place, error))
                self._note_broken(place, error)
                continue
            if listed:
                self._note([*lacking, *failures], place)
                return listed
            # Copies of an image often leave behind what refers to it. If no place lists more, it is the truth.
            seen = f"{place.name} lists nothing that refers to {digest}"
            lacking.append((place, RemoteError(problems.MIRROR_FAILED, seen)))
        if not lacking:
            raise self._exhausted(failures)
        self._note(failures, lacking[0][0])
        return ()

    async def close(self) -> None:
        """Close all places."""
        async with AsyncExitStack() as stack:
            for place in self._places:
                stack.push_async_callback(place.close)

    async def _ask(self, request: Callable[[ImageSource], Awaitable[_T]]) -> _T:
        failures: list[_Failure] = []
        for place in self._order():
            try:
                answer = await request(place)
            except (RemoteError, DataError, VerificationError) as error:
                failures.append((place, error))
                self._note_broken(place, error)
            else:
                self._note(failures, place)
                return answer
        raise self._exhausted(failures)

    def _order(self) -> list[ImageSource]:
        rest = [place for place in self._places if place is not self._first]
        return sorted([self._first, *rest], key=lambda place: place in self._broken)

    def _note_broken(self, place: ImageSource, error: Exception) -> None:
        if isinstance(error, RemoteError) and error.retryable and place not in self._broken:
            self._broken.append(place)

    def _answered(self, place: ImageSource, failures: Sequence[_Failure]) -> None:
        self._first = place
        self._note(failures, place)

    def _note(self, failures: Sequence[_Failure], answered: ImageSource) -> None:
        for place, error in failures:
            seen = f"{self._name} was read from {answered.name}, because {_said(place, error)}"
            finding = Finding(Severity.WARNING, problems.MIRROR_FAILED, seen)
            self._findings.setdefault(place.name, finding)

    def _exhausted(self, failures: Sequence[_Failure]) -> RemoteError | DataError | VerificationError:
        """The one error of all places."""
        first = failures[0][1]
        is_one_problem = all(error.problem is first.problem for _, error in failures)
        if is_one_problem and (isinstance(first, ImageMissing) or not isinstance(first, RemoteError)):
            return first
        said = "; ".join(_said(place, error) for place, error in failures)
        retryable = any(isinstance(error, RemoteError) and error.retryable for _, error in failures)
        problem = first.problem if is_one_problem else problems.MIRRORS_FAILED
        asked = [
            error.retry_after for _, error in failures if isinstance(error, RemoteError) and error.retry_after
        ]
        return RemoteError(
            problem, f"{self._name}: {said}", retryable=retryable, retry_after=max(asked, default=None)
        )


def _said(place: ImageSource, error: RemoteError | DataError | VerificationError) -> str:
    what = "does not have it" if isinstance(error, ImageMissing) else "failed"
    return f"{place.name} {what}: {error.seen[:_MAX_SHOWN]}"


class _Continued:
    """A sink that has had a part already when another place begins anew."""

    def __init__(self, into: Sink) -> None:
        self._into = into
        self._fed = 0
        self._position = 0
        self._is_wanted = True
        self.repeated = 0
        """Bytes that were taken in vain."""

    def restart(self) -> None:
        """The next bytes are the first of the blob again."""
        self.repeated += self._position
        self._position = 0

    def feed(self, chunk: bytes) -> bool:
        """See :meth:`Sink.feed`."""
        new = chunk[max(self._fed - self._position, 0) :]
        self._position += len(chunk)
        if new and self._is_wanted:
            self._fed += len(new)
            self._is_wanted = self._into.feed(new)
        return self._is_wanted
