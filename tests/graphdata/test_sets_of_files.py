"""What belongs to a set, and its identity."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upgraph.errors import DataError
from upgraph.graphdata import digest_of
from upgraph.graphdata.files import Intake, belongs, unreadable_reason

names = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=5)
sets = st.dictionaries(names, st.binary(max_size=8), max_size=4)


@pytest.mark.parametrize(
    "path",
    ["LICENSE", "version", "channels/a.yaml", "channels/OWNERS", "blocked-edges/b", "raw/metadata.json"],
)
def test_what_cincinnati_publishes_belongs_to_a_set(path: str) -> None:
    assert belongs(path)


@pytest.mark.parametrize(
    "path",
    [
        "README.md",
        "channels",
        "channels/",
        "channels/.a.yaml.swp",
        "channels/..data",
        "channels/old/a.yaml",
        "internal-channels/a.yaml",
        "build-suggestions/4.1.yaml",
        "signatures/sha256/ab/signature-1",
        "raw/other.json",
        "raw/metadata.json/x",
        "top/version",
        "./version",
        "",
    ],
)
def test_anything_else_does_not(path: str) -> None:
    assert not belongs(path)


@given(sets, sets)
def test_sets_have_the_same_digest_only_if_they_are_equal(
    one: dict[str, bytes], other: dict[str, bytes]
) -> None:
    assert (digest_of(one) == digest_of(other)) == (one == other)


@given(sets)
def test_the_digest_does_not_depend_on_the_order(files: dict[str, bytes]) -> None:
    assert digest_of(dict(reversed(list(files.items())))) == digest_of(files)


def test_a_boundary_between_files_cannot_be_moved() -> None:
    assert digest_of({"a": b"1:1:bx"}) != digest_of({"a": b"", "b": b"x"})


@pytest.mark.parametrize("name", ["channels/a\nb.yaml", "channels/\udcff.yaml", "channels/\x1b[2J.yaml"])
def test_a_name_that_cannot_be_shown_is_refused(name: str) -> None:
    with pytest.raises(DataError, match="cannot be printed") as caught:
        Intake("x").add(name, b"")
    assert caught.value.seen.isascii()


@pytest.mark.parametrize("path", ["version", "channels/a.yaml", "raw/metadata.json"])
def test_an_unreadable_file_that_is_no_rule_refuses_the_set(path: str) -> None:
    with pytest.raises(DataError, match=f"{path} cannot be read: no luck"):
        Intake("x").add_unreadable(path, "no luck")


def test_an_unreadable_rule_enters_the_set_as_a_note() -> None:
    intake = Intake("x")
    intake.add_unreadable("blocked-edges/a.yaml", "no luck")
    intake.add_unreadable("LICENSE", "no luck")
    assert {path: unreadable_reason(content) for path, content in intake.files.items()} == {
        "blocked-edges/a.yaml": "no luck"
    }
