"""Names of images as administrators write them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upgraph.errors import UserError
from upgraph.oci import OnDisk, Repository, parse_image_name, without_login

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "place", "reference"),
    [
        ("docker://r.example/ocp/release:4.18.1", "docker://r.example/ocp/release", "4.18.1"),
        ("docker://r.example:5000/ocp/release", "docker://r.example:5000/ocp/release", None),
        ("docker+http://r.example/a:b", "docker+http://r.example/a", "b"),
        (f"r.example/ocp/release@{DIGEST}", "docker://r.example/ocp/release", DIGEST),
        (f"r.example:5000/ocp/release:4.18.1@{DIGEST}", "docker://r.example:5000/ocp/release", DIGEST),
        ("oci:/not/there:4.18.1", "oci:/not/there", "4.18.1"),
        (f"oci-archive:/not/there.tar:{DIGEST}", "oci-archive:/not/there.tar", DIGEST),
        ("dir:/not/there", "dir:/not/there", None),
    ],
)
def test_names_are_understood(text: str, place: str, reference: str | None) -> None:
    name = parse_image_name(text)
    assert (str(name.place), name.reference) == (place, reference)


def test_a_path_with_a_colon_that_exists_is_a_path(tmp_path: Path) -> None:
    odd = tmp_path / "a:b"
    odd.mkdir()
    assert parse_image_name(f"oci:{odd}").place == OnDisk("oci", odd)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("https://r.example/a:b", "no place of images"),
        ("docker://r.example/a:", "no tag"),
        ("docker://r.example/a@sha256:12", "no digest"),
        ("oci:", "the path is missing"),
        ("docker://user:secret@r.example/a:b", "no digest"),
        ("docker://r.example:5000", "path of the repository is missing"),
        ("images", "what lies on this machine is named oci:"),
        ("./images:v1", "what lies on this machine is named oci:"),
        ("/media/images", "what lies on this machine is named oci:"),
        ("oci:a\0b", "NUL"),
    ],
)
def test_what_names_nothing_is_refused_without_repeating_a_password(text: str, seen: str) -> None:
    with pytest.raises(UserError, match=seen) as caught:
        parse_image_name(text)
    assert caught.value.reference == "oci-image-name"
    assert "secret@" not in caught.value.seen


def test_a_path_that_no_disk_takes_is_refused_by_whoever_opens_it() -> None:
    long = f"oci:{'a' * 5000}:v1"
    assert str(parse_image_name(long)) == long


@given(tag=st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", fullmatch=True), secure=st.booleans())
def test_a_name_is_written_as_it_is_read(tag: str, *, secure: bool) -> None:
    place = Repository("r.example:5000", "ocp/release", "https" if secure else "http")
    assert str(parse_image_name(f"{place}:{tag}")) == f"{place}:{tag}"


def test_a_login_is_never_shown() -> None:
    assert without_login("docker://u:p@r.example/a") == "docker://***@r.example/a"
