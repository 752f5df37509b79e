"""Signatures are found in every form in which they are kept, and what is broken spoils nothing else."""

import base64
import contextlib
import gzip
import io
import os
import tarfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upgraph.errors import DataError, RemoteError, UserError
from upgraph.oci import Access, Composition, Digest, ImageSource
from upgraph.signing import (
    AddressStore,
    CollectedStore,
    ImageStore,
    LocalStore,
    SignatureReach,
    collect,
    collecting,
    config_map_manifest,
    config_maps,
    config_maps_in,
    open_store,
    packing,
    store_archive,
    store_files,
    store_image,
)
from upgraph.signing.collecting import collect_archive
from upgraph.syntax import SyntaxFault
from upgraph.syntax.signature_names import MAX_SIGNATURE_BYTES
from upgraph.testing.file_server import FileServer

ONE, TWO = Digest("sha256:" + "1" * 64), Digest("sha256:" + "2" * 64)
SIGNATURES = {ONE: [b"\x88 one a", b"\x88 one b"], TWO: [b"\x88 two"]}


def _held(path: Path) -> dict[Digest, list[bytes]]:
    found = collect(path).signatures
    return {digest: [candidate.content for candidate in found[digest]] for digest in found}


def _write(top: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_bytes(content)
    return top


def _as_helper(top: Path) -> Path:
    return _write(top, {path.replace("=", "/"): content for path, content in store_files(SIGNATURES).items()})


def _as_mirror(top: Path) -> Path:
    files = {f"openshift/release/{path}": content for path, content in store_files(SIGNATURES).items()}
    return _write(top, files)


def _as_oc_mirror(top: Path) -> Path:
    named = {"4.18.1-x86_64": (ONE, 0), "4.18.1-x86_64-b": (ONE, 1), "4.18.2-x86_64": (TWO, 0)}
    files = {
        f"{tag}-{digest.replace(':', '-')}": SIGNATURES[digest][at] for tag, (digest, at) in named.items()
    }
    return _write(top, files)


def _as_tar(top: Path) -> Path:
    return _write(top, {"s.tar": store_archive(SIGNATURES, compressed=False)}) / "s.tar"


def _as_tgz(top: Path) -> Path:
    return _write(top, {"s.tar.gz": store_archive(SIGNATURES, compressed=True)}) / "s.tar.gz"


def _as_yaml(top: Path) -> Path:
    return _write(top, {"s.yaml": config_map_manifest(SIGNATURES, "signatures")}) / "s.yaml"


JSON = (
    b'{"kind":"List","apiVersion":"v1","items":[{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a",'
    b'"labels":{"release.openshift.io/verification-signatures":""}},"binaryData":{"sha256-%s-1":"%s",'
    b'"sha256-%s-2":"%s","sha256-%s":"%s"}},{"kind":"Secret","apiVersion":"v1","data":{"n":7}}]}'
)


def _as_json(top: Path) -> Path:
    values = []
    for digest, content in ((ONE, b"\x88 one a"), (ONE, b"\x88 one b"), (TWO, b"\x88 two")):
        values += [digest[7:].encode(), base64.b64encode(content)]
    return _write(top, {"s.json": JSON % tuple(values)}) / "s.json"


FORMS = [_as_helper, _as_mirror, _as_oc_mirror, _as_tar, _as_tgz, _as_yaml, _as_json]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__.removeprefix("_as_"))
def test_signatures_are_found_in_every_form(tmp_path: Path, form: object) -> None:
    assert callable(form)
    assert _held(form(tmp_path / "place")) == SIGNATURES


def test_signatures_stand_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    many = {ONE: [b"\x88%d" % number for number in range(1, 13)]}
    assert _held(_write(tmp_path, store_files(many))) == many


def test_a_mounted_config_map_is_read_through_its_links(tmp_path: Path) -> None:
    real = tmp_path / "..data_1" / f"sha256-{ONE[7:]}-1"
    _write(tmp_path, {f"..data_1/{real.name}": b"\x88 one"})
    (tmp_path / "..data").symlink_to("..data_1")
    (tmp_path / real.name).symlink_to(f"..data/{real.name}")
    assert _held(tmp_path) == {ONE: [b"\x88 one"]}


def test_a_single_signature_is_tried_for_every_digest(tmp_path: Path) -> None:
    _write(tmp_path, {"signature-1": b"\x88 anything", f"sha256={TWO[7:]}/signature-1": b"\x88 two"})
    loose, named = collect(tmp_path / "signature-1"), collect(tmp_path / f"sha256={TWO[7:]}" / "signature-1")
    assert [one.content for one in loose.candidates(ONE)] == [b"\x88 anything"]
    assert (len(named.candidates(ONE)), len(named.candidates(TWO))) == (0, 1)


def test_what_is_broken_is_reported_and_spoils_nothing(tmp_path: Path) -> None:
    top = _write(tmp_path / "top", store_files(SIGNATURES))
    folder = top / f"sha256={ONE[7:]}"
    (folder / "signature-3").write_bytes(bytes(1024 * 1024 + 1))
    os.mkfifo(folder / "signature-4")
    (folder / "signature-5").symlink_to(tmp_path / "outside")
    (tmp_path / "outside").write_bytes(b"\x88 secret")
    (top / "broken.yaml").write_bytes(b"a: [")
    collection = collect(top)
    assert {digest: len(found) for digest, found in collection.signatures.items()} == {ONE: 2, TWO: 1}
    assert [finding.reference for finding in collection.findings] == ["signature-unusable"] * 4


def test_an_empty_signature_counts_as_none(tmp_path: Path) -> None:
    assert _held(_write(tmp_path, {f"sha256={ONE[7:]}/signature-1": b""})) == {}


def test_config_maps_without_the_label_are_passed_over(tmp_path: Path) -> None:
    text = config_map_manifest(SIGNATURES, "s").replace(b"verification-signatures", b"other")
    assert _held(_write(tmp_path, {"s.yaml": text})) == {}


@pytest.mark.parametrize("name", ["missing", "text", "pipe"])
def test_what_cannot_hold_signatures_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "text").write_text("no signature")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises((UserError, DataError)) as caught:
        collect(tmp_path / name)
    assert caught.value.reference == "signature-source-unusable"


def _tar(*members: tarfile.TarInfo, content: bytes = b"\x88 evil") -> bytes:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as archive:
        for member in members:
            member.size = len(content) if member.isreg() else 0
            archive.addfile(member, io.BytesIO(content))
    return whole.getvalue()


def _member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_of_an_archive_hold_nothing(kind: bytes) -> None:
    archive = _tar(_member(f"sha256={ONE[7:]}/signature-1", kind, "/etc/passwd"))
    assert collect_archive(io.BytesIO(archive), "evil").signatures == {}


def test_a_name_of_an_archive_that_leads_elsewhere_opens_nothing(tmp_path: Path) -> None:
    archive = _tar(_member(f"../../sha256={ONE[7:]}/signature-1"))
    assert list(collect_archive(io.BytesIO(archive), "evil").signatures) == [ONE]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content",
    [b"", b"no archive", gzip.compress(b"no archive"), store_archive(SIGNATURES, compressed=True)[:-20]],
    ids=["empty", "text", "gzip-of-text", "cut"],
)
def test_a_damaged_archive_is_refused(content: bytes) -> None:
    with pytest.raises(DataError, match="no tar archive"):
        collect_archive(io.BytesIO(content), "s.tar")


def test_a_header_of_digits_alone_costs_no_more_than_another() -> None:
    member = _member("x")
    member.pax_headers = {"comment": "1" * 1_000_000}
    whole = member.tobuf(tarfile.PAX_FORMAT) + bytes(1024)
    begun = time.process_time()
    assert collect_archive(io.BytesIO(whole), "s.tar").signatures == {}
    assert time.process_time() - begun < 5


def test_what_is_left_out_can_be_told_whatever_its_name_is() -> None:
    name = f"\udcff/sha256={ONE[7:]}/signature-1"
    archive = _tar(_member(name), content=bytes(2 * MAX_SIGNATURE_BYTES))
    (finding,) = collect_archive(io.BytesIO(archive), "s.tar").findings
    assert rf"s.tar: \udcff/sha256={ONE[7:]}" in str(finding).encode().decode()


def test_an_archive_that_unpacks_to_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collecting, "MAX_TOTAL_BYTES", 1024 * 1024)
    bomb = gzip.compress(_tar(_member("large"), content=bytes(8 * 1024 * 1024)))
    with pytest.raises(DataError, match="unpacks to more than"):
        collect_archive(io.BytesIO(bomb), "bomb.tar.gz")


@given(st.binary(max_size=400))
def test_any_bytes_are_an_archive_or_a_data_error(content: bytes) -> None:
    with contextlib.suppress(DataError):
        assert collect_archive(io.BytesIO(content), "some.tar").findings == ()


def test_config_maps_are_split_below_what_oc_apply_takes() -> None:
    signatures = {Digest(f"sha256:{number:064x}"): [os.urandom(1200)] for number in range(500)}
    maps = config_maps(signatures, "signatures")
    text = config_map_manifest(signatures, "signatures")
    assert [one.name for one in maps][:2] == ["signatures", "signatures-2"]
    assert max(map(len, text.split(b"---\n"))) < 256 * 1024
    assert sum(len(one.binary_data) for one in config_maps_in(text)) == 500
    assert len(maps) == 4 + 1


def test_a_signature_beyond_what_a_config_map_takes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    large = {ONE: [b"\x88" + bytes(600 * 1024)], TWO: [b"\x88 two"]}
    assert len(config_maps(large, "s")) == 2
    with pytest.raises(DataError, match="too many for a ConfigMap"):
        config_maps({ONE: [b"\x88" + bytes(1000 * 1024)]}, "s")


def test_the_same_signatures_give_the_same_bytes() -> None:
    turned = dict(reversed(SIGNATURES.items()))
    assert store_archive(turned, compressed=True) == store_archive(SIGNATURES, compressed=True)
    assert config_map_manifest(turned, "s") == config_map_manifest(SIGNATURES, "s")


def test_entries_are_named_as_clusters_look_for_them() -> None:
    (one,) = config_maps(SIGNATURES, "s")
    assert list(one.binary_data) == [f"sha256-{'1' * 64}-1", f"sha256-{'1' * 64}-2", f"sha256-{'2' * 64}-1"]
    assert packing.NAMESPACE == "openshift-config-managed"


async def _found(store: CollectedStore | AddressStore, digest: Digest) -> list[bytes]:
    return [candidate.content async for candidate in store.candidates(digest)]


async def test_an_image_is_a_store(tmp_path: Path) -> None:
    image = store_image(SIGNATURES, "latest")
    async with image:
        store = ImageStore(image, "latest")
        assert await _found(store, ONE) == SIGNATURES[ONE]
        assert await store.refresh() == ()
        again = store_image(dict(reversed(SIGNATURES.items())), "latest")
        assert await image.resolve("latest") == await again.resolve("latest")


async def test_an_image_is_read_again_only_when_its_tag_moved() -> None:
    image = store_image(SIGNATURES, "latest")
    store = ImageStore(image, "latest")
    first, _ = await store.collection(), await store.refresh()
    assert await store.collection() is first


async def test_an_index_is_no_store() -> None:
    image = Composition("none")
    image.tag("latest", image.index([]))
    with pytest.raises(DataError, match="no image of signatures"):
        await ImageStore(image, "latest").refresh()


@pytest.fixture
async def server() -> AsyncIterator[FileServer]:
    async with FileServer() as serving:
        yield serving


async def _at(server: FileServer, path: str = "/store?token=x") -> list[bytes]:
    store = AddressStore(server.url(path), Access())
    try:
        return await _found(store, ONE)
    finally:
        await store.close()


async def test_an_address_is_asked_until_there_is_no_more(server: FileServer) -> None:
    folder = f"/store/sha256={'1' * 64}"
    server.files = {
        f"{folder}/signature-1": b"\x88 a",
        f"{folder}/signature-2": b"",
        f"{folder}/signature-3": b"\x88 c",
    }
    assert await _at(server) == [b"\x88 a", b"\x88 c"]
    assert [seen.path for seen in server.requests] == [f"{folder}/signature-{n}" for n in range(1, 5)]


async def test_no_more_than_nine_are_asked_for(server: FileServer) -> None:
    server.content = b"\x88 the same"
    assert len(await _at(server)) == 9


async def test_a_store_that_refuses_is_not_taken_for_an_empty_one(server: FileServer) -> None:
    server.manners.status = 503
    with pytest.raises(RemoteError, match="signature-1: status 503") as caught:
        await _at(server)
    assert (caught.value.reference, "token" in caught.value.seen) == ("signature-store-failed", False)


async def test_nobody_listening_is_one_error_and_no_nine_waits() -> None:
    store = AddressStore("http://127.0.0.1:1/store", Access())
    with pytest.raises(RemoteError, match=r"127\.0\.0\.1:1/store"):
        await _found(store, ONE)
    await store.close()


async def test_a_huge_body_is_not_read(server: FileServer) -> None:
    server.content = bytes(2 * 1024 * 1024)
    with pytest.raises(RemoteError, match="are accepted"):
        await _at(server)


def _no_images(_: object) -> ImageSource:
    raise AssertionError("no image is opened here")


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("https://user:secret@mirror.example/store/", AddressStore, "https://mirror.example/store/"),
        ("/srv/signatures", LocalStore, "/srv/signatures"),
        ("file:///srv/with%20space", LocalStore, "/srv/with space"),
    ],
)
async def test_a_store_is_named_as_an_administrator_names_it(text: str, kind: type, name: str) -> None:
    store = open_store(text, SignatureReach(Access(), _no_images))
    assert (type(store), store.name) == (kind, name)
    await store.close()


def test_an_image_is_opened_by_its_name() -> None:
    opened = []

    def images(name: object) -> ImageSource:
        opened.append(str(name))
        return Composition("opened")

    store = open_store("docker://registry.example/ocp/signatures:4", SignatureReach(Access(), images))
    assert (opened, store.name) == (["docker://registry.example/ocp/signatures:4"], "opened:4")


def test_nothing_is_no_store() -> None:
    with pytest.raises(UserError, match="empty name"):
        open_store(" ", SignatureReach(Access(), _no_images))


def test_a_file_of_many_documents_is_refused_before_they_are_read() -> None:
    with pytest.raises(SyntaxFault, match="more than 20000 documents"):
        config_maps_in(b"---\na\n" * 1_000_000)
