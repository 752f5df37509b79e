"""What commands do with keys of cosign, from options to images that are signed."""

import asyncio
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from tests.cosign.conftest import IDENTITY, INDEX, KeyPair, openssl
from upgraph.cli.cosign_options import (
    PASSPHRASE_VARIABLE,
    sign_image,
    signing_key,
    signing_key_options,
    trusted_key_option,
    trusted_keys,
    verify_image,
)
from upgraph.errors import DataError, UserError, VerificationError
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
        return (await verify_image(name, keys, opened)).digest


@click.command()
@click.argument("image")
@signing_key_options
def sign(image: str, key: Path, passphrase_file: Path | None, attach: str, *, recursive: bool) -> None:
    opened = signing_key(key, passphrase_file)
    assert recursive
    for digest, place in asyncio.run(signed(image, opened, "", attach)):
        click.echo(f"{digest} {place}")


@click.command()
@click.argument("image")
@trusted_key_option
def verify(image: str, cosign_keys: tuple[Path, ...]) -> None:
    click.echo(asyncio.run(verified(image, trusted_keys(cosign_keys))))


def run(command: click.Command, *arguments: object) -> str:
    done = CliRunner().invoke(command, [str(argument) for argument in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.parametrize("attach", ["tag", "referrer"])
def test_an_image_in_a_registry_is_signed_and_verified(
    attach: str, real: RealRegistry, sample: Sample, pair: KeyPair, other: KeyPair
) -> None:
    image = f"docker+http://{real.repository('releases/ocp').name}:{INDEX}"
    said = run(sign, image, "--key", pair.private, "--attach", attach, "--recursive")
    assert [line.split()[0] for line in said.splitlines()] == [
        sample.digests[tag] for tag in (INDEX, "4.18.1-x86_64", "4.18.1-aarch64")
    ]
    assert run(verify, image, "--cosign-key", other.public, "--cosign-key", pair.public) == (
        f"{sample.digests[INDEX]}\n"
    )
    with pytest.raises(VerificationError, match="no trusted key made it"):
        run(verify, image, "--cosign-key", other.public)


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
