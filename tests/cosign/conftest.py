"""Keys that openssl made, a small image, and repositories in which signatures lie."""

import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from upgraph.oci import (
    Access,
    Digest,
    LayoutDestination,
    LayoutSource,
    RegistryClient,
    RegistryDestination,
    Repository,
)
from upgraph.signing.cosign import PublicKey, SigningKey, parse_public_keys, parse_signing_key
from upgraph.testing.image_source import Sample, write_sample
from upgraph.testing.real_registry import RealRegistry, program, real_registry
from upgraph.testing.registry import SimulatedRegistry

OPENSSL_SECONDS = 60
KINDS = {
    "p256": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "p384": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
    "rsa": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    "ed25519": ["-algorithm", "ED25519"],
}
INDEX, IMAGE = "4.18.1-multi", "4.18.1-x86_64"
IDENTITY = "quay.example/ocp/release"


def openssl(*arguments: object, given: bytes = b"") -> bytes:
    command = [program("openssl"), *map(str, arguments)]
    return subprocess.run(
        command, input=given, check=True, capture_output=True, timeout=OPENSSL_SECONDS
    ).stdout


@dataclass(frozen=True)
class KeyPair:
    """The two files of a key."""

    private: Path
    public: Path

    @property
    def signing(self) -> SigningKey:
        return parse_signing_key(self.private.read_bytes(), self.private.name)

    @property
    def trusted(self) -> tuple[PublicKey, ...]:
        return parse_public_keys(self.public.read_bytes(), self.public.name)


def make_pair(folder: Path, name: str, options: list[str]) -> KeyPair:
    pair = KeyPair(folder / f"{name}.key", folder / f"{name}.pub")
    pair.private.write_bytes(openssl("genpkey", *options))
    pair.public.write_bytes(openssl("pkey", "-in", pair.private, "-pubout"))
    return pair


@pytest.fixture(scope="session")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, KeyPair]:
    """A key of each kind, and ``other``, which nobody trusts."""
    folder = tmp_path_factory.mktemp("keys")
    return {name: make_pair(folder, name, made) for name, made in {**KINDS, "other": KINDS["p256"]}.items()}


@pytest.fixture
def pair(pairs: dict[str, KeyPair]) -> KeyPair:
    """The key of those who sign."""
    return pairs["p256"]


@pytest.fixture
def other(pairs: dict[str, KeyPair]) -> KeyPair:
    """A key that nobody trusts."""
    return pairs["other"]


@pytest.fixture(scope="session")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sample") / "layout"
    write_sample(path)
    return path


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return write_sample(tmp_path_factory.mktemp("sample") / "layout")


@pytest.fixture
def digest(sample: Sample) -> Digest:
    """The image that is signed: an index."""
    return sample.digests[INDEX]


@dataclass(frozen=True)
class Place:
    """A repository, to read and to write."""

    images: RegistryClient
    destination: RegistryDestination


@pytest.fixture
async def registry(layout: Path) -> AsyncIterator[SimulatedRegistry]:
    async with SimulatedRegistry() as simulated:
        simulated.load(layout)
        yield simulated


async def opened(repository: Repository) -> AsyncIterator[Place]:
    async with (
        RegistryClient(repository, access=Access()) as images,
        RegistryDestination(repository, access=Access()) as destination,
    ):
        yield Place(images, destination)


@pytest.fixture
async def place(registry: SimulatedRegistry) -> AsyncIterator[Place]:
    async for made in opened(registry.repository):
        yield made


@pytest.fixture
def real(tmp_path: Path, layout: Path) -> Iterator[RealRegistry]:
    """Debian's registry, which keeps no account of what refers to an image."""
    folder = tmp_path / "registry"
    folder.mkdir()
    with real_registry(folder) as running:
        for tag in (INDEX, IMAGE):
            running.push(layout, tag, "releases/ocp")
        yield running


@pytest.fixture
async def real_place(real: RealRegistry) -> AsyncIterator[Place]:
    async for made in opened(real.repository("releases/ocp")):
        yield made


@pytest.fixture
def layout_copy(layout: Path, tmp_path: Path) -> LayoutSource:
    """The sample in a layout that may be changed."""
    return LayoutSource(Path(shutil.copytree(layout, tmp_path / "layout")))


@pytest.fixture
def layout_destination(layout_copy: LayoutSource, tmp_path: Path) -> LayoutDestination:
    return LayoutDestination(tmp_path / "layout")
