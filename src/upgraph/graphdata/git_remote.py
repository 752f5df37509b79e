"""Graph data in a git repository on another machine, at a revision.

The program git asks in each round where the revision is, which costs a small exchange, and fetches it when it has moved:
that commit alone where the server can give it, into a repository for the moment
(:mod:`~upgraph.graphdata.git_workplace`), from which :class:`~upgraph.graphdata.git.GitSource` reads. Nothing is
checked out, no hook runs, no submodule is followed.
"""

import asyncio
import os
import re
from collections.abc import Mapping

from upgraph.errors import DataError, Finding, RemoteError
from upgraph.errors.problems.graphdata import GIT_FETCH
from upgraph.graphdata.bounded_run import Bounds
from upgraph.graphdata.files import Files
from upgraph.graphdata.git import COMMIT, GitSource, git_program
from upgraph.graphdata.git_address import DEFAULT_REVISION, GitAddress
from upgraph.graphdata.git_workplace import GitWay, GitWorkplace
from upgraph.oci import Access
from upgraph.oci.images.closing import Closing

MAX_PACK_BYTES = 256 * 1024 * 1024
"""Most bytes that are fetched at once; one commit of the real repository has less than one MiB."""
MAX_REFS_BYTES = 4 * 1024 * 1024
"""Longest list of the branches and tags whose names end as the revision does."""
FETCH_SECONDS = 900.0
"""Longest time for fetching."""
ASK_SECONDS = 60.0
"""Longest time for asking where a revision is now."""

_WANTED = "refs/upgraph/wanted"
_EVERYTHING = ("+refs/heads/*:refs/upgraph/heads/*", "+refs/tags/*:refs/upgraph/tags/*")
_SHA1_DIGITS = 40
# Servers of plain files give no part of a history, and some give no commit but the ends of branches.
_NEEDS_MORE = re.compile(r"shallow|unadvertised object|not our ref|couldn't find remote ref", re.IGNORECASE)


class RemoteGitSource(Closing):
    """The graph data of a commit in a repository on another machine. Also an async context manager.

    Args:
        address: the repository and the revision.
        access: trust and proxies.
        environment: what git may know, see :class:`GitWay`.

    Raises:
        UserError: git is not installed.
    """

    def __init__(
        self, address: GitAddress, access: Access, environment: Mapping[str, str] = os.environ
    ) -> None:
        git_program(address.name)
        self._address = address
        self._way = GitWay(address, access, environment)
        self._commit = ""
        self._fault: DataError | None = None

    @property
    def name(self) -> str:
        """The address without login, and the revision."""
        return self._address.name

    @property
    def origin(self) -> str:
        """See :attr:`RemoteGraphData.origin`. It is the commit; most repositories name theirs by SHA-1."""
        algorithm = "sha1" if len(self._commit) == _SHA1_DIGITS else "sha256"
        return f"{algorithm}:{self._commit}" if self._commit else ""

    async def fetch(self) -> Files | None:
        """See :meth:`RemoteGraphData.fetch`."""
        # A commit never changes, so nobody has to be asked about it again.
        if not self._commit or self._address.revision != self._commit:
            with GitWorkplace(self._way) as place:
                wanted, commit = await self._ask(place)
                if commit != self._commit:
                    place.take_format(commit)
                    await self._transfer(place, wanted)
                    return await self._read(GitSource(place.repository, _name_of(wanted), name=self.name))
        if self._fault is not None:
            raise DataError(self._fault.problem, self._fault.seen)
        return None

    def take_findings(self) -> tuple[Finding, ...]:
        """See :meth:`RemoteGraphData.take_findings`. There is one place, which fails or does not."""
        return ()

    async def close(self) -> None:
        """Nothing stays open between two rounds."""

    async def _ask(self, place: GitWorkplace) -> tuple[str, str]:
        """What is to be fetched, a ref or a commit, and the commit that it is now."""
        revision = self._address.revision
        # An annotated tag has a line of its own for the commit that it names.
        patterns = (revision, f"{revision}^{{}}")
        bounds = Bounds(MAX_REFS_BYTES, ASK_SECONDS, MAX_PACK_BYTES)
        listed = await place.git("ls-remote", "--quiet", "--", self._address.url, *patterns, bounds=bounds)
        refs = dict(_ref(line) for line in listed.decode(errors="replace").splitlines())
        for ref in _candidates(revision):
            if COMMIT.fullmatch(refs.get(ref, "")):
                return ref, refs.get(f"{ref}^{{}}", refs[ref])
        if COMMIT.fullmatch(revision):
            return revision, revision
        raise RemoteError(GIT_FETCH, f"{self.name}: {_missing(revision)}")

    async def _transfer(self, place: GitWorkplace, wanted: str) -> None:
        try:
            await self._fetch(place, "--depth=1", f"+{wanted}:{_WANTED}")
        except RemoteError as error:
            if not _NEEDS_MORE.search(error.seen):
                raise
            refs = _EVERYTHING if COMMIT.fullmatch(wanted) else (f"+{wanted}:{_WANTED}",)
            await self._fetch(place, None, *refs)

    async def _fetch(self, place: GitWorkplace, depth: str | None, *refs: str) -> None:
        options = ("--quiet", "--no-tags", "--no-recurse-submodules", *((depth,) if depth else ()))
        bounds = Bounds(MAX_REFS_BYTES, FETCH_SECONDS, MAX_PACK_BYTES)
        await place.git("fetch", *options, "--", self._address.url, *refs, bounds=bounds)

    async def _read(self, source: GitSource) -> Files:
        commit = await asyncio.to_thread(source.fingerprint)
        if not COMMIT.fullmatch(commit):
            seen = f"{self.name}: no branch and no tag leads to this commit"
            raise RemoteError(GIT_FETCH, seen)
        try:
            files = await asyncio.to_thread(source.read)
        except DataError as error:
            # As it was raised it would keep the frames it came through, and with them the content.
            self._commit, self._fault = commit, DataError(error.problem, error.seen)
            raise
        self._commit, self._fault = commit, None
        return files


def _name_of(wanted: str) -> str:
    """What a fetched ref or commit is called in the repository for the moment."""
    return wanted if COMMIT.fullmatch(wanted) else _WANTED


def _ref(line: str) -> tuple[str, str]:
    commit, _, name = line.partition("\t")
    return name, commit


def _candidates(revision: str) -> tuple[str, ...]:
    """The refs that a revision may mean, in the order in which git takes them (gitrevisions)."""
    return (revision, f"refs/{revision}", f"refs/tags/{revision}", f"refs/heads/{revision}")


def _missing(revision: str) -> str:
    if revision == DEFAULT_REVISION:
        return "the repository has no commit"
    return (
        "there is no branch and no tag of this name; a commit is named by all of its digits, and no"
        " abbreviation is understood"
    )
