"""``upgraph signatures verify`` and ``list``: whether releases are signed, by whom, and if not, why not."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from upgraph.cli.output import Format, emit_document, output_option, print_table, printable, show_findings
from upgraph.cli.scrape import read_releases
from upgraph.cli.settings import configuration, setting_options
from upgraph.cli.signatures.places import (
    ACCESS,
    Places,
    Wanted,
    keyring_option,
    policy_option,
    read_keyring_files,
    signatures_option,
)
from upgraph.errors import RemoteError, UpgraphError, VerificationError
from upgraph.errors.problems.signing import SIGNATURE_MISSING, SIGNATURE_REFUSED
from upgraph.service.configuration import Configuration
from upgraph.signing import Gpgv, Policy, VerifiedDigest, Verifier, examine

_FORMS = (Format.TABLE, Format.WIDE, Format.JSON, Format.YAML)
_SHOWN_DIGITS = 19
_SHOWN_REASON = 100
Outcome = VerifiedDigest | UpgraphError


@click.command(
    epilog="""
\b
Examples:
  upgraph signatures verify sha256:3d8d... --signatures /media/usb/signatures --keyring keys.asc
  upgraph signatures verify registry.example:5000/ocp/release:4.18.3-x86_64 \\
      --signatures https://mirror.example/signatures/release --keyring keys.asc
"""
)
@click.argument("releases", nargs=-1, required=True, metavar="RELEASE...")
@signatures_option
@keyring_option(required=True)
@policy_option
@output_option(_FORMS)
@setting_options(*ACCESS)
def verify(  # noqa: PLR0913 - click gives each option by its name
    *,
    releases: tuple[str, ...],
    stores: tuple[str, ...],
    keyrings: tuple[Path, ...],
    policy: Policy,
    output: Format,
    config: tuple[Path, ...],
    **flags: object,
) -> None:
    """Check that releases are signed by trusted keys.

    RELEASE is a digest, a pull spec, or an image with a tag, which is looked up. Exit code 5 if one is not
    validly signed, 4 if that could not be found out.
    """
    chosen = configuration(config, flags)
    wanted, outcomes = asyncio.run(_verify(chosen, releases, (stores, keyrings, policy)))
    _show([(one.name, one.digest) for one in wanted], outcomes, output)
    for one in wanted:
        outcome = outcomes[one.digest]
        if isinstance(outcome, UpgraphError):
            raise outcome


Trust = tuple[tuple[str, ...], tuple[Path, ...], Policy]
"""Stores, keyrings and policy, as they were given."""


async def _verify(
    chosen: Configuration, releases: Sequence[str], trust: Trust
) -> tuple[list[Wanted], Mapping[str, Outcome]]:
    async with Places(chosen) as places:
        wanted = [await places.wanted(text) for text in releases]
        return wanted, await _examine(places, [one.digest for one in wanted], trust)


async def _examine(places: Places, digests: Sequence[str], trust: Trust) -> Mapping[str, Outcome]:
    stores, keyrings, policy = trust
    with Gpgv(os.environ) as judge:
        verifier = Verifier(read_keyring_files(keyrings), judge, policy=policy)
        opened = places.stores(stores)
        for store in opened:
            show_findings(await store.refresh())
        return await examine(verifier, digests, opened)


@click.command(
    "list",
    epilog="""
\b
Examples:
  upgraph signatures list --releases docker://registry.example:5000/ocp/release \\
      --signatures /media/usb/signatures --keyring keys.asc
  upgraph signatures list --releases releases.json --signatures signatures.yaml \\
      --keyring keys.asc -o json
""",
)
@signatures_option
@keyring_option(required=True)
@policy_option
@output_option(_FORMS)
@click.option(
    "--partial", is_flag=True, help="Show what could be read of releases although something could not."
)
@setting_options("releases", "payload_repository", "state_dir", *ACCESS)
def list_releases(  # noqa: PLR0913 - click gives each option by its name
    *,
    stores: tuple[str, ...],
    keyrings: tuple[Path, ...],
    policy: Policy,
    output: Format,
    config: tuple[Path, ...],
    partial: bool,
    **flags: object,
) -> None:
    """Show which releases of a repository or a saved scrape have a valid signature, which have none, and why.

    Exit code 0 whatever is found.
    """
    chosen = configuration(config, flags)
    gathered = read_releases(chosen, partial=partial)
    show_findings(gathered.findings)
    named = [(release.version.text, release.digest) for release in gathered.releases]
    outcomes = asyncio.run(_list(chosen, [digest for _, digest in named], (stores, keyrings, policy)))
    _show(named, outcomes, output)
    good = sum(isinstance(outcomes[digest], VerifiedDigest) for _, digest in named)
    click.echo(f"{good} of {len(named)} releases have a valid signature", err=True)


async def _list(chosen: Configuration, digests: Sequence[str], trust: Trust) -> Mapping[str, Outcome]:
    async with Places(chosen) as places:
        return await _examine(places, digests, trust)


def _show(named: Sequence[tuple[str, str]], outcomes: Mapping[str, Outcome], output: Format) -> None:
    rows = [_row(name, digest, outcomes[digest]) for name, digest in named]
    if output in (Format.JSON, Format.YAML):
        emit_document(rows, output)
    else:
        print_table([_line(row, is_wide=output is Format.WIDE) for row in rows])


def _row(name: str, digest: str, outcome: Outcome) -> dict[str, object]:
    row: dict[str, object] = {"release": name, "digest": digest, "signature": _word(outcome)}
    if isinstance(outcome, VerifiedDigest):
        return row | {
            "signers": [
                {
                    "key": signer.key,
                    "keyring": signer.keyring,
                    "signed": datetime.fromtimestamp(signer.signed_at, UTC).isoformat(),
                    "identity": signer.identity,
                    "place": signer.place,
                }
                for signer in outcome.signers
            ],
            "reason": "",
        }
    return row | {"signers": [], "reason": outcome.seen}


def _word(outcome: Outcome) -> str:
    if isinstance(outcome, VerifiedDigest):
        return "valid"
    if isinstance(outcome, VerificationError):
        return {SIGNATURE_MISSING: "missing", SIGNATURE_REFUSED: "invalid"}.get(outcome.problem, "invalid")
    return "unknown" if isinstance(outcome, RemoteError) else "invalid"


def _line(row: Mapping[str, object], *, is_wide: bool) -> dict[str, object]:
    signers = row["signers"]
    by = ", ".join(str(signer["key"]) for signer in signers) if isinstance(signers, list) else ""
    reason = printable(str(row["reason"]))
    if not is_wide:
        reason = reason if len(reason) <= _SHOWN_REASON else f"{reason[:_SHOWN_REASON]}..."
    digest = str(row["digest"])
    return {
        "release": printable(str(row["release"])),
        "digest": digest if is_wide else digest[:_SHOWN_DIGITS],
        "signature": row["signature"],
        "key or reason": by or reason,
    }
