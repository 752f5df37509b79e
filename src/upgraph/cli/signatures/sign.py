"""``upgraph signatures sign``: releases signed with a key of one's own."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

import click

from upgraph import __version__
from upgraph.cli.output import show_findings
from upgraph.cli.settings import configuration, setting_options
from upgraph.cli.signatures.output import OUTPUT_HELP, write_out
from upgraph.cli.signatures.places import ACCESS, Places, Wanted
from upgraph.errors import UserError
from upgraph.errors.problems.signing import SIGNING_REQUEST
from upgraph.oci import parse_digest
from upgraph.service.configuration import Configuration
from upgraph.signing import GpgKey, GpgSigner, Gpgv, Signed


@click.command(
    epilog="""
\b
Examples:
  upgraph signatures sign registry.example:5000/ocp/release:4.18.3-x86_64 \\
      --gpg-key releases@site.example -o signatures
  upgraph signatures sign sha256:3d8d... \\
      --identity registry.example:5000/ocp/release:4.18.3-x86_64 \\
      --gpg-key 5A0C3E... --passphrase-file /run/secrets/passphrase -o signatures
"""
)
@click.argument("releases", nargs=-1, required=True, metavar="RELEASE...")
@click.option(
    "--gpg-key", "key", required=True, metavar="KEY", help="Key of gpg: its fingerprint, id or user id."
)
@click.option(
    "--gpg-home",
    "home",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Home of gpg. [default: that of the person]",
)
@click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="File with the passphrase of the key, for machines where nobody can be asked.",
)
@click.option(
    "--identity",
    metavar="IMAGE",
    help="HOST/REPOSITORY:TAG under which the release is known; needed where it is named by digest.",
)
@click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), metavar="PLACE", help=OUTPUT_HELP
)
@setting_options(*ACCESS)
def sign(  # noqa: PLR0913 - click gives each option by its name
    *,
    releases: tuple[str, ...],
    key: str,
    home: Path | None,
    passphrase_file: Path | None,
    identity: str | None,
    output: Path,
    config: tuple[Path, ...],
    **flags: object,
) -> None:
    """Sign releases with gpg and a key of your own, in the form that clusters read.

    RELEASE is an image with a tag, which is looked up, or a digest with --identity. Clusters accept what is signed
    by a key that their own release names. Each signature is verified before it is written.
    """
    chosen = configuration(config, flags)
    signed = asyncio.run(_sign(chosen, releases, identity, GpgKey(key, home, passphrase_file)))
    for one in signed:
        show_findings(one.findings)
    write_out({one.digest: [one.signature] for one in signed}, output)
    for one in signed:
        click.echo(f"{one.digest}  {one.key}")


async def _sign(
    chosen: Configuration, releases: Sequence[str], identity: str | None, key: GpgKey
) -> list[Signed]:
    creator = f"upgraph {__version__}"
    with Gpgv(os.environ) as judge:
        signer = GpgSigner(key, os.environ, judge)
        async with Places(chosen) as places:
            wanted = [await places.wanted(text) for text in releases]
        named = [(parse_digest(one.digest), _identity(one, identity)) for one in wanted]
        # One after the other: a token or a passphrase is asked for once at a time.
        return [await signer.sign(digest, name, creator=creator) for digest, name in named]


def _identity(wanted: Wanted, given: str | None) -> str:
    name = given or wanted.identity
    if name is None:
        raise UserError(SIGNING_REQUEST, f"{wanted.name} has no tag, so --identity is needed")
    return name
