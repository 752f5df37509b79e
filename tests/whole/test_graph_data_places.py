"""Graph data from a tarball, an address, an image and a commit: followed, refused in words, kept when the place is gone."""

import io
import shutil
import subprocess
import tarfile
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from signal import SIGHUP
from typing import Protocol

import pytest

from tests.whole.conftest import BIN, GraphDataPlace, Running, Starter, curl, until
from upgraph.graphdata.directory import DirectorySource
from upgraph.graphdata.tarball import write_tarball
from upgraph.oci import OCI_LAYER_GZIP, LayoutWriter
from upgraph.testing.git_server import BareRepository


class Place(Protocol):
    """Somewhere else, where graph data is published."""

    @property
    def flags(self) -> tuple[object, ...]:
        """What names it to the service."""
        ...

    def publish(self, data: GraphDataPlace) -> None:
        """Make this set what is there."""
        ...

    def remove(self) -> None:
        """Take it away."""
        ...


class Address:
    """A tarball on a web server of the standard library."""

    def __init__(self, directory: Path, port: int) -> None:
        self._file = directory / "data.tar.gz"
        self.flags = ("--graph-data", f"http://127.0.0.1:{port}/{self._file.name}")

    def publish(self, data: GraphDataPlace) -> None:
        beside = self._file.with_name("new")
        beside.write_bytes(write_tarball(DirectorySource(data.path).read()))
        beside.replace(self._file)

    def remove(self) -> None:
        self._file.unlink()


class ImageInLayout:
    """A tag of a layout."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.flags = ("--graph-data", f"oci:{path}:v1", "--graph-data-path", "/data")

    def publish(self, data: GraphDataPlace) -> None:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            archive.add(data.path, "data")
        with LayoutWriter(self._path) as layout:
            layer = layout.blob(packed.getvalue(), OCI_LAYER_GZIP)
            layout.image(config={"architecture": "amd64", "os": "linux"}, layers=[layer], tag="v1")

    def remove(self) -> None:
        shutil.rmtree(self._path)


class CommitElsewhere:
    """A branch of a repository on that web server, which is served as plain files."""

    def __init__(self, directory: Path, port: int) -> None:
        self._bare = directory / "data.git"
        self._away = directory / "away.git"
        self.flags = ("--graph-data", f"http://127.0.0.1:{port}/{self._bare.name}#main")

    def publish(self, data: GraphDataPlace) -> None:
        if self._away.exists():
            self._away.rename(self._bare)
        known = self._bare.exists()
        repository = BareRepository(self._bare) if known else BareRepository.make(self._bare)
        repository.commit(DirectorySource(data.path).read())

    def remove(self) -> None:
        self._bare.rename(self._away)


class Commit:
    """A branch of a repository."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.flags = ("--graph-data", f"git:{path}#stable")
        path.mkdir()
        self._git("init", "--quiet", "--initial-branch=stable")

    def publish(self, data: GraphDataPlace) -> None:
        shutil.copytree(data.path, self._path, dirs_exist_ok=True)
        self._git("add", "--all")
        self._git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "more")

    def remove(self) -> None:
        self._git("update-ref", "-d", "refs/heads/stable")

    def _git(self, *command: str) -> None:
        subprocess.run(["git", "-C", str(self._path), *command], check=True, timeout=180)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """A directory, and the port at which it is served."""
    directory = tmp_path / "web"
    directory.mkdir()
    handler = partial(SimpleHTTPRequestHandler, directory=str(directory))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield directory, server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture
def web(server: tuple[Path, int]) -> Place:
    return Address(*server)


@pytest.fixture(params=["address", "image", "commit", "commit-elsewhere"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    makers: dict[str, Callable[[], Place]] = {
        "address": lambda: request.getfixturevalue("web"),
        "image": lambda: ImageInLayout(tmp_path / "image"),
        "commit": lambda: Commit(tmp_path / "repository"),
        "commit-elsewhere": lambda: CommitElsewhere(*request.getfixturevalue("server")),
    }
    return makers[request.param]()


@pytest.fixture
def releases(layout: Path) -> tuple[object, ...]:
    return "--releases", f"oci:{layout}", "--payload-repository", "registry.example/ocp/release"


def has_finding(service: Running, reference: str) -> bool:
    findings = service.state()["findings"]
    return reference in str(findings)


def test_a_set_that_changes_there_changes_the_answers(
    start: Starter, releases: tuple[object, ...], place: Place, graph_data: GraphDataPlace
) -> None:
    place.publish(graph_data)
    service = start.serve(*releases, *place.flags, "--scrape-interval", "1s")
    assert len(service.answered().nodes) == 3
    graph_data.channel("4.1.0")
    place.publish(graph_data)
    assert set(service.answered(lambda graph: len(graph.nodes) == 1).nodes) == {"4.1.0"}


def test_a_tarball_that_is_replaced_changes_the_answers_and_half_a_copy_or_none_does_not(
    start: Starter, releases: tuple[object, ...], graph_data: GraphDataPlace, tmp_path: Path
) -> None:
    place = tmp_path / "data.tar.gz"
    place.write_bytes(write_tarball(DirectorySource(graph_data.path).read()))
    service = start.serve(*releases, "--graph-data", place)
    assert len(service.answered().nodes) == 3
    graph_data.channel("4.1.0")
    content = write_tarball(DirectorySource(graph_data.path).read())
    place.write_bytes(content[:100])
    until(lambda: has_finding(service, "graph-data-archive"), what="the finding of half a copy")
    assert len(service.answered().nodes) == 3
    place.unlink()
    until(lambda: has_finding(service, "graph-data-unreadable"), what="the finding of no copy")
    assert len(service.answered().nodes) == 3
    place.write_bytes(content)
    assert set(service.answered(lambda graph: len(graph.nodes) == 1).nodes) == {"4.1.0"}
    until(lambda: not has_finding(service, "graph-data-"), what="the end of the findings")


def test_a_place_that_is_empty_is_the_reason_until_it_is_not(
    start: Starter, releases: tuple[object, ...], place: Place, graph_data: GraphDataPlace
) -> None:
    service = start.serve(*releases, *place.flags, "--scrape-interval", "1s")
    service.said(r"(the graph data cannot be read)")

    def why() -> bool:
        answer = curl(f"{service.status}/readyz")
        named = str(place.flags[1]).removesuffix(":v1").encode()
        return answer.status == 503 and named in answer.body

    until(why, what="the reason")
    place.publish(graph_data)
    assert len(service.answered().nodes) == 3
    assert curl(f"{service.status}/readyz").status == 200


def test_the_last_good_set_stays_when_the_place_is_gone_and_over_a_restart(
    start: Starter, releases: tuple[object, ...], place: Place, graph_data: GraphDataPlace, tmp_path: Path
) -> None:
    place.publish(graph_data)
    flags = (*releases, *place.flags, "--scrape-interval", "1s", "--state-dir", tmp_path / "state")
    (tmp_path / "state").mkdir()
    service = start.serve(*flags)
    service.answered()
    place.remove()
    until(lambda: has_finding(service, "graph-data-") or has_finding(service, "oci-"), what="the finding")
    assert len(service.answered().nodes) == 3
    assert service.stop() == 0
    again = start.serve(*flags)
    assert len(again.answered().nodes) == 3
    again.said(r"(the graph data cannot be read)")
    place.publish(graph_data)
    graph_data.channel("4.1.0")
    place.publish(graph_data)
    again.answered(lambda graph: set(graph.nodes) == {"4.1.0"})


def test_a_hangup_has_it_read_at_once(
    start: Starter, releases: tuple[object, ...], web: Place, graph_data: GraphDataPlace
) -> None:
    web.publish(graph_data)
    service = start.serve(*releases, *web.flags, "--scrape-interval", "1h")
    service.answered()
    graph_data.channel("4.1.0")
    web.publish(graph_data)
    service.process.send_signal(SIGHUP)
    service.answered(lambda graph: set(graph.nodes) == {"4.1.0"})


def test_a_set_can_be_looked_at_without_serving_it(
    releases: tuple[object, ...], place: Place, graph_data: GraphDataPlace
) -> None:
    place.publish(graph_data)
    flags = map(str, (*releases, *place.flags, "--channel", "stable-4.1", "-o", "dot"))
    command = [str(BIN / "upgraph"), "graph", "show", *flags]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=180)
    assert (done.returncode, done.stdout.count("->")) == (0, 3), done.stderr


def test_a_login_in_an_address_is_not_logged(
    start: Starter, releases: tuple[object, ...], web: Place, graph_data: GraphDataPlace
) -> None:
    web.publish(graph_data)
    address = str(web.flags[1]).replace("http://", "http://sailor:secret@")
    service = start.serve(*releases, "--graph-data", f"{address}?token=hunter2", "--log-level", "debug")
    service.answered()
    web.remove()
    service.process.send_signal(SIGHUP)
    service.said(r"(the graph data cannot be read)")
    assert not any(secret in service.text for secret in ("sailor", "secret", "hunter2"))
    assert "hunter2" not in str(service.state())
