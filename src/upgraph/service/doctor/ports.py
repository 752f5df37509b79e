"""Which process listens on a port of this machine, as far as this user may see (/proc)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

_TABLES = ("net/tcp", "net/tcp6")
_LISTENING = "0A"
_MAX_TABLE_BYTES = 64 * 1024 * 1024
"""Bytes of the longest table of sockets that is read; a hundred thousand connections have fifteen million."""
_MAX_COMMAND_BYTES = 4096
_OURS = frozenset({"upgraph", "policy-engine", "graph-builder"})


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that listens."""

    pid: int
    command: tuple[str, ...]
    """Its program and arguments."""

    @property
    def is_ours(self) -> bool:
        """Whether it is one of our programs."""
        return any(PurePath(word).name in _OURS for word in self.command[:3])

    def __str__(self) -> str:
        # Arguments may hold passwords.
        names = " ".join(PurePath(word).name for word in self.command[:2])
        return f"process {self.pid} ({names or 'without a name'})"


def holder(port: int, proc: Path = Path("/proc")) -> Holder | None:
    """The process that listens on a TCP port, on any address; None if there is none or it may not be seen."""
    sockets = {f"socket:[{inode}]" for inode in _inodes(port, proc)}
    if not sockets:
        return None
    return next((Holder(pid, _command(proc, pid)) for pid in _pids(proc) if _has(proc, pid, sockets)), None)


def _inodes(port: int, proc: Path) -> Iterator[str]:
    for table in _TABLES:
        try:
            with (proc / table).open("rb") as file:
                lines = file.read(_MAX_TABLE_BYTES).decode("ascii", "replace").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if len(fields) > 9 and fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                yield fields[9]


def _pids(proc: Path) -> Iterator[int]:
    yield from sorted(int(entry.name) for entry in proc.iterdir() if entry.name.isdecimal())


def _has(proc: Path, pid: int, sockets: set[str]) -> bool:
    try:
        return any(str(link.readlink()) in sockets for link in (proc / str(pid) / "fd").iterdir())
    except OSError:
        # Another user's process, or one that has ended meanwhile.
        return False


def _command(proc: Path, pid: int) -> tuple[str, ...]:
    try:
        with (proc / str(pid) / "cmdline").open("rb") as file:
            content = file.read(_MAX_COMMAND_BYTES)
    except OSError:
        return ()
    return tuple(word.decode("utf-8", "replace") for word in content.split(b"\0") if word)
