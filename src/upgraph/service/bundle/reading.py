"""From the files of a bundle to what is served: every file that is read has the digest that the manifest names.

Nothing of a bundle is used before all of it was found good, so clusters never get releases of one bundle with
graph data of another.
"""

import io
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path

from upgraph.errors import DataError, Finding, Severity, VerificationError
from upgraph.errors.problems.service import BUNDLE_DAMAGED, BUNDLE_EXTRA, BUNDLE_INVALID, BUNDLE_MISMATCH
from upgraph.graphdata import Files, load, read_tarball
from upgraph.service.building.saved import MAX_BYTES as MAX_RELEASES_BYTES
from upgraph.service.building.saved import Saved, read_saved
from upgraph.service.bundle import manifest as form
from upgraph.service.bundle.manifest import Entry, Manifest, parse_manifest
from upgraph.service.bundle.store import Store, manifest_bytes, open_store
from upgraph.service.plain_file import state_of
from upgraph.syntax.signature_names import MAX_SIGNATURE_BYTES, name_of_path

MAX_GRAPH_DATA_BYTES = 256 * 1024 * 1024
"""Bytes of the largest graph data, compressed."""
MAX_SIGNATURES_BYTES = 128 * 1024 * 1024
"""Bytes of all signatures together."""
READ_SECONDS = 300.0
"""Longest time for reading what is served of a bundle once. Images in it are not read for that."""
MAX_FAULTS = 100
"""Faults of a bundle that a check names."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a bundle serves."""

    digest: str
    """Digest of the manifest: the identity of the bundle."""
    releases: Saved
    graph_data: Files
    signatures: Mapping[str, bytes]
    """By name, ``sha256=HEX/signature-1``."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a check of a bundle found."""

    faults: tuple[Finding, ...]
    """Empty where the bundle is as it was made."""
    digest: str
    files: int
    bytes: int
    content: Content | None
    """What it serves; none where that cannot be read."""
    notes: tuple[Finding, ...] = ()
    """What was found in the graph data, which is served as it is."""


class BundleSource:
    """A bundle that may be replaced at any time.

    Args:
        path: a directory, or an archive; it may be a symbolic link.
        clock: seconds that only grow.
    """

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock

    @property
    def name(self) -> str:
        """The path."""
        return str(self._path)

    def fingerprint(self) -> str:
        """A text that changes when the bundle may have changed. It reads nothing and never fails."""
        if not self._path.is_dir():
            return state_of(self._path)
        # A bundle with other files has another manifest.
        parts = (form.NAME, form.RELEASES, form.GRAPH_DATA)
        return " ".join(state_of(self._path / part) for part in parts)

    def read(self) -> Content:
        """What the bundle serves, all of it checked.

        Raises:
            DataError: there is no bundle, it is incomplete, or what it holds cannot be used.
            VerificationError: a file has another digest than the manifest says.
        """
        deadline = self._clock() + READ_SECONDS
        with open_store(self._path) as store:
            manifest = _manifest(store)
            fault = next(_misplaced(store, manifest), None)
            if fault is not None:
                raise DataError(fault.problem, f"{self.name}: {fault}")
            return _content(store, manifest, lambda: self._clock() <= deadline)


def check_bundle(path: Path) -> Report:
    """Compare every file of a bundle with its manifest, and read what it serves.

    Raises:
        DataError: it is no bundle, or its manifest cannot be read.
    """
    with open_store(path) as store:
        manifest = _manifest(store)
        faults = list(islice(_faults(store, manifest), MAX_FAULTS))
        content = None
        if not any(fault.problem is not BUNDLE_EXTRA for fault in faults):
            try:
                content = _content(store, manifest, lambda: True)
            except DataError as error:
                faults.append(Finding.of(error))
            else:
                faults += content.releases.findings
    size = sum(entry.size for entry in manifest.files.values())
    notes = load(content.graph_data).findings if content else ()
    return Report(tuple(faults), manifest.digest, len(manifest.files), size, content, notes)


def _manifest(store: Store) -> Manifest:
    return parse_manifest(manifest_bytes(store, form.MAX_BYTES), store.name)


def _misplaced(store: Store, manifest: Manifest) -> Iterator[Finding]:
    """Files that are missing or of another size."""
    for path, entry in manifest.files.items():
        size = store.size(path)
        if size is None:
            yield Finding(Severity.ERROR, BUNDLE_DAMAGED, "it is missing", path)
        elif size != entry.size:
            yield Finding(
                Severity.ERROR, BUNDLE_DAMAGED, f"it has {size} bytes instead of {entry.size}", path
            )


def _surplus(store: Store, manifest: Manifest) -> Iterator[Finding]:
    """Files that do not belong there. They are not served, so nothing but a check looks for them."""
    for path in sorted(set(store.paths()) - manifest.files.keys() - {form.NAME}):
        yield Finding(Severity.ERROR, BUNDLE_EXTRA, f"{form.NAME} does not name it", ascii(path)[1:-1])


def _faults(store: Store, manifest: Manifest) -> Iterator[Finding]:
    misplaced = list(_misplaced(store, manifest))
    yield from misplaced
    yield from _surplus(store, manifest)
    known = {fault.file for fault in misplaced}
    for path, entry in manifest.files.items():
        if path not in known:
            try:
                for _ in _verified(store, entry):
                    pass
            except (DataError, VerificationError) as error:
                yield Finding.of(error, path)


def _verified(store: Store, entry: Entry) -> Iterator[bytes]:
    """The content of a file, piece by piece; fails after the last one if it is another than the manifest says."""
    hasher = sha256()
    for chunk in store.chunks(entry.path):
        hasher.update(chunk)
        yield chunk
    if hasher.hexdigest() != entry.sha256:
        seen = f"{store.name}: {entry.path} has the digest {hasher.hexdigest()} instead of {entry.sha256}"
        raise VerificationError(BUNDLE_MISMATCH, seen)


class _Reader:
    def __init__(self, store: Store, in_time: Callable[[], bool]) -> None:
        self._store = store
        self._in_time = in_time

    def read(self, entry: Entry, limit: int) -> bytes:
        """A file, whole and checked."""
        if entry.size > limit:
            seen = f"{self._store.name}: {entry.path} has {entry.size} bytes, more than {limit}"
            raise DataError(BUNDLE_INVALID, seen)
        pieces = []
        for piece in _verified(self._store, entry):
            if not self._in_time():
                seen = f"{self._store.name} was not read to its end within {READ_SECONDS:g} s"
                raise DataError(BUNDLE_DAMAGED, seen)
            pieces.append(piece)
        return b"".join(pieces)


def _content(store: Store, manifest: Manifest, in_time: Callable[[], bool]) -> Content:
    reader, files = _Reader(store, in_time), manifest.files
    releases = reader.read(files[form.RELEASES], MAX_RELEASES_BYTES)
    graph_data = reader.read(files[form.GRAPH_DATA], MAX_GRAPH_DATA_BYTES)
    data = read_tarball(io.BytesIO(graph_data), f"{store.name}: {form.GRAPH_DATA}", in_time=in_time)
    loaded = load(data)
    if loaded.data is None:
        raise DataError(loaded.findings[0].problem, f"{store.name}: {loaded.findings[0]}")
    return Content(
        digest=manifest.digest,
        releases=read_saved(releases, f"{store.name}: {form.RELEASES}"),
        graph_data=data,
        signatures=dict(_signatures(reader, store.name, files)),
    )


def _signatures(reader: _Reader, name: str, files: Mapping[str, Entry]) -> Iterator[tuple[str, bytes]]:
    total = 0
    for path, entry in files.items():
        if not path.startswith(form.SIGNATURES):
            continue
        signature = name_of_path(path.removeprefix(form.SIGNATURES))
        total += entry.size
        if signature is None or total > MAX_SIGNATURES_BYTES:
            seen = (
                "is no signature"
                if signature is None
                else f"is beyond {MAX_SIGNATURES_BYTES} bytes of signatures"
            )
            raise DataError(BUNDLE_INVALID, f"{name}: {path} {seen}")
        yield str(signature), reader.read(entry, MAX_SIGNATURE_BYTES)
