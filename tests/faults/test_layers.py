"""Layers that are odd, hostile or damaged: the image is left out, or read all the same; nothing is written."""

import gzip
import io
import tarfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import zstandard

from tests.faults.conftest import (
    BRINGS,
    LEFT_OUT,
    MIRRORED,
    TAG,
    VERSIONS,
    Oddity,
    Row,
    Site,
    as_json,
    as_users_run_it,
    check_survives,
    check_takes,
    each,
    every,
    in_one_process,
    mirror_again,
)
from upgraph.payload import ReleaseContent, release_layer
from upgraph.payload.metadata import METADATA_PATH
from upgraph.payload.probe import MAX_INFLATED_BYTES

Action = Callable[[Site], Awaitable[None]]

GOOD = gzip.decompress(release_layer(ReleaseContent("4.1.3", previous=VERSIONS[-1:])))
"""The archive of the new release."""
DOCUMENT = {"kind": "cincinnati-metadata-v0", "version": "4.1.3", "previous": ["4.1.2"], "metadata": {}}
MIB = 1024 * 1024


def layer(content: bytes, *, is_labelled: bool = True) -> Action:
    """Push an image with this layer."""

    async def make(site: Site) -> None:
        site.image(content, tag=TAG, is_labelled=is_labelled)

    return make


def archive(*entries: tarfile.TarInfo | tuple[str, bytes]) -> bytes:
    """A tar archive of files, and of entries without content."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as tar:
        for entry in entries:
            if isinstance(entry, tarfile.TarInfo):
                tar.addfile(entry)
            else:
                info = tarfile.TarInfo(entry[0])
                info.size = len(entry[1])
                tar.addfile(info, io.BytesIO(entry[1]))
    return whole.getvalue()


def special(kind: bytes, name: str = METADATA_PATH, target: str = "") -> tarfile.TarInfo:
    """An entry that is no file."""
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, target
    return entry


def metadata(content: bytes | Mapping[str, object], name: str = METADATA_PATH) -> tuple[str, bytes]:
    """The entry of a release document."""
    return name, content if isinstance(content, bytes) else as_json(content)


def bomb(compress: Callable[[bytes], bytes]) -> bytes:
    """A few bytes that unpack to more zeros than are unpacked, with the metadata behind them."""
    zeros = tarfile.TarInfo("release-manifests/0000_zeros")
    zeros.size = MAX_INFLATED_BYTES + MIB
    # Compressed parts in a row are one stream, in both formats.
    return compress(zeros.tobuf()) + compress(bytes(MIB)) * (zeros.size // MIB) + compress(GOOD)


def damaged(content: bytes) -> bytes:
    """With another byte in the middle."""
    at = len(content) // 2
    return content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :]


def unusable(name: str, fault: str, content: bytes, reference: str, seen: str) -> Row:
    """A labelled image of which the layer cannot be used."""
    return Row(
        name=name,
        fault=fault,
        make=layer(content),
        mend=mirror_again,
        reference=reference,
        seen=seen,
        clients=LEFT_OUT,
        heals=MIRRORED,
        brings=BRINGS,
        in_processes=name == "truncated gzip",
    )


NO_METADATA = ("release-metadata-missing", "the image has no release metadata")
CUT_OFF = ("layer-unreadable", "the layer ends in the middle")
UNREADABLE = "the release metadata cannot be used: "

FAMILY = "Layers of release images"
ROWS = (
    unusable(
        "no archive",
        "A layer is neither compressed nor an archive, whatever its media type says.",
        b"<html>503 Service Unavailable</html>" * 100,
        "layer-unreadable",
        "the layer is not a tar archive",
    ),
    unusable(
        "truncated gzip",
        "A layer that is compressed with gzip was cut off.",
        gzip.compress(GOOD)[:200],
        *CUT_OFF,
    ),
    unusable(
        "truncated zstd",
        "A layer that is compressed with zstd was cut off.",
        zstandard.compress(GOOD)[:150],
        *CUT_OFF,
    ),
    unusable("truncated archive", "A layer that is not compressed was cut off.", GOOD[:1800], *CUT_OFF),
    unusable("no bytes", "A layer has no bytes.", b"", *CUT_OFF),
    unusable(
        "damaged gzip",
        "A layer that is compressed with gzip was damaged.",
        damaged(gzip.compress(GOOD)),
        "layer-unreadable",
        "the gzip data of the layer is damaged",
    ),
    unusable(
        "damaged zstd",
        "A layer that is compressed with zstd was damaged.",
        zstandard.compress(GOOD)[:8] + b"\xff" * 100,
        "layer-unreadable",
        "the zstd data of the layer is damaged",
    ),
    unusable(
        "absolute path",
        "The metadata have an absolute path.",
        archive(metadata(DOCUMENT, f"/{METADATA_PATH}")),
        *NO_METADATA,
    ),
    unusable(
        "escaping path",
        "The path of the metadata leads out of the image and back.",
        archive(metadata(DOCUMENT, f"release-manifests/../../{METADATA_PATH}")),
        *NO_METADATA,
    ),
    *(
        unusable(
            f"metadata as {what}",
            f"The metadata are {what}.",
            archive(metadata(DOCUMENT, "good"), special(kind, target="good")),
            *NO_METADATA,
        )
        for what, kind in (
            ("a symbolic link", tarfile.SYMTYPE),
            ("a hard link", tarfile.LNKTYPE),
            ("a character device", tarfile.CHRTYPE),
            ("a block device", tarfile.BLKTYPE),
            ("a pipe", tarfile.FIFOTYPE),
            ("a directory", tarfile.DIRTYPE),
        )
    ),
    unusable(
        "no metadata",
        "An image is labelled as a release and has no metadata.",
        archive(metadata(b"{}", "release-manifests/image-references")),
        *NO_METADATA,
    ),
    *(
        unusable(
            f"metadata with {what}",
            f"The metadata have {what}.",
            archive(metadata(document)),
            "release-metadata-invalid",
            UNREADABLE + seen,
        )
        for what, document, seen in (
            ("a number for a version", {**DOCUMENT, "version": 4.1}, r".*\$\.version"),
            ("a text for a list", {**DOCUMENT, "previous": "4.1.2"}, r".*\$\.previous"),
            ("a list for a text", {**DOCUMENT, "metadata": {"url": ["a"]}}, r".*\$\.metadata"),
            ("no version", {"kind": DOCUMENT["kind"]}, r".*`version`"),
            ("another kind", {**DOCUMENT, "kind": "cincinnati-metadata-v1"}, r".*\$\.kind"),
        )
    ),
    unusable(
        "metadata as a list",
        "The metadata are a JSON list.",
        archive(metadata(b"[]")),
        "release-metadata-invalid",
        UNREADABLE,
    ),
    unusable(
        "metadata that nest",
        "The metadata nest a hundred thousand levels deep.",
        archive(metadata(b'{"kind": ' + b"[" * 100_000)),
        "release-metadata-invalid",
        UNREADABLE,
    ),
    unusable(
        "metadata that are not UTF-8",
        "The metadata are not UTF-8.",
        archive(metadata(as_json({**DOCUMENT, "metadata": {"description": "X"}}).replace(b"X", b"\xff\xfe"))),
        "release-metadata-invalid",
        UNREADABLE,
    ),
    unusable(
        "metadata of 50 MB",
        "The metadata have 50 MB.",
        gzip.compress(archive(metadata(as_json(DOCUMENT).ljust(50_000_000))), 1),
        "layer-unreadable",
        "release-manifests/release-metadata has 50000000 bytes, more than the 4194304",
    ),
    *(
        unusable(
            f"{what} bomb",
            f"A layer of {size} unpacks to more than 512 MiB ({what}).",
            bomb(compress),
            "layer-unreadable",
            "the layer unpacks to more than 536870912 bytes",
        )
        for what, size, compress in (
            ("gzip", "half a megabyte", gzip.compress),
            ("zstd", "30 kB", zstandard.compress),
        )
    ),
)


HOSTILE = (
    metadata(b"escaped", "../../../../../tmp/upgraph-escaped"),
    metadata(b"escaped", "/tmp/upgraph-escaped"),
    special(tarfile.SYMTYPE, "release-manifests", "/tmp"),
    special(tarfile.SYMTYPE, "tmp", "/tmp"),
    metadata(b"escaped", "tmp/upgraph-escaped"),
    special(tarfile.LNKTYPE, "passwd", "/etc/passwd"),
    special(tarfile.CHRTYPE, "dev/null"),
)

ODDITIES = (
    *(
        Oddity(name=name, what=what, make=layer(content), brings=("4.1.3",))
        for name, what, content in (
            ("not compressed", "A layer is not compressed, though its media type says gzip.", GOOD),
            (
                "zstd",
                "A layer is compressed with zstd, though its media type says gzip.",
                zstandard.compress(GOOD),
            ),
            (
                "gzip in parts",
                "A layer consists of many gzip members, as estargz writes it.",
                b"".join(gzip.compress(GOOD[at : at + 300]) for at in range(0, len(GOOD), 300)),
            ),
            (
                "path with a dot",
                "The paths in a layer begin with `./`.",
                archive(metadata(DOCUMENT, f"./{METADATA_PATH}")),
            ),
            (
                "metadata twice",
                "A layer has the metadata twice: the first count.",
                archive(metadata(DOCUMENT), metadata({**DOCUMENT, "version": "4.1.4"})),
            ),
            (
                "hostile neighbours",
                "A layer has absolute and escaping paths, links and devices beside its metadata: nothing is unpacked.",
                archive(*HOSTILE, metadata(DOCUMENT)),
            ),
            (
                "unknown keys",
                "The metadata have keys that are not known.",
                archive(metadata({**DOCUMENT, "nobody": {"knows": [1, None]}})),
            ),
        )
    ),
    Oddity(
        name="component",
        what="An image has no metadata and is not labelled as a release, as components and tools are.",
        make=layer(archive(metadata(b"#!", "usr/bin/tool")), is_labelled=False),
        brings=(),
    ),
)


@each(ROWS)
async def test_what_was_served_stays_served(prepared: tuple[Site, Row]) -> None:
    site, row = prepared
    async with in_one_process(site):
        await check_survives(site, row)


@each(row for row in ROWS if row.in_processes)
async def test_the_program_survives_it(prepared: tuple[Site, Row]) -> None:
    site, row = prepared
    async with as_users_run_it(site):
        await check_survives(site, row)


@every(ODDITIES)
async def test_what_is_only_odd_is_taken(site: Site, oddity: Oddity) -> None:
    async with in_one_process(site):
        await check_takes(site, oddity)
    assert not Path("/tmp/upgraph-escaped").exists()  # noqa: ASYNC240  # once, at the end
