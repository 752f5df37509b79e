"""Every destination of images keeps the one contract."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from upgraph.oci import (
    Access,
    ArchiveDestination,
    ArchiveSource,
    Credentials,
    LayoutDestination,
    LayoutSource,
    RegistryClient,
    RegistryDestination,
    Repository,
    Trust,
)
from upgraph.testing.certificates import Certificates
from upgraph.testing.image_destination import CHECKS, Harness
from upgraph.testing.real_registry import PASSWORD, USERNAME, RealRegistry
from upgraph.testing.registry import Login, SimulatedRegistry

Check = Callable[[Harness], Awaitable[None]]

_REPOSITORIES = (f"copies/{number}" for number in itertools.count())


@pytest.fixture(
    params=[
        "new_layout",
        "new_archive",
        "simulated",
        "simulated_without_parts",
        "simulated_with_token",
        "docker_registry",
        "docker_registry_tls_login",
    ]
)
def harness(request: pytest.FixtureRequest) -> Harness:
    made: Harness = request.getfixturevalue(request.param)
    return made


def registry_harness(repository: Repository, access: Access) -> Harness:
    return Harness(
        lambda: RegistryDestination(repository, access=access),
        lambda: RegistryClient(repository, access=access),
    )


@pytest.fixture
def new_layout(tmp_path: Path) -> Harness:
    return Harness(lambda: LayoutDestination(tmp_path / "l"), lambda: LayoutSource(tmp_path / "l"))


@pytest.fixture
def new_archive(tmp_path: Path) -> Harness:
    file = tmp_path / "l.tar"
    return Harness(
        lambda: ArchiveDestination(file, replace=True), lambda: ArchiveSource(file), keeps=False, tells=False
    )


@pytest.fixture
async def empty() -> AsyncIterator[SimulatedRegistry]:
    async with SimulatedRegistry() as registry:
        yield registry


@pytest.fixture
def simulated(empty: SimulatedRegistry) -> Harness:
    return registry_harness(empty.repository, Access())


@pytest.fixture
def simulated_without_parts(empty: SimulatedRegistry) -> Harness:
    empty.uploads.parts = False
    return registry_harness(empty.repository, Access())


@pytest.fixture
def simulated_with_token(empty: SimulatedRegistry) -> Harness:
    empty.login = Login("bearer")
    return registry_harness(empty.repository, Access())


@pytest.fixture
def docker_registry(plain_registry: RealRegistry) -> Harness:
    return registry_harness(plain_registry.repository(next(_REPOSITORIES)), Access())


@pytest.fixture
def docker_registry_tls_login(
    guarded_registry: RealRegistry, certificates: Certificates, tmp_path: Path
) -> Harness:
    repository = guarded_registry.repository(next(_REPOSITORIES))
    auth = tmp_path / "auth.json"
    login = f'{{"username": "{USERNAME}", "password": "{PASSWORD}"}}'
    auth.write_text(f'{{"auths": {{"{repository.host}": {login}}}}}')
    access = Access(Credentials.load(auth), Trust([certificates.certificate]))
    return registry_harness(repository, access)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.removeprefix("check_"))
async def test_a_destination_keeps_the_contract(check: Check, harness: Harness) -> None:
    await check(harness)
