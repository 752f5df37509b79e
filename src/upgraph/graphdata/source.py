"""Where graph data comes from: the two ports, and the sources that a text on the command line can name.

A place on this machine is looked at every second and read in a thread. A place that has to be asked over a
network, or may be large, is asked on a timer and says itself whether there is anything new.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from upgraph.errors import Finding, UserError
from upgraph.errors.problems.graphdata import SOURCE
from upgraph.graphdata.address import AddressSource
from upgraph.graphdata.directory import DirectorySource
from upgraph.graphdata.files import Files
from upgraph.graphdata.git import GitSource
from upgraph.graphdata.git_address import DEFAULT_REVISION, local_git, names_remote_git, parse_git_address
from upgraph.graphdata.git_remote import RemoteGitSource
from upgraph.graphdata.image import Admission, ImageDataSource
from upgraph.graphdata.tarball import TarballSource
from upgraph.oci import (
    Access,
    ImageName,
    ImageSource,
    Repository,
    names_image,
    parse_image_name,
    without_login,
)

TARBALL_ENDINGS = (".tar.gz", ".tgz")
ADDRESS_SCHEMES = ("https://", "http://")
GIT_SCHEME = "git"


class GraphDataSource(Protocol):
    """A place on this machine with one set of graph data that may change at any time.

    Both methods block and belong into a thread or a process of their own.
    ``upgraph.testing.graph_data_source`` checks whether an implementation keeps this contract.
    """

    @property
    def name(self) -> str:
        """What the administrator called it; shown in messages."""
        ...

    def fingerprint(self) -> str:
        """A text that changes when the set may have changed; cheap enough to ask every second.

        It never fails: a place that cannot be looked at has a fingerprint of its own.
        """
        ...

    def read(self) -> Files:
        """The set as it was at one moment, within the limits of :mod:`upgraph.graphdata.files`.

        Raises:
            DataError: it cannot be read, is too large, or is never at rest.
        """
        ...


@runtime_checkable
class RemoteGraphData(Protocol):
    """A place with one set of graph data that is asked now and then. Also an async context manager.

    ``upgraph.testing.remote_graph_data`` checks whether an implementation keeps this contract.
    """

    @property
    def name(self) -> str:
        """What the administrator called it, without secrets; shown in messages."""
        ...

    @property
    def origin(self) -> str:
        """Digest of what the last set was taken from: of the image (``sha256:...``), of the file at an address, or the
        name of the commit (``sha1:...``, in newer repositories ``sha256:...``).

        Empty before there was one.
        """
        ...

    async def fetch(self) -> Files | None:
        """The set as it is now, within the limits of :mod:`upgraph.graphdata.files`; None if it has not changed.

        A set counts as given once it was returned. While it has not changed, asking costs little.

        Raises:
            RemoteError: the place could not be asked.
            DataError: what it holds is no set, is damaged or too large.
            VerificationError: what it gave is not what its digest names.
        """
        ...

    def take_findings(self) -> tuple[Finding, ...]:
        """What was noticed about the place itself since this was last asked, though the set could be had."""
        ...

    async def close(self) -> None:
        """Give back connections. The source is not used afterwards."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class Reach:
    """How places beyond this machine are reached, and where in an image the set lies."""

    registry: Callable[[Repository], ImageSource]
    access: Access
    path: str
    admission: Callable[[], Admission] | None = None
    """Opens what decides which images are read; None: all are."""


def open_source(text: str, reach: Reach) -> GraphDataSource | RemoteGraphData:
    """The source that ``text`` names. Nothing is contacted yet.

    ==============================================  ===================================================
    a directory, or a ``.tar.gz`` or ``.tgz`` file  looked at every second
    ``git:PATH[#REVISION]``                         a commit of a repository on this machine, as above
    ``file://PATH[#REVISION]``                      the same
    ``https://HOST/PATH.git[#REVISION]``            a commit of a repository elsewhere (``git+https://`` for any path)
    ``ssh://...``, ``USER@HOST:PATH``               the same through ssh
    ``https://...``, ``http://...``                 a tarball at an address
    ``docker://HOST/REPOSITORY[:TAG|@DIGEST]``      an image in a registry (``docker+http://`` without TLS)
    ``oci:PATH[:TAG|:DIGEST]``                      an image in a layout; without a reference the only one
    ``oci-archive:PATH[:...]``, ``dir:PATH[:...]``  the same in the archive of a layout, in directories of skopeo
    ==============================================  ===================================================

    Raises:
        UserError: it is none of these, or a place on this machine is not there.
    """
    if names_image(text):
        return _image_source(parse_image_name(text), reach)
    if names_remote_git(text):
        return RemoteGitSource(parse_git_address(text), reach.access)
    if text.startswith(ADDRESS_SCHEMES):
        return AddressSource(text, reach.access.session)
    checkout = _checkout(text)
    if checkout is not None:
        return GitSource(*checkout)
    path = Path(text)
    if text and path.is_dir():
        return DirectorySource(path)
    if text.endswith(TARBALL_ENDINGS) and path.is_file():
        return TarballSource(path)
    raise UserError(SOURCE, f"{without_login(text)!r} {_seen(path) if text else 'names nothing'}")


def repository_of(text: str) -> Repository | None:
    """The repository of the image that ``text`` names; None if it names no image in a registry.

    Raises:
        UserError: the name of the image is not valid.
    """
    place = parse_image_name(text).place if names_image(text) else None
    return place if isinstance(place, Repository) else None


async def read_once(source: GraphDataSource | RemoteGraphData) -> Files:
    """The set that a source holds now; a source that is asked over a network is closed.

    Raises:
        RemoteError, DataError, VerificationError: there is none to be had.
    """
    if not isinstance(source, RemoteGraphData):
        return await asyncio.to_thread(source.read)
    async with source:
        return await source.fetch() or {}


def _image_source(image: ImageName, reach: Reach) -> ImageDataSource:
    # First what may refuse, so that nothing stays open.
    admission = reach.admission() if reach.admission is not None else None
    if isinstance(image.place, Repository):
        images: ImageSource = reach.registry(image.place)
        reference: str | None = image.in_registry
    else:
        images, reference = image.place.source(), image.reference
    return ImageDataSource(images, reference, path=reach.path, admission=admission)


def _checkout(text: str) -> tuple[Path, str] | None:
    """The repository on this machine and the revision that a text names."""
    found = local_git(text)
    if found is None:
        scheme, _, rest = text.partition(":")
        path, _, revision = rest.partition("#")
        found = (path, revision or DEFAULT_REVISION) if scheme == GIT_SCHEME else None
    return (Path(found[0]), found[1]) if found else None


def _seen(path: Path) -> str:
    if path.is_file():
        return f"is a file whose name does not end in {' or '.join(TARBALL_ENDINGS)}"
    return "is neither a file nor a directory" if path.exists() else "does not exist"
