"""Images in an OCI layout of their own for every test, and what reading one of them gives."""

import io
import tarfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from upgraph.oci import LayoutSource, LayoutWriter, gzipped
from upgraph.payload import (
    Payload,
    Reading,
    Verdict,
    Verification,
    choose,
    examine_release,
    read_members,
    read_payload,
    read_release,
)

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


@pytest.fixture
def whole(path: Path) -> Callable[..., Awaitable[Payload]]:
    """Reads the image with a tag whole; of an index the one for an architecture."""

    async def whole(tag: str = "r", architecture: str | None = None) -> Payload:
        async with LayoutSource(path) as source:
            members = await read_members(source, await source.manifest(tag))
            return await read_payload(source, choose(members, architecture))

    return whole


@pytest.fixture
def examine(path: Path) -> Callable[..., Awaitable[Verdict]]:
    """Examines the image with a tag; the repositories of its components are not asked."""

    async def examine(tag: str = "r") -> Verdict:
        async with LayoutSource(path) as source:
            return await examine_release(source, tag)

    return examine


@pytest.fixture
def pack() -> Callable[..., bytes]:
    """Makes a layer of members of a tar archive, each with the same content if it is a file."""

    def pack(*members: tarfile.TarInfo, content: bytes = b"x") -> bytes:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for member in members:
                member.size = len(content) if member.isreg() else 0
                tar.addfile(member, io.BytesIO(content))
        return gzipped(packed.getvalue())

    return pack
