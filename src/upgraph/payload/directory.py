"""Manifests as they lie in a directory, from which a release is made.

Only what a Cluster Version Operator reads is taken: files of the directory itself whose names end in .yaml, .yml
or .json. Whatever else lies there is told, because it would be missed in a cluster only.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from upgraph.errors import Finding, Severity, UserError
from upgraph.errors.problems.payload import FILE_LEFT_OUT, MANIFEST_DIRECTORY
from upgraph.oci.disk.folder import Folder
from upgraph.payload.contents import (
    MAX_FILE_BYTES,
    MAX_FILES,
    MAX_TOTAL_BYTES,
    METADATA,
    REFERENCES,
    PayloadFile,
    is_manifest,
    is_safe_path,
)

_MADE = frozenset({METADATA, REFERENCES})
"""Files that are made anew for each release."""


@dataclass(frozen=True, slots=True)
class Manifests:
    """The files of a directory, by name, and what was left out."""

    files: dict[str, PayloadFile]
    findings: tuple[Finding, ...]


def read_directory(directory: Path, *, latest: int | None = None) -> Manifests:
    """Read the manifests of a directory.

    Args:
        directory: where they lie. Links inside it are followed, out of it they are refused.
        latest: seconds since 1970; files that were changed later count as changed then.

    Raises:
        UserError: it cannot be read, or is larger than a release may be.
        DataError: a file is a link that leads out of the directory.
    """
    folder = Folder(directory, "dir", MANIFEST_DIRECTORY)
    files: dict[str, PayloadFile] = {}
    findings = []
    total = 0
    for name in _names(directory):
        if name in _MADE:
            continue  # what `upgraph release extract` wrote may be the directory
        reason = _reason_to_leave_out(directory, name)
        if reason is not None:
            findings.append(Finding(Severity.WARNING, FILE_LEFT_OUT, reason, name))
            continue
        files[name] = _read(folder, directory / name, latest)
        total += len(files[name].content)
        if total > MAX_TOTAL_BYTES or len(files) > MAX_FILES:
            raise _refused(
                directory, f"it has more than {MAX_FILES} manifests or {MAX_TOTAL_BYTES} bytes of them"
            )
    return Manifests(files, tuple(findings))


def _names(directory: Path) -> Iterator[str]:
    try:
        yield from sorted(entry.name for entry in directory.iterdir())
    except OSError as error:
        raise _refused(directory, error.strerror or "it cannot be read") from error


def _reason_to_leave_out(directory: Path, name: str) -> str | None:
    if not is_manifest(name):
        return "its name ends in none of .yaml, .yml and .json"
    if not is_safe_path(name):
        return "its name has characters that are not taken"
    return "it is a directory; those are not looked into" if (directory / name).is_dir() else None


def _read(folder: Folder, path: Path, latest: int | None) -> PayloadFile:
    try:
        with folder.open_now(path.name, path.name) as file:
            if file.size > MAX_FILE_BYTES:
                raise _refused(path, f"it has {file.size} bytes; {MAX_FILE_BYTES} are accepted")
            content = file.read(MAX_FILE_BYTES + 1)
        modified = max(0, int(path.stat().st_mtime))
    except OSError as error:
        raise _refused(path, error.strerror or "it cannot be read") from error
    return PayloadFile(content, modified if latest is None else min(modified, latest))


def _refused(path: Path, reason: str) -> UserError:
    return UserError(MANIFEST_DIRECTORY, f"{path}: {reason}")
