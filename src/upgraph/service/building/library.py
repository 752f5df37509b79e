"""What is known of images, by digest, and what each source listed last: kept on disk between scrapes.

A digest names its content, so what was found under it stays true: releases and images that are none are
both remembered and never read again. The listing is what lets a service that starts beside a dead
registry know which releases there were.

SQLite keeps it whole when the machine dies in the middle of a write. It is a cache: a file that is damaged
or of another layout is removed and filled anew, and when the disk is full it goes on in memory.
"""

import logging
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Self

import msgspec

from upgraph.errors import DataError, Finding, Severity
from upgraph.errors.problems import every_problem
from upgraph.errors.problems.payload import METADATA_MISSING
from upgraph.errors.problems.service import STATE_UNWRITABLE
from upgraph.graph import Provenance, Version
from upgraph.oci import Digest
from upgraph.payload import OtherImage, ReleaseImage, ReleaseMetadata, UnverifiedMetadata
from upgraph.payload.metadata import verified

LAYOUT = 2
"""Number of the layout of the database. What changes the meaning of a column or of a record takes the next."""
MAX_IMAGES = 500_000
"""Images that are remembered; those in no listing that were not met for longest are forgotten first."""
MET_ROUNDS = 16
"""Rounds after which it is written down again that an image was met."""

_TABLES = """
CREATE TABLE image (digest TEXT PRIMARY KEY, record BLOB NOT NULL, met INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX image_met ON image (met);
CREATE TABLE listing (source TEXT, tag TEXT, digest TEXT NOT NULL, PRIMARY KEY (source, tag)) WITHOUT ROWID;
CREATE TABLE document (source TEXT PRIMARY KEY, content BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE round (number INTEGER NOT NULL);
INSERT INTO round VALUES (0);
"""
_FORGET = """
DELETE FROM image WHERE digest IN
(SELECT digest FROM image ORDER BY digest IN (SELECT digest FROM listing), met, digest LIMIT ?)
"""
_OBSTACLES = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_READONLY,
    }
)
"""What SQLite says when the disk is the trouble and not the file, which a new file would not mend."""
_PROBLEMS = {problem.reference: problem for problems in every_problem().values() for problem in problems}


class _Release(msgspec.Struct, tag="release", omit_defaults=True):
    arch: str
    version: str
    provenance: Provenance
    previous: list[str] = []
    next: list[str] = []
    metadata: dict[str, str] = {}


class _Other(msgspec.Struct, tag="other", omit_defaults=True):
    severity: Severity
    reference: str
    seen: str


_decode = msgspec.msgpack.Decoder(_Release | _Other).decode
_encode = msgspec.msgpack.Encoder().encode

Image = ReleaseImage | OtherImage

_log = logging.getLogger(__name__)


class Library:
    """The memory of images and listings. Also a context manager that closes it."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._round = int(database.execute("SELECT number FROM round").fetchone()[0])

    @classmethod
    def open(cls, path: Path | None) -> Self:
        """Open the library in a file, or one that lives in memory.

        Raises:
            DataError: the file cannot be written.
        """
        if path is None:
            return cls(_connect(":memory:"))
        try:
            return cls(_connect(str(path)))
        except sqlite3.DatabaseError as error:
            if _is_obstacle(error):
                raise DataError(STATE_UNWRITABLE, f"{path} cannot be opened: {error}") from error
            _log.warning("%s cannot be used (%s) and is made anew", path, error)
            try:
                for part in path.parent.glob(path.name + "*"):
                    part.unlink()
                return cls(_connect(str(path)))
            except (sqlite3.DatabaseError, OSError) as again:
                raise DataError(
                    STATE_UNWRITABLE, f"{path} cannot be opened ({error}) nor made anew ({again})"
                ) from again

    def image(self, digest: str) -> Image | None:
        """What is known of the image with this digest."""
        row = self._database.execute("SELECT record FROM image WHERE digest = ?", (digest,)).fetchone()
        return _restore(Digest(digest), row[0]) if row else None

    def remember(self, image: Image) -> None:
        """Keep what was found of an image."""
        row = (image.digest, _record(image), self._round)
        self._write(lambda: self._database.execute("INSERT OR REPLACE INTO image VALUES (?, ?, ?)", row))

    def listing(self, source: str) -> dict[str, str]:
        """The digest of every tag that the source listed last; empty if it was never read."""
        return dict(self._database.execute("SELECT tag, digest FROM listing WHERE source = ?", (source,)))

    def end_round(self, source: str, listing: Mapping[str, str]) -> None:
        """Keep the listing of a finished scrape, and forget images beyond the limit.

        Images that the listing names count as met.
        """
        self._round += 1
        self._write(lambda: self._end_round(source, listing))

    def _end_round(self, source: str, listing: Mapping[str, str]) -> None:
        self._database.execute("UPDATE round SET number = ?", (self._round,))
        self._database.execute("DELETE FROM listing WHERE source = ?", (source,))
        rows = ((source, tag, digest) for tag, digest in sorted(listing.items()))
        self._database.executemany("INSERT INTO listing VALUES (?, ?, ?)", rows)
        self._meet(listing.values())
        surplus = self._database.execute("SELECT COUNT(*) FROM image").fetchone()[0] - MAX_IMAGES
        if surplus > 0:
            self._database.execute(_FORGET, (surplus,))

    def document(self, source: str) -> bytes | None:
        """The last good content of a source that is a file; none if it was never read."""
        row = self._database.execute("SELECT content FROM document WHERE source = ?", (source,)).fetchone()
        return row[0] if row else None

    def keep_document(self, source: str, content: bytes) -> None:
        """Keep the content of a source that is a file. It says nothing about images by their digest."""
        row = (source, content)
        self._write(lambda: self._database.execute("INSERT OR REPLACE INTO document VALUES (?, ?)", row))

    def _write(self, change: Callable[[], object]) -> None:
        """Make a change whole or not at all; where the disk does not take it, in memory."""
        try:
            with self._database:
                change()
        except sqlite3.DatabaseError as error:
            self._leave_disk(error)
            with self._database:
                change()

    def _leave_disk(self, error: sqlite3.DatabaseError) -> None:
        seen = f"what is known of images cannot be kept on the disk ({error}); it is kept in memory until the next start"
        _log.error("%s", seen, extra={"reference": STATE_UNWRITABLE.reference})
        left, self._database = self._database, _connect(":memory:")
        with closing(left):
            try:
                left.backup(self._database)
            except sqlite3.DatabaseError:
                self._database.close()
                self._database = _connect(":memory:")

    def _meet(self, digests: Iterable[str]) -> None:
        # Written only every so often: a million unchanged rows a day would wear out small disks.
        rows = ((self._round, digest, self._round - MET_ROUNDS) for digest in digests)
        self._database.executemany("UPDATE image SET met = ? WHERE digest = ? AND met < ?", rows)

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _connect(name: str) -> sqlite3.Connection:
    database = sqlite3.connect(name, isolation_level="DEFERRED")
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        with closing(database.execute("PRAGMA user_version")) as cursor:
            layout = cursor.fetchone()[0]
        if layout == 0:
            database.executescript(f"BEGIN; {_TABLES} PRAGMA user_version = {LAYOUT}; COMMIT;")
        else:
            _check(database, layout)
    except BaseException:
        database.close()
        raise
    return database


def _check(database: sqlite3.Connection, layout: int) -> None:
    """See that the file is of our layout and whole, so that no later read meets damage."""
    if layout != LAYOUT:
        raise sqlite3.DatabaseError(f"layout {layout} instead of {LAYOUT}")
    with closing(database.execute("PRAGMA quick_check(1)")) as cursor:
        found = cursor.fetchone()[0]
    if found != "ok":
        raise sqlite3.DatabaseError(found)
    for table in ("round", "image", "listing", "document"):
        database.execute(f"SELECT 1 FROM {table} LIMIT 0").close()  # noqa: S608 - names of our own


def _is_obstacle(error: sqlite3.DatabaseError) -> bool:
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    # The upper bits tell more about the same error.
    return code & 0xFF in _OBSTACLES


def _record(image: Image) -> bytes:
    if isinstance(image, OtherImage):
        return _encode(_Other(image.finding.severity, image.finding.reference, image.finding.seen))
    document = image.metadata.document
    return _encode(
        _Release(
            arch=image.arch,
            version=document.version.text,
            provenance=image.metadata.provenance,
            previous=[version.text for version in document.previous],
            next=[version.text for version in document.next],
            metadata=dict(document.metadata),
        )
    )


def _restore(digest: Digest, record: bytes) -> Image | None:
    """The image of a record; none if the record cannot be read, so that the image is read again."""
    try:
        known = _decode(record)
        if isinstance(known, _Other):
            problem = _PROBLEMS.get(known.reference, METADATA_MISSING)
            return OtherImage(digest, Finding(known.severity, problem, known.seen))
        document = ReleaseMetadata(
            Version.parse(known.version),
            tuple(map(Version.parse, known.previous)),
            tuple(map(Version.parse, known.next)),
            known.metadata,
        )
    except (msgspec.DecodeError, DataError):
        return None
    is_verified = known.provenance is Provenance.VERIFIED
    return ReleaseImage(
        digest, known.arch, verified(document) if is_verified else UnverifiedMetadata(document)
    )
