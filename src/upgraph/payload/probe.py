"""Looks for the release document in the beginning of one layer, as the bytes come."""

from enum import Enum

from upgraph.errors import DataError
from upgraph.errors.problems.payload import LAYER_UNREADABLE
from upgraph.payload.inflate import LayerInflater
from upgraph.payload.metadata import MAX_METADATA_BYTES, METADATA_PATH
from upgraph.payload.tarwalk import TarWalk

FIRST_BYTES = 16 * 1024
"""Bytes of a layer that are asked for first; each further part is twice as large."""
MAX_PREFIX_BYTES = 64 * 1024 * 1024
"""Bytes of a layer, as transferred, after which the search ends in any case."""
MAX_INFLATED_BYTES = 512 * 1024 * 1024
"""Bytes of a layer, unpacked, after which the search ends in any case."""


class Patience(Enum):
    """How long to look for signs of a release in an image."""

    SHORT = "short"
    """64 KiB of layers: the image does not say that it is a release."""
    LONG = "long"
    """Up to the limits of a layer: the image says that it is one."""


class Budget:
    """The bytes that may be spent on one image while it shows no sign of being a release.

    An image of one layer gets the first part of it and the next, twice as large; of an image of several
    layers, as components are, the first part of four large layers is read, or of more small ones. No layer is
    begun whose first part might exceed the budget.
    """

    def __init__(self, patience: Patience, *, layers: int) -> None:
        self._is_long = patience is Patience.LONG
        self._share = 3 * FIRST_BYTES if layers == 1 else FIRST_BYTES
        self._left = 4 * FIRST_BYTES

    @property
    def is_spent(self) -> bool:
        """Whether no further layer may be looked at."""
        return not self._is_long and self._left < FIRST_BYTES

    def allows_more(self, received: int) -> bool:
        """Whether more of a layer may be read, of which ``received`` bytes came."""
        return self._is_long or received < self._share

    def spend(self, received: int) -> None:
        """Count the bytes that a layer cost, those that the search did not need included."""
        self._left -= received


class MetadataProbe:
    """A sink that takes a layer until it has the release document or knows that there is none.

    It goes on for as long as the budget allows, and without regard to it once something of
    ``release-manifests/`` was seen.
    """

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._walk = TarWalk(METADATA_PATH, MAX_METADATA_BYTES)
        self._inflater = LayerInflater()
        self._inflated = 0
        self._fault: DataError | None = None
        self._received = 0

    def feed(self, chunk: bytes) -> bool:
        """Take the next bytes of the layer; false when nothing more is wanted."""
        self._received += len(chunk)
        try:
            self._inflate(chunk)
        except DataError as error:
            self._fault = error
        return self._wants_more()

    @property
    def shows_release(self) -> bool:
        """Whether something of ``release-manifests/`` was seen."""
        return self._walk.in_folder

    def result(self) -> bytes | None:
        """The document, or none if the layer has none where it was looked for.

        Raises:
            DataError: the layer is damaged before the place where the document could be, or cut off there, or
                unpacks to more than is looked through.
        """
        if self._walk.content is not None:
            return self._walk.content
        if self._fault is not None:
            raise self._fault
        if self._inflated > MAX_INFLATED_BYTES:
            seen = (
                f"the layer unpacks to more than {MAX_INFLATED_BYTES} bytes, which have no release metadata"
            )
            raise DataError(LAYER_UNREADABLE, seen)
        if self._wants_more():
            # All of the layer was fed, and its archive has not come to its end.
            raise DataError(LAYER_UNREADABLE, "the layer ends in the middle of its archive")
        return None

    def _inflate(self, chunk: bytes) -> None:
        for piece in self._inflater.feed(chunk):
            self._inflated += len(piece)
            self._walk.feed(piece)
            if self._walk.is_done or self._inflated > MAX_INFLATED_BYTES:
                return

    def _wants_more(self) -> bool:
        if self._fault is not None or self._walk.is_done or self._inflated > MAX_INFLATED_BYTES:
            return False
        if self._received >= MAX_PREFIX_BYTES:
            return False
        return self._walk.in_folder or self._budget.allows_more(self._received)
