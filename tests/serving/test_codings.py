"""Which content coding a client gets (RFC 9110, 12.5.3)."""

import gzip
import json

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from upgraph.service.answering.negotiation import coding
from upgraph.service.snapshot import Coding
from upgraph.testing.http_client import HttpClient

GRAPH = "/graph?channel=stable-4.9"
EVERY = frozenset(Coding)
CHOICES = [
    (None, "identity"),
    ("", "identity"),
    ("gzip", "gzip"),
    ("x-gzip", "gzip"),
    ("GZip", "gzip"),
    ("zstd", "zstd"),
    ("gzip, zstd", "zstd"),
    ("gzip, deflate, br", "gzip"),
    ("gzip, deflate, br, zstd", "zstd"),
    ("gzip;q=1.0, zstd;q=0.9", "gzip"),
    ("gzip;q=0.5, zstd;q=0.5", "zstd"),
    ("gzip;q=0.5, identity", "identity"),
    ("gzip, identity", "gzip"),
    ("gzip;q=0.001", "gzip"),
    ("gzip;q=0", "identity"),
    ("*", "gzip"),
    ("*;q=0, gzip", "gzip"),
    ("gzip;q=0, *", "identity"),
    ("br, deflate", "identity"),
    ("gzip;q=nonsense", "identity"),
    ("identity;q=0", "identity"),
    ("*;q=0", "identity"),
    ("identity;q=0, gzip", "gzip"),
]


@pytest.mark.parametrize(("field", "chosen"), CHOICES, ids=repr)
def test_the_coding_that_is_wanted_most_is_given(field: str | None, chosen: str) -> None:
    assert coding(field, EVERY) == chosen


def test_a_coding_that_was_not_prepared_is_never_given() -> None:
    assert coding("zstd, gzip;q=0.5", frozenset({Coding.IDENTITY, Coding.GZIP})) is Coding.GZIP
    assert coding("zstd, gzip", frozenset({Coding.IDENTITY})) is Coding.IDENTITY


NAMES = st.sampled_from(["gzip", "zstd", "identity", "br", "*"])
WEIGHTS = st.sampled_from(["", ";q=0", ";q=0.2", ";q=0.8"])


@given(st.dictionaries(NAMES, WEIGHTS, max_size=5))
def test_a_coding_that_a_client_cannot_read_is_never_given(wanted: dict[str, str]) -> None:
    chosen = coding(", ".join(map("".join, wanted.items())), EVERY)
    if chosen is not Coding.IDENTITY:
        assert wanted.get(chosen, wanted.get("*", ";q=0")) != ";q=0"


@given(st.text(max_size=600))
def test_no_field_breaks_the_reader(field: str) -> None:
    assert coding(field, EVERY) in EVERY


async def test_every_coding_carries_the_same_document(cluster: HttpClient) -> None:
    plain = await cluster.get(GRAPH)
    small = await cluster.get(GRAPH, ("Accept-Encoding", "gzip"))
    modern = await cluster.get(GRAPH, ("Accept-Encoding", "zstd"))
    assert gzip.decompress(small.body) == zstandard.decompress(modern.body) == plain.body
    codings = [answer.header("content-encoding") for answer in (plain, small, modern)]
    assert codings == [None, "gzip", "zstd"]


async def test_errors_are_never_coded(cluster: HttpClient) -> None:
    answer = await cluster.get("/graph", ("Accept-Encoding", "gzip"))
    assert (answer.header("content-encoding"), json.loads(answer.body)["kind"]) == (None, "missing_params")


async def test_repeated_fields_count_as_one_list(cluster: HttpClient) -> None:
    answer = await cluster.get(GRAPH, ("Accept-Encoding", "br"), ("Accept-Encoding", "gzip"))
    assert answer.header("content-encoding") == "gzip"


def test_a_field_that_only_somebody_hostile_sends_counts_as_none() -> None:
    assert coding("gzip, " * 1000, EVERY) is Coding.IDENTITY
