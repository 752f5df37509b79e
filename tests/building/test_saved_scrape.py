"""The file of a saved scrape: the same releases give the same bytes, and what is wrong with it is named with its line."""

import difflib
import json
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.building.conftest import release
from upgraph.errors import DataError
from upgraph.graph import Provenance, Release, Version
from upgraph.oci import digest_of
from upgraph.service.building import saved as room
from upgraph.service.building.saved import at_repository, read_saved, write_saved

CHAIN = [release("4.1.0"), release("4.1.1", "4.1.0"), release("4.1.2", "4.1.0", "4.1.1")]
VERSIONS = st.builds("{}.{}.{}{}".format, *[st.integers(0, 9)] * 3, st.sampled_from(["", "-rc.1", "-ec.2"]))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
RELEASES = st.builds(
    lambda version, arch, number, metadata, previous, provenance: Release(
        version=Version.parse(f"{version}+{arch}"),
        payload=f"registry.example/a/b@{digest_of(str(number).encode())}",
        digest=digest_of(str(number).encode()),
        metadata=metadata,
        previous=previous,
        provenance=provenance,
    ),
    VERSIONS,
    st.sampled_from(["amd64", "arm64", "multi"]),
    st.integers(),
    st.dictionaries(TEXTS, TEXTS, max_size=3),
    st.lists(VERSIONS.map(Version.parse), max_size=4, unique=True).map(
        lambda versions: tuple(sorted(versions, key=lambda version: version.key))
    ),
    st.sampled_from(Provenance),
)


@given(st.lists(RELEASES, max_size=8, unique_by=lambda one: one.payload))
def test_what_is_saved_is_what_is_read(releases: list[Release]) -> None:
    saved = read_saved(write_saved(releases), "x.json")
    assert sorted(saved.releases, key=repr) == sorted(releases, key=repr)
    assert saved.findings == ()


def test_neither_order_nor_repeats_change_a_byte() -> None:
    shuffled = [*CHAIN, *CHAIN]
    random.Random(1).shuffle(shuffled)
    assert write_saved(shuffled) == write_saved(CHAIN)


def test_what_two_sources_hold_is_saved_as_the_one_verified_it() -> None:
    verified = replace(CHAIN[1], provenance=Provenance.VERIFIED, metadata={"read": "again"})
    for given_order in ([CHAIN[1], verified], [verified, CHAIN[1]]):
        assert read_saved(write_saved(given_order), "x.json").releases == (verified,)


def test_one_release_more_is_one_line_more() -> None:
    before, after = (write_saved(some).decode().splitlines() for some in (CHAIN[::2], CHAIN))
    changed = [line for line in difflib.ndiff(before, after) if line.startswith(("+", "-"))]
    assert [line[:30] for line in changed] == ['+ {"version":"4.1.1+amd64","pa']


@pytest.mark.parametrize("cut", [2, 4, 200, 700])
def test_a_file_that_was_cut_off_is_refused(cut: int) -> None:
    with pytest.raises(DataError, match=r"x\.json is no saved scrape, or not all of one"):
        read_saved(write_saved(CHAIN)[:-cut], "x.json")


@pytest.mark.parametrize(
    ("head", "seen"),
    [
        ({"version": 2}, "version 2 of the format; this program reads version 1"),
        ({"format": "other"}, "the format 'other' instead of 'upgraph-scrape'"),
        ({"releases": {}}, "no saved scrape"),
    ],
    ids=["version", "format", "releases"],
)
def test_another_document_is_refused(head: dict[str, object], seen: str) -> None:
    document = json.loads(write_saved(CHAIN)) | head
    with pytest.raises(DataError, match=seen):
        read_saved(json.dumps(document).encode(), "x.json")


def _damaged(at: int, piece: bytes) -> bytes:
    content = write_saved(CHAIN)
    return content[: at % len(content)] + piece + content[at % len(content) + len(piece) :]


@given(st.one_of(st.binary(max_size=200), st.builds(_damaged, st.integers(0), st.binary(max_size=4))))
def test_whatever_the_bytes_are_they_are_read_or_refused(content: bytes) -> None:
    try:
        saved = read_saved(content, "x.json")
    except DataError:
        return
    assert len({one.payload for one in saved.releases}) == len(saved.releases)


@pytest.mark.parametrize("limit", ["MAX_BYTES", "MAX_RELEASES"])
def test_a_file_beyond_the_limits_is_refused(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, limit, 2)
    with pytest.raises(DataError, match="more than 2"):
        read_saved(write_saved(CHAIN), "x.json")


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        ({"version": "4.1"}, "not a version: '4.1'"),
        ({"version": "4.1.1"}, "the architecture of the image is ''"),
        ({"digest": "sha256:12"}, "is not a sha256 or sha512 digest"),
        ({"payload": "registry.example/a@sha256:" + "0" * 64}, "does not end in the digest"),
        ({"payload": "nohost@" + CHAIN[1].digest}, "cannot be used"),
        ({"previous": ["one"]}, "not a version: 'one'"),
        ({"provenance": "sworn"}, "Invalid enum value 'sworn'"),
        ({"metadata": {"url": 7}}, "Expected `str`, got `int`"),
        ({"new": 1}, "unknown field `new`"),
    ],
    ids=[
        "version",
        "architecture",
        "digest",
        "pull spec of another digest",
        "pull spec",
        "previous",
        "provenance",
        "metadata",
        "unknown key",
    ],
)
def test_a_release_that_cannot_be_used_costs_itself_alone(change: dict[str, object], seen: str) -> None:
    document = json.loads(write_saved(CHAIN))
    document["releases"][1] |= change
    saved = read_saved(json.dumps(document, indent=1).encode(), "x.json")
    assert [one.version.text for one in saved.releases] == ["4.1.0+amd64", "4.1.2+amd64"]
    [finding] = saved.findings
    assert seen in finding.seen


def test_the_line_of_a_bad_release_is_named() -> None:
    damaged = write_saved(CHAIN).replace(b'"4.1.1+amd64"', b'"4.1.1.1"')
    [finding] = read_saved(damaged, "x.json").findings
    assert str(finding).startswith("x.json:3: not a version")


def test_a_release_that_stands_twice_is_taken_once() -> None:
    lines = write_saved(CHAIN).splitlines(keepends=True)
    saved = read_saved(b"".join([*lines[:3], lines[2], *lines[3:]]), "x.json")
    assert len(saved.releases) == 3
    assert str(saved.findings[0]).startswith("x.json:4: registry.example/release@sha256:")


def test_in_another_repository_each_digest_is_there_once() -> None:
    twice = [CHAIN[0], *(at_repository(CHAIN[:1], "other.example/x"))]
    moved = at_repository(twice, "mirror.example/ocp")
    assert [one.payload for one in moved] == [f"mirror.example/ocp@{CHAIN[0].digest}"]
