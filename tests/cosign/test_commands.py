"""What commands do with keys of cosign, from options to images that are signed."""

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from tests.cosign.conftest import IDENTITY, IMAGE, INDEX, KeyPair, openssl
from upgraph.cli.cosign_options import (
    PASSPHRASE_VARIABLE,
    examine_image,
    sign_image,
    signing_key,
    trusted_keys,
)
from upgraph.cli.main import run, upgraph
from upgraph.errors import DataError, UpgraphError, UserError
from upgraph.oci import Access, Digest, Gateway, LayoutSource, read_mirrors
from upgraph.signing.cosign import PublicKey, SigningKey
from upgraph.testing.image_source import Sample
from upgraph.testing.real_registry import RealRegistry


def gateway() -> Gateway:
    return Gateway(Access(), mirrors=read_mirrors([]))


async def signed(
    name: str, key: SigningKey, identity: str = IDENTITY, attach: str = "tag"
) -> list[tuple[Digest, str]]:
    async with gateway() as opened:
        return await sign_image(name, key, opened, identity=identity, attach=attach, recursive=True)


async def verified(name: str, keys: tuple[PublicKey, ...]) -> Digest:
    async with gateway() as opened:
        examined = await examine_image(name, keys, opened)
        if isinstance(examined.outcome, UpgraphError):
            raise examined.outcome
        return examined.outcome.digest


def signatures(command: str, *arguments: object) -> tuple[int, str]:
    """Runs a command of ``upgraph signatures``; gives its exit code and what it printed."""
    capture = io.StringIO()
    with redirect_stdout(capture), redirect_stderr(capture):
        code = run(upgraph, ["signatures", command, *map(str, arguments)])
    return code, capture.getvalue()


@pytest.mark.parametrize("attach", ["tag", "referrer"])
def test_an_image_in_a_registry_is_signed_and_verified(
    attach: str, real: RealRegistry, sample: Sample, pair: KeyPair, other: KeyPair
) -> None:
    image = f"docker+http://{real.repository('releases/ocp').name}:{INDEX}"
    code, said = signatures("sign", image, "--key", pair.private, "--attach", attach, "--recursive")
    assert code == 0, said
    assert [line.split()[0] for line in said.splitlines()] == [
        sample.digests[tag] for tag in (INDEX, "4.18.1-x86_64", "4.18.1-aarch64")
    ]
    trust = ("--cosign-key", other.public, "--cosign-key", pair.public)
    code, said = signatures("verify", image, *trust, "-o", "json")
    (row,) = json.loads(said)
    assert (code, row["signature"], row["digest"]) == (0, "valid", sample.digests[INDEX])
    assert row["signers"][0]["key"] == pair.trusted[0].fingerprint
    assert row["signers"][0]["identity"] == real.repository("releases/ocp").name


def test_an_image_that_no_trusted_key_signed_ends_with_5_and_the_reason(
    real: RealRegistry, pair: KeyPair, other: KeyPair
) -> None:
    image = f"docker+http://{real.repository('releases/ocp').name}:{INDEX}"
    code, said = signatures("verify", image, "--cosign-key", pair.public)
    assert (code, " missing " in said, "cosign-signature-missing" in said) == (5, True, True)
    assert signatures("sign", image, "--key", pair.private)[0] == 0
    code, said = signatures("verify", image, "--cosign-key", other.public)
    assert (code, " invalid " in said, "no trusted key made it" in said) == (5, True, True)


def test_what_is_signed_is_what_stands_there_and_not_what_a_mirror_has(
    real: RealRegistry, sample: Sample, layout: Path, pair: KeyPair, tmp_path: Path
) -> None:
    host = real.repository("x").name.removesuffix("/x")
    rules = tmp_path / "registries.conf"
    mirror = f'[[registry.mirror]]\nlocation = "{host}/elsewhere"\ninsecure = true\n'
    rules.write_text(f'[[registry]]\nprefix = "{host}/releases"\nlocation = "{host}/releases"\n{mirror}')
    other = f"docker+http://{host}/elsewhere/ocp:{INDEX}"
    assert run(upgraph, ["image", "copy", f"oci:{layout}:{IMAGE}", other]) == 0
    image = f"docker+http://{host}/releases/ocp:{INDEX}"
    code, said = signatures("sign", image, "--key", pair.private, "--mirrors", rules)
    assert (code, said.split()[0]) == (0, sample.digests[INDEX]), said


def test_a_place_that_does_not_answer_ends_with_4(pair: KeyPair) -> None:
    code, said = signatures("verify", "docker+http://127.0.0.1:1/a/b:c", "--cosign-key", pair.public)
    assert code == 4, said


REFUSED = {
    "both-keys": ("sign a/b:c --gpg-key x --key {key} -o out", "either --gpg-key or --key"),
    "no-key": ("sign a/b:c", "either --gpg-key or --key"),
    "output-beside-the-image": ("sign a/b:c --key {key} -o out", "the image takes the signature"),
    "gpg-without-output": ("sign a/b:c --gpg-key x", "say with -o"),
    "gpg-attached": ("sign a/b:c --gpg-key x -o out --attach tag", "--attach and --recursive go with --key"),
    "gpg-recursive": ("sign a/b:c --gpg-key x -o out --recursive", "--attach and --recursive go with --key"),
    "digest-alone-to-sign": ("sign sha256:{hex} --key {key}", "is a digest alone"),
    "digest-alone": ("verify sha256:{hex} --cosign-key {public}", "is a digest alone"),
    "two-kinds": ("verify a/b:c --cosign-key {public} --keyring k", "--cosign-key goes without"),
    "policy": ("verify a/b:c --cosign-key {public} --policy strict", "--cosign-key goes without"),
    "no-kind": ("verify a/b:c", "give --signatures and --keyring, or --cosign-key"),
    "half-a-kind": ("verify a/b:c --keyring k", "give --signatures and --keyring, or --cosign-key"),
    "private-to-verify": ("verify a/b:c --cosign-key {key}", "cosign-key"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_request_that_is_not_clear_is_refused(
    case: str, pair: KeyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    line, reason = REFUSED[case]
    words = line.format(key=pair.private, public=pair.public, hex="1" * 64).split()
    code, said = signatures(*words)
    assert (code in {2, 3}, reason in said) == (True, True), said
    assert not (tmp_path / "out").exists()


async def test_a_layout_is_signed_with_all_its_images(layout_copy: LayoutSource, pair: KeyPair) -> None:
    layout = layout_copy.name
    made = await signed(f"{layout}:{INDEX}", pair.signing)
    assert len(made) == 3
    for digest, _ in made:
        assert await verified(f"{layout}:{digest}", pair.trusted) == digest


@pytest.mark.parametrize("scheme", ["oci-archive", "dir"])
async def test_what_is_written_as_a_whole_is_not_signed_and_stays(
    scheme: str, pair: KeyPair, tmp_path: Path
) -> None:
    (tmp_path / "images").write_bytes(b"images")
    name = f"{scheme}:{tmp_path}/images"
    with pytest.raises(UserError, match="cannot be added") as refused:
        await signed(name, pair.signing)
    assert "oci:DIRECTORY:TAG" in refused.value.remedy
    assert (tmp_path / "images").read_bytes() == b"images"


async def test_an_image_on_a_disk_is_not_signed_without_a_name(layout: Path, pair: KeyPair) -> None:
    with pytest.raises(UserError, match="without a name"):
        await signed(f"oci:{layout}:{INDEX}", pair.signing, "")


@pytest.fixture
def locked(pair: KeyPair, tmp_path: Path) -> Path:
    path = tmp_path / "locked.key"
    path.write_bytes(openssl("pkcs8", "-topk8", "-in", pair.private, "-passout", "pass:anchor"))
    return path


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"], ids=["none", "line", "dos"])
def test_a_passphrase_comes_from_a_file(ending: str, locked: Path, pair: KeyPair, tmp_path: Path) -> None:
    (tmp_path / "passphrase").write_text(f"anchor{ending}", newline="")
    environment = {PASSPHRASE_VARIABLE: "wrong"}
    assert signing_key(locked, tmp_path / "passphrase", environment) == pair.signing


def test_a_passphrase_comes_from_the_environment_as_with_cosign(locked: Path, pair: KeyPair) -> None:
    assert signing_key(locked, None, {"COSIGN_PASSWORD": "anchor"}) == pair.signing


@pytest.mark.parametrize("name", ["missing", ""], ids=["missing", "directory"])
def test_a_file_that_cannot_be_read_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"{tmp_path / name} cannot be read"):
        trusted_keys((tmp_path / name,))


def listed(*arguments: object) -> list[dict[str, object]]:
    code, said = signatures("list", *arguments, "-o", "json")
    assert code == 0, said
    rows: list[dict[str, object]] = json.loads(said)
    return rows


def test_all_signatures_beside_an_image_are_listed_with_who_made_them(
    real: RealRegistry, sample: Sample, pair: KeyPair, other: KeyPair
) -> None:
    image = f"docker+http://{real.repository('releases/ocp').name}:{INDEX}"
    assert [row["signature"] for row in listed(image)] == ["missing"]
    for key, attach in ((pair, "tag"), (other, "referrer")):
        assert signatures("sign", image, "--key", key.private, "--attach", attach)[0] == 0
    assert [row["signature"] for row in listed(image)] == ["not verified", "not verified"]
    rows = listed(image, "--cosign-key", pair.public)
    assert [(row["signature"], row["digest"]) for row in rows] == [
        ("valid", sample.digests[INDEX]),
        ("invalid", sample.digests[INDEX]),
    ]
    assert rows[0]["key"] == pair.trusted[0].fingerprint
    assert rows[0]["identity"] == real.repository("releases/ocp").name
    assert (rows[1]["identity"], "no trusted key made it" in str(rows[1]["reason"])) == ("", True)


def test_a_table_of_signatures_names_their_places(real: RealRegistry, pair: KeyPair) -> None:
    image = f"docker+http://{real.repository('releases/ocp').name}:{INDEX}"
    assert signatures("sign", image, "--key", pair.private)[0] == 0
    code, said = signatures("list", image, "--cosign-key", pair.public)
    (line,) = [line for line in said.splitlines() if image in line]
    assert (code, " valid " in line, " with a key " in line, ".sig " in line) == (0, True, True, True)


def test_a_table_says_why_a_signature_does_not_count(
    real: RealRegistry, pair: KeyPair, other: KeyPair
) -> None:
    image = f"docker+http://{real.repository('releases/ocp').name}:{INDEX}"
    assert signatures("sign", image, "--key", pair.private)[0] == 0
    for command in ("verify", "list"):
        said = signatures(command, image, "--cosign-key", other.public)[1]
        (line,) = [line for line in said.splitlines() if " invalid " in line]
        assert ".sig: no trusted key made it" in line


@pytest.mark.parametrize(
    "line",
    ["", "a/b:c --keyring k", "a/b:c --releases oci:x", "a/b:c --policy cluster", "--cosign-key {public}"],
)
def test_releases_and_images_are_not_listed_together(line: str, pair: KeyPair) -> None:
    code, said = signatures("list", *line.format(public=pair.public).split())
    assert (code, "IMAGE" in said) == (2, True)
