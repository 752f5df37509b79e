"""The snapshot file: its layout is fixed, the same graph gives the same bytes, and damage is always seen."""

import hashlib
import io
import os
import struct
import subprocess
import sys
import tempfile
from dataclasses import replace
from typing import BinaryIO

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.building.conftest import VERSIONS, files
from upgraph.errors import DataError
from upgraph.graph import Release, UpdateGraph, build
from upgraph.graphdata import load
from upgraph.service.building.prepare import Origin, write_snapshot
from upgraph.service.snapshot import Coding, Facts, SnapshotWriter, read_and_check_snapshot, read_snapshot
from upgraph.testing.sample_graphs import GraphBench

ORIGIN = Origin(3, "r" * 64, "sha256:" + "d" * 64, b"an archive", 1_790_000_000.0)
HEADER_BYTES = 64


def _graph() -> UpdateGraph:
    data = load(files()).data
    assert data is not None
    bench = GraphBench()
    for arch in ("amd64", "arm64"):
        for at, version in enumerate(VERSIONS):
            bench.release(f"{version}+{arch}", *(f"{earlier}+{arch}" for earlier in VERSIONS[:at]))
    return build(bench.releases, data).graph


def _written(origin: Origin = ORIGIN) -> bytes:
    into = io.BytesIO()
    write_snapshot(_graph(), origin, (), into)
    return into.getvalue()


def _file(content: bytes) -> BinaryIO:
    file: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 - whoever asks closes it
    file.write(content)
    file.flush()
    return file


SNAPSHOT = _written()


def test_the_header_is_as_the_layout_says() -> None:
    magic, offset, length, digest, rest = struct.unpack(">8sQQ32s8s", SNAPSHOT[:HEADER_BYTES])
    index = SNAPSHOT[offset:]
    assert magic == b"UPGRAPH1"
    assert len(index) == length
    assert hashlib.sha256(index).digest() == digest
    assert rest == bytes(8)


def test_the_index_is_json_with_the_facts() -> None:
    offset = struct.unpack(">Q", SNAPSHOT[8:16])[0]
    index = msgspec.json.decode(SNAPSHOT[offset:])
    assert list(index) == ["facts", "empty", "builder_graph", "graph_data", "answers"]
    assert index["facts"]["releases_digest"] == "r" * 64
    assert sorted(index["answers"]["stable-4.1"]) == ["amd64", "arm64"]


def test_signatures_that_came_with_the_releases_are_kept_and_checked() -> None:
    name, signature = f"sha256={'ab' * 32}/signature-1", b"a signature"
    written = _written(replace(ORIGIN, signatures={name: signature}))
    with _file(written) as file:
        found = read_and_check_snapshot(file).signature(name)
        assert found is not None
        assert found.body(Coding.IDENTITY) == signature
    with _file(written.replace(signature, b"A signature")) as file, pytest.raises(DataError):
        read_and_check_snapshot(file)


def test_two_writes_give_the_same_bytes() -> None:
    assert _written() == SNAPSHOT


def test_only_the_index_depends_on_the_time() -> None:
    later = _written(replace(ORIGIN, refreshed_at=1_790_000_001.0))
    offset = struct.unpack(">Q", SNAPSHOT[8:16])[0]
    assert later != SNAPSHOT
    assert later[HEADER_BYTES:offset] == SNAPSHOT[HEADER_BYTES:offset]


@given(st.integers(0, len(SNAPSHOT) - 1), st.integers(1, 255))
def test_a_change_of_any_byte_is_seen(at: int, change: int) -> None:
    damaged = bytearray(SNAPSHOT)
    damaged[at] ^= change
    with _file(bytes(damaged)) as file, pytest.raises(DataError) as caught:
        read_and_check_snapshot(file)
    assert caught.value.reference == "snapshot-damaged"


@pytest.mark.parametrize("at", range(HEADER_BYTES))
def test_a_change_of_any_byte_of_the_header_is_seen(at: int) -> None:
    damaged = bytearray(SNAPSHOT)
    damaged[at] ^= 1
    with _file(bytes(damaged)) as file, pytest.raises(DataError):
        read_snapshot(file)


@given(st.integers(0, len(SNAPSHOT) - 1))
def test_a_cut_at_any_place_is_seen(length: int) -> None:
    with _file(SNAPSHOT[:length]) as file, pytest.raises(DataError):
        read_and_check_snapshot(file)


def test_bytes_that_were_added_are_seen() -> None:
    with _file(SNAPSHOT + b"x") as file, pytest.raises(DataError):
        read_and_check_snapshot(file)


def test_a_snapshot_that_was_not_finished_is_seen() -> None:
    with tempfile.TemporaryFile() as file:
        SnapshotWriter(file).add_graph_data(b"x" * 1000)
        file.flush()
        with pytest.raises(DataError):
            read_snapshot(file)


def test_documents_that_are_the_same_lie_in_the_file_once() -> None:
    into = io.BytesIO()
    writer = SnapshotWriter(into)
    for channel in ("a", "b", "c"):
        writer.add_answer(channel, "amd64", {Coding.IDENTITY: b"x" * 1000})
    writer.add_empty({Coding.IDENTITY: b"y"})
    writer.add_builder_graph({Coding.IDENTITY: b"z"})
    writer.finish(_facts())
    assert into.getvalue().count(b"x" * 1000) == 1


def test_a_snapshot_outlives_the_file_it_was_read_from() -> None:
    with _file(SNAPSHOT) as file:
        snapshot = read_and_check_snapshot(file)
    assert snapshot.facts.releases == 3
    assert snapshot.answer("stable-4.1", "arm64").body(Coding.IDENTITY).tobytes().startswith(b'{"version":1')
    assert snapshot.answer("no-such", "arm64") is snapshot.answer("stable-4.1", "vax")


def test_many_large_answers_are_read_right_beyond_what_is_kept_at_hand() -> None:
    documents = {f"c{number}": bytes([number]) * 3_000_000 for number in range(16)}
    with tempfile.TemporaryFile() as file:
        writer = SnapshotWriter(file)
        for channel, document in documents.items():
            writer.add_answer(channel, "amd64", {Coding.IDENTITY: document})
        writer.add_empty({Coding.IDENTITY: b"y"})
        writer.add_builder_graph({Coding.IDENTITY: b"z"})
        writer.finish(_facts())
        snapshot = read_and_check_snapshot(file)
        for _ in range(2):
            assert all(
                snapshot.answer(channel, "amd64").body(Coding.IDENTITY) == document
                for channel, document in documents.items()
            )


def _facts() -> Facts:
    with _file(SNAPSHOT) as file:
        return read_snapshot(file).facts


_PROGRAM = """
import hashlib, io
from upgraph.cli.sample import Sample, make_sample
from pathlib import Path
from upgraph.graphdata import load
from upgraph.graphdata.directory import DirectorySource
from upgraph.graph import build
from upgraph.service.building.prepare import Origin, write_snapshot
from upgraph.testing.sample_graphs import GraphBench
import sys, tempfile
with tempfile.TemporaryDirectory() as place:
    sample = Sample.below(Path(place))
    make_sample(sample)
    loaded = load(DirectorySource(sample.graph_data).read())
bench = GraphBench()
versions = [f"4.{minor}.{patch}" for minor in (14, 15, 16, 17) for patch in range(6)]
for arch in ("amd64", "s390x"):
    for at, version in enumerate(versions):
        bench.release(f"{version}+{arch}", *(f"{earlier}+{arch}" for earlier in versions[:at]))
built = build(bench.releases, loaded.data)
into = io.BytesIO()
write_snapshot(built.graph, Origin(1, "r", "d", b"a", 1.0), built.findings, into)
print(hashlib.sha256(into.getvalue()).hexdigest())
"""


def test_the_seed_of_hashes_changes_nothing() -> None:
    seen = {
        subprocess.run(
            [sys.executable, "-c", _PROGRAM],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            timeout=180,
        ).stdout
        for seed in ("0", "1", "4711")
    }
    assert len(seen) == 1


def test_releases_in_any_order_give_the_same_bytes(chain: list[Release]) -> None:
    data = load(files()).data
    assert data is not None
    written = []
    for order in (chain, chain[::-1]):
        into = io.BytesIO()
        write_snapshot(build(order, data).graph, ORIGIN, (), into)
        written.append(into.getvalue())
    assert written[0] == written[1]
