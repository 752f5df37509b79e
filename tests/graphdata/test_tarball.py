"""Tarballs, good and hostile."""

import contextlib
import gzip
import io
import os
import subprocess
import tarfile
import time
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upgraph.errors import DataError
from upgraph.graphdata import Files, load, read_tarball, tarball, write_tarball
from upgraph.graphdata import files as limits
from upgraph.syntax.pax import MAX_HEADER_BYTES

Fill = Callable[[Path, Files], Path]
Make = Callable[[Mapping[str, bytes | None]], Files]

names = st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1, max_size=120)
paths = names.map(lambda name: f"blocked-edges/{name}.yaml") | st.sampled_from(["version", "LICENSE"])
sets = st.dictionaries(paths, st.binary(max_size=1000), max_size=8)


def read(content: bytes) -> Files:
    return read_tarball(io.BytesIO(content), "data.tgz")


def pack(entries: Mapping[str, bytes | str], prefix: str = "", kind: bytes = tarfile.REGTYPE) -> bytes:
    """A tarball as others write them; a text is the target of a link."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for path, content in entries.items():
            entry = tarfile.TarInfo(f"{prefix}{path}")
            if isinstance(content, str):
                entry.type, entry.linkname = kind, content
                archive.addfile(entry)
            else:
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


@given(sets)
def test_what_was_written_is_read_again(files: dict[str, bytes]) -> None:
    assert read(write_tarball(files)) == files


@given(sets)
def test_equal_sets_have_equal_tarballs(files: dict[str, bytes]) -> None:
    assert write_tarball(dict(reversed(list(files.items())))) == write_tarball(files)


def test_tar_unpacks_it_without_a_word(tmp_path: Path, a_set: Make) -> None:
    (tmp_path / "data.tgz").write_bytes(write_tarball(a_set({})))
    command = ["tar", "xzvf", "data.tgz"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=180)
    assert done.stderr == ""
    assert "./blocked-edges/4.18.2.yaml" in done.stdout.splitlines()
    assert (tmp_path / "version").read_bytes() == b"1.1.0\n"


def test_what_tar_packs_is_read(tmp_path: Path, a_set: Make, fill: Fill) -> None:
    fill(tmp_path / "data", a_set({}))
    command = ["tar", "czf", "data.tgz", "-C", "data", "."]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=180)
    assert read((tmp_path / "data.tgz").read_bytes()) == a_set({})


def test_what_git_packs_is_read(a_set: Make) -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", pax_headers={"comment": "731d04247"}) as archive:
        for path, content in a_set({}).items():
            entry = tarfile.TarInfo(f"openshift-cincinnati-graph-data-731d042/{path}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    assert read(packed.getvalue()) == a_set({})


def test_all_directories_are_there_even_when_empty() -> None:
    with tarfile.open(fileobj=io.BytesIO(write_tarball({}))) as archive:
        assert {entry.name: entry.isdir() for entry in archive} == dict.fromkeys(
            (".", "./blocked-edges", "./channels", "./raw"), True
        )


@pytest.mark.parametrize("prefix", ["", "./", "openshift-cincinnati-graph-data-731d042/", "./top/", ".//"])
def test_names_are_read_below_one_top_directory(a_set: Make, prefix: str) -> None:
    assert read(pack(a_set({}), prefix)) == a_set({})


def test_two_top_directories_are_no_set(a_set: Make) -> None:
    both = {f"{top}/{path}": content for top in "ab" for path, content in a_set({}).items()}
    assert read(pack(both)) == {}


def test_what_else_a_repository_holds_is_passed_over(a_set: Make) -> None:
    others = {"top/README.md": b"x", "top/hack/big.bin": bytes(3_000_000), "top/channels/.x.yaml": b"x"}
    assert read(pack({**others, **{f"top/{path}": content for path, content in a_set({}).items()}})) == a_set(
        {}
    )


@pytest.mark.parametrize("path", ["/version", "../version", "channels/../../x.yaml", "top/../../etc/passwd"])
def test_a_name_that_leads_out_is_refused(path: str) -> None:
    with pytest.raises(DataError, match="leads out of it") as caught:
        read(pack({path: b""}))
    assert caught.value.reference == "graph-data-archive"


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_a_link_or_device_in_the_place_of_a_rule_withholds_its_target(a_set: Make, kind: bytes) -> None:
    entries: dict[str, bytes | str] = {**a_set({}), "blocked-edges/4.18.1.yaml": "/etc/passwd"}
    loaded = load(read(pack(entries, kind=kind)))
    assert loaded.data is not None
    assert [block.source.text for block in loaded.data.blocks] == [".*", "4[.]18[.]1"]
    assert [finding.reference for finding in loaded.findings] == ["graph-data-unreadable"]


def test_a_directory_in_the_place_of_a_file_is_passed_over(a_set: Make) -> None:
    assert read(pack({**a_set({}), "channels/archive.yaml": ""}, kind=tarfile.DIRTYPE)) == a_set({})


def test_a_link_elsewhere_is_passed_over(a_set: Make) -> None:
    assert read(pack({**a_set({}), "hack/link": "/etc/passwd"}, kind=tarfile.SYMTYPE)) == a_set({})


def test_the_later_of_two_entries_counts(a_set: Make) -> None:
    assert read(pack({**a_set({}), "./version": b"1.2.0\n"}))["version"] == b"1.2.0\n"


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda packed: b"", id="empty"),
        pytest.param(lambda packed: b"not a tarball at all", id="text"),
        pytest.param(lambda packed: gzip.compress(b"not a tarball" * 100), id="gzip-of-text"),
        pytest.param(gzip.decompress, id="not-compressed"),
        pytest.param(lambda packed: packed[:20], id="cut-at-the-beginning"),
        pytest.param(lambda packed: packed[: len(packed) // 2], id="cut-in-the-middle"),
        pytest.param(lambda packed: packed[:-1], id="cut-at-the-end"),
        pytest.param(lambda packed: packed[:-8] + b"\0" * 8, id="wrong-checksum"),
        pytest.param(lambda packed: packed + b"more", id="something-behind"),
        pytest.param(
            lambda packed: gzip.compress(gzip.decompress(packed)[:3000]), id="cut-before-compression"
        ),
        pytest.param(lambda packed: gzip.compress(gzip.decompress(packed)[:2048]), id="cut-between-entries"),
    ],
)
def test_a_damaged_tarball_is_refused(a_set: Make, damage: Callable[[bytes], bytes]) -> None:
    packed = write_tarball(a_set({"LICENSE": bytes(range(256)) * 8}))
    with pytest.raises(DataError) as caught:
        read(damage(packed))
    assert caught.value.reference == "graph-data-archive"


def test_several_parts_and_padding_are_read(a_set: Make) -> None:
    plain = gzip.decompress(write_tarball(a_set({})))
    assert read(gzip.compress(plain[:700]) + gzip.compress(plain[700:]) + b"\0" * 100) == a_set({})


def bomb(size: int) -> bytes:
    """``size`` zeros behind the header of a file that has them, compressed."""
    entry = tarfile.TarInfo("top/zeros")
    entry.size = size
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    chunk = bytes(1 << 20)
    parts = [packer.compress(entry.tobuf())] + [packer.compress(chunk) for _ in range(size >> 20)]
    return b"".join([*parts, packer.flush()])


def long_header(size: int, letter: str = "x") -> bytes:
    entry = tarfile.TarInfo("x")
    entry.pax_headers = {"comment": letter * size}
    return gzip.compress(entry.tobuf(tarfile.PAX_FORMAT) + bytes(1024))


def nested_headers(depth: int) -> bytes:
    header = tarfile.TarInfo.create_pax_global_header({"a": "b"})
    return gzip.compress(header * depth + bytes(1024))


@pytest.mark.parametrize(
    ("make", "reference"),
    [
        pytest.param(lambda: bomb(16 << 20), "graph-data-too-large", id="zeros"),
        pytest.param(lambda: long_header(2 * MAX_HEADER_BYTES), "graph-data-archive", id="long-header"),
    ],
)
def test_a_bomb_is_refused(
    monkeypatch: pytest.MonkeyPatch, make: Callable[[], bytes], reference: str
) -> None:
    monkeypatch.setattr(tarball, "MAX_INFLATED_BYTES", 8 << 20)
    with pytest.raises(DataError) as caught:
        read(make())
    assert caught.value.reference == reference


def test_headers_upon_headers_are_passed_over() -> None:
    assert read(nested_headers(2000)) == {}


def test_a_header_of_digits_alone_costs_no_more_than_another() -> None:
    begun = time.process_time()
    assert read(long_header(MAX_HEADER_BYTES - 100, "1")) == {}
    assert time.process_time() - begun < 5


def test_a_file_beyond_the_limit_is_refused_before_it_is_read() -> None:
    entry = tarfile.TarInfo("version")
    entry.size = limits.MAX_FILE_BYTES + 1
    with pytest.raises(DataError, match="version has 4194305 bytes"):
        read(gzip.compress(entry.tobuf()))


def test_a_file_with_a_negative_size_is_refused() -> None:
    header = bytearray(tarfile.TarInfo("version").tobuf())
    header[124:136] = b"\xff" * 11 + b"\x00"
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    with pytest.raises(DataError) as caught:
        read(gzip.compress(bytes(header) + bytes(1024)))
    assert caught.value.reference == "graph-data-too-large"


def test_too_many_compressed_bytes_are_refused(monkeypatch: pytest.MonkeyPatch, a_set: Make) -> None:
    packed = write_tarball(a_set({})) + bytes(100_000)
    monkeypatch.setattr(tarball, "MAX_INFLATED_BYTES", 50_000)
    with pytest.raises(DataError, match="has more than 50000 bytes"):
        read(packed)


def test_a_pipe_in_the_place_of_a_tarball_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "data.tgz")
    with pytest.raises(DataError, match="is not a plain file"):
        tarball.TarballSource(tmp_path / "data.tgz").read()


def test_too_many_entries_are_refused(monkeypatch: pytest.MonkeyPatch, a_set: Make) -> None:
    monkeypatch.setattr(tarball, "MAX_ENTRIES", 3)
    with pytest.raises(DataError, match="more than 3 entries"):
        read(write_tarball(a_set({})))


def test_a_stream_that_is_too_slow_is_an_error(a_set: Make) -> None:
    packed = io.BytesIO(write_tarball(a_set({})))
    with pytest.raises(DataError, match="within 60 s"):
        read_tarball(packed, "data.tgz", in_time=lambda: False)


@given(st.data())
def test_any_damage_is_noticed_or_harmless(data: st.DataObject) -> None:
    files = {"version": b"1.1.0\n", "blocked-edges/4.18.2.yaml": b"to: 4.18.2\nfrom: .*\n"}
    packed = bytearray(write_tarball(files))
    position = data.draw(st.integers(0, len(packed) - 1))
    packed[position] ^= 1 << data.draw(st.integers(0, 7))
    # Times and padding may change: nobody reads them.
    with contextlib.suppress(DataError):
        assert read(bytes(packed)) == files
