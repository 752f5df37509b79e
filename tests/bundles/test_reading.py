"""Reading a bundle: one that is incomplete, damaged or hostile is refused with its reason, and never used in part."""

import gzip
import json
import tarfile
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.bundles.conftest import HEX, Change, rewrite
from upgraph.errors import DataError, UpgraphError
from upgraph.service.bundle import BundleSource, Parts, check_bundle, reading, write_bundle
from upgraph.service.bundle.manifest import NAME, Entry, make_manifest, parse_manifest

LATER = f"signatures/sha256={HEX}/signature-2"


def _manifest(**change: object) -> Change:
    def apply(files: dict[str, bytes]) -> None:
        files[NAME] = json.dumps(json.loads(files[NAME]) | change).encode()

    return apply


def _set(path: str, content: bytes) -> Change:
    return lambda files: files.update({path: content})


def _remove(path: str) -> Change:
    def apply(files: dict[str, bytes]) -> None:
        del files[path]

    return apply


def _flip(files: dict[str, bytes]) -> None:
    files["releases.json"] = files["releases.json"].replace(b"4.1.1", b"4.1.7", 1)


REFUSED = {
    "no manifest": (_remove(NAME), "bundle-invalid", f"has no {NAME}"),
    "manifest": (_set(NAME, b"{"), "bundle-invalid", f"{NAME} cannot be read"),
    "version": (_manifest(version=2), "bundle-invalid", "version 2 instead of 'upgraph-bundle' version 1"),
    "no files": (_manifest(files=[]), "bundle-invalid", "does not name releases.json"),
    "upwards": (
        _manifest(files=[{"path": "images/../x", "sha256": "0" * 64, "size": 1}]),
        "bundle-invalid",
        "'images/../x' with a wrong path",
    ),
    "missing": (_remove("graph-data.tar.gz"), "bundle-damaged", "graph-data.tar.gz: it is missing"),
    "cut off": (_set("releases.json", b"{"), "bundle-damaged", "releases.json: it has 1 bytes instead of"),
    "changed": (_flip, "bundle-mismatch", "releases.json has the digest"),
}


@pytest.mark.parametrize(("change", "reference", "seen"), REFUSED.values(), ids=REFUSED)
def test_a_bundle_is_refused_with_its_reason(bundle: Path, change: Change, reference: str, seen: str) -> None:
    rewrite(bundle, change)
    with pytest.raises(UpgraphError) as raised:
        BundleSource(bundle).read()
    assert raised.value.reference == reference
    assert seen in raised.value.seen


def test_a_check_names_every_fault(bundle: Path) -> None:
    def change(files: dict[str, bytes]) -> None:
        _flip(files)
        del files["images/index.json"]
        files["notes.txt"] = b"made on Monday"

    rewrite(bundle, change)
    faults = check_bundle(bundle).faults
    assert [(fault.file, fault.reference) for fault in faults] == [
        ("images/index.json", "bundle-damaged"),
        ("notes.txt", "bundle-extra"),
        ("releases.json", "bundle-mismatch"),
    ]


def test_what_is_too_much_is_not_served_and_does_no_harm(bundle: Path) -> None:
    rewrite(bundle, _set(LATER, b"not in the manifest"))
    assert len(BundleSource(bundle).read().signatures) == 1


def _sealed(change: Change) -> Change:
    """A change after which the manifest is made anew, as whoever forges a bundle would."""

    def apply(files: dict[str, bytes]) -> None:
        change(files)
        old = parse_manifest(files.pop(NAME), "x").files
        whole = {
            path: Entry(path, sha256(content).hexdigest(), len(content)) for path, content in files.items()
        }
        files[NAME] = make_manifest(whole[path] for path in {*old, *files} if path in whole).content

    return apply


@pytest.mark.parametrize(
    ("change", "reference"),
    [
        (_set("graph-data.tar.gz", gzip.compress(b"")), "graph-data-archive"),
        (_set("releases.json", b"[]"), "scrape-invalid"),
        (_set("signatures/README", b"x"), "bundle-invalid"),
    ],
    ids=["graph data", "releases", "signatures"],
)
def test_what_cannot_be_served_refuses_the_whole(bundle: Path, change: Change, reference: str) -> None:
    rewrite(bundle, _sealed(change))
    with pytest.raises(DataError) as raised:
        BundleSource(bundle).read()
    assert raised.value.reference == reference
    assert [fault.reference for fault in check_bundle(bundle).faults] == [reference]


@pytest.fixture
def archive(parts: Parts, tmp_path: Path) -> Path:
    write_bundle(parts, tmp_path / "site.tar")
    return tmp_path / "site.tar"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 1, exclude_max=True))
def test_an_archive_that_was_cut_off_anywhere_is_refused(archive: Path, tmp_path: Path, share: float) -> None:
    with tarfile.open(archive) as made:
        last = made.getmembers()[-1]
    whole = last.offset_data + last.size
    (tmp_path / "half.tar").write_bytes(archive.read_bytes()[: int(whole * share)])
    with pytest.raises(DataError) as raised:
        BundleSource(tmp_path / "half.tar").read()
    assert raised.value.reference in {"bundle-damaged", "bundle-invalid"}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0), piece=st.binary(min_size=1, max_size=8))
def test_an_archive_with_other_bytes_anywhere_serves_the_same_or_nothing(
    archive: Path, tmp_path: Path, at: int, piece: bytes
) -> None:
    content = bytearray(archive.read_bytes())
    begin = at % len(content)
    content[begin : begin + len(piece)] = piece
    (tmp_path / "other.tar").write_bytes(content)
    try:
        found = BundleSource(tmp_path / "other.tar").read()
    except UpgraphError:
        return
    # What the manifest says of images is not looked at here, so its own digest may be another one.
    assert replace(BundleSource(archive).read(), digest=found.digest) == found


def test_an_archive_that_tar_made_of_the_directory_is_read(parts: Parts, tmp_path: Path) -> None:
    write_bundle(parts, tmp_path / "site")
    with tarfile.open(tmp_path / "other.tar", "w", format=tarfile.GNU_FORMAT) as made:
        made.add(tmp_path / "site", ".")
    assert BundleSource(tmp_path / "other.tar").read() == BundleSource(tmp_path / "site").read()


def _link(archive: tarfile.TarFile) -> None:
    entry = tarfile.TarInfo("releases.json")
    entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
    archive.addfile(entry)


def _twice(archive: tarfile.TarFile) -> None:
    for _ in range(2):
        archive.addfile(tarfile.TarInfo("releases.json"))


def _long_name(archive: tarfile.TarFile) -> None:
    entry = tarfile.TarInfo("././@LongLink")
    entry.type, entry.size = tarfile.GNUTYPE_LONGNAME, 1 << 33
    archive.addfile(tarfile.TarInfo("first"))
    archive.fileobj.write(entry.tobuf(tarfile.GNU_FORMAT))


def _digits(archive: tarfile.TarFile) -> None:
    entry = tarfile.TarInfo("first")
    entry.pax_headers = {"comment": "1" * 1_000_000}
    archive.fileobj.write(entry.tobuf(tarfile.PAX_FORMAT))


@pytest.mark.parametrize(
    ("fill", "seen"),
    [
        (_link, "is a symbolic link"),
        (_twice, "twice"),
        (_long_name, "a header has 8589934592 bytes"),
        (_digits, "has no upgraph-bundle.json"),
    ],
    ids=["link", "twice", "endless name", "header that is slow to search"],
)
def test_a_hostile_archive_is_refused(
    tmp_path: Path, fill: Callable[[tarfile.TarFile], None], seen: str
) -> None:
    with tarfile.open(tmp_path / "x.tar", "w", format=tarfile.GNU_FORMAT) as made:
        fill(made)
    with pytest.raises(DataError, match=seen):
        BundleSource(tmp_path / "x.tar").read()


def _gzip(archive: Path) -> None:
    archive.write_bytes(gzip.compress(archive.read_bytes()))


def _text(archive: Path) -> None:
    archive.write_text("releases\n" * 1000)


@pytest.mark.parametrize(
    ("spoil", "seen"),
    [(_gzip, "is compressed"), (_text, "no archive of a bundle"), (Path.unlink, "No such file or directory")],
    ids=["compressed", "text", "gone"],
)
def test_another_file_is_called_by_its_name(archive: Path, spoil: Callable[[Path], None], seen: str) -> None:
    spoil(archive)
    with pytest.raises(DataError, match=seen):
        BundleSource(archive).read()


@pytest.mark.parametrize("limit", ["MAX_RELEASES_BYTES", "MAX_GRAPH_DATA_BYTES", "MAX_SIGNATURES_BYTES"])
def test_a_part_beyond_its_limit_is_refused(
    bundle: Path, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, limit, 3)
    with pytest.raises(DataError, match=r"more than 3|beyond 3 bytes"):
        BundleSource(bundle).read()


def test_a_disk_that_is_too_slow_is_given_up(bundle: Path) -> None:
    ticks = iter(range(0, 10**6, 200))
    with pytest.raises(DataError, match="not read to its end within 300 s"):
        BundleSource(bundle, clock=lambda: next(ticks)).read()


def test_a_fingerprint_changes_with_the_bundle_and_never_fails(bundle: Path) -> None:
    source = BundleSource(bundle)
    seen = [source.fingerprint(), source.fingerprint()]
    rewrite(bundle, _sealed(_flip))
    seen.append(source.fingerprint())
    bundle.rename(bundle.with_name("gone"))
    seen.append(source.fingerprint())
    assert [seen.index(one) for one in seen] == [0, 0, 2, 3]
