"""``upgraph signatures sign``: releases and images signed with a key of one's own."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

import click

from upgraph import __version__
from upgraph.cli.cosign_options import DEFAULT_PLACE, signing_key, signing_key_options
from upgraph.cli.output import show_findings
from upgraph.cli.settings import access_options, configuration
from upgraph.cli.signatures.images import Order, sign_images
from upgraph.cli.signatures.output import OUTPUT_HELP, place_for_a_part, write_out
from upgraph.cli.signatures.places import Places, Wanted
from upgraph.errors import Finding, Severity, UpgraphError, UserError
from upgraph.errors.problems.signing import SIGNATURES_INCOMPLETE, SIGNING_REQUEST
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
  upgraph signatures sign registry.example:5000/ocp/release:4.18.3-x86_64 \\
      --key images.key --recursive
"""
)
@click.argument("releases", nargs=-1, required=True, metavar="RELEASE...")
@click.option(
    "--gpg-key",
    metavar="KEY",
    help="Key of gpg to sign for clusters with: its fingerprint, id or user id. Needs -o.",
)
@click.option(
    "--gpg-home",
    "home",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="With --gpg-key: home of gpg. [default: that of the person]",
)
@signing_key_options
@click.option(
    "--identity",
    metavar="IMAGE",
    help="HOST/REPOSITORY:TAG under which the release is known; needed where its name does not say it."
    " With --key the tag may be missing.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="PLACE",
    help=f"With --gpg-key: {OUTPUT_HELP[0].lower()}{OUTPUT_HELP[1:]}",
)
@access_options
def sign(  # noqa: PLR0913 - click gives each option by its name
    *,
    releases: tuple[str, ...],
    gpg_key: str | None,
    home: Path | None,
    key: Path | None,
    passphrase_file: Path | None,
    attach: str | None,
    recursive: bool,
    identity: str | None,
    output: Path | None,
    config: tuple[Path, ...],
    **flags: object,
) -> None:
    """Sign releases with a key of your own: with gpg for clusters, or any image as cosign does.

    RELEASE is an image with a tag, which is looked up. With --gpg-key it may be a digest, with --identity;
    signatures are in the form that clusters read, and go to a PLACE from where they are carried to them. Clusters
    accept what is signed by a key that their own release names. With --key signatures are put beside the image, in
    a registry or a layout, where cosign and the image policies of nodes look. Each signature is verified before it
    is written.
    """
    if (gpg_key is None) == (key is None):
        raise click.UsageError("give either --gpg-key or --key")
    chosen = configuration(config, flags)
    if key is not None:
        if home is not None or output is not None:
            raise click.UsageError(
                "--gpg-home and -o go with --gpg-key: with --key the image takes the signature"
            )
        opened = signing_key(key, passphrase_file)
        order = Order(opened, identity or "", attach or DEFAULT_PLACE, recursive)
        asyncio.run(sign_images(chosen, releases, order))
    elif gpg_key is not None:
        if attach is not None or recursive:
            raise click.UsageError("--attach and --recursive go with --key")
        if output is None:
            raise click.UsageError("say with -o where the signatures are written")
        _sign_for_clusters(chosen, releases, identity, GpgKey(gpg_key, home, passphrase_file), output)


def _sign_for_clusters(
    chosen: Configuration, releases: Sequence[str], identity: str | None, key: GpgKey, output: Path
) -> None:
    signed, fault = asyncio.run(_sign(chosen, releases, identity, key))
    # What was signed is kept: somebody may have typed a passphrase or touched a token for each.
    if fault is not None and not signed:
        raise fault
    for one in signed:
        show_findings(one.findings)
    place = output if fault is None else place_for_a_part(output)
    show_findings(write_out({one.digest: [one.signature] for one in signed}, place))
    for one in signed:
        click.echo(f"{one.digest}  {one.key}")
    if place != output:
        seen = (
            f"{len(signed)} of {len(releases)} releases are signed: {place} has them, {output} is as it was"
        )
        show_findings([Finding(Severity.WARNING, SIGNATURES_INCOMPLETE, seen)])
    if fault is not None:
        raise fault


async def _sign(
    chosen: Configuration, releases: Sequence[str], identity: str | None, key: GpgKey
) -> tuple[list[Signed], UpgraphError | None]:
    """What was signed, and why the rest was not."""
    creator = f"upgraph {__version__}"
    with Gpgv(os.environ) as judge:
        signer = GpgSigner(key, os.environ, judge)
        async with Places(chosen) as places:
            wanted = [await places.wanted(text) for text in releases]
        named = [(parse_digest(one.digest), _identity(one, identity)) for one in wanted]
        signed: list[Signed] = []
        # One after the other: a token or a passphrase is asked for once at a time.
        for digest, name in named:
            try:
                signed.append(await signer.sign(digest, name, creator=creator))
            except UpgraphError as error:
                return signed, error
        return signed, None


def _identity(wanted: Wanted, given: str | None) -> str:
    name = given or wanted.identity
    if name is None:
        raise UserError(SIGNING_REQUEST, f"{wanted.name} has no tag, so --identity is needed")
    return name
