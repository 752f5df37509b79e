"""A simulated registry that is filled with release images in one line, and what scrapes it."""

import io
import tarfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import BinaryIO

import pytest

from upgraph.graph import Precedence, Release
from upgraph.oci import (
    OCI_LAYER_GZIP,
    Access,
    Digest,
    LayoutWriter,
    RegistryClient,
    Retry,
    Timing,
    digest_of,
)
from upgraph.payload import ReleaseContent, ReleaseImage, add_release
from upgraph.service.building.library import Library
from upgraph.service.building.scrape import Harvest, ScrapeSettings, recall, scrape
from upgraph.service.building.shelf import Shelf
from upgraph.service.building.workshop import Workshop
from upgraph.service.handover import Current, Message, Waiting
from upgraph.service.snapshot import Coding, Snapshot, read_snapshot
from upgraph.testing.answers import PlainGraph, read_answer
from upgraph.testing.registry import SimulatedRegistry
from upgraph.testing.sample_graphs import GraphBench

_PADDING = bytes(range(256)) * 2048


@dataclass
class Yard:
    """A registry, and a scraper with its memory."""

    registry: SimulatedRegistry
    client: RegistryClient
    directory: Path
    library: Library
    settings: ScrapeSettings = field(default_factory=ScrapeSettings)
    last: Harvest = field(default_factory=lambda: Harvest({}, {}, ()))
    _numbers: Iterator[int] = field(default_factory=count)

    def release(
        self, tag: str, version: str, *, arch: str = "amd64", previous: tuple[str, ...] = ()
    ) -> Digest:
        """Push a release image of half a megabyte, of which the metadata are in front."""
        content = ReleaseContent(version, previous=previous, manifests={"0000_padding.yaml": _PADDING})
        with LayoutWriter(self._next()) as layout:
            add_release(layout, content, arch, tag)
        self.registry.load(self._latest)
        return self.registry.tags[tag]

    def component(self, tag: str) -> Digest:
        """Push an image that is no release."""
        with LayoutWriter(self._next()) as layout:
            layer = layout.blob(_archive("usr/bin/component", tag.encode()), OCI_LAYER_GZIP)
            layout.image(config={"architecture": "amd64", "os": "linux"}, layers=[layer], tag=tag)
        self.registry.load(self._latest)
        return self.registry.tags[tag]

    def broken(self, tag: str) -> None:
        """Push a manifest that cannot be read."""
        self.registry.add(b'{"schemaVersion": 2, "config": 7}', tag=tag)

    async def scrape(self) -> Harvest:
        """Scrape once more, and count the requests of this round alone."""
        self.registry.requests.clear()
        self.last = await scrape(self.client, self.library, self.settings, self.last)
        return self.last

    def forget_memory(self) -> None:
        """Start anew with what the library knows."""
        self.last = recall(self.client.name, self.library)

    @property
    def requests(self) -> Counter[str]:
        """Requests of the last round by method and step."""
        return Counter(f"{seen.method} {seen.step}" for seen in self.registry.requests)

    @property
    def versions(self) -> dict[str, str]:
        """Version by tag of what the last round found to be releases."""
        images = self.last.images
        return {
            tag: image.metadata.document.version.text
            for tag, digest in sorted(self.last.listing.items())
            if isinstance(image := images[digest], ReleaseImage)
        }

    @property
    def references(self) -> list[str]:
        """References of what the last round found."""
        return [finding.reference for finding in self.last.findings]

    @property
    def _latest(self) -> Path:
        return max(self.directory.glob("layout-*"))

    def _next(self) -> Path:
        return self.directory / f"layout-{next(self._numbers):06}"


def _archive(name: str, content: bytes) -> bytes:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w:gz") as tar:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    return whole.getvalue()


async def _no_wait(_: float) -> None:
    """Retries come at once."""


@pytest.fixture
async def yard(tmp_path: Path) -> AsyncIterator[Yard]:
    timing = Timing(retry=Retry(attempts=2), sleep=_no_wait)
    async with (
        SimulatedRegistry() as registry,
        RegistryClient(registry.repository, access=Access(), timing=timing) as client,
    ):
        with Library.open(None) as library:
            yield Yard(registry, client, tmp_path, library)


VERSIONS = ("4.1.0", "4.1.1", "4.1.2")


@dataclass
class Desk:
    """A workshop, and everything that it said."""

    shelf: Shelf
    precedence: Precedence = Precedence.BLOCK_WINS
    awaits_promotion: bool = False
    said: list[Message] = field(default_factory=list)
    snapshots: list[Snapshot] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.workshop = Workshop(
            self.shelf, self._say, self.precedence, awaits_promotion=self.awaits_promotion
        )

    def _say(self, message: Message, file: BinaryIO | None) -> None:
        self.said.append(message)
        if file is not None:
            self.snapshots.append(read_snapshot(file))

    def take_releases(self, *releases: Release, refreshed_at: float = 1000.0) -> None:
        """Hand over what a scrape found."""
        self.workshop.take_releases(releases, (), refreshed_at=refreshed_at)

    def answer(self, channel: str = "stable-4.1", arch: str = "amd64") -> PlainGraph:
        """What a client reads from the last snapshot."""
        return read_answer(self.snapshots[-1].answer(channel, arch).body(Coding.IDENTITY).tobytes())

    def findings(self) -> list[str]:
        """References of what was last said to be found."""
        last = self.said[-1]
        return [fact.reference for fact in last.findings] if isinstance(last, Current) else []

    def waits_for(self) -> tuple[str, str]:
        """Reference and reason of what was last said to be waited for."""
        last = self.said[-1]
        assert isinstance(last, Waiting)
        return last.reference, last.seen


def release(version: str, *previous: str, content: str = "") -> Release:
    """A release for amd64; other content gives another digest."""
    return GraphBench().release(version, *previous, digest=digest_of(f"{version} {content}".encode()))


def files(*versions: str, **rules: str) -> dict[str, bytes]:
    """Graph data with these versions in stable-4.1, and rules by the name of their file."""
    listed = "".join(f"- {version}\n" for version in versions or VERSIONS)
    return {
        "version": b"1.1.0\n",
        "raw/metadata.json": b"{}\n",
        "blocked-edges/4.0.0.yaml": b"to: 4.0.0\nfrom: 3[.].*\n",
        "channels/stable-4.1.yaml": f"name: stable-4.1\nversions:\n{listed}".encode(),
        **{f"blocked-edges/{name}.yaml": text.encode() for name, text in rules.items()},
    }


@pytest.fixture
def chain() -> list[Release]:
    """Three releases, each of which can be updated to the later ones."""
    return [release(version, *VERSIONS[:at]) for at, version in enumerate(VERSIONS)]


@pytest.fixture
def desk() -> Desk:
    """A workshop that keeps nothing."""
    return Desk(Shelf(None))
