"""Files, directories and links of an image or a commit, and the set of graph data among them.

Nothing of it lies on a disk, so links are followed here: within the place of the set and never out of it,
as :mod:`upgraph.graphdata.directory` does with those on a disk. What stands in the place of a file and
cannot be read is told apart from what is not there, because a rule must not vanish without a word.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from upgraph.errors import DataError
from upgraph.errors.problems.graphdata import IMAGE_PATH, TOO_LARGE, UNREADABLE
from upgraph.graphdata.files import FOLDERS, VERSION, belongs

MAX_NODES = 100_000
"""Most files, links and directories of a tree, those included that were replaced or removed again."""
MAX_LINKS = 40
"""Most links on the way to one file, as the kernel has it."""
MAX_STEPS = 2_000_000
"""Most names that are looked up to find all files of a set, with those that links add."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link."""

    target: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Something that is there and cannot be read, and why."""

    reason: str


Node: TypeAlias = _T | Link | Unreadable
_Folder: TypeAlias = "dict[str, Node[_T] | _Folder[_T]]"


class Tree(Generic[_T]):
    """A tree that is put together entry by entry. Paths have no leading slash, ``.`` or ``..``.

    Args:
        name: the source, for messages.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._root: _Folder[_T] = {}
        self._count = 0
        self._steps = 0

    def put(self, path: str, node: Node[_T]) -> None:
        """Put a file or link, in place of whatever is there.

        Raises:
            DataError: it would lie below a link, or there are too many.
        """
        above, _, last = path.rpartition("/")
        self._count_one()
        self._make(above)[last] = node

    def make_folder(self, path: str) -> None:
        """Make a directory, and those above it; one that is there keeps what it holds.

        Raises:
            DataError: it would lie below a link, or there are too many.
        """
        above, _, last = path.rpartition("/")
        folder = self._make(above)
        if last and not isinstance(folder.get(last), dict):
            self._count_one()
            folder[last] = {}

    def remove(self, path: str) -> None:
        """Take away what is there, and everything below it."""
        above, _, last = path.rpartition("/")
        folder = self.find(above)
        if isinstance(folder, dict):
            folder.pop(last, None)

    def clear(self, path: str) -> None:
        """Take away everything below a directory."""
        folder = self.find(path)
        if isinstance(folder, dict):
            folder.clear()

    def find(self, path: str) -> "Node[_T] | _Folder[_T] | None":
        """What is at a path, links not followed."""
        here: Node[_T] | _Folder[_T] = self._root
        for part in filter(None, path.split("/")):
            if not isinstance(here, dict) or part not in here:
                return None
            here = here[part]
        return here

    def select(self, base: str) -> dict[str, _T | Unreadable]:
        """What belongs to the set below ``base``, or below the only directory in it, by path inside the set.

        Raises:
            DataError: there is no directory at ``base``, or a part of the set is there and is none.
        """
        top = self.find(base)
        if not isinstance(top, dict):
            raise DataError(IMAGE_PATH, f"{self._name}: {self._instead(base, top)}")
        begin = _begin(base, top)
        found: dict[str, _T | Unreadable] = {}
        for folder in ("", *FOLDERS):
            where = _join(begin, folder)
            for child in sorted(self._children(where, base)):
                path = _join(folder, child)
                content = self._content(_join(where, child), base) if belongs(path) else None
                if content is not None:
                    found[path] = content
        return found

    def _instead(self, base: str, top: Node[_T] | None) -> str:
        if top is None:
            return f"there is nothing at /{base}"
        if isinstance(top, Link):
            return f"/{base} is a symbolic link to {top.target}"
        return f"/{base} is no directory"

    def _make(self, path: str) -> "_Folder[_T]":
        here = self._root
        for part in filter(None, path.split("/")):
            there = here.get(part)
            if isinstance(there, Link):
                seen = f"{self._name}: {path!a} leads through a symbolic link to {there.target!a}"
                raise DataError(UNREADABLE, seen)
            if not isinstance(there, dict):
                self._count_one()
                there = here[part] = {}
            here = there
        return here

    def _count_one(self) -> None:
        self._count += 1
        if self._count > MAX_NODES:
            raise DataError(TOO_LARGE, f"{self._name} has more than {MAX_NODES} files and directories")

    def _children(self, where: str, base: str) -> Iterator[str]:
        if self.find(where) is None:
            return
        reached = self._reach(where)
        if isinstance(reached, Unreadable) or not _is_within(reached[0], base):
            raise DataError(UNREADABLE, f"{self._name}: the directory {where} cannot be listed")
        if not isinstance(reached[1], dict):
            raise DataError(UNREADABLE, f"{self._name}: {where} is no directory")
        yield from reached[1]

    def _content(self, path: str, base: str) -> _T | Unreadable | None:
        """The content behind a path; None for a directory."""
        reached = self._reach(path)
        if isinstance(reached, Unreadable):
            return reached
        real, found = reached
        if not _is_within(real, base):
            return Unreadable("a symbolic link leads out of the place of the graph data")
        if found is None:
            return Unreadable("a symbolic link leads to nothing")
        return None if isinstance(found, (dict, Link)) else found

    def _reach(self, path: str) -> "tuple[str, Node[_T] | _Folder[_T] | None] | Unreadable":
        """The path behind all links, and what is there."""
        waiting = path.split("/")[::-1]
        done: list[tuple[str, Node[_T] | _Folder[_T] | None]] = [("", self._root)]
        links = 0
        while waiting:
            self._step()
            part = waiting.pop()
            if part == "..":
                del done[max(1, len(done) - 1) :]
            if part in {"", ".", ".."}:
                continue
            here = done[-1][1]
            found = here.get(part) if isinstance(here, dict) else None
            if not isinstance(found, Link):
                done.append((part, found))
                continue
            links += 1
            if links > MAX_LINKS:
                return Unreadable(f"more than {MAX_LINKS} symbolic links lead to it")
            del done[1 if found.target.startswith("/") else len(done) :]
            waiting += found.target.split("/")[::-1]
        return "/".join(name for name, _ in done[1:]), done[-1][1]

    def _step(self) -> None:
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise DataError(
                TOO_LARGE, f"{self._name}: its symbolic links are more than {MAX_STEPS} steps long"
            )


def _begin(base: str, top: "_Folder[_T]") -> str:
    """Where the set begins: ``base``, or the only directory inside it."""
    visible = [name for name in top if not name.startswith(".")]
    folders = [name for name in visible if isinstance(top[name], dict)]
    if len(folders) == 1 and folders[0] not in FOLDERS and VERSION not in visible:
        return _join(base, folders[0])
    return base


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder and name else folder or name


def _is_within(path: str, base: str) -> bool:
    return not base or path == base or path.startswith(f"{base}/")
