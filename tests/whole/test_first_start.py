"""The first start: not ready with the reason in words, and ready without a restart once it is mended."""

from pathlib import Path

from tests.whole.conftest import GraphDataPlace, Starter, curl, until, write_layout


def test_broken_graph_data_are_the_reason_until_they_are_mended(
    start: Starter, sources: tuple[object, ...], graph_data: GraphDataPlace
) -> None:
    graph_data.write("version", "2.0.0\n")
    service = start.serve(*sources)
    service.said(r"(the graph data is refused, there is none to fall back to)")
    ready = until(lambda: _unless(curl(f"{service.status}/readyz").body, b"first scrape"), what="the reason")
    assert b"version:1: the schema is 2.0.0" in ready
    assert b"[graph-data-version]" in ready
    assert curl(f"{service.status}/livez").status == 200
    got = service.ask()
    assert (got.status, got.headers["cache-control"]) == (503, "no-store")
    assert b'"kind":"graph_not_ready"' in got.body
    graph_data.write("version", "1.1.0\n")
    assert len(service.answered().nodes) == 3
    assert curl(f"{service.status}/readyz").status == 200


def test_a_layout_without_releases_is_the_reason_until_there_is_one(
    start: Starter, graph_data: GraphDataPlace, tmp_path: Path
) -> None:
    layout = write_layout(tmp_path / "layout", ())
    flags = ("--releases", f"oci:{layout}", "--payload-repository", "registry.example/r")
    service = start.serve(*flags, "--graph-data", graph_data.path, "--scrape-interval", "1s")

    def why() -> bool:
        return b"[releases-empty]" in curl(f"{service.status}/readyz").body

    until(why, what="releases-empty")
    write_layout(layout, ("4.1.0",))
    assert set(service.answered().nodes) == {"4.1.0"}


def test_edges_into_the_target_of_a_broken_rule_are_withheld_and_come_back(
    start: Starter, sources: tuple[object, ...], graph_data: GraphDataPlace
) -> None:
    graph_data.write("blocked-edges/4.1.2-odd.yaml", "to: 4.1.2\nfrom: (\n")
    service = start.serve(*sources)
    assert service.answered().edges == {("4.1.0", "4.1.1")}
    assert curl(f"{service.status}/readyz").status == 200
    (graph_data.path / "blocked-edges/4.1.2-odd.yaml").unlink()
    service.answered(lambda graph: len(graph.edges) == 3)


def _unless(body: bytes, part: bytes) -> bytes:
    return b"" if part in body else body
