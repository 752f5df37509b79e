"""What ``index.json`` of a layout has for whoever writes to it: entries are kept as they are, tags move.

Entries of others may have annotations and fields that we know nothing of, so they are not taken apart.
"""

import os
from pathlib import Path

import msgspec

from upgraph.oci.images.digest import is_digest
from upgraph.oci.images.documents import encoded, reference_to
from upgraph.oci.images.manifest import OCI_INDEX, Descriptor
from upgraph.oci.plain import read_plain

MAX_INDEX_BYTES = 64 * 1024 * 1024
"""Largest index.json: about 200,000 images."""
REF_NAME = "org.opencontainers.image.ref.name"
"""Annotation that carries the tag (OCI image layout specification)."""
LAYOUT_VERSION = "1.0.0"


class _StoredIndex(msgspec.Struct):
    manifests: list[dict[str, object]]


class _StoredEntry(msgspec.Struct):
    digest: str
    annotations: dict[str, str] | None = None


class LayoutEntries:
    """The entries of one index, sorted by tag and digest."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], dict[str, object]] = {}

    @classmethod
    def parse(cls, index: bytes) -> "LayoutEntries":
        """The entries of ``index.json``.

        Raises:
            msgspec.MsgspecError: it is no index.
        """
        entries = cls()
        for entry in msgspec.json.decode(index, type=_StoredIndex).manifests:
            named = msgspec.convert(entry, _StoredEntry)
            tag = (named.annotations or {}).get(REF_NAME, "")
            entries._entries[(tag, "" if tag else named.digest)] = entry
        return entries

    def point(self, tag: str, image: Descriptor) -> None:
        """Let a tag point to an image, or list the image without a tag if ``tag`` is its digest."""
        if is_digest(tag):
            self._entries[("", tag)] = reference_to(image)
        else:
            self._entries[(tag, "")] = reference_to(image) | {"annotations": {REF_NAME: tag}}

    def target(self, tag: str) -> str | None:
        """The digest that a tag points to; None if there is no such tag."""
        entry = self._entries.get((tag, ""))
        return None if entry is None else str(entry["digest"])

    def document(self) -> bytes:
        """The content of ``index.json``."""
        manifests = [self._entries[key] for key in sorted(self._entries)]
        return encoded({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests})


def read_entries(layout: Path) -> LayoutEntries:
    """The entries of a layout; none if there is no index yet.

    Raises:
        OSError, msgspec.MsgspecError: it cannot be read.
    """
    try:
        return LayoutEntries.parse(read_plain(layout / "index.json", limit=MAX_INDEX_BYTES))
    except FileNotFoundError:
        return LayoutEntries()


def write_index(layout: Path, document: bytes) -> None:
    """Write ``oci-layout`` and then ``index.json``, so that a reader sees the old index or the new one.

    Raises:
        OSError: it cannot be written.
    """
    replace_file(layout / "oci-layout", encoded({"imageLayoutVersion": LAYOUT_VERSION}))
    replace_file(layout / "index.json", document)


def replace_file(target: Path, content: bytes) -> None:
    """Write a file beside its place and rename it.

    Raises:
        OSError: it cannot be written.
    """
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    # What a process of this number left, or a link that waits for us to write through it.
    beside.unlink(missing_ok=True)
    try:
        with beside.open("xb") as file:
            file.write(content)
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
