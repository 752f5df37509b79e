"""A copy that is interrupted ends cleanly, and the next one goes on with what it left."""

import asyncio
import hashlib
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.whole.conftest import BIN, until
from upgraph.oci import OCI_LAYER_GZIP, LayoutSource, LayoutWriter
from upgraph.testing.registry import Fault, SimulatedRegistry

LARGE = hashlib.shake_256(b"large").digest(4_000_000)
PATIENCE_SECONDS = 180.0


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[SimulatedRegistry]:
    """It has a small image and a large one."""
    with LayoutWriter(tmp_path / "made") as layout:
        for tag, content in (("small", b"small"), ("large", LARGE)):
            layer = layout.blob(content, OCI_LAYER_GZIP)
            layout.image(config={"architecture": "amd64", "os": "linux"}, layers=[layer], tag=tag)
    async with SimulatedRegistry() as simulated:
        simulated.load(tmp_path / "made")
        yield simulated


def has_begun(target: Path, partial: Path) -> bool:
    return (target / "index.json").exists() and partial.exists() and partial.stat().st_size > 0


async def begin(registry: SimulatedRegistry, target: Path) -> asyncio.subprocess.Process:
    arguments = ("image", "copy", "--all-tags", registry.repository, f"oci:{target}")
    return await asyncio.create_subprocess_exec(
        BIN / "upgraph", *map(str, arguments), stderr=asyncio.subprocess.PIPE
    )


async def test_an_interrupted_copy_ends_cleanly_and_is_gone_on_with(
    registry: SimulatedRegistry, tmp_path: Path
) -> None:
    target, layer = tmp_path / "target", hashlib.sha256(LARGE).hexdigest()
    stalled = Fault("blob", method="GET", name=f"sha256:{layer}", cut_after=2_000_000, then="stall")
    registry.faults = [stalled]
    process = await begin(registry, target)
    partial = target / "blobs/sha256" / f".{layer}.partial"
    async with asyncio.timeout(PATIENCE_SECONDS):
        await asyncio.to_thread(until, lambda: has_begun(target, partial), what="a part of the blob")
        process.send_signal(signal.SIGINT)
        _, said = await process.communicate()
    assert process.returncode == 130
    assert b"Traceback" not in said
    assert await LayoutSource(target).tags() == ["small"]

    registry.requests.clear()
    async with asyncio.timeout(PATIENCE_SECONDS):
        again = await begin(registry, target)
        await again.communicate()
    assert again.returncode == 0
    assert await LayoutSource(target).tags() == ["large", "small"]
    (asked,) = (seen for seen in registry.requests if seen.path.endswith(layer))
    assert asked.headers["Range"] > "bytes=0-"
