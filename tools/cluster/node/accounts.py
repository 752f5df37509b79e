"""The users and groups that an image knows by name. What cannot be read knows nobody."""

import tarfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from tools.cluster.node.unpacking import inside

Accounts = Mapping[str, tuple[int, int]]
"""User and group numbers by the name of a user."""


def accounts(root: Path) -> Accounts:
    """The users that an image knows (its ``/etc/passwd``)."""
    found = {}
    for fields in _lines(root, "etc/passwd"):
        if len(fields) > 3 and fields[2].isdigit() and fields[3].isdigit():
            found[fields[0]] = (int(fields[2]), int(fields[3]))
    return found


def groups(root: Path) -> Mapping[str, int]:
    """The groups that an image knows (its ``/etc/group``)."""
    return {
        fields[0]: int(fields[2])
        for fields in _lines(root, "etc/group")
        if len(fields) > 2 and fields[2].isdigit()
    }


def _lines(root: Path, path: str) -> list[list[str]]:
    try:
        text = inside(root, PurePosixPath(path)).read_text()
    except (OSError, UnicodeDecodeError, tarfile.ExtractError):
        return []
    return [line.split(":") for line in text.splitlines()]
