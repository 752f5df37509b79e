"""A small valid set, and a directory that can be filled with files."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from upgraph.graphdata import Files

Make = Callable[[Mapping[str, bytes | None]], Files]
Fill = Callable[[Path, Files], Path]


@pytest.fixture(scope="session")
def a_set() -> Make:
    """A valid set with changes: content by path, None takes a file away."""

    def make(changes: Mapping[str, bytes | None]) -> Files:
        files: dict[str, bytes | None] = {
            "version": b"1.1.0\n",
            "channels/stable-4.18.yaml": b"name: stable-4.18\nversions:\n- 4.18.1\n- 4.18.2\n",
            "blocked-edges/4.18.2.yaml": b"to: 4.18.2\nfrom: 4[.]18[.]1\n",
            "raw/metadata.json": b"{}",
            **changes,
        }
        return {path: content for path, content in files.items() if content is not None}

    return make


@pytest.fixture(scope="session")
def fill() -> Fill:
    """Writes files below a directory."""

    def write(directory: Path, files: Files) -> Path:
        for path, content in files.items():
            target = directory / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        return directory

    return write
