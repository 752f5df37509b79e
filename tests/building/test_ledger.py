"""What each source gave last stays beside what is wrong with it now."""

import pytest

from upgraph.errors import Finding, Severity
from upgraph.errors.problems.graphdata import LAYOUT
from upgraph.errors.problems.oci import UNREACHABLE
from upgraph.errors.problems.service import RELEASES_EMPTY
from upgraph.service.building.ledger import Ledger
from upgraph.service.handover import Sources
from upgraph.service.source_report import (
    FindingCount,
    Reading,
    SourceFault,
    SourceKind,
    SourceReport,
    joined,
)

DOWN = Finding(Severity.ERROR, UNREACHABLE, "nobody answers")


class Desk:
    """A ledger, its clock, and what it told last."""

    def __init__(self) -> None:
        self.now = 100.0
        self.told: tuple[SourceReport, ...] = ()
        self.ledger = Ledger(self._say, lambda: self.now)

    def _say(self, said: Sources) -> None:
        self.told = said.reports


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_source_that_was_not_read_yet_is_told(desk: Desk) -> None:
    desk.ledger.enter(SourceKind.RELEASES, "oci:a")
    desk.ledger.tell()
    assert desk.told == (SourceReport(kind=SourceKind.RELEASES, name="oci:a"),)


def test_a_fault_leaves_the_last_good_reading_and_keeps_its_beginning(desk: Desk) -> None:
    entry = desk.ledger.enter(SourceKind.RELEASES, "oci:a")
    entry.good("digest", {"releases": 3})
    for desk.now in (200.0, 300.0):
        entry.failed(DOWN)
    desk.ledger.tell()
    assert desk.told[0].last_good == Reading(at=100.0, digest="digest", counts={"releases": 3})
    assert desk.told[0].fault == SourceFault(
        reference="registry-unreachable", seen="nobody answers", since=200.0
    )


def test_a_source_that_holds_what_it_held_is_good_again(desk: Desk) -> None:
    entry = desk.ledger.enter(SourceKind.GRAPH_DATA, "gd")
    entry.good("digest", {"channels": 1}, "sha256:image")
    entry.failed(DOWN)
    desk.now = 250.0
    entry.unchanged()
    desk.ledger.tell()
    assert desk.told[0].fault is None
    assert desk.told[0].last_good == Reading(
        at=250.0, digest="digest", counts={"channels": 1}, origin="sha256:image"
    )


def test_a_source_that_holds_what_was_refused_is_not_good(desk: Desk) -> None:
    refused = Finding(Severity.ERROR, LAYOUT, "channels/ is missing")
    entry = desk.ledger.enter(SourceKind.GRAPH_DATA, "gd")
    entry.good("digest", {"channels": 1})
    entry.refused(refused)
    entry.unchanged()
    entry.failed(DOWN)
    entry.unchanged()
    desk.ledger.tell()
    assert desk.told[0].fault == SourceFault(reference=LAYOUT.reference, seen=refused.seen, since=100.0)
    assert desk.told[0].last_good == Reading(at=100.0, digest="digest", counts={"channels": 1})
    entry.good("other", {"channels": 1})
    entry.unchanged()
    desk.ledger.tell()
    assert desk.told[0].fault is None


def test_what_a_look_finds_leaves_the_last_good_reading_as_it_was(desk: Desk) -> None:
    releases = desk.ledger.enter(SourceKind.RELEASES, "oci:a")
    releases.good("digest", {"releases": 3})
    desk.now = 200.0
    releases.looked_at(DOWN)
    desk.ledger.tell()
    fault = desk.told[0].fault
    assert fault is not None
    assert (fault.reference, fault.since) == ("registry-unreachable", 200.0)
    desk.now = 300.0
    releases.looked_at(None)
    desk.ledger.tell()
    assert desk.told[0].fault is None
    # Nothing was read, so nothing is younger than it was.
    assert desk.told[0].last_good == Reading(at=100.0, digest="digest", counts={"releases": 3})


def test_no_password_of_an_address_is_told(desk: Desk) -> None:
    desk.ledger.enter(SourceKind.GRAPH_DATA, "https://me:s3cret@git.example/a.tar.gz?sig=s3cret")
    desk.ledger.tell()
    assert desk.told[0].name == "https://***@git.example/a.tar.gz?***"


def test_a_builder_that_starts_again_does_not_take_the_last_good_reading_away() -> None:
    reading = Reading(at=1.0, digest="a", counts={})
    known = (SourceReport(kind=SourceKind.RELEASES, name="a", last_good=reading),)
    new = (
        SourceReport(kind=SourceKind.RELEASES, name="a"),
        SourceReport(kind=SourceKind.GRAPH_DATA, name="a"),
    )
    assert [one.last_good for one in joined(known, new)] == [reading, None]


def test_what_was_left_out_is_counted_by_problem(desk: Desk) -> None:
    entry = desk.ledger.enter(SourceKind.RELEASES, "oci:a")
    notice = Finding(Severity.INFO, RELEASES_EMPTY, "nothing")
    entry.left_out([DOWN, notice, Finding(Severity.ERROR, UNREACHABLE, "again")])
    desk.ledger.tell()
    (report,) = desk.told
    assert report.left_out == 3
    assert report.findings == (
        FindingCount("registry-unreachable", "error", 2),
        FindingCount("releases-empty", "info", 1),
    )
