"""Logins and authorities as files for the moment in which they are needed, in memory and for this process alone."""

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from upgraph.oci import Access

_MEMORY = "/dev/shm"  # noqa: S108  # every container has it, also where nothing else can be written
_LOGINS = "config.json"
_AUTHORITIES = "authorities"


@dataclass(frozen=True, slots=True)
class Means:
    """What registries are asked with."""

    logins: str = field(default="", repr=False)
    """The JSON of a pull secret; empty for none."""
    authorities: Mapping[str, str] = field(default_factory=dict, repr=False)
    """PEM texts by the keys of a ConfigMap."""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Variables of the proxy."""


@contextmanager
def access_with(means: Means) -> Iterator[Access]:
    """The access that means give, for as long as the block lasts.

    Raises:
        UserError: they cannot be used.
    """
    with private_directory() as directory:
        authfile = None
        if means.logins:
            authfile = directory / _LOGINS
            authfile.write_text(means.logins)
        ca = [written(directory / _AUTHORITIES, means.authorities)] if means.authorities else []
        yield Access.of(means.environment, authfile=authfile, search=False, ca=ca)


@contextmanager
def private_directory() -> Iterator[Path]:
    """A directory that nobody else can read and that vanishes with the block."""
    place = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="upgraph-operator-", dir=place) as directory:
        yield Path(directory)


def written(directory: Path, files: Mapping[str, str]) -> Path:
    """The directory with these files in it."""
    directory.mkdir()
    for name, text in files.items():
        (directory / name).write_text(text)
    return directory
