"""The least that a reader of releases has to do: ask the registry, and look at nothing that comes back.

No digest is checked, nothing is decompressed or kept, no error is repaired. Run as a program
(``python -m benchmarks.bare``) it prints what it took as JSON; its time starts after its imports.
"""

import argparse
import asyncio
import ssl
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import aiohttp
import msgspec

from upgraph.oci.images.manifest import ACCEPT_MANIFESTS

CONNECTIONS = 32
RANGE_BYTES = 16 * 1024
TOTAL_SECONDS = 300
"""Longest time for a whole pass."""


class Taken(msgspec.Struct, frozen=True):
    """What one pass took."""

    seconds: float
    requests: int
    body_bytes: int


class _Descriptor(msgspec.Struct):
    digest: str
    size: int


class _Manifest(msgspec.Struct):
    config: _Descriptor
    layers: list[_Descriptor]


class _Tags(msgspec.Struct):
    tags: list[str]


@dataclass(slots=True)
class _Bare:
    session: aiohttp.ClientSession
    base: str
    requests: int = 0
    body_bytes: int = 0

    async def get(self, path: str, headers: dict[str, str]) -> bytes:
        async with self.session.get(f"{self.base}/{path}", headers=headers) as response:
            response.raise_for_status()
            body = await response.read()
        self.requests += 1
        self.body_bytes += len(body)
        return body

    async def read(self, tags: Iterator[str], *, blobs: bool) -> None:
        for tag in tags:
            body = await self.get(f"manifests/{tag}", {"Accept": ACCEPT_MANIFESTS})
            if blobs:
                manifest = msgspec.json.decode(body, type=_Manifest)
                await self.get(f"blobs/{manifest.config.digest}", {})
                part = {"Range": f"bytes=0-{RANGE_BYTES - 1}", "Accept-Encoding": "identity"}
                await self.get(f"blobs/{manifest.layers[-1].digest}", part)


async def read_repository(url: str, ca: str, *, blobs: bool) -> Taken:
    """Read every tag of a repository once.

    Args:
        url: ``https://host:port/v2/path`` of the repository.
        ca: file with the certificate of the registry.
        blobs: configuration and first part of the last layer too, not the manifest alone.
    """
    connector = aiohttp.TCPConnector(limit=CONNECTIONS, ssl=ssl.create_default_context(cafile=ca))
    timeout = aiohttp.ClientTimeout(total=TOTAL_SECONDS)
    started = time.perf_counter()
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False, timeout=timeout) as session:
        bare = _Bare(session, url)
        # This registry gives the whole list in one page.
        tags = iter(msgspec.json.decode(await bare.get("tags/list", {}), type=_Tags).tags)
        async with asyncio.TaskGroup() as group:
            for _ in range(CONNECTIONS):
                group.create_task(bare.read(tags, blobs=blobs))
        return Taken(time.perf_counter() - started, bare.requests, bare.body_bytes)


def main() -> None:
    """Read a repository once and print what it took."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bare")
    parser.add_argument("url")
    parser.add_argument("ca")
    parser.add_argument("--manifests-only", action="store_true")
    options = parser.parse_args()
    taken = asyncio.run(read_repository(options.url, options.ca, blobs=not options.manifests_only))
    sys.stdout.write(msgspec.json.encode(taken).decode() + "\n")


if __name__ == "__main__":
    main()
