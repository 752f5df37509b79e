"""Reading what others may be writing."""

import pytest

from upgraph.errors import DataError
from upgraph.errors.problems.graphdata import UNREADABLE
from upgraph.graphdata import Files
from upgraph.graphdata.steady import ATTEMPTS, PAUSE_SECONDS, read_steadily

SET: Files = {"version": b"1.1.0"}


class Place:
    """Fingerprints and readings that were written down beforehand; None is a reading that fails."""

    def __init__(self, fingerprints: str, readings: list[Files | None]) -> None:
        self.fingerprints = iter(fingerprints)
        self.readings = iter(readings)
        self.pauses: list[float] = []

    def read_once(self) -> Files:
        files = next(self.readings)
        if files is None:
            raise DataError(UNREADABLE, "half of it is gone")
        return files

    def read(self) -> Files:
        return read_steadily("x", lambda: next(self.fingerprints), self.read_once, pause=self.pauses.append)


@pytest.mark.parametrize(
    ("fingerprints", "readings", "pauses"),
    [
        pytest.param("aa", [SET], 0, id="at-rest"),
        pytest.param("abbb", [{}, SET], 1, id="changed-once"),
        pytest.param("abbb", [None, SET], 1, id="failed-while-it-changed"),
        pytest.param("abcdefghii", [{}, {}, {}, {}, SET], 4, id="at-rest-at-last"),
    ],
)
def test_the_reading_at_rest_counts(fingerprints: str, readings: list[Files | None], pauses: int) -> None:
    place = Place(fingerprints, readings)
    assert place.read() == SET
    assert place.pauses == [PAUSE_SECONDS] * pauses


def test_a_failure_at_rest_is_passed_on_at_once() -> None:
    with pytest.raises(DataError, match="half of it is gone"):
        Place("aa", [None]).read()


def test_without_rest_there_is_no_reading() -> None:
    with pytest.raises(DataError, match="x keeps changing"):
        Place("abcdefghij", [SET] * ATTEMPTS).read()
