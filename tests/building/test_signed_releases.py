"""Where signatures are required, a release is let in when it is verified, and stays in."""

import os
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from tests.building.conftest import release
from upgraph.errors import Finding, RemoteError, UserError
from upgraph.errors.problems.signing import STORE_FAILED
from upgraph.graph import Provenance, Release
from upgraph.oci import Access, Digest
from upgraph.service.building.gatherer import Gathered, SourceOutcome
from upgraph.service.building.library import Library
from upgraph.service.building.scrape import Counts
from upgraph.service.building.signed import OPEN, Admitted, SignatureGate, admit, open_gate
from upgraph.service.configuration import Configuration
from upgraph.service.consistency import check
from upgraph.service.handover import Scraped
from upgraph.signing import Candidate, Verifier
from upgraph.testing.gpg_home import GpgHome
from upgraph.testing.signature_judge import (
    SimulatedJudge,
    release_message,
    simulated_ring,
    simulated_signature,
)


def _proven(version: str) -> Release:
    return replace(release(version), provenance=Provenance.VERIFIED)


ONE, TWO = _proven("4.1.0"), _proven("4.1.1")


@dataclass
class Shop:
    """A store that can be filled and can be down."""

    name: str = "shop"
    signed: dict[str, bytes] = field(default_factory=dict)
    is_down: bool = False
    asked: int = 0

    def sign(self, *releases: Release, by: str = "alice") -> None:
        for one in releases:
            self.signed[one.digest] = simulated_signature(release_message(one.digest), by)

    async def refresh(self) -> tuple[Finding, ...]:
        return ()

    async def candidates(self, digest: Digest) -> AsyncGenerator[Candidate]:
        self.asked += 1
        if self.is_down:
            raise RemoteError(STORE_FAILED, "the shop is closed", retryable=True)
        if digest in self.signed:
            yield Candidate("shop", self.signed[digest])

    async def close(self) -> None: ...


@pytest.fixture
def shop() -> Shop:
    return Shop()


def _gate(shop: Shop, library: Library | None = None, *, trust: str = "alice") -> SignatureGate:
    verifier = Verifier([simulated_ring(trust)], SimulatedJudge())
    return SignatureGate(verifier, [shop], library, trust)


def _seen(admitted: Admitted) -> tuple[list[str], list[str]]:
    versions = [one.version.base for one in admitted.releases]
    return versions, [finding.reference for finding in admitted.findings]


async def test_a_release_without_a_signature_is_left_out_and_reported(shop: Shop) -> None:
    shop.sign(ONE)
    admitted = await _gate(shop).admit((ONE, TWO))
    assert _seen(admitted) == (["4.1.0"], ["signature-missing"])
    assert str(admitted.findings[0]).startswith(f"{TWO.version}: there is no signature of {TWO.digest}")


async def test_a_signature_by_somebody_else_is_told_from_none(shop: Shop) -> None:
    shop.sign(ONE, by="mallory")
    assert _seen(await _gate(shop).admit((ONE,))) == ([], ["signature-refused"])


async def test_a_signature_that_arrives_later_lets_the_release_in(shop: Shop) -> None:
    gate = _gate(shop)
    assert _seen(await gate.admit((ONE,)))[0] == []
    shop.sign(ONE)
    assert _seen(await gate.admit((ONE,))) == (["4.1.0"], [])


async def test_what_was_verified_is_not_asked_for_again(shop: Shop) -> None:
    gate = _gate(shop)
    shop.sign(ONE, TWO)
    await gate.admit((ONE, TWO))
    await gate.admit((ONE, TWO))
    assert shop.asked == 2


async def test_what_was_verified_stays_when_the_store_is_down_or_emptied(shop: Shop) -> None:
    gate = _gate(shop)
    shop.sign(ONE)
    await gate.admit((ONE,))
    shop.signed.clear()
    shop.is_down = True
    admitted = await gate.admit((ONE, TWO))
    assert _seen(admitted) == (["4.1.0"], ["signature-store-failed"])
    assert "1 releases are left out until it is known" in admitted.findings[0].seen


async def test_what_was_verified_is_known_after_a_restart(shop: Shop, tmp_path: Path) -> None:
    shop.sign(ONE)
    with Library.open(tmp_path / "images.db") as library:
        await _gate(shop, library).admit((ONE, TWO))
    shop.is_down = True
    with Library.open(tmp_path / "images.db") as library:
        assert _gate(shop, library).known((ONE, TWO)) == (ONE,)
        assert _gate(shop, library, trust="bob").known((ONE, TWO)) == ()


async def test_a_reading_that_was_not_proven_is_not_let_in(shop: Shop) -> None:
    shop.sign(ONE)
    unproven = replace(ONE, provenance=Provenance.UNVERIFIED)
    assert (await _gate(shop).admit((unproven,))).releases == ()


async def test_many_releases_without_an_answer_are_one_finding(shop: Shop) -> None:
    shop.is_down = True
    admitted = await _gate(shop).admit(tuple(_proven(f"4.1.{number}") for number in range(50)))
    assert _seen(admitted) == ([], ["signature-store-failed"])


async def test_each_source_tells_what_was_left_out_of_it_for_want_of_a_signature(shop: Shop) -> None:
    shop.sign(ONE)
    asked = tuple(
        SourceOutcome(name, held, None, ()) for name, held in {"a": (ONE, TWO), "b": (TWO,)}.items()
    )
    report = Scraped(succeeded=True, seconds=1.0, releases=2, message="2 releases")
    gathered = Gathered((ONE, TWO), (), is_current=True, counts=Counts(), report=report, asked=asked)
    admitted = await admit(gathered, _gate(shop))
    assert {
        one.name: [str(finding.problem.reference) for finding in one.findings] for one in admitted.asked
    } == {
        "a": ["signature-missing"],
        "b": ["signature-missing"],
    }
    assert (admitted.releases, admitted.report.unsigned) == ((ONE,), 1)


async def test_without_keyrings_everything_is_let_through() -> None:
    async with open_gate(Configuration(), Access(), None) as gate:
        assert gate is OPEN
        assert (await gate.admit((ONE,))).releases == gate.known((ONE,)) == (ONE,)


async def test_a_keyring_that_is_none_ends_the_start(tmp_path: Path) -> None:
    (tmp_path / "ring").write_text("no key")
    chosen = Configuration(signatures=str(tmp_path), require_signatures=(tmp_path / "ring",))
    with pytest.raises(UserError, match="is no keyring"):
        async with open_gate(chosen, Access(), None):
            pass


async def test_a_missing_gpgv_ends_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with GpgHome() as home:
        (tmp_path / "ring").write_bytes(home.make_key("alice"))
    monkeypatch.setitem(os.environ, "PATH", str(tmp_path))
    chosen = Configuration(signatures=str(tmp_path), require_signatures=(tmp_path / "ring",))
    with pytest.raises(UserError, match="there is no gpgv"):
        async with open_gate(chosen, Access(), None):
            pass


SOURCES = {"releases": ("docker://registry.example/ocp",), "graph_data": "/srv"}


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({**SOURCES, "require_signatures": (Path("ring"),)}, "without signatures"),
        ({"upstream": "http://x/graph", "require_signatures": (Path("r"),), "signatures": "s"}, "upstream"),
        ({**SOURCES, "signatures": "https://mirror.example/s"}, "cannot be served"),
        ({**SOURCES, "signatures": "signatures.tar"}, "cannot be served"),
    ],
    ids=["no-source", "upstream", "address-to-serve", "archive-to-serve"],
)
def test_settings_that_contradict_are_refused(settings: dict[str, object], reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        check(Configuration(**settings))  # type: ignore[arg-type]  # fields by their names


def test_required_signatures_imply_whole_layers() -> None:
    assert Configuration(require_signatures=(Path("ring"),)).wants_whole_layers
    assert not Configuration().wants_whole_layers


@pytest.mark.parametrize(
    ("named", "served"),
    [
        ("/srv/signatures", Path("/srv/signatures")),
        ("https://mirror.example/s", None),
        ("docker://r/x:y", None),
        ("oci:layout:tag", None),
        ("s.yaml", None),
        (None, None),
    ],
)
def test_only_a_directory_is_served(named: str | None, served: Path | None) -> None:
    assert Configuration(signatures=named).served_signatures == served
