"""Replicas: the same answers from the same inputs, and a first graph from a neighbour."""

from pathlib import Path

from tests.whole.conftest import GraphDataPlace, Running, Starter, curl, write_layout


def neighbour(service: Running) -> str:
    return service.status.removeprefix("http://")


def test_replicas_give_the_same_bytes_under_the_same_tags(
    start: Starter, sources: tuple[object, ...]
) -> None:
    answers = []
    for _ in range(2):
        service = start.serve(*sources)
        service.answered()
        answers.append([service.ask("stable-4.1", arch, "--compressed") for arch in ("amd64", "arm64")])
    assert [got.body for got in answers[0]] == [got.body for got in answers[1]]
    assert [got.headers["etag"] for got in answers[0]] == [got.headers["etag"] for got in answers[1]]


def test_a_replica_whose_sources_are_away_serves_what_a_sibling_holds(
    start: Starter, sources: tuple[object, ...], tmp_path: Path
) -> None:
    first = start.serve(*sources)
    first.answered()
    away = ("--releases", "docker://127.0.0.1:9/none", *sources[2:])
    second = start.serve(*away, "--siblings", f"localhost:{neighbour(first).rpartition(':')[2]}")
    second.answered()
    assert second.ask().body == first.ask().body
    assert curl(f"{second.status}/readyz").status == 200


def test_the_own_scrape_replaces_what_a_sibling_gave(
    start: Starter, sources: tuple[object, ...], graph_data: GraphDataPlace, tmp_path: Path
) -> None:
    first = start.serve(*sources)
    first.answered()
    newer = write_layout(tmp_path / "newer", ("4.1.0", "4.1.1", "4.1.2", "4.1.3"))
    graph_data.channel("4.1.0", "4.1.1", "4.1.2", "4.1.3")
    flags = ("--releases", f"oci:{newer}", "--payload-repository", "registry.example/r")
    second = start.serve(
        *flags, "--graph-data", graph_data.path, "--siblings", neighbour(first), "--state-dir", tmp_path / "s"
    )
    second.said(r"(sibling .* gave a graph)")
    second.answered(lambda graph: "4.1.3" in graph.nodes)


def test_siblings_that_start_together_do_not_wait_for_each_other(
    start: Starter, sources: tuple[object, ...]
) -> None:
    first = start.serve(*sources, "--siblings", "127.0.0.1:9", "--siblings", "nobody.invalid:9081")
    first.answered()
    first.said(r"(sibling 127\.0\.0\.1:9 offers no snapshot)")


def test_the_offer_names_what_is_given(start: Starter, sources: tuple[object, ...]) -> None:
    service = start.serve(*sources)
    service.answered()
    offer = curl(f"{service.status}/snapshot/offer")
    whole = curl(f"{service.status}/snapshot")
    assert offer.headers["etag"] == whole.headers["etag"]
    assert str(len(whole.body)).encode() in offer.body
