"""``upgraph serve`` beside a real registry with TLS and a login: what is good stays, whatever happens to it."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.whole.conftest import ARCHES, VERSIONS, GraphDataPlace, Starter, until
from upgraph.testing.certificates import Certificates
from upgraph.testing.real_registry import PASSWORD, RealRegistry, real_registry

REPOSITORY = "ocp/release"


@dataclass
class Site:
    """A registry that is filled, and the flags that lead to it."""

    registry: RealRegistry
    flags: tuple[object, ...]
    stop: Callable[[], None]
    name: str


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory, layout: Path, certificates: Certificates) -> Path:
    """The storage of a registry with our releases."""
    storage = tmp_path_factory.mktemp("storage")
    with real_registry(storage, certificates=certificates, login=True) as registry:
        for version in VERSIONS:
            for name in ARCHES.values():
                registry.push(layout, f"{version}-{name}", REPOSITORY)
    return storage


@pytest.fixture
def site(
    filled: Path, certificates: Certificates, auth_file: Callable[[str], Path], graph_data: GraphDataPlace
) -> Iterator[Site]:
    with ExitStack() as stack:
        registry = stack.enter_context(real_registry(filled, certificates=certificates, login=True))
        name = registry.repository(REPOSITORY).name
        flags: tuple[object, ...] = ("--releases", f"docker://{name}", "--ca", certificates.certificate)
        flags += ("--authfile", auth_file(f"127.0.0.1:{registry.port}"), "--graph-data", graph_data.path)
        yield Site(registry, flags, stack.close, name)


def test_releases_and_edits_arrive_and_stay_when_the_registry_dies(
    start: Starter, site: Site, graph_data: GraphDataPlace
) -> None:
    service = start.serve(*site.flags, "--scrape-interval", "1s")
    before = service.answered()
    assert set(before.nodes) == set(VERSIONS)
    assert {node["payload"].partition("@")[0] for node in before.nodes.values()} == {site.name}
    graph_data.channel(*VERSIONS[:2])
    service.answered(lambda graph: set(graph.nodes) == set(VERSIONS[:2]))
    site.stop()
    service.said(r"(no source could be read)")
    service.said(r"WARNING (the graph in force stays; all sources were last read \d+s ago)")
    assert set(service.answered().nodes) == set(VERSIONS[:2])
    graph_data.channel(*VERSIONS)
    assert service.answered(lambda graph: len(graph.nodes) == 3) == before
    assert PASSWORD not in service.text


def test_a_restart_while_the_registry_is_down_answers_at_once_and_takes_edits(
    start: Starter, site: Site, graph_data: GraphDataPlace, tmp_path: Path
) -> None:
    flags = (*site.flags, "--state-dir", tmp_path / "state")
    service = start.serve(*flags)
    before = service.answered()
    assert service.stop() == 0
    site.stop()
    again = start.serve(*flags)
    got = again.ask()
    assert (got.status, got.graph) == (200, before)
    assert re.search(r"that was saved before; all sources were last read \d+s ago", again.text)
    graph_data.channel(*VERSIONS[:2])
    again.answered(lambda graph: set(graph.nodes) == set(VERSIONS[:2]))
    assert again.stop() == 0


@pytest.mark.parametrize(
    ("flag", "reason"), [("--ca", "registry-untrusted"), ("--authfile", "registry-unauthorized")]
)
def test_what_is_missing_for_the_registry_is_said_where_people_look(
    start: Starter, site: Site, flag: str, reason: str
) -> None:
    flags = list(site.flags)
    at = flags.index(flag)
    del flags[at : at + 2]
    service = start.serve(*flags)
    service.said(r"(no source could be read)")

    def reference() -> bool:
        why = service.state()["reason"]
        return isinstance(why, dict) and why["reference"] == reason

    until(reference, what=reason)
