"""Writes a file with credentials: one writer at a time, the whole file or nothing, readable by its owner alone.

Two logins at once lose nothing: writers of ours wait for each other, with a lock on the directory that leaves
no file behind. podman, skopeo and docker take no lock; so the file is read once more before it is replaced, and
the change is made anew if another program was quicker. A moment of some microseconds remains, in which theirs
could be lost; that is so between those programs too.
"""

import contextlib
import errno
import fcntl
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from upgraph.errors import UserError
from upgraph.errors.problems.credentials import AUTH_FILE_UNWRITABLE
from upgraph.oci.credentials.auth_document import AuthDocument
from upgraph.oci.credentials.auth_file import MAX_FILE_BYTES, refusal
from upgraph.oci.plain import read_plain

LOCK_SECONDS = 20.0
"""Longest wait for another writer."""
LOOK_SECONDS = 0.02
"""How often it is looked at whether the other one is done."""
MAX_ATTEMPTS = 100
"""How often a change is made anew because another program has changed the file meanwhile."""

_FILE_MODE = 0o600
_DIRECTORY_MODE = 0o700
_NO_LOCKS = frozenset({errno.EBADF, errno.ENOLCK, errno.EINVAL, errno.ENOTSUP, errno.ENOSYS})
"""What file systems without such locks say (NFS among them)."""

Change = Callable[[AuthDocument], AuthDocument]


def read_document(place: Path) -> AuthDocument:
    """The file at a place; one without logins if there is none.

    Raises:
        UserError: it cannot be read or is not valid.
    """
    content = _content(place)
    return AuthDocument(place) if content is None else AuthDocument.of(place, content)


def change_auth_file(place: Path, change: Change) -> AuthDocument:
    """Change a file, or make it.

    Args:
        place: where it is; a link is followed, and what it leads to is replaced.
        change: gives the new document. It may be called several times.

    Raises:
        UserError: the file cannot be read or written, is not valid, or what ``change`` raises.
    """
    target = _target(place)
    with _locked(target.parent):
        for _ in range(MAX_ATTEMPTS):
            before = _content(target)
            document = AuthDocument(place) if before is None else AuthDocument.of(place, before)
            changed = change(document)
            if changed.text == document.text and before is not None:
                return changed
            if _replaced(target, changed.text.encode(), before):
                return changed
    raise _unwritable(place, f"another program has changed it {MAX_ATTEMPTS} times meanwhile")


def _target(place: Path) -> Path:
    try:
        target = place.resolve()
        target.parent.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
    except (OSError, RuntimeError) as error:
        raise _unwritable(place, getattr(error, "strerror", None) or str(error)) from error
    if target.is_dir():
        raise _unwritable(place, "it is a directory")
    return target


def _content(file: Path) -> bytes | None:
    try:
        return read_plain(file, limit=MAX_FILE_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise refusal(file, str(error.strerror)) from error


@contextlib.contextmanager
def _locked(directory: Path) -> Iterator[None]:
    try:
        handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise _unwritable(directory, str(error.strerror)) from error
    try:
        _wait_for_lock(handle, directory)
        yield
    finally:
        os.close(handle)


def _wait_for_lock(handle: int, directory: Path) -> None:
    until = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                seen = f"another program has held its lock for {LOCK_SECONDS:g} s"
                raise _unwritable(directory, seen) from None
            time.sleep(LOOK_SECONDS)
        except OSError as error:
            if error.errno in _NO_LOCKS:
                return
            raise _unwritable(directory, str(error.strerror)) from error
        else:
            return


def _replaced(target: Path, content: bytes, before: bytes | None) -> bool:
    """Put a new file in the place of one; false if that is no longer the one that was read."""
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        unfinished = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fchmod(handle, _FILE_MODE)
                _keep_owner(handle, target)
                os.fsync(handle)
            if _content(target) != before:
                return False
            unfinished.replace(target)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise _unwritable(target, str(error.strerror)) from error
    return True


def _keep_owner(handle: int, target: Path) -> None:
    # Root who changes the file of a user must not take it away from them.
    with contextlib.suppress(FileNotFoundError, PermissionError):
        status = target.stat()
        os.fchown(handle, status.st_uid, status.st_gid)


def _unwritable(place: Path, reason: str) -> UserError:
    return UserError(AUTH_FILE_UNWRITABLE, f"{place}: {reason}")
