"""The commands about signatures, with keys of gpg and stores of every kind."""

import asyncio
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.commands.conftest import Command, Done
from upgraph.oci import LayoutSource, LayoutWriter
from upgraph.payload import ReleaseContent, add_release
from upgraph.signing import collect
from upgraph.testing.gpg_home import GpgHome

VERSIONS = ("4.1.0", "4.1.1")


@pytest.fixture(scope="module")
def gpg() -> Iterator[GpgHome]:
    with GpgHome() as home:
        home.make_key("alice")
        home.make_key("bob")
        yield home


@dataclass(frozen=True)
class Site:
    """Two releases, a key, and a place for signatures."""

    layout: Path
    home: Path
    ring: Path
    signatures: Path

    def name(self, version: str) -> str:
        return f"oci:{self.layout}:{version}"

    def digest(self, version: str) -> str:
        return asyncio.run(self._digest(version))

    async def _digest(self, version: str) -> str:
        source = LayoutSource(self.layout)
        async with source:
            return (await source.manifest(version)).digest

    @property
    def releases(self) -> tuple[str, ...]:
        return ("--releases", f"oci:{self.layout}")

    @property
    def trust(self) -> tuple[object, ...]:
        return ("--signatures", self.signatures, "--keyring", self.ring)


@pytest.fixture
def site(gpg: GpgHome, tmp_path: Path) -> Site:
    with LayoutWriter(tmp_path / "layout") as layout:
        for version in VERSIONS:
            add_release(layout, ReleaseContent(version), "amd64", version)
    ring = tmp_path / "ring.asc"
    ring.write_bytes(gpg.run("--armor", "--export", "alice"))
    return Site(tmp_path / "layout", gpg.path, ring, tmp_path / "signatures")


@pytest.fixture
def sign(command: Command, site: Site) -> Command:
    """Signs releases of the site."""

    def run(*releases: str, key: str = "alice", out: Path | None = None) -> object:
        options = ("--gpg-key", key, "--gpg-home", site.home, "--identity", "registry.example/ocp:x")
        done = command("upgraph", "signatures", "sign", *releases, *options, "-o", out or site.signatures)
        assert done.code == 0, done.err
        return done

    return run  # type: ignore[return-value]  # it takes two words more


def test_releases_in_an_archive_are_listed_as_those_in_a_layout(
    command: Command, site: Site, sign: Command, tmp_path: Path
) -> None:
    sign(site.name(VERSIONS[0]))
    archive = f"oci-archive:{tmp_path / 'releases.tar'}"
    assert command("upgraph", "image", "copy", f"oci:{site.layout}", archive, "--all-tags").code == 0
    listed = ("upgraph", "signatures", "list", *site.trust, "-o", "json", "--releases")
    assert command(*listed, archive).json == command(*listed, f"oci:{site.layout}").json


def test_releases_of_an_unknown_kind_are_refused_with_those_that_are_known(
    command: Command, site: Site
) -> None:
    site.signatures.mkdir()
    done = command("upgraph", "signatures", "list", *site.trust, "--releases", "podman:/var/lib")
    assert (done.code, "begins with none of docker://" in done.err) == (2, True)


def test_a_release_is_signed_and_verified(command: Command, site: Site, sign: Command) -> None:
    sign(site.name("4.1.0"))
    done = command("upgraph", "signatures", "verify", site.name("4.1.0"), *site.trust, "-o", "json")
    assert done.code == 0
    (row,) = done.json
    assert (row["signature"], row["digest"]) == ("valid", site.digest("4.1.0"))
    assert row["signers"][0]["identity"] == "registry.example/ocp:x"


@pytest.mark.parametrize("key", ["bob", None], ids=["stranger", "none"])
def test_a_release_that_is_not_validly_signed_ends_with_5(
    command: Command, site: Site, sign: Command, key: str | None
) -> None:
    site.signatures.mkdir()
    if key is not None:
        sign(site.name("4.1.0"), key=key)
    done = command("upgraph", "signatures", "verify", site.digest("4.1.0"), *site.trust)
    assert done.code == 5
    assert ("invalid" if key else "missing") in done.out
    assert ("signature-refused" if key else "signature-missing") in done.err


def test_tables_say_why_a_signature_does_not_count(command: Command, site: Site, sign: Command) -> None:
    sign(site.name("4.1.0"), key="bob")
    for asked in (("verify", site.digest("4.1.0")), ("list", *site.releases)):
        shown = command("upgraph", "signatures", *asked, *site.trust).out
        (line,) = [line for line in shown.splitlines() if " invalid " in line]
        assert "/signature-1: no key of the keyring signed it" in line
        assert site.digest("4.1.0").partition(":")[2] not in line.replace(asked[-1], "", 1)


def test_a_store_that_does_not_answer_ends_with_4(command: Command, site: Site) -> None:
    nobody = ("--signatures", "http://127.0.0.1:1/s", "--keyring", site.ring)
    done = command("upgraph", "signatures", "verify", site.digest("4.1.0"), *nobody)
    assert (done.code, "unknown" in done.out, "signature-store-failed" in done.err) == (4, True, True)


def test_releases_of_a_repository_are_listed_with_the_reason(
    command: Command, site: Site, sign: Command
) -> None:
    sign(site.name("4.1.0"))
    done = command("upgraph", "signatures", "list", *site.releases, *site.trust, "-o", "json")
    assert [(row["release"], row["signature"]) for row in done.json] == [
        ("4.1.0+amd64", "valid"),
        ("4.1.1+amd64", "missing"),
    ]
    assert done.json[1]["reason"].startswith("there is no signature of sha256:")
    assert (done.code, "1 of 2 releases" in done.err) == (0, True)


@pytest.mark.parametrize("ending", ["out", "out.tar", "out.tar.gz", "out.yaml"])
def test_signatures_travel_in_every_form(
    command: Command, site: Site, sign: Command, tmp_path: Path, ending: str
) -> None:
    sign(*map(site.name, VERSIONS))
    packed = tmp_path / ending
    assert command("upgraph", "signatures", "pack", site.signatures, "-o", packed).code == 0
    assert collect(packed).signatures.keys() == collect(site.signatures).signatures.keys()
    trust = ("--signatures", packed, "--keyring", site.ring)
    assert command("upgraph", "signatures", "verify", site.digest("4.1.0"), *trust).code == 0


def test_config_maps_are_what_clusters_look_for(
    command: Command, site: Site, sign: Command, tmp_path: Path
) -> None:
    sign(site.name("4.1.0"))
    command("upgraph", "signatures", "pack", site.signatures, "-o", tmp_path / "s.yaml")
    (one,) = yaml.safe_load_all((tmp_path / "s.yaml").read_text())
    assert one["metadata"]["namespace"] == "openshift-config-managed"
    assert "release.openshift.io/verification-signatures" in one["metadata"]["labels"]
    assert list(one["binaryData"]) == [f"{site.digest('4.1.0').replace(':', '-')}-1"]


@pytest.mark.parametrize(
    ("ending", "is_told"), [("", True), (".tar", True), (".yaml", False)], ids=["store", "archive", "objects"]
)
def test_a_signature_that_clusters_never_ask_for_is_told(
    command: Command, site: Site, sign: Command, tmp_path: Path, ending: str, *, is_told: bool
) -> None:
    sign(site.name("4.1.0"))
    name = site.digest("4.1.0").replace(":", "=")
    signature = (site.signatures / name / "signature-1").read_bytes()
    for number in range(2, 10):
        (site.signatures / name / f"signature-{number}").write_bytes(signature + bytes(number))
    out = tmp_path / f"out{ending}"
    done = command("upgraph", "signatures", "pack", site.signatures, "-o", out)
    assert (done.code, "beyond-reach" in done.err) == (0, False)
    sign(site.name("4.1.0"), key="bob")
    done = command("upgraph", "signatures", "pack", site.signatures, "-o", out)
    assert (done.code, "10 signatures; clusters ask for 9" in done.err) == (0, is_told)


@pytest.mark.parametrize("name", ["Signatures", "a: b", "a\nb", "-a", "", "a" * 241])
def test_a_name_that_clusters_refuse_is_refused_here(
    command: Command, site: Site, sign: Command, tmp_path: Path, name: str
) -> None:
    sign(site.name("4.1.0"))
    out = tmp_path / "s.yaml"
    done = command("upgraph", "signatures", "pack", site.signatures, "-o", out, "--name", name)
    assert (done.code, "is no name of a ConfigMap" in done.err, out.exists()) == (2, True, False)


def test_only_valid_signatures_are_packed_with_a_keyring(
    command: Command, site: Site, sign: Command, tmp_path: Path
) -> None:
    sign(site.name("4.1.0"))
    sign(site.name("4.1.1"), key="bob")
    done = command(
        "upgraph", "signatures", "pack", site.signatures, "--keyring", site.ring, "-o", tmp_path / "out"
    )
    assert list(collect(tmp_path / "out").signatures) == [site.digest("4.1.0")]
    assert "[signature-refused]" in done.err


def test_signatures_of_releases_are_fetched_and_added(
    command: Command, site: Site, sign: Command, tmp_path: Path
) -> None:
    own, out = tmp_path / "own", tmp_path / "out"
    sign(site.name("4.1.0"))
    sign(site.name("4.1.0"), key="bob", out=own)
    for store in (site.signatures, own, own):
        done = command("upgraph", "signatures", "fetch", *site.releases, "--signatures", store, "-o", out)
        assert (done.code, "[signature-missing]" in done.err) == (0, True)
    folder = out / site.digest("4.1.0").replace(":", "=")
    assert sorted(path.name for path in folder.iterdir()) == ["signature-1", "signature-2"]


def test_an_image_of_signatures_is_pushed_and_read(
    command: Command, site: Site, sign: Command, tmp_path: Path
) -> None:
    sign(site.name("4.1.0"))
    image = f"oci:{tmp_path / 'image'}:signatures"
    first = command("upgraph", "signatures", "push", site.signatures, "--to", image)
    again = command("upgraph", "signatures", "push", site.signatures, "--to", image)
    assert (first.code, first.out.startswith("sha256:"), first.out) == (0, True, again.out)
    trust = ("--signatures", image, "--keyring", site.ring)
    assert command("upgraph", "signatures", "verify", site.digest("4.1.0"), *trust).code == 0


REFUSED = {
    "address-to-pack": ("pack http://mirror.example/s -o out", "does not tell what it holds"),
    "no-release": ("fetch --signatures . -o out", "no release is named"),
    "nothing-to-pack": ("pack . -o out", "signatures-none"),
    "nothing-to-push": ("push . --to oci:out:s", "signatures-none"),
    "no-tag": ("sign sha256:{hex} --gpg-key x -o out", "--identity is needed"),
    "bad-keyring": ("verify sha256:{hex} --signatures . --keyring text", "is no keyring"),
    "missing-keyring": ("verify sha256:{hex} --signatures . --keyring gone", "cannot be read"),
    "missing-store": ("pack gone -o out", "does not exist"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_request_that_cannot_be_met_is_refused(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text").write_text("text")
    line, reason = REFUSED[case]
    done = command("upgraph", "signatures", *line.format(hex="1" * 64).split())
    assert (done.code in {2, 3}, reason in done.err) == (True, True), done.err
    assert not (tmp_path / "out").exists()


def test_a_gap_in_a_directory_is_not_written_behind(
    command: Command, site: Site, sign: Command, tmp_path: Path
) -> None:
    sign(site.name("4.1.0"))
    folder = tmp_path / "out" / site.digest("4.1.0").replace(":", "=")
    folder.mkdir(parents=True)
    (folder / "signature-2").write_bytes(b"\x88")
    done = command("upgraph", "signatures", "pack", site.signatures, "-o", tmp_path / "out")
    assert (done.code, "clusters stop at the first gap" in done.err) == (2, True)


def test_fingerprints_are_shown_of_a_file_and_of_a_release(
    command: Command, gpg: GpgHome, site: Site, tmp_path: Path
) -> None:
    fingerprint = gpg.fingerprint("alice")
    shown = command("upgraph", "signatures", "keyring", "show", site.ring)
    assert fingerprint in shown.out.replace(" ", "")
    document = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "v", "annotations": {"release.openshift.io/verification-config-map": ""}},
        "data": {"verifier-public-key-a": site.ring.read_text(), "store-a": "https://mirror.example/s"},
    }
    with LayoutWriter(tmp_path / "other") as layout:
        files = {"0000_keys.yaml": yaml.safe_dump(document).encode()}
        add_release(layout, ReleaseContent("4.1.0", manifests=files), "amd64", "4.1.0")
    of_release = command(
        "upgraph", "signatures", "keyring", "show", f"oci:{tmp_path}/other:4.1.0", "-o", "json"
    )
    assert of_release.json["keyrings"][0]["keys"][0]["fingerprint"] == fingerprint
    assert of_release.json["stores"] == ["https://mirror.example/s"]


@pytest.mark.parametrize(
    ("at", "said"), [("20200101T000000", "expired 2020-01-02"), ("21000101T000000", "expires 2100-01-02")]
)
def test_the_end_of_a_key_is_shown(
    command: Command, gpg: GpgHome, tmp_path: Path, at: str, said: str
) -> None:
    gpg.make_key(f"of-{at}", expires="1d", at=at)
    gpg.run("--quick-add-key", gpg.fingerprint(f"of-{at}"), "rsa2048", "sign", "1d", at=at)
    (tmp_path / "ring").write_bytes(gpg.export(f"of-{at}"))
    show = ("upgraph", "signatures", "keyring", "show", tmp_path / "ring")
    ends = [line for line in command(*show).out.splitlines() if line.endswith(f", {said}")]
    assert ["subkey" in line for line in ends] == [False, True]
    (key,) = command(*show, "-o", "json").json["keyrings"][0]["keys"]
    assert [key["expires"], key["subkeys"][0]["expires"]] == [said.split()[1]] * 2


@pytest.fixture
def gpg_fails_at_the_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A gpg that signs once, and again only when this file is gone."""
    used, gpg = tmp_path / "used", tmp_path / "bin/gpg"
    gpg.parent.mkdir()
    gpg.write_text(
        f"""#!/bin/sh
case "$*" in
*--sign) [ ! -e {used} ] || {{ echo no card >&2; exit 2; }}; : > {used} ;;
esac
exec {shutil.which("gpg")} "$@"
"""
    )
    gpg.chmod(0o755)
    monkeypatch.setenv("PATH", f"{gpg.parent}:{os.environ['PATH']}")
    return used


def sign_both(command: Command, site: Site, out: Path) -> Done:
    """Signs two releases, of which the second fails."""
    options = ("--gpg-key", "alice", "--gpg-home", site.home, "--identity", "registry.example/ocp:x")
    done = command("upgraph", "signatures", "sign", *map(site.name, VERSIONS), *options, "-o", out)
    assert (done.code, "no card" in done.err, "signing-failed" in done.err) == (2, True, True)
    assert done.out.split()[0] == site.digest("4.1.0")
    return done


@pytest.mark.usefixtures("gpg_fails_at_the_second")
def test_what_was_signed_before_gpg_failed_is_kept(command: Command, site: Site) -> None:
    assert "signatures-incomplete" not in sign_both(command, site, site.signatures).err
    assert list(collect(site.signatures).signatures) == [site.digest("4.1.0")]


@pytest.mark.parametrize("ending", [".tar", ".tar.gz", ".tgz", ".yaml"])
def test_what_was_signed_before_gpg_failed_replaces_no_file(
    command: Command, site: Site, gpg_fails_at_the_second: Path, tmp_path: Path, ending: str
) -> None:
    complete = tmp_path / f"site.v1{ending}"
    complete.write_bytes(b"all of before")
    for partial in (f"site.v1.partial{ending}", f"site.v1.partial-2{ending}"):
        gpg_fails_at_the_second.unlink(missing_ok=True)
        done = sign_both(command, site, complete)
        assert ("signatures-incomplete" in done.err, f"{tmp_path / partial} has them" in done.err) == (
            True,
            True,
        )
        assert list(collect(tmp_path / partial).signatures) == [site.digest("4.1.0")]
    assert complete.read_bytes() == b"all of before"
