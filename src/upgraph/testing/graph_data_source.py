"""Whether a source of graph data keeps its contract (:class:`upgraph.graphdata.GraphDataSource`).

Run every one of :data:`CHECKS` on a fresh :class:`Place`. A check that fails raises AssertionError.
"""

from collections.abc import Callable
from typing import Protocol

from upgraph.errors import DataError
from upgraph.graphdata import Files, GraphDataSource, load

SAMPLE: Files = {
    "LICENSE": b"none\n",
    "version": b"1.1.0\n",
    "channels/stable-4.18.yaml": b"name: stable-4.18\nversions:\n- 4.18.1\n- 4.18.2\n",
    "blocked-edges/4.18.2.yaml": b"to: 4.18.2\nfrom: .*\n",
    "raw/metadata.json": b"{}\n",
}
"""A small set that is valid."""
STRANGERS: Files = {
    "README.md": b"# Graph data\n",
    ".git/HEAD": b"ref: refs/heads/main\n",
    "internal-channels/fast.yaml": b"name: fast\nversions: []\n",
    "channels/.stable-4.18.yaml.swp": b"\0",
    "channels/old/stable-4.1.yaml": b"name: stable-4.1\nversions: []\n",
    "raw/notes.txt": b"\n",
}
"""Files that often lie beside a set and are no part of it."""
_RULE = "blocked-edges/4.18.2.yaml"
STATES: tuple[Files, ...] = (
    SAMPLE,
    {**SAMPLE, _RULE: b"to: 4.18.2\nfrom: 4[.]17[.].*\n"},
    {**SAMPLE, "blocked-edges/4.18.1.yaml": b"to: 4.18.1\nfrom: .*\n"},
    {path: content for path, content in SAMPLE.items() if path != _RULE},
)
"""Sets one after the other, in which a file changes, comes and goes."""


class Place(Protocol):
    """A source, and the means to change what it reads."""

    @property
    def source(self) -> GraphDataSource:
        """The source under test."""
        ...

    def put(self, files: Files) -> None:
        """Make ``files`` all that is there."""
        ...

    def remove(self) -> None:
        """Take the place itself away."""
        ...


def reads_what_is_there(place: Place) -> None:
    """The files come back as they were put, and make graph data."""
    place.put(SAMPLE)
    files = place.source.read()
    assert dict(files) == dict(SAMPLE)
    assert load(files).data is not None


def passes_over_what_does_not_belong(place: Place) -> None:
    """What is no part of a set does not enter it."""
    place.put({**SAMPLE, **STRANGERS})
    assert dict(place.source.read()) == dict(SAMPLE)


def rests_while_nothing_changes(place: Place) -> None:
    """Reading does not change the fingerprint."""
    place.put(SAMPLE)
    before = place.source.fingerprint()
    place.source.read()
    assert place.source.fingerprint() == before


def notices_each_change(place: Place) -> None:
    """A file that changes, comes or goes changes the fingerprint, and the next reading has it."""
    seen = set()
    for state in STATES:
        place.put(state)
        seen.add(place.source.fingerprint())
        assert dict(place.source.read()) == dict(state)
    assert len(seen) == len(STATES)


def survives_that_the_place_is_gone(place: Place) -> None:
    """Without the place reading is a data error, and the fingerprint still answers, with another text."""
    place.put(SAMPLE)
    before = place.source.fingerprint()
    place.remove()
    assert place.source.fingerprint() != before
    try:
        place.source.read()
    except DataError as error:
        assert place.source.name in error.seen
    else:
        raise AssertionError("a place that is gone was read")


CHECKS: tuple[Callable[[Place], None], ...] = (
    reads_what_is_there,
    passes_over_what_does_not_belong,
    rests_while_nothing_changes,
    notices_each_change,
    survives_that_the_place_is_gone,
)
"""All checks."""
