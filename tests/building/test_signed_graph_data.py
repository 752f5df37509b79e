"""Where signatures of graph data are required, an image is read once its digest is signed, and not before."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from upgraph.errors import DataError, UserError, VerificationError
from upgraph.graphdata import RemoteGraphData, bare, pack
from upgraph.oci import Access, Composition, Digest, parse_digest, publish
from upgraph.service.building.sources import open_graph_data
from upgraph.service.configuration import Configuration
from upgraph.service.consistency import check
from upgraph.service.trust import required_trust
from upgraph.testing.gpg_home import GpgHome
from upgraph.testing.graph_data_source import SAMPLE, STATES
from upgraph.testing.signature_judge import release_message

ARCHITECTURES = ("amd64", "arm64")


@pytest.fixture(scope="module")
def gpg() -> Iterator[GpgHome]:
    with GpgHome() as home:
        home.make_key("alice")
        home.make_key("mallory")
        yield home


@dataclass
class Place:
    """An image with graph data in a layout, and a directory of signatures."""

    layout: Path
    signatures: Path
    gpg: GpgHome

    async def publish(self, state: int) -> Digest:
        """Move the tag to an index with this set; gives its digest."""
        async with Composition("the packed graph data", None) as images:
            pack(images, STATES[state], bare(ARCHITECTURES), tag="packed")
            name = f"oci:{self.layout}:v1"
            return parse_digest(await publish(images, "packed", name, Access(), overwrite=True))

    def sign(self, digest: Digest, by: str = "alice") -> None:
        folder = self.signatures / digest.replace(":", "=")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "signature-1").write_bytes(self.gpg.sign(release_message(digest), by))

    @property
    def configuration(self) -> Configuration:
        return Configuration(
            graph_data=f"oci:{self.layout}:v1",
            signatures=str(self.signatures),
            require_graph_data_signature=(self.layout.parent / "ring.gpg",),
        )


@pytest.fixture
def place(gpg: GpgHome, tmp_path: Path) -> Place:
    (tmp_path / "signatures").mkdir()
    (tmp_path / "ring.gpg").write_bytes(gpg.export("alice"))
    return Place(tmp_path / "data", tmp_path / "signatures", gpg)


@pytest.fixture
async def source(place: Place) -> AsyncIterator[RemoteGraphData]:
    opened = open_graph_data(place.configuration, Access())
    assert isinstance(opened, RemoteGraphData)
    async with opened:
        yield opened


async def test_a_signed_image_is_read(place: Place, source: RemoteGraphData) -> None:
    place.sign(await place.publish(0))
    assert (await source.fetch(), source.take_findings()) == (SAMPLE, ())
    assert await source.fetch() is None


async def test_an_image_is_refused_until_it_is_signed(place: Place, source: RemoteGraphData) -> None:
    digest = await place.publish(0)
    for _ in range(2):
        with pytest.raises(VerificationError, match=f"data:v1: there is no signature of {digest}") as caught:
            await source.fetch()
        assert caught.value.reference == "signature-missing"
    place.sign(digest)
    assert await source.fetch() == SAMPLE


async def test_a_signature_by_somebody_else_does_not_count(place: Place, source: RemoteGraphData) -> None:
    place.sign(await place.publish(0), by="mallory")
    with pytest.raises(VerificationError) as caught:
        await source.fetch()
    assert caught.value.reference == "signature-refused"


async def test_a_tag_that_moves_to_an_image_without_a_signature_gives_nothing(
    place: Place, source: RemoteGraphData
) -> None:
    place.sign(await place.publish(0))
    await source.fetch()
    before = source.origin
    await place.publish(1)
    with pytest.raises(VerificationError):
        await source.fetch()
    assert source.origin == before


async def test_what_was_let_in_is_not_asked_for_again(place: Place, source: RemoteGraphData) -> None:
    digest = await place.publish(0)
    place.sign(digest)
    await source.fetch()
    (place.signatures / digest.replace(":", "=") / "signature-1").unlink()
    assert await source.fetch() is None


async def test_signatures_that_cannot_be_looked_at_are_told(place: Place, source: RemoteGraphData) -> None:
    await place.publish(0)
    place.signatures.rmdir()
    with pytest.raises(DataError, match="signatures does not exist"):
        await source.fetch()
    assert [finding.reference for finding in source.take_findings()] == ["signature-source-unusable"]


def test_a_keyring_that_is_none_is_refused_at_the_start(place: Place) -> None:
    (place.layout.parent / "ring.gpg").write_text("no key")
    with pytest.raises(UserError, match="is no keyring"):
        open_graph_data(place.configuration, Access())


RELEASES = {"releases": ("docker://registry.example/ocp",), "require_graph_data_signature": (Path("ring"),)}


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({**RELEASES, "graph_data": "/srv/data", "signatures": "s"}, "from /srv/data, which has no digest"),
        (
            {**RELEASES, "graph_data": "https://h.example/x.tar.gz", "signatures": "s"},
            "has no digest to sign",
        ),
        ({**RELEASES, "graph_data": "git:/srv/x", "signatures": "s"}, "has no digest to sign"),
        ({**RELEASES, "graph_data": "oci:/srv/x"}, "without signatures"),
        ({"bundle": Path("b"), "require_graph_data_signature": (Path("r"),)}, "from a bundle"),
    ],
    ids=["directory", "address", "git", "no-signatures", "bundle"],
)
def test_what_could_never_be_verified_is_refused(settings: dict[str, object], reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        check(Configuration(**settings))  # type: ignore[arg-type]  # fields by their names


def test_signatures_that_are_only_looked_into_need_not_be_served() -> None:
    chosen = {**RELEASES, "graph_data": "oci:/srv/x", "signatures": "https://mirror.example/s"}
    check(Configuration(**chosen))  # type: ignore[arg-type]  # fields by their names


def test_keys_for_releases_and_keys_for_graph_data_are_told_apart(tmp_path: Path) -> None:
    ring = tmp_path / "ring"
    ring.write_bytes(b"keys")
    made = [
        Configuration(require_signatures=releases, require_graph_data_signature=data)
        for releases in ((), (ring,))
        for data in ((), (ring,))
    ]
    assert len(set(map(required_trust, made))) == len(made)
