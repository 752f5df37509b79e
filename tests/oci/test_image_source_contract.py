"""Every source of images keeps the one contract."""

import shutil
import tarfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from upgraph.oci import (
    Access,
    ArchiveSource,
    Credentials,
    DirectorySource,
    FollowedRepository,
    ImageSource,
    LayoutSource,
    MirroredSource,
    RegistryClient,
    Repository,
    Trust,
)
from upgraph.testing.certificates import Certificates
from upgraph.testing.image_source import CHECKS, Sample
from upgraph.testing.real_registry import PASSWORD, USERNAME, RealRegistry
from upgraph.testing.registry import SimulatedRegistry

Check = Callable[[ImageSource, Sample], Awaitable[None]]


@pytest.fixture(
    params=[
        "layout",
        "archive",
        "directory",
        "mirrored",
        "mirrored-half-filled",
        "followed",
        "simulated",
        "simulated-no-ranges",
        "docker-registry",
        "docker-registry-tls-login",
    ]
)
def source(request: pytest.FixtureRequest) -> ImageSource:
    made: ImageSource = request.getfixturevalue(f"{request.param.replace('-', '_')}_source")
    return made


@pytest.fixture
def layout_source(layout: Path) -> ImageSource:
    return LayoutSource(layout)


@pytest.fixture
def archive_source(layout: Path, tmp_path: Path) -> ImageSource:
    with tarfile.open(tmp_path / "layout.tar", "w") as archive:
        archive.add(layout, ".")
    return ArchiveSource(tmp_path / "layout.tar")


@pytest.fixture
def directory_source(directories: Path) -> ImageSource:
    return DirectorySource(directories)


@pytest.fixture
def mirrored_source(client: RegistryClient, layout: Path) -> ImageSource:
    return MirroredSource("docker://quay.example/ocp", [client, LayoutSource(layout)])


@pytest.fixture
def mirrored_half_filled_source(layout: Path, tmp_path: Path) -> ImageSource:
    half = Path(shutil.copytree(layout, tmp_path / "half"))
    for blob in sorted((half / "blobs" / "sha256").iterdir())[::2]:
        blob.unlink()
    return MirroredSource("docker://quay.example/ocp", [LayoutSource(half), LayoutSource(layout)])


@pytest.fixture
def followed_source(registry: SimulatedRegistry, client: RegistryClient, tmp_path: Path) -> ImageSource:
    file = tmp_path / "registries.conf"
    mirror = f'[[registry.mirror]]\nlocation = "{registry.repository.name}"\ninsecure = true\n'
    file.write_text(f'[[registry]]\nlocation = "quay.example/ocp"\nblocked = true\n{mirror}')
    return FollowedRepository(Repository("quay.example", "ocp"), [file], lambda _: client)


@pytest.fixture
def simulated_source(client: RegistryClient) -> ImageSource:
    return client


@pytest.fixture
def simulated_no_ranges_source(client: RegistryClient, registry: SimulatedRegistry) -> ImageSource:
    registry.ranges = False
    return client


@pytest.fixture
async def docker_registry_source(plain_registry: RealRegistry) -> AsyncIterator[ImageSource]:
    repository = plain_registry.repository("releases/ocp")
    async with RegistryClient(repository, access=Access()) as client:
        yield client


@pytest.fixture
async def docker_registry_tls_login_source(
    guarded_registry: RealRegistry, certificates: Certificates, tmp_path: Path
) -> AsyncIterator[ImageSource]:
    repository = guarded_registry.repository("releases/ocp")
    auth = tmp_path / "auth.json"
    auth.write_text(
        f'{{"auths": {{"{repository.host}": {{"username": "{USERNAME}", "password": "{PASSWORD}"}}}}}}'
    )
    trust = Trust([certificates.certificate])
    async with RegistryClient(repository, access=Access(Credentials.load(auth), trust)) as client:
        yield client


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
async def test_a_source_keeps_the_contract(check: Check, source: ImageSource, sample: Sample) -> None:
    await check(source, sample)
