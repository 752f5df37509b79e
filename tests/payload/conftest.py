"""Images in an OCI layout of their own for every test, and what reading one of them gives."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from upgraph.oci import LayoutSource, LayoutWriter
from upgraph.payload import Reading, Verification, read_release

Read = Callable[..., Awaitable[Reading]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "layout"


@pytest.fixture
def layout(path: Path) -> LayoutWriter:
    """Opened and closed by whoever writes: ``with layout: ...``."""
    return LayoutWriter(path)


@pytest.fixture
def read(path: Path) -> Read:
    """Reads the image with a tag."""

    async def read(tag: str = "r", verification: Verification = Verification.PREFIX) -> Reading:
        async with LayoutSource(path) as source:
            return await read_release(source, await source.manifest(tag), verification)

    return read
