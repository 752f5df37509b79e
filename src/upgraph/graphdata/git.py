"""Graph data in a git repository, at a revision: a working copy or a bare one.

The commit is read, never the work tree, so a half-finished edit is never served, and what is served has a
name in the history. Files come out as they were committed: no filter, no attribute and no export rule of
the repository changes them. Nothing is ever fetched.

The program git reads the repository, and what lies in a repository may be hostile. It therefore gets an
environment of its own, runs only commands that start nothing else, and is ended when it takes too long.
"""

import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from upgraph.errors import DataError, UserError
from upgraph.errors.problems.graphdata import GIT, GIT_MISSING, SOURCE, UNREADABLE
from upgraph.graphdata.files import Files, Intake
from upgraph.graphdata.git_address import DEFAULT_REVISION, is_revision
from upgraph.graphdata.program import Program
from upgraph.graphdata.steady import read_steadily
from upgraph.graphdata.tree import Link, Tree, Unreadable

MAX_LISTING_BYTES = 64 * 1024 * 1024
"""Longest listing of a commit: about half a million files."""
MAX_LINK_BYTES = 4096
"""Longest target of a symbolic link."""
MAX_ID_BYTES = 1024
READ_SECONDS = 60.0
"""Longest time for one of the commands that read a set."""
LOOK_SECONDS = 10.0
"""Longest time for finding out what a revision is."""

ISOLATION = {
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "HOME": "/nonexistent",
    "LC_ALL": "C",
}
"""Variables under which git looks at no configuration but that of the repository, and contacts nobody."""
QUIET_OPTIONS = ("--no-pager", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false")
"""What git is always called with: nothing that a repository names is run."""
COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
"""The name of a commit, whole."""
_LINE = re.compile(
    rb"(?P<mode>[0-7]{6}) (?P<kind>[a-z]+) (?P<id>[0-9a-f]{40,64}) +(?P<size>[0-9]+|-)\t(?P<path>.+)",
    re.DOTALL,
)
_LINK_MODE = b"120000"


@dataclass(frozen=True, slots=True)
class _Blob:
    id: str
    size: int


class GitSource:
    """The graph data of a commit.

    Args:
        path: a working copy or a bare repository. Repositories around it are not looked for.
        revision: branch, tag or commit; by default what is checked out.
        name: what messages call it, if that is not ``git:path#revision``.
        pause: waits that many seconds.

    Raises:
        UserError: git is not installed, there is no such directory, or the revision is no name.
    """

    def __init__(
        self,
        path: Path,
        revision: str = DEFAULT_REVISION,
        *,
        name: str | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        program = git_program(f"git:{path}")
        if not path.is_dir():
            raise UserError(SOURCE, f"git:{path}: there is no such directory")
        if not is_revision(revision):
            seen = f"git:{path}: {revision!r} is no name of a branch, a tag or a commit"
            raise UserError(SOURCE, seen)
        self._path = path
        self._revision = revision
        self._name = name or f"git:{path}#{revision}"
        self._program = Program(program, ISOLATION)
        self._pause = pause

    @property
    def name(self) -> str:
        """``git:path#revision``, or what it was given."""
        return self._name

    def fingerprint(self) -> str:
        """See :meth:`GraphDataSource.fingerprint`. It is the commit."""
        try:
            return self._commit()
        except DataError as error:
            return f"unreadable: {error.seen}"

    def read(self) -> Files:
        """See :meth:`GraphDataSource.read`."""
        return read_steadily(self.name, self.fingerprint, self._read_once, pause=self._pause)

    def _read_once(self) -> Files:
        commit = self._commit()
        listing = self._git(
            "ls-tree", "-r", "-z", "-l", "--full-tree", commit, limit=MAX_LISTING_BYTES, seconds=READ_SECONDS
        )
        chosen = self._tree(listing).select("")
        intake = Intake(self.name)
        # Only sizes until here: what is too large is refused before any of it is read.
        room = Intake(self.name)
        for path, found in chosen.items():
            room.expect(path, found.size if isinstance(found, _Blob) else 0)
        contents = self._contents([blob for blob in chosen.values() if isinstance(blob, _Blob)])
        for path, found in chosen.items():
            if isinstance(found, Unreadable):
                intake.add_unreadable(path, found.reason)
            else:
                intake.add(path, contents[found.id])
        return intake.files

    def _commit(self) -> str:
        # Without `^{commit}` a tag would be answered with itself.
        asked = f"{self._revision}^{{commit}}"
        answer = self._git(
            "rev-parse", "--verify", "--end-of-options", asked, limit=MAX_ID_BYTES, seconds=LOOK_SECONDS
        )
        commit = answer.decode(errors="replace").strip()
        if not COMMIT.fullmatch(commit):
            raise DataError(GIT, f"{self.name}: git answers {commit[:80]!r}, which is no commit")
        return commit

    def _tree(self, listing: bytes) -> Tree[_Blob]:
        tree: Tree[_Blob] = Tree(self.name)
        links: dict[str, _Blob] = {}
        for path, mode, blob in self._entries(listing):
            if blob is None:
                tree.put(path, Unreadable("it is a submodule, and those are not read"))
            elif mode != _LINK_MODE:
                tree.put(path, blob)
            elif blob.size > MAX_LINK_BYTES:
                tree.put(path, Unreadable("it is a symbolic link without end"))
            else:
                links[path] = blob
        targets = self._contents(list(links.values()))
        for path, blob in links.items():
            tree.put(path, _link(targets[blob.id].decode(errors="surrogateescape")))
        return tree

    def _entries(self, listing: bytes) -> Iterator[tuple[str, bytes, _Blob | None]]:
        """Path, mode and content of each file; no content for a submodule."""
        for line in listing.split(b"\0")[:-1]:
            match = _LINE.fullmatch(line)
            if match is None:
                raise DataError(GIT, f"{self.name}: git lists {line[:80]!r}, which is not understood")
            path = match["path"].decode(errors="surrogateescape")
            is_blob = match["kind"] == b"blob"
            yield path, match["mode"], _Blob(match["id"].decode(), int(match["size"])) if is_blob else None

    def _contents(self, blobs: list[_Blob]) -> Mapping[str, bytes]:
        """The contents of blobs, by their ids."""
        wanted = {blob.id: blob for blob in blobs}
        if not wanted:
            return {}
        asked = "".join(f"{name}\n" for name in wanted).encode()
        # Behind each content comes a line end, before it a line with id, kind and size.
        limit = sum(blob.size + MAX_ID_BYTES for blob in wanted.values())
        answer = self._git("cat-file", "--batch", limit=limit, seconds=READ_SECONDS, asked=asked)
        found, start = {}, 0
        for name, blob in wanted.items():
            header = f"{name} blob {blob.size}\n".encode()
            begin, end = start + len(header), start + len(header) + blob.size
            if answer[start:begin] != header or answer[end : end + 1] != b"\n":
                seen = answer[start : start + 80].decode(errors="replace")
                raise DataError(GIT, f"{self.name}: the object {name} is missing or damaged: {seen!r}")
            found[name] = answer[begin:end]
            start = end + 1
        return found

    def _git(self, *command: str, limit: int, seconds: float, asked: bytes = b"") -> bytes:
        inner = self._path / ".git"
        # Naming the repository spares git looking for one, also in the directories above, and asking who owns it:
        # the administrator named it.
        place = f"--git-dir={(inner if inner.exists() else self._path).absolute()}"
        ended = self._program.run((*QUIET_OPTIONS, place, *command), asked, limit=limit, seconds=seconds)
        if ended.fault is None and ended.status == 0:
            return ended.output
        problem = UNREADABLE if not self._path.is_dir() else GIT
        reason = ended.fault or ended.complaint or f"git ended with the status {ended.status}"
        raise DataError(problem, f"{self.name}: {reason}")


def git_program(wanted: str) -> str:
    """Where git is.

    Raises:
        UserError: it is not installed; ``wanted`` is what it is needed for.
    """
    program = shutil.which("git")
    if program is None:
        raise UserError(GIT_MISSING, f"{wanted} is to be read, and there is no git in PATH")
    return program


def _link(target: str) -> Link | Unreadable:
    if target.startswith("/"):
        return Unreadable("a symbolic link leads out of the repository")
    return Link(target)
