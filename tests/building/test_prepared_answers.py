"""Every answer is there in every coding, and its tag names its content."""

import gzip
import hashlib
import io
import tempfile
from collections.abc import Callable, Iterator

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from tests.building.conftest import VERSIONS, files, release
from upgraph.errors import Finding, Severity
from upgraph.errors.problems.graph import RELEASE_CONFLICT
from upgraph.graph import Encoder, Release, UpdateGraph, build, decode, select
from upgraph.graphdata import load
from upgraph.service.building.prepare import Origin, coded, write_snapshot
from upgraph.service.snapshot import MAX_FINDINGS, Coding, Prepared, Snapshot, read_snapshot

ORIGIN = Origin(3, "r", "d", b"an archive", 1.0)
DECODE: dict[Coding, Callable[[bytes], bytes]] = {
    Coding.IDENTITY: bytes,
    Coding.GZIP: gzip.decompress,
    Coding.ZSTD: zstandard.decompress,
}


def _graph(chain: list[Release]) -> UpdateGraph:
    data = load(files()).data
    assert data is not None
    return build(chain, data).graph


def _snapshot(graph: UpdateGraph, findings: tuple[Finding, ...] = ()) -> Snapshot:
    with tempfile.TemporaryFile() as file:
        write_snapshot(graph, ORIGIN, findings, file)
        return read_snapshot(file)


@pytest.fixture
def snapshot(chain: list[Release]) -> Snapshot:
    return _snapshot(_graph(chain))


def _documents(snapshot: Snapshot) -> Iterator[Prepared]:
    yield snapshot.answer("stable-4.1", "amd64")
    yield snapshot.answer("no-such", "amd64")
    yield snapshot.builder_graph


@pytest.mark.parametrize("coding", list(Coding))
def test_every_coding_gives_the_document(snapshot: Snapshot, coding: Coding) -> None:
    for prepared in _documents(snapshot):
        assert DECODE[coding](prepared.body(coding).tobytes()) == prepared.body(Coding.IDENTITY)
        assert prepared.size(coding) == len(prepared.body(coding))


def test_a_tag_is_the_digest_of_the_document(snapshot: Snapshot) -> None:
    for prepared in _documents(snapshot):
        assert prepared.etag == hashlib.sha256(prepared.body(Coding.IDENTITY)).hexdigest()


def test_the_digest_of_the_facts_is_that_of_the_whole_graph(snapshot: Snapshot) -> None:
    assert snapshot.facts.digest == snapshot.builder_graph.etag


def test_the_facts_count_by_architecture(snapshot: Snapshot) -> None:
    facts = snapshot.facts
    assert (facts.releases, facts.nodes) == (3, 3)
    assert (facts.nodes_by_arch, facts.edges_by_arch) == ({"amd64": 3}, {"amd64": 3})


def test_the_graph_data_come_back_as_they_were(snapshot: Snapshot) -> None:
    assert snapshot.graph_data is not None
    assert snapshot.graph_data.body(Coding.IDENTITY).tobytes() == b"an archive"


def test_the_gravest_findings_are_kept_up_to_a_limit(chain: list[Release]) -> None:
    many = tuple(Finding(Severity.ERROR, RELEASE_CONFLICT, str(n)) for n in range(MAX_FINDINGS + 1))
    kept = _snapshot(_graph(chain), many).facts.findings
    assert [fact.seen for fact in kept] == [str(n) for n in range(MAX_FINDINGS)]


@given(st.binary(max_size=20_000))
def test_any_document_survives_its_codings_and_gives_the_same_bytes_again(document: bytes) -> None:
    bodies = coded(document)
    assert {DECODE[coding](body) for coding, body in bodies.items()} == {document}
    assert coded(document) == bodies


def test_an_answer_is_what_selecting_gives(chain: list[Release]) -> None:
    graph = _graph(chain)
    answer = _snapshot(graph).answer("stable-4.1", "amd64").body(Coding.IDENTITY)
    assert answer == Encoder().for_clients(select(graph, "stable-4.1", "amd64"))


def test_the_whole_graph_can_be_read_back(chain: list[Release]) -> None:
    graph = _graph(chain)
    decoded, findings = decode(_snapshot(graph).builder_graph.body(Coding.IDENTITY))
    assert (decoded, findings) == (graph, ())


def test_a_newer_release_changes_the_answer_and_its_tag(chain: list[Release], snapshot: Snapshot) -> None:
    data = load(files(*VERSIONS, "4.1.3")).data
    assert data is not None
    newer = _snapshot(build([*chain, release("4.1.3", "4.1.2")], data).graph)
    assert newer.answer("stable-4.1", "amd64").etag != snapshot.answer("stable-4.1", "amd64").etag
    assert newer.answer("no-such", "amd64").etag == snapshot.answer("no-such", "amd64").etag


def test_writing_needs_no_more_than_a_place_to_seek_in(chain: list[Release]) -> None:
    into = io.BytesIO()
    facts = write_snapshot(_graph(chain), ORIGIN, (), into)
    assert facts.releases_digest == "r"
    assert len(into.getvalue()) > 64
