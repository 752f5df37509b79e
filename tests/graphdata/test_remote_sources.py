"""Every remote source keeps the contract, and asks for no more than it has to."""

import asyncio
import gzip
import io
import shutil
import subprocess
import tarfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from upgraph.errors import DataError, RemoteError
from upgraph.graphdata import Files, Reach, RemoteGraphData, open_source, read_once, write_tarball
from upgraph.graphdata.address import AddressSource
from upgraph.graphdata.git_address import parse_git_address
from upgraph.graphdata.git_remote import RemoteGitSource
from upgraph.graphdata.image import ImageDataSource
from upgraph.oci import (
    OCI_LAYER_GZIP,
    Access,
    Digest,
    LayoutSource,
    LayoutWriter,
    RegistryClient,
    Repository,
    Retry,
    Timing,
)
from upgraph.testing.file_server import FileServer
from upgraph.testing.git_server import BareRepository, GitServer
from upgraph.testing.graph_data_source import SAMPLE, STATES
from upgraph.testing.real_registry import RealRegistry, program, real_registry
from upgraph.testing.registry import Fault, SimulatedRegistry
from upgraph.testing.remote_graph_data import REMOTE_CHECKS, RemotePlace

PLACE = "data"


def layer(files: Files) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path, content in files.items():
            entry = tarfile.TarInfo(f"{PLACE}/{path}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return gzip.compress(packed.getvalue(), 1, mtime=0)


def write(path: Path, files: Files, tag: str = "v1") -> Digest:
    """A layout with an image of a base and of these files."""
    with LayoutWriter(path) as layout:
        blobs = [layout.blob(layer(part), OCI_LAYER_GZIP) for part in ({"etc/base": b"base"}, files)]
        config = {"architecture": "amd64", "os": "linux"}
        return layout.image(config=config, layers=blobs, tag=tag).digest


async def no_wait(_: float) -> None:
    """Retries come at once."""


def client(repository: Repository) -> RegistryClient:
    timing = Timing(retry=Retry(attempts=2), sleep=no_wait)
    return RegistryClient(repository, access=Access(), timing=timing)


@dataclass
class InLayout:
    """A layout whose tag moves."""

    path: Path
    source: RemoteGraphData

    async def put(self, files: Files) -> None:
        write(self.path, files)

    async def remove(self) -> None:
        shutil.rmtree(self.path)


@dataclass
class InRegistry:
    """A simulated registry whose tag moves."""

    path: Path
    registry: SimulatedRegistry
    source: RemoteGraphData

    async def put(self, files: Files) -> None:
        write(self.path, files)
        self.registry.load(self.path)

    async def remove(self) -> None:
        self.registry.tags.clear()


@dataclass
class AtAddress:
    """A tarball on a web server."""

    server: FileServer
    source: RemoteGraphData

    async def put(self, files: Files) -> None:
        self.server.content = write_tarball(files)

    async def remove(self) -> None:
        self.server.content = None


@asynccontextmanager
async def at_address(_: Path) -> AsyncIterator[AtAddress]:
    async with FileServer() as server, AddressSource(server.url(), Access().session) as source:
        yield AtAddress(server, source)


@asynccontextmanager
async def at_forgetful_address(_: Path) -> AsyncIterator[AtAddress]:
    """The server cannot tell whether a tarball has changed."""
    async with FileServer() as server, AddressSource(server.url(), Access().session) as source:
        server.manners.tags = False
        yield AtAddress(server, source)


@asynccontextmanager
async def in_layout(directory: Path) -> AsyncIterator[InLayout]:
    async with ImageDataSource(LayoutSource(directory / "l"), "v1", path=f"/{PLACE}") as source:
        yield InLayout(directory / "l", source)


@asynccontextmanager
async def in_registry(directory: Path) -> AsyncIterator[InRegistry]:
    async with (
        SimulatedRegistry() as registry,
        ImageDataSource(client(registry.repository), "v1", path=f"/{PLACE}") as source,
    ):
        yield InRegistry(directory / "l", registry, source)


@dataclass
class InGit:
    """A branch of a repository on a web server."""

    repository: BareRepository
    source: RemoteGraphData

    async def put(self, files: Files) -> None:
        if not self.repository.path.exists():
            BareRepository.make(self.repository.path)
        self.repository.commit(files)

    async def remove(self) -> None:
        shutil.rmtree(self.repository.path)


@asynccontextmanager
async def in_git(directory: Path) -> AsyncIterator[InGit]:
    async with GitServer(directory) as server:
        address = parse_git_address(f"{server.url()}#main")
        async with RemoteGitSource(address, Access()) as source:
            yield InGit(BareRepository(directory / "data.git"), source)


@pytest.mark.parametrize("check", REMOTE_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("place", [in_layout, in_registry, at_address, at_forgetful_address, in_git])
async def test_a_remote_source_keeps_the_contract(
    tmp_path: Path,
    place: Callable[[Path], AbstractAsyncContextManager[RemotePlace]],
    check: Callable[[RemotePlace], Awaitable[None]],
) -> None:
    async with place(tmp_path) as opened:
        await check(opened)


def asked(registry: SimulatedRegistry) -> Counter[str]:
    """What was asked for since the last call."""
    counts = Counter(f"{seen.method} {seen.step}" for seen in registry.requests)
    registry.requests.clear()
    return counts


async def test_a_tag_that_stays_costs_one_small_request(tmp_path: Path) -> None:
    async with in_registry(tmp_path) as place:
        await place.put(SAMPLE)
        await place.source.fetch()
        assert asked(place.registry) == {"HEAD manifest": 1, "GET manifest": 1, "GET blob": 2}
        assert await place.source.fetch() is None
        assert asked(place.registry) == {"HEAD manifest": 1}


async def test_a_tag_that_moves_costs_the_new_layers(tmp_path: Path) -> None:
    async with in_registry(tmp_path) as place:
        await place.put(SAMPLE)
        await place.source.fetch()
        asked(place.registry)
        await place.put(STATES[1])
        assert await place.source.fetch() == STATES[1]
        assert asked(place.registry) == {"HEAD manifest": 1, "GET manifest": 1, "GET blob": 1}


async def test_a_registry_without_digests_costs_a_manifest(tmp_path: Path) -> None:
    async with in_registry(tmp_path) as place:
        place.registry.heads = False
        await place.put(SAMPLE)
        assert await place.source.fetch() == SAMPLE
        assert await place.source.fetch() is None
        assert asked(place.registry)["GET blob"] == 2


async def test_a_digest_is_never_asked_for_again(tmp_path: Path) -> None:
    digest = write(tmp_path / "l", SAMPLE)
    async with SimulatedRegistry() as registry:
        registry.load(tmp_path / "l")
        async with ImageDataSource(client(registry.repository), digest, path=f"/{PLACE}") as source:
            assert await source.fetch() == SAMPLE
            asked(registry)
            assert await source.fetch() is None
            assert asked(registry) == {}


async def test_a_broken_layer_is_not_read_in_each_round(tmp_path: Path) -> None:
    with LayoutWriter(tmp_path / "l") as layout:
        blob = layout.blob(b"no archive at all", OCI_LAYER_GZIP)
        layout.image(config={"architecture": "amd64", "os": "linux"}, layers=[blob], tag="v1")
    async with in_registry(tmp_path) as place:
        place.registry.load(tmp_path / "l")
        for _ in range(3):
            with pytest.raises(DataError, match="is cut off"):
                await place.source.fetch()
        assert asked(place.registry)["GET blob"] == 1
        await place.put(SAMPLE)
        assert await place.source.fetch() == SAMPLE


async def test_a_transfer_that_breaks_off_goes_on(tmp_path: Path) -> None:
    async with in_registry(tmp_path) as place:
        await place.put(SAMPLE)
        place.registry.faults.append(Fault("blob", cut_after=20))
        assert await place.source.fetch() == SAMPLE


async def test_a_layer_that_is_gone_leaves_the_next_round_its_chance(tmp_path: Path) -> None:
    async with in_registry(tmp_path) as place:
        await place.put(SAMPLE)
        place.registry.faults.append(Fault("blob", times=2, status=503))
        with pytest.raises(RemoteError, match="503"):
            await place.source.fetch()
        assert await place.source.fetch() == SAMPLE


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    with real_registry(tmp_path_factory.mktemp("registry")) as started:
        yield started


async def test_an_image_in_a_real_registry_is_followed(tmp_path: Path, real: RealRegistry) -> None:
    first = write(tmp_path / "l", SAMPLE)
    real.push(tmp_path / "l", "v1", "graph/data")
    repository = real.repository("graph/data")
    async with ImageDataSource(client(repository), "v1", path=f"/{PLACE}") as source:
        assert await source.fetch() == SAMPLE
        assert await source.fetch() is None
        write(tmp_path / "l", STATES[1])
        real.push(tmp_path / "l", "v1", "graph/data")
        assert await source.fetch() == STATES[1]
    async with ImageDataSource(client(repository), first, path=f"/{PLACE}") as source:
        assert await source.fetch() == SAMPLE


@pytest.mark.parametrize("scheme", ["oci", "oci-archive", "dir"])
async def test_what_skopeo_copies_is_read(tmp_path: Path, real: RealRegistry, scheme: str) -> None:
    write(tmp_path / "l", SAMPLE)
    real.push(tmp_path / "l", "v1", "graph/copied")
    source, copy = f"docker://{real.repository('graph/copied').name}:v1", f"{scheme}:{tmp_path / 'copied'}"
    target = copy if scheme == "dir" else f"{copy}:v1"
    command = [program("skopeo"), "--insecure-policy", "copy", "--src-tls-verify=false", source, target]
    await asyncio.to_thread(subprocess.run, command, check=True, timeout=180, capture_output=True)
    reach = Reach(client, Access(), path=f"/{PLACE}")
    assert await read_once(open_source(copy, reach)) == SAMPLE
