"""The page "From nothing to a disconnected update service", typed as it stands at a real registry."""

import os
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.whole.conftest import BIN, curl, until
from upgraph.testing.answers import read_answer
from upgraph.testing.certificates import make_certificates
from upgraph.testing.gpg_home import GpgHome
from upgraph.testing.real_registry import PASSWORD, USERNAME, RealRegistry, real_registry

PAGE = Path(__file__).parents[2] / "docs" / "from-nothing.md"
BLOCK = re.compile(r"(?:<!-- ends with: (\d+) -->\n)?```bash\n(.*?)```\n", re.DOTALL)


@dataclass
class Reader:
    """Types what the page says."""

    directory: Path
    names: dict[str, str]
    environment: dict[str, str]
    variables: str = ""

    def type(self, text: str, code: int) -> str:
        """Run a block; gives what it printed."""
        script = self.directory / "block.sh"
        script.write_text(f"set -euo pipefail\n{self.variables}{self.translated(text)}")
        done = subprocess.run(
            ["bash", script.name],
            cwd=self.directory,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == code, f"{text}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def translated(self, text: str) -> str:
        """The names of the page as they are here."""
        for name, real in self.names.items():
            text = text.replace(name, real)
        return text


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[RealRegistry]:
    directory = tmp_path / "registry"
    directory.mkdir()
    with real_registry(directory, certificates=make_certificates(directory), login=True) as registry:
        yield registry


@pytest.fixture
def reader(registry: RealRegistry, tmp_path: Path) -> Iterator[Reader]:
    directory = tmp_path / "walk"
    directory.mkdir()
    assert registry.certificates is not None
    (directory / "registry-ca.pem").write_bytes(registry.certificates.certificate.read_bytes())
    (directory / "password").write_text(f"{PASSWORD}\n")
    ports = {"127.0.0.1:8081": free_address(), "127.0.0.1:9081": free_address()}
    with GpgHome() as gpg:
        environment = {
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(directory),
            "GNUPGHOME": str(gpg.path),
            "UPGRAPH_LISTEN": ports["127.0.0.1:8081"],
            "UPGRAPH_STATUS_LISTEN": ports["127.0.0.1:9081"],
        }
        names = {"registry.example:5000": registry.repository("x").host, "sailor": USERNAME, **ports}
        yield Reader(directory, names, environment)


def test_the_page_is_right_from_its_first_line_to_its_last(reader: Reader) -> None:
    first, *blocks = [(int(code or 0), text) for code, text in BLOCK.findall(PAGE.read_text())]
    reader.variables = first[1]
    printed: list[str] = []
    with ExitStack() as stack:
        for code, text in blocks:
            if text.startswith("upgraph serve"):
                stack.enter_context(serving(reader, text))
                until(lambda: versions(reader) == {"1.0.0", "1.0.1"}, what="both releases in the graph")
                continue
            if text.startswith("upgraph status"):
                until(lambda: versions(reader) == {"1.0.0"}, what="the end of the forged release")
            printed.append(reader.type(text, code))
    assert "signature-missing" in printed[-1]
    assert "1.0.1" not in printed[-1].rpartition("VERSION")[2]


@contextmanager
def serving(reader: Reader, text: str) -> Iterator[None]:
    """The service of the page, for as long as the block lasts."""
    command = f"{reader.variables}exec {reader.translated(text)}"
    with (reader.directory / "serve.log").open("wb") as log:
        process = subprocess.Popen(
            ["bash", "-c", command], cwd=reader.directory, env=reader.environment, stdout=log, stderr=log
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(180)


def versions(reader: Reader) -> set[str]:
    """What clusters see in the channel of the page."""
    address = reader.names["127.0.0.1:8081"]
    got = curl(f"http://{address}/api/upgrades_info/graph?channel=stable-1.0&arch=amd64")
    return set(read_answer(got.body).nodes) if got.status == 200 else set()


def free_address() -> str:
    """A port that nobody had a moment ago: the page needs one that is known before the service starts."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        return f"127.0.0.1:{held.getsockname()[1]}"
