"""Signatures travel with the images that they are of: through disks, and into registries of both kinds."""

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from tests.cosign.conftest import IDENTITY, IMAGE, INDEX, KeyPair, Place
from upgraph.cli.main import run, upgraph
from upgraph.oci import (
    CopyRun,
    Digest,
    ImageDestination,
    ImageSource,
    LayoutDestination,
    LayoutSource,
    Order,
    Plan,
    RegistryDestination,
    beside,
)
from upgraph.oci.copying import cargo
from upgraph.signing.cosign import attach_cosign, refer_cosign, sign_cosign, verify_cosign_image
from upgraph.testing.image_source import Sample
from upgraph.testing.real_registry import RealRegistry
from upgraph.testing.registry import Fault, SimulatedRegistry

COPY = ("image", "copy", "--all", "--with-signatures", "-o", "json")
ATTACH = pytest.mark.parametrize("attach", ["tag", "referrer"])


def call(*arguments: object) -> tuple[int, Any]:
    """Runs a command; gives its exit code and the document that it printed, if it did."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run(upgraph, [*map(str, arguments)])
    said = out.getvalue()
    return code, json.loads(said) if said.startswith("[") else err.getvalue()


@pytest.fixture
def start(real: RealRegistry) -> str:
    return f"docker+http://{real.repository('releases/ocp').name}"


def is_signed(image: str, pair: KeyPair) -> bool:
    return call("signatures", "verify", image, "--cosign-key", pair.public)[0] == 0


@ATTACH
def test_signatures_travel_over_a_disk_into_another_repository(
    attach: str, start: str, pair: KeyPair, sample: Sample, tmp_path: Path
) -> None:
    signing = ("--key", pair.private, "--attach", attach, "--recursive")
    assert call("signatures", "sign", f"{start}:{INDEX}", *signing)[0] == 0
    disk, end = f"oci:{tmp_path}/disk", start.replace("releases/ocp", "site/ocp")
    for source, destination in ((start, disk), (disk, end)):
        code, rows = call(*COPY, f"{source}:{INDEX}", destination)
        assert (code, len(rows), {row["result"] for row in rows}) == (0, 4, {"copied"})
        for digest in (sample.digests[INDEX], sample.digests[IMAGE]):
            assert is_signed(f"{destination}{':' if destination is disk else '@'}{digest}", pair)
    code, rows = call(*COPY, f"{disk}:{INDEX}", end)
    assert (code, {row["result"] for row in rows}) == (0, {"there"})


@ATTACH
def test_a_signature_that_was_made_later_follows_its_image(
    attach: str, start: str, pair: KeyPair, tmp_path: Path
) -> None:
    disk = f"oci:{tmp_path}/disk:{INDEX}"
    assert len(call(*COPY, f"{start}:{INDEX}", disk)[1]) == 1
    assert call("signatures", "sign", f"{start}:{INDEX}", "--key", pair.private, "--attach", attach)[0] == 0
    code, rows = call(*COPY, f"{start}:{INDEX}", disk)
    assert (code, [row["result"] for row in rows]) == (0, ["there", "copied"])
    assert is_signed(disk, pair)


def test_of_one_architecture_the_signature_of_its_image_comes_along(
    start: str, pair: KeyPair, sample: Sample, tmp_path: Path
) -> None:
    assert call("signatures", "sign", f"{start}:{INDEX}", "--key", pair.private, "--recursive")[0] == 0
    options = ("image", "copy", "--arch", "amd64", "--with-signatures", "-o", "json")
    code, rows = call(*options, f"{start}:{INDEX}", f"oci:{tmp_path}/disk:one")
    assert (code, rows[0]["digest"], len(rows)) == (0, sample.digests[IMAGE], 2)
    assert is_signed(f"oci:{tmp_path}/disk:one", pair)


@ATTACH
def test_with_all_tags_nothing_is_copied_twice(
    attach: str, start: str, pair: KeyPair, tmp_path: Path
) -> None:
    assert call("signatures", "sign", f"{start}:{INDEX}", "--key", pair.private, "--attach", attach)[0] == 0
    code, rows = call(*COPY, "--all-tags", start, f"oci:{tmp_path}/disk")
    names = [row["destination"] for row in rows]
    assert (code, len(names), len(set(names))) == (0, 3, 3)


@ATTACH
def test_with_all_tags_signatures_that_grew_are_told_once_and_are_no_failure(
    attach: str, start: str, pairs: dict[str, KeyPair], tmp_path: Path
) -> None:
    target = f"oci:{tmp_path}/disk"

    def sign(place: str, name: str) -> None:
        options = ("--key", pairs[name].private, "--attach", attach, "--identity", IDENTITY)
        assert call("signatures", "sign", f"{place}:{INDEX}", *options)[0] == 0

    def copy() -> tuple[int, list[str]]:
        code, rows = call(*COPY, "--all-tags", start, target)
        assert len({row["destination"] for row in rows}) == len(rows)
        return code, [row["result"] for row in rows]

    sign(start, "p256")
    assert copy() == (0, ["copied"] * 3)
    sign(start, "p384")
    assert copy() == (0, ["there", "there", "copied"])
    sign(target, "rsa")
    # The disk has more than the source now, so its tag stays.
    assert copy() == (0, ["there", "there"])
    sign(start, "ed25519")
    assert copy() == (2, ["there", "there", "image-tag-taken"])
    assert all(is_signed(f"{target}:{INDEX}", pairs[name]) for name in ("p256", "p384", "rsa"))


@ATTACH
@pytest.mark.parametrize("end", ["disk", "registry"])
def test_signatures_of_the_site_stay_and_new_ones_are_added_to_older_ones(
    attach: str, end: str, start: str, pairs: dict[str, KeyPair], tmp_path: Path
) -> None:
    site, first, second = pairs["rsa"], pairs["p256"], pairs["p384"]
    target = f"oci:{tmp_path}/disk" if end == "disk" else start.replace("releases/ocp", "site/ocp")
    copy = (*COPY, f"{start}:{INDEX}", target)

    def sign(place: str, pair: KeyPair) -> None:
        options = ("--key", pair.private, "--attach", attach, "--identity", IDENTITY)
        assert call("signatures", "sign", f"{place}:{INDEX}", *options)[0] == 0

    sign(start, first)
    assert call(*copy)[0] == 0
    sign(start, second)
    code, rows = call(*copy)
    assert (code, [row["result"] for row in rows]) == (0, ["there", "copied"])
    assert all(is_signed(f"{target}:{INDEX}", pair) for pair in (first, second))
    sign(target, site)
    code, rows = call(*copy)
    assert (code, [row["result"] for row in rows]) == (0, ["there"])
    assert all(is_signed(f"{target}:{INDEX}", pair) for pair in (first, second, site))
    sign(start, pairs["ed25519"])
    code, rows = call(*copy)
    assert (code, [row["result"] for row in rows]) == (2, ["there", "image-tag-taken"])
    assert is_signed(f"{target}:{INDEX}", site)
    assert call(*copy, "--overwrite")[0] == 0
    assert is_signed(f"{target}:{INDEX}", pairs["ed25519"])


async def refer(digest: Digest, place: Place, pair: KeyPair) -> Digest:
    return await refer_cosign(
        digest, sign_cosign(digest, IDENTITY, pair.signing), place.images, place.destination
    )


async def nothing_there(destination: ImageDestination) -> ImageSource:
    raise AssertionError(f"{destination.name} is new")


async def planned(place: Place, destination: LayoutDestination | RegistryDestination) -> tuple[CopyRun, Plan]:
    copying = CopyRun([Order(place.images, INDEX, destination, INDEX)])
    return copying, await copying.plan()


async def test_what_a_registry_keeps_account_of_is_listed_on_a_disk(
    registry: SimulatedRegistry, place: Place, digest: Digest, pair: KeyPair, tmp_path: Path
) -> None:
    artifact = await refer(digest, place, pair)
    assert not [tag for tag in registry.tags if tag.startswith("sha256-")]
    async with LayoutDestination(tmp_path / "disk") as destination:
        copying, plan = await planned(place, destination)
        found = await beside(plan, nothing_there)
        await copying.extend(plan, found.orders)
        assert (found.failures, await copying.carry_out(plan)) == ([], [])
    async with LayoutSource(tmp_path / "disk") as disk:
        assert (await disk.manifest(artifact)).digest == artifact
        assert (await verify_cosign_image(disk, digest, pair.trusted)).digest == digest


async def test_what_is_listed_and_gone_holds_nothing_up(
    registry: SimulatedRegistry, place: Place, digest: Digest, pair: KeyPair, tmp_path: Path
) -> None:
    registry.referrers.offered = False
    gone = await refer(digest, place, pair)
    del registry.blobs[gone]
    async with LayoutDestination(tmp_path / "disk") as destination:
        _, plan = await planned(place, destination)
        found = await beside(plan, nothing_there)
    assert (found.orders, found.failures) == ([], [])


async def test_where_signatures_cannot_be_asked_for_that_is_a_failure_and_the_image_is_copied(
    registry: SimulatedRegistry, place: Place, digest: Digest, tmp_path: Path
) -> None:
    registry.faults = [Fault("referrers", name=digest, status=403, times=9)]
    async with LayoutDestination(tmp_path / "disk") as destination:
        copying, plan = await planned(place, destination)
        found = await beside(plan, nothing_there)
        assert [failure.order.tag for failure in found.failures] == [digest.replace(":", "-")]
        assert await copying.carry_out(plan) == []


async def test_a_signature_that_was_found_is_copied_though_other_places_cannot_be_asked(
    registry: SimulatedRegistry, place: Place, digest: Digest, pair: KeyPair, tmp_path: Path
) -> None:
    tag = digest.replace(":", "-")
    await attach_cosign(digest, sign_cosign(digest, IDENTITY, pair.signing), place.images, place.destination)
    registry.faults = [
        Fault("referrers", name=digest, status=403, times=9),
        Fault("manifest", name=f"{tag}.att", status=403, times=9),
    ]
    async with LayoutDestination(tmp_path / "disk") as destination:
        copying, plan = await planned(place, destination)
        found = await beside(plan, nothing_there)
        assert [order.tag for order in found.orders] == [f"{tag}.sig"]
        assert [failure.order.tag for failure in found.failures] == [f"{tag}.att", tag]
        await copying.extend(plan, found.orders)
        assert await copying.carry_out(plan) == []
    async with LayoutSource(tmp_path / "disk") as disk:
        assert (await verify_cosign_image(disk, digest, pair.trusted)).digest == digest


async def test_what_lies_beside_an_image_and_all_in_it_has_a_limit_together(
    registry: SimulatedRegistry, place: Place, pair: KeyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for one in (registry.tags[INDEX], registry.tags[IMAGE]):
        signature = sign_cosign(one, IDENTITY, pair.signing)
        await attach_cosign(one, signature, place.images, place.destination)
        await refer_cosign(one, signature, place.images, place.destination)
    tag = registry.tags[INDEX].replace(":", "-")
    async with LayoutDestination(tmp_path / "disk") as destination:
        copying, plan = await planned(place, destination)
        monkeypatch.setattr(cargo, "MAX_MANIFESTS", 3)
        found = await beside(plan, nothing_there)
        assert len(found.orders) == 3
        assert [(one.order.tag, one.error.reference) for one in found.failures] == [(tag, "oci-too-large")]
        # Each of them is small enough by itself.
        monkeypatch.setattr(cargo, "MAX_MANIFESTS", 2)
        await copying.extend(plan, found.orders)
    assert {failure.error.reference for failure in plan.failures} == {"oci-too-large"}
