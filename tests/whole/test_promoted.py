"""A service that offers only updates into promoted versions."""

from pathlib import Path
from typing import Any

import pytest

from tests.whole.conftest import VERSIONS, Running, Starter, curl, until


class Promoted:
    """A list that tests change."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def flags(self) -> tuple[object, ...]:
        return ("--promoted", self.path)

    def write(self, *lines: str) -> None:
        beside = self.path.with_name(".promoted")
        beside.write_text("".join(f"{line}\n" for line in lines))
        beside.replace(self.path)


@pytest.fixture
def promoted(tmp_path: Path) -> Promoted:
    made = Promoted(tmp_path / "promoted.txt")
    made.write("4.1.1")
    return made


def sources_of_lists(service: Running) -> list[dict[str, Any]]:
    sources = service.state()["sources"]
    assert isinstance(sources, list)
    return [one for one in sources if one["kind"] == "promoted"]


def findings_of_lists(service: Running) -> list[dict[str, Any]]:
    details = service.state()["details"]
    assert isinstance(details, list)
    return [one for one in details if one["reference"] == "promotion-invalid"]


def problems_of_list(service: Running) -> list[str]:
    return [one["fault"]["seen"] for one in sources_of_lists(service) if "fault" in one]


def test_updates_follow_the_list_and_every_version_finds_itself(
    start: Starter, sources: tuple[object, ...], promoted: Promoted
) -> None:
    service = start.serve(*sources, *promoted.flags)
    graph = service.answered()
    assert (set(graph.nodes), graph.edges) == (set(VERSIONS), {("4.1.0", "4.1.1")})
    promoted.write("4.1.*")
    service.answered(lambda graph: ("4.1.1", "4.1.2") in graph.edges)
    promoted.write("4.1.2+arm64")
    service.answered(lambda graph: graph.edges == set())
    assert service.ask("stable-4.1", "arm64").graph.edges == {("4.1.0", "4.1.2"), ("4.1.1", "4.1.2")}
    metrics = curl(f"{service.status}/metrics").body.decode()
    assert 'upgraph_graph_withheld_edges{arch="amd64"} 3.0' in metrics


def test_a_broken_list_keeps_the_last_good_one_also_over_a_restart(
    start: Starter, sources: tuple[object, ...], promoted: Promoted, tmp_path: Path
) -> None:
    flags = (*sources, *promoted.flags, "--state-dir", tmp_path / "state")
    service = start.serve(*flags)
    service.answered()
    promoted.write("4.1.2", "everything")
    (seen,) = until(lambda: problems_of_list(service), what="the fault")
    assert seen == f"{promoted.path}:2: not a version: 'everything'"
    assert service.stop() == 0
    again = start.serve(*flags)
    until(lambda: problems_of_list(again), what="the fault")
    assert again.answered().edges == {("4.1.0", "4.1.1")}


def test_of_several_lists_the_one_that_is_broken_is_named_until_it_is_mended(
    start: Starter, sources: tuple[object, ...], promoted: Promoted, tmp_path: Path
) -> None:
    other = Promoted(tmp_path / "other.txt")
    other.write("# a team of its own", "4.1.1")
    service = start.serve(*sources, *promoted.flags, *other.flags)
    service.answered()
    other.write("# a team of its own", "4.1.x")
    (seen,) = until(lambda: problems_of_list(service), what="the fault")
    assert seen.startswith(f"{other.path}:2: ")
    (finding,) = until(lambda: findings_of_lists(service), what="the finding")
    assert (finding["file"], finding["line"]) == (str(other.path), 2)
    assert {one["name"]: "fault" in one for one in sources_of_lists(service)} == {
        str(promoted.path): False,
        str(other.path): True,
    }
    other.write("4.1.2")
    service.answered(lambda graph: ("4.1.0", "4.1.2") in graph.edges)
    until(lambda: not findings_of_lists(service) and not problems_of_list(service), what="peace")


def test_replicas_with_one_list_agree_on_every_byte(
    start: Starter, sources: tuple[object, ...], promoted: Promoted
) -> None:
    tags = []
    for lines in (("4.1.1", "4.1.2"), ("4.1.2 # written in another order", "4.1.1")):
        promoted.write(*lines)
        service = start.serve(*sources, *promoted.flags)
        service.answered()
        tags.append(service.ask().headers["etag"])
        service.stop()
    assert tags[0] == tags[1]


def test_a_graph_that_no_list_has_restricted_is_never_served(
    start: Starter, sources: tuple[object, ...], promoted: Promoted, tmp_path: Path
) -> None:
    state = ("--state-dir", tmp_path / "state")
    free = start.serve(*sources, *state)
    free.answered()
    neighbour = ("--siblings", free.status.removeprefix("http://"))
    promoted.path.unlink()
    away = ("--releases", "docker://127.0.0.1:9/none", *sources[2:], *promoted.flags)
    other = start.serve(*away, *neighbour)
    other.said(r"(another replica is not served: it was made without a list of promoted versions)")
    assert free.stop() == 0
    again = start.serve(*sources, *state, *promoted.flags)
    again.said(r"(saved before is not served: it was made without a list of promoted versions)")
    assert (other.ask().status, again.ask().status) == (503, 503)
    promoted.write("4.1.1")
    assert again.answered().edges == {("4.1.0", "4.1.1")}
