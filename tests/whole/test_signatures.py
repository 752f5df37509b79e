"""Signatures from programs that run: beside the graph, and alone."""

from pathlib import Path

import pytest

from tests.whole.conftest import PREFIX, Starter, curl, until

HEX = "0123456789abcdef" * 4
NAME = f"signatures/sha256={HEX}/signature-1"
HELPER = ("-vv", "--service.address", "127.0.0.1", "--service.port", "0", "--status.port", "0")


@pytest.fixture
def signatures(tmp_path: Path) -> Path:
    place = tmp_path / "signatures"
    (place / "sha256" / HEX).mkdir(parents=True)
    (place / "sha256" / HEX / "signature-1").write_bytes(b"one")
    return place


def test_a_service_gives_signatures_beside_the_graph(
    start: Starter, sources: tuple[object, ...], signatures: Path
) -> None:
    service = start.serve(*sources, "--signatures", signatures)
    base = service.clusters.removesuffix("/graph")
    got = curl(f"{base}/{NAME}")
    assert (got.status, got.body) == (200, b"one")
    assert curl(f"{base}/{NAME}", "-H", f"If-None-Match: {got.headers['etag']}").status == 304
    assert curl(f"{base}/{NAME}", "--head").headers["content-length"] == "3"
    assert curl(f"{base}/{NAME[:-1]}2").status == 404
    assert len(service.answered().nodes) == 3


@pytest.mark.parametrize(
    "path", ["/../secret", "/%2e%2e/secret", "/sha256/%2e%2e%2fsecret", "/sha256=..%2f../secret"]
)
def test_a_path_that_leads_elsewhere_finds_nothing(start: Starter, signatures: Path, path: str) -> None:
    (signatures.parent / "secret").write_text("not for anybody")
    helper = start("metadata-helper", *HELPER, "--signatures.dir", signatures)
    address = helper.said(r"signatures are served on (\S+)/")
    assert curl(f"{address}{path}", "--path-as-is").status in {400, 404}


def test_a_metadata_helper_serves_probes_and_ends_on_request(start: Starter, signatures: Path) -> None:
    prefix = ("--service.path_prefix", PREFIX)
    helper = start("metadata-helper", *HELPER, *prefix, "--signatures.dir", signatures)
    address = helper.said(rf"signatures are served on (http://\S+){PREFIX}/signatures/")
    status = helper.said(r"metrics are on (http://\S+)/metrics")
    assert curl(f"{address}{PREFIX}/{NAME}").body == b"one"
    assert [curl(f"{status}{path}").status for path in ("/livez", "/readyz", "/metrics", "/status")] == [
        *(200, 200, 200),
        404,
    ]
    signatures.rename(signatures.with_name("gone"))
    unready = until(lambda: curl(f"{status}/readiness"), what="an answer")
    assert (unready.status, b"[signatures-unreadable]" in unready.body) == (503, True)
    assert helper.stop() == 0


@pytest.mark.parametrize(
    "arguments",
    [
        (
            "upgraph",
            "serve",
            "--releases",
            "x.json",
            "--graph-data",
            ".",
            "--listen",
            "127.0.0.1:0",
            "--signatures",
            "no",
        ),
        ("metadata-helper", "--signatures.dir", "no"),
    ],
    ids=["upgraph", "metadata-helper"],
)
def test_a_directory_that_is_none_ends_the_program_with_words(
    start: Starter, arguments: tuple[str, ...]
) -> None:
    program = start(*arguments)
    assert program.process.wait(180) == 2
    assert "no is not a directory" in program.text
