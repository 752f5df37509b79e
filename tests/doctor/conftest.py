"""Sources of a service, well or broken, and the checks that the doctor makes of them."""

import os
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from upgraph.oci import LayoutWriter
from upgraph.payload import ReleaseContent, add_release
from upgraph.service.configuration import Configuration
from upgraph.service.doctor import Check, Result, examine
from upgraph.testing.certificates import Authority, Certificates, make_authority
from upgraph.testing.real_registry import RealRegistry, real_registry

REPOSITORY = "ocp/release"
TAG = "4.1.0-x86_64"


@dataclass(frozen=True)
class Checks:
    """What came of an examination."""

    all: tuple[Check, ...]

    def named(self, name: str) -> list[Check]:
        """The checks of a name, in their order."""
        return [check for check in self.all if check.name == name]

    def one(self, name: str) -> Check:
        """The only check of a name."""
        (check,) = self.named(name)
        return check

    @property
    def errors(self) -> list[str]:
        """References of all errors."""
        return [check.reference for check in self.all if check.result is Result.ERROR]

    @property
    def skipped(self) -> list[str]:
        """Names of what was skipped."""
        return [check.name for check in self.all if check.result is Result.SKIPPED]


Examine = Callable[..., Awaitable[Checks]]


@pytest.fixture(scope="session")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("releases") / "layout"
    with LayoutWriter(path) as writer:
        add_release(writer, ReleaseContent("4.1.0"), "amd64", TAG)
    return path


@pytest.fixture
def graph_data(tmp_path: Path) -> Path:
    files = {
        "version": "1.1.0\n",
        "raw/metadata.json": "{}\n",
        "blocked-edges/4.0.0.yaml": "to: 4.0.0\nfrom: 3[.].*\n",
        "channels/stable-4.1.yaml": "name: stable-4.1\nversions:\n- 4.1.0\n",
    }
    for name, text in files.items():
        path = tmp_path / "graph-data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "graph-data"


@pytest.fixture
def look(graph_data: Path, tmp_path: Path) -> Examine:
    """Examines a configuration: by default one with graph data that is well, and free ports."""

    async def run(
        environment: Mapping[str, str] | None = None,
        only: tuple[str, ...] = (),
        seconds: float = 60,
        **fields: Any,
    ) -> Checks:
        usual: dict[str, Any] = {
            "graph_data": str(graph_data),
            "payload_repository": "registry.example/ocp/release",
            "listen": "127.0.0.1:0",
            "status_listen": "127.0.0.1:0",
        }
        configuration = Configuration(**{**usual, **fields})
        home = {"HOME": str(tmp_path / "home"), "PATH": os.environ["PATH"], **(environment or {})}
        return Checks(await examine(configuration, home, only=only, seconds=seconds))

    return run


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Certificates:
    return authority.issue(tmp_path_factory.mktemp("issued"), days=100)


@pytest.fixture(scope="session")
def guarded(
    tmp_path_factory: pytest.TempPathFactory, layout: Path, certificates: Certificates
) -> Iterator[RealRegistry]:
    """The real registry, over TLS, with a login."""
    with real_registry(tmp_path_factory.mktemp("guarded"), certificates=certificates, login=True) as running:
        running.push(layout, TAG, REPOSITORY)
        yield running
