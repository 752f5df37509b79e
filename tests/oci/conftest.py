import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from upgraph.oci import (
    OCI_LAYER_GZIP,
    Access,
    Composition,
    Credentials,
    ImageDestination,
    Order,
    Platform,
    RegistryClient,
    Retry,
    Timing,
    Trust,
)
from upgraph.testing.certificates import Certificates, make_certificates
from upgraph.testing.image_source import Sample, write_sample
from upgraph.testing.real_registry import PASSWORD, USERNAME, RealRegistry, real_registry, skopeo_copy
from upgraph.testing.registry import SimulatedRegistry

_SYSTEM = Trust()
LARGE = bytes(range(256)) * 20_000
"""A layer that several images share."""


def _logins(auth: Path | None) -> Credentials:
    return Credentials.anonymous() if auth is None else Credentials.load(auth)


@dataclass
class ManualClock:
    """Time that passes only when someone sleeps or turns it."""

    seconds: float = 1000.0
    slept: list[float] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds

    def timing(self, **limits: float) -> Timing:
        return Timing(
            retry=Retry(),
            sleep=self.sleep,
            chance=lambda: 0.5,
            monotonic=lambda: self.seconds,
            now=lambda: datetime(2026, 8, 21, 12, 0, 0, tzinfo=UTC),
            **limits,
        )


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(scope="session")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sample") / "layout"
    write_sample(path)
    return path


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return write_sample(tmp_path_factory.mktemp("sample") / "layout")


@pytest.fixture(scope="session")
def directories(
    tmp_path_factory: pytest.TempPathFactory, plain_registry: RealRegistry, sample: Sample
) -> Path:
    """The sample as skopeo writes it into directories, one a tag."""
    target = tmp_path_factory.mktemp("directories")
    for tag in sorted(sample.digests):
        repository = plain_registry.repository("releases/ocp").name
        skopeo_copy(f"docker://{repository}:{tag}", f"dir:{target / tag}")
    return target


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
async def registry(layout: Path) -> AsyncIterator[SimulatedRegistry]:
    async with SimulatedRegistry() as simulated:
        simulated.load(layout)
        yield simulated


@asynccontextmanager
async def _client(
    registry: SimulatedRegistry, timing: Timing, auth: Path | None = None
) -> AsyncIterator[RegistryClient]:
    async with RegistryClient(
        registry.repository, access=Access(_logins(auth), _SYSTEM), timing=timing
    ) as client:
        yield client


@pytest.fixture
async def client(registry: SimulatedRegistry, clock: ManualClock) -> AsyncIterator[RegistryClient]:
    async with _client(registry, clock.timing(), None) as made:
        yield made


@pytest.fixture
async def origin(layout: Path) -> AsyncIterator[SimulatedRegistry]:
    """The registry that ``registry`` is a mirror of."""
    async with SimulatedRegistry() as simulated:
        simulated.load(layout)
        yield simulated


@pytest.fixture
async def origin_client(origin: SimulatedRegistry, clock: ManualClock) -> AsyncIterator[RegistryClient]:
    async with _client(origin, clock.timing(), None) as made:
        yield made


@pytest.fixture
async def hasty(registry: SimulatedRegistry, clock: ManualClock) -> AsyncIterator[RegistryClient]:
    """A client that waits for a fifth of a second only."""
    async with _client(registry, clock.timing(answer_seconds=0.2, idle_seconds=0.2), None) as made:
        yield made


@pytest.fixture
def auth_file(tmp_path: Path, registry: SimulatedRegistry) -> Path:
    path = tmp_path / "auth.json"
    login = f'{{"username": "{USERNAME}", "password": "{PASSWORD}"}}'
    path.write_text(f'{{"auths": {{"{registry.repository.name}": {login}}}}}')
    return path


@pytest.fixture
async def known(
    registry: SimulatedRegistry, clock: ManualClock, auth_file: Path
) -> AsyncIterator[RegistryClient]:
    """A client with a login."""
    async with _client(registry, clock.timing(), auth_file) as made:
        yield made


def _fill(real: RealRegistry, layout: Path, sample: Sample) -> None:
    for tag, digest in sorted(sample.digests.items(), reverse=True):
        if tag.endswith("aarch64"):
            real.tag(digest, tag, "releases/ocp")
        else:
            real.push(layout, tag, "releases/ocp")


@pytest.fixture(scope="session")
def plain_registry(
    tmp_path_factory: pytest.TempPathFactory, layout: Path, sample: Sample
) -> Iterator[RealRegistry]:
    with real_registry(tmp_path_factory.mktemp("plain")) as real:
        _fill(real, layout, sample)
        yield real


@pytest.fixture(scope="session")
def guarded_registry(
    tmp_path_factory: pytest.TempPathFactory, layout: Path, sample: Sample, certificates: Certificates
) -> Iterator[RealRegistry]:
    """TLS, and a login."""
    directory = tmp_path_factory.mktemp("guarded")
    with real_registry(directory, certificates=certificates, login=True) as real:
        _fill(real, layout, sample)
        yield real


@pytest.fixture
def images() -> Composition:
    """Images that share a layer: two releases, and an index of two architectures."""
    made = Composition("made")
    shared = made.blob(LARGE, OCI_LAYER_GZIP)
    for number in range(2):
        own = made.blob(f"release {number}".encode(), OCI_LAYER_GZIP)
        made.tag(f"4.18.{number}", made.image(config=config("amd64"), layers=[shared, own]))
    parts = [(made.image(config=config(one), layers=[shared]), Platform(one)) for one in ("amd64", "arm64")]
    made.tag("multi", made.index(parts))
    return made


def config(architecture: str) -> dict[str, object]:
    return {"architecture": architecture, "os": "linux"}


def orders(images: Composition, destination: ImageDestination, *tags: str) -> list[Order]:
    return [Order(images, tag, destination, tag) for tag in tags]


def asked_from(registry: SimulatedRegistry, sample: Sample) -> list[int]:
    """From which byte on the large blob was asked for, each time."""
    asked = [seen for seen in registry.requests if seen.path.endswith(sample.large.digest)]
    ranges = [re.match(r"bytes=(\d+)-", seen.headers.get("Range", "bytes=0-")) for seen in asked]
    return [int(found[1]) for found in ranges if found]
