"""A service that requires signatures, with keys of gpg: only verified releases are in its graph."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.whole.conftest import GraphDataPlace, Starter, curl, until
from upgraph.oci import LayoutSource
from upgraph.testing.gpg_home import GpgHome
from upgraph.testing.signature_judge import release_message


@pytest.fixture(scope="module")
def gpg() -> Iterator[GpgHome]:
    with GpgHome() as home:
        home.make_key("alice")
        home.make_key("mallory")
        yield home


@pytest.fixture
def ring(gpg: GpgHome, tmp_path: Path) -> Path:
    path = tmp_path / "ring.asc"
    path.write_bytes(gpg.run("--armor", "--export", "alice"))
    return path


class Signing:
    """Signs releases of a layout into a directory."""

    def __init__(self, gpg: GpgHome, layout: Path, directory: Path) -> None:
        self._gpg = gpg
        self._layout = layout
        self.directory = directory
        directory.mkdir()

    async def sign(self, *tags: str, by: str = "alice") -> None:
        source = LayoutSource(self._layout)
        async with source:
            for tag in tags:
                digest = (await source.manifest(tag)).digest
                folder = self.directory / digest.replace(":", "=")
                folder.mkdir()
                (folder / "signature-1").write_bytes(self._gpg.sign(release_message(digest), by))


@pytest.fixture
def signing(gpg: GpgHome, layout: Path, tmp_path: Path) -> Signing:
    return Signing(gpg, layout, tmp_path / "signatures")


@pytest.fixture
def required(layout: Path, graph_data: GraphDataPlace, signing: Signing, ring: Path) -> tuple[object, ...]:
    releases = ("--releases", f"oci:{layout}", "--payload-repository", "registry.example/ocp")
    trust = ("--signatures", signing.directory, "--require-signatures", ring)
    return (*releases, "--graph-data", graph_data.path, *trust, "--scrape-interval", "1s")


async def test_only_verified_releases_are_served_and_the_others_are_counted(
    start: Starter, required: tuple[object, ...], signing: Signing
) -> None:
    await signing.sign("4.1.0-x86_64", "4.1.1-x86_64")
    await signing.sign("4.1.2-x86_64", by="mallory")
    service = start.serve(*required)
    assert set(service.answered().nodes) == {"4.1.0", "4.1.1"}
    metrics = curl(f"{service.status}/metrics").body.decode()
    assert 'upgraph_findings{reference="signature-refused",severity="error"} 1.0' in metrics
    assert 'upgraph_findings{reference="signature-missing",severity="error"} 3.0' in metrics
    assert "upgraph_unsigned_releases 4.0" in metrics


async def test_a_later_signature_lets_a_release_in(
    start: Starter, required: tuple[object, ...], signing: Signing
) -> None:
    await signing.sign("4.1.0-x86_64")
    service = start.serve(*required)
    assert set(service.answered().nodes) == {"4.1.0"}
    await signing.sign("4.1.1-x86_64")
    assert set(service.answered(lambda graph: len(graph.nodes) == 2).nodes) == {"4.1.0", "4.1.1"}


async def test_a_graph_that_was_saved_without_verification_is_not_served(
    start: Starter, required: tuple[object, ...], signing: Signing, tmp_path: Path
) -> None:
    await signing.sign("4.1.0-x86_64")
    state = ("--state-dir", tmp_path / "state")
    lax = start.serve(*required[:6], *state)
    assert len(lax.answered().nodes) == 3
    assert lax.stop() == 0
    strict = start.serve(*required, *state)
    assert set(strict.answered().nodes) == {"4.1.0"}
    assert "the graph that was saved before is not served" in strict.text
    assert strict.stop() == 0
    again = start.serve(*required, *state)
    assert set(again.answered().nodes) == {"4.1.0"}
    assert "serving the graph of 1 releases that was saved before" in again.text


def test_a_release_that_nobody_signed_leaves_the_service_without_a_graph(
    start: Starter, required: tuple[object, ...]
) -> None:
    service = start.serve(*required)
    status = service.status
    reason = b"[signature-missing]"
    assert until(lambda: reason in curl(f"{status}/readiness").body, what="a reason")
    assert curl(service.clusters + "?channel=stable-4.1").status == 503


@pytest.mark.parametrize(
    ("content", "reason"), [(b"no key", "is no keyring"), (None, "cannot be read")], ids=["text", "missing"]
)
def test_a_keyring_that_is_none_ends_the_start(
    start: Starter, required: tuple[object, ...], ring: Path, content: bytes | None, reason: str
) -> None:
    if content is None:
        ring.unlink()
    else:
        ring.write_bytes(content)
    service = start.serve(*required)
    assert service.process.wait(180) == 2
    assert reason in service.text
    assert "keyring-invalid" in service.text


async def test_a_bundle_is_verified_with_the_signatures_that_it_carries(
    start: Starter, required: tuple[object, ...], signing: Signing, ring: Path, tmp_path: Path
) -> None:
    await signing.sign("4.1.0-x86_64", "4.1.2-x86_64")
    bundle = tmp_path / "site.tar"
    made = start("upgraph", "bundle", "create", *required[:8], "--verify-layers", "-o", bundle)
    assert made.process.wait(180) == 0, made.text
    service = start.serve(bundle, "--require-signatures", ring)
    assert set(service.answered().nodes) == {"4.1.0", "4.1.2"}


class PackedGraphData:
    """Packs graph data into an image of a layout, and signs it or not."""

    def __init__(self, start: Starter, gpg: GpgHome, directory: Path) -> None:
        self._start = start
        self._gpg = gpg
        self._image = f"oci:{directory / 'packed'}:v1"
        self._signatures = directory / "signatures"
        self._signatures.mkdir()

    def pack(self, data: GraphDataPlace) -> str:
        made = self._start("upgraph", "graph-data", "pack", data.path, "-o", self._image, "--overwrite")
        assert made.process.wait(180) == 0, made.text
        return made.text.split()[-1]

    def sign(self, digest: str) -> None:
        folder = self._signatures / digest.replace(":", "=")
        folder.mkdir()
        (folder / "signature-1").write_bytes(self._gpg.sign(release_message(digest), "alice"))

    @property
    def flags(self) -> tuple[object, ...]:
        return "--graph-data", self._image, "--signatures", self._signatures, "--scrape-interval", "1s"


@pytest.fixture
def packed(start: Starter, gpg: GpgHome, tmp_path: Path) -> PackedGraphData:
    return PackedGraphData(start, gpg, tmp_path)


@pytest.fixture
def releases(layout: Path) -> tuple[object, ...]:
    return "--releases", f"oci:{layout}", "--payload-repository", "registry.example/ocp"


def test_graph_data_without_a_signature_is_refused_and_the_last_good_set_stays(
    start: Starter,
    releases: tuple[object, ...],
    packed: PackedGraphData,
    graph_data: GraphDataPlace,
    ring: Path,
) -> None:
    packed.sign(packed.pack(graph_data))
    service = start.serve(*releases, *packed.flags, "--require-graph-data-signature", ring)
    assert len(service.answered().nodes) == 3
    graph_data.channel("4.1.0")
    digest = packed.pack(graph_data)
    service.said(rf"(the graph data cannot be read: \S+: there is no signature of {digest})")
    assert len(service.answered().nodes) == 3
    packed.sign(digest)
    assert set(service.answered(lambda graph: len(graph.nodes) == 1).nodes) == {"4.1.0"}


def test_graph_data_that_was_saved_before_a_signature_was_required_is_not_taken_over(
    start: Starter,
    releases: tuple[object, ...],
    packed: PackedGraphData,
    graph_data: GraphDataPlace,
    ring: Path,
) -> None:
    digest = packed.pack(graph_data)
    flags = (*releases, *packed.flags, "--state-dir", ring.parent / "state")
    lax = start.serve(*flags)
    lax.answered()
    assert lax.stop() == 0
    strict = start.serve(*flags, "--require-graph-data-signature", ring)
    strict.said(r"(there is no signature of)")
    assert strict.ask().status == 503
    packed.sign(digest)
    assert len(strict.answered().nodes) == 3
