"""Every block of a text is found, and what stands between them."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upgraph.syntax.pem import Block, parse_pem, pem_certificate

ONE = pem_certificate(b"one")


@given(st.lists(st.binary(min_size=1, max_size=300), max_size=4))
def test_what_is_written_is_read(contents: list[bytes]) -> None:
    found = parse_pem("".join(map(pem_certificate, contents)))
    assert [block.content for block in found.blocks] == contents
    assert found.between == ()
    assert all(block.is_certificate and not block.is_private for block in found.blocks)


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    assert parse_pem(text).blocks == ()


@given(st.binary(min_size=1, max_size=300))
def test_lines_have_at_most_64_characters(content: bytes) -> None:
    lines = pem_certificate(content).splitlines()
    assert max(map(len, lines)) <= 64
    assert base64.b64decode("".join(lines[1:-1])) == content


def test_text_between_blocks_is_told_by_its_lines() -> None:
    found = parse_pem(f"# ours\n{ONE}\n\nsubject=CN=x\n{ONE}")
    assert (found.between, [block.line for block in found.blocks]) == ((1, 7), [2, 8])


@pytest.mark.parametrize("label", ["PRIVATE KEY", "RSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY"])
def test_a_private_key_is_known_by_its_label(label: str) -> None:
    (block,) = parse_pem(ONE.replace("CERTIFICATE", label)).blocks
    assert (block.is_private, block.is_certificate) == (True, False)


@pytest.mark.parametrize(
    "text",
    ["-----BEGIN CERTIFICATE-----\nb25l\n", "-----BEGIN CERTIFICATE-----\nb25l!\n-----END CERTIFICATE-----"],
    ids=["cut off", "not base64"],
)
def test_a_damaged_block_has_no_content(text: str) -> None:
    assert parse_pem(text).blocks[0] == Block("CERTIFICATE", 1, None)


def test_a_block_that_is_cut_off_does_not_swallow_the_next() -> None:
    found = parse_pem(f"-----BEGIN CERTIFICATE-----\nb25l\n{ONE}")
    assert [block.content for block in found.blocks] == [None, b"one"]
    assert found.between == (2,)


def test_the_content_of_a_block_is_not_in_its_text_form() -> None:
    assert "b'one'" not in repr(parse_pem(ONE))


def test_a_block_may_be_indented_or_have_other_ends_of_lines() -> None:
    indented = "".join(f"    {line}\r\n" for line in ONE.splitlines())
    assert [block.content for block in parse_pem(indented).blocks] == [b"one"]
