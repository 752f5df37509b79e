"""``upgraph signatures verify`` and ``list``: whether releases and images are signed, by whom, and if not, why not."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

import click
from click.core import ParameterSource

from upgraph.cli.cosign_options import trusted_key_option, trusted_keys
from upgraph.cli.output import Format, emit_document, output_option, print_table, printable, show_findings
from upgraph.cli.scrape import read_anywhere
from upgraph.cli.settings import ACCESS_SETTINGS, access_options, configuration, setting_options
from upgraph.cli.signatures.beside import list_images, show_images
from upgraph.cli.signatures.images import examine_images
from upgraph.cli.signatures.outcomes import Standing, short_reason, standing
from upgraph.cli.signatures.places import (
    Places,
    keyring_option,
    policy_option,
    read_keyring_files,
    signatures_option,
)
from upgraph.errors import UpgraphError
from upgraph.payload import SignatureOutcome
from upgraph.service.configuration import Configuration
from upgraph.signing import Gpgv, Policy, VerifiedDigest, Verifier, examine

_FORMS = (Format.TABLE, Format.WIDE, Format.JSON, Format.YAML)
_SHOWN_DIGITS = 19
Found = tuple[str, str, SignatureOutcome]
"""What was named, its digest, and what became of it."""


@click.command(
    epilog="""
\b
Examples:
  upgraph signatures verify sha256:3d8d... --signatures /media/usb/signatures --keyring keys.asc
  upgraph signatures verify registry.example:5000/ocp/release:4.18.3-x86_64 \\
      --signatures https://mirror.example/signatures/release --keyring keys.asc
  upgraph signatures verify registry.example:5000/ocp/release:4.18.3-x86_64 \\
      --cosign-key images.pub
"""
)
@click.argument("releases", nargs=-1, required=True, metavar="RELEASE...")
@signatures_option(required=False)
@keyring_option(required=False)
@policy_option
@trusted_key_option
@output_option(_FORMS)
@access_options
def verify(  # noqa: PLR0913 - click gives each option by its name
    *,
    releases: tuple[str, ...],
    stores: tuple[str, ...],
    keyrings: tuple[Path, ...],
    policy: Policy,
    cosign_keys: tuple[Path, ...],
    output: Format,
    config: tuple[Path, ...],
    **flags: object,
) -> None:
    """Check that releases are signed by trusted keys.

    RELEASE is a digest, a pull spec, or an image with a tag, which is looked up. Signatures are those that clusters
    read, from --signatures and by a --keyring; or with --cosign-key those of cosign that lie beside any image. Exit
    code 5 if one is not validly signed, 4 if that could not be found out.
    """
    _check_kind(cosign_keys, stores, keyrings)
    chosen = configuration(config, flags)
    if cosign_keys:
        examined = asyncio.run(examine_images(chosen, releases, trusted_keys(cosign_keys)))
        found: list[Found] = [(one.name, one.digest, one.outcome) for one in examined]
    else:
        found = asyncio.run(_verify(chosen, releases, (stores, keyrings, policy)))
    _show(found, output)
    for *_, outcome in found:
        if isinstance(outcome, UpgraphError):
            raise outcome


def _check_kind(cosign_keys: Sequence[Path], stores: Sequence[str], keyrings: Sequence[Path]) -> None:
    """Both kinds need other places and other keys; what is given and not looked at would be trusted in vain."""
    source = click.get_current_context().get_parameter_source("policy")
    if cosign_keys and (stores or keyrings or source is not ParameterSource.DEFAULT):
        raise click.UsageError("--cosign-key goes without --signatures, --keyring and --policy")
    if not cosign_keys and not (stores and keyrings):
        raise click.UsageError("give --signatures and --keyring, or --cosign-key")


Trust = tuple[tuple[str, ...], tuple[Path, ...], Policy]
"""Stores, keyrings and policy, as they were given."""


async def _verify(chosen: Configuration, releases: Sequence[str], trust: Trust) -> list[Found]:
    async with Places(chosen) as places:
        wanted = [await places.wanted(text) for text in releases]
        return await _examine(places, [(one.name, one.digest) for one in wanted], trust)


async def _examine(places: Places, named: Sequence[tuple[str, str]], trust: Trust) -> list[Found]:
    stores, keyrings, policy = trust
    with Gpgv(os.environ) as judge:
        verifier = Verifier(read_keyring_files(keyrings), judge, policy=policy)
        opened = places.stores(stores)
        for store in opened:
            show_findings(await store.refresh())
        outcomes = await examine(verifier, [digest for _, digest in named], opened)
        return [(name, digest, outcomes[digest]) for name, digest in named]


@click.command(
    "list",
    epilog="""
\b
Examples:
  upgraph signatures list --releases docker://registry.example:5000/ocp/release \\
      --signatures /media/usb/signatures --keyring keys.asc
  upgraph signatures list --releases releases.json --signatures signatures.yaml \\
      --keyring keys.asc -o json
  upgraph signatures list registry.example:5000/org/app:v1 --cosign-key images.pub
""",
)
@click.argument("images", nargs=-1, metavar="[IMAGE]...")
@signatures_option(required=False)
@keyring_option(required=False)
@policy_option
@trusted_key_option
@output_option(_FORMS)
@click.option(
    "--partial", is_flag=True, help="Show what could be read of releases although something could not."
)
@setting_options("releases", "payload_repository", "state_dir", *ACCESS_SETTINGS)
def list_releases(  # noqa: PLR0913 - click gives each option by its name
    *,
    images: tuple[str, ...],
    stores: tuple[str, ...],
    keyrings: tuple[Path, ...],
    policy: Policy,
    cosign_keys: tuple[Path, ...],
    output: Format,
    config: tuple[Path, ...],
    partial: bool,
    **flags: object,
) -> None:
    """Show which releases of a repository or a saved scrape have a valid signature, which have none, and why.

    With IMAGE: every signature of cosign that lies beside it, and with --cosign-key who made it.
    Exit code 0 whatever is found.
    """
    chosen = configuration(config, flags)
    if images:
        _refuse_release_options(chosen, stores, keyrings)
        show_images(asyncio.run(list_images(chosen, images, trusted_keys(cosign_keys))), output)
        return
    if cosign_keys or not (stores and keyrings):
        raise click.UsageError("name an IMAGE, or give --releases, --signatures and --keyring")
    gathered = read_anywhere(chosen, partial=partial)
    show_findings(gathered.findings)
    named = [(release.version.text, release.digest) for release in gathered.releases]
    found = asyncio.run(_list(chosen, named, (stores, keyrings, policy)))
    _show(found, output)
    good = sum(isinstance(outcome, VerifiedDigest) for *_, outcome in found)
    click.echo(f"{good} of {len(named)} releases have a valid signature", err=True)


def _refuse_release_options(chosen: Configuration, stores: Sequence[str], keyrings: Sequence[Path]) -> None:
    source = click.get_current_context().get_parameter_source("policy")
    if chosen.releases or stores or keyrings or source is not ParameterSource.DEFAULT:
        raise click.UsageError("IMAGE goes without --releases, --signatures, --keyring and --policy")


async def _list(chosen: Configuration, named: Sequence[tuple[str, str]], trust: Trust) -> list[Found]:
    async with Places(chosen) as places:
        return await _examine(places, named, trust)


def _show(found: Sequence[Found], output: Format) -> None:
    known = [(name, digest, standing(outcome)) for name, digest, outcome in found]
    if output in (Format.JSON, Format.YAML):
        emit_document([_row(*one) for one in known], output)
    else:
        print_table([_line(*one, is_wide=output is Format.WIDE) for one in known])


def _row(name: str, digest: str, known: Standing) -> dict[str, object]:
    return {
        "release": name,
        "digest": digest,
        "signature": known.signature,
        "signers": known.signers,
        "reason": known.reason,
    }


def _line(name: str, digest: str, known: Standing, *, is_wide: bool) -> dict[str, object]:
    reason = printable(known.reason) if is_wide else short_reason(known.reason)
    return {
        "release": printable(name),
        "digest": digest if is_wide else digest[:_SHOWN_DIGITS],
        "signature": known.signature,
        "key or reason": ", ".join(signer.key for signer in known.signers) or reason,
    }
