"""``upgraph signatures keyring show``: the keys in a file or in a release, to be compared by people."""

import asyncio
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import click

from upgraph.cli.output import Format, emit_document, output_option, printable
from upgraph.cli.settings import access_options, configuration
from upgraph.cli.signatures.places import Places, read_keyring_files
from upgraph.errors import UserError
from upgraph.errors.problems.signing import KEYRING_INVALID
from upgraph.oci import parse_image_name
from upgraph.payload.verification_config import read_verification_config
from upgraph.service.configuration import Configuration
from upgraph.signing import ConfigMap, Key, Keyring, Subkey, keyrings_of

_GROUP = 4
_STORE = "store-"


@click.group(
    epilog="""
\b
Examples:
  upgraph signatures keyring show release-keys.asc
"""
)
def keyring() -> None:
    """Look at keyrings."""


@keyring.command(
    epilog="""
\b
Examples:
  upgraph signatures keyring show release-keys.asc
  upgraph signatures keyring show registry.example:5000/ocp/release:4.18.3-x86_64
"""
)
@click.argument("place", metavar="FILE|RELEASE")
@output_option((Format.TEXT, Format.JSON, Format.YAML))
@access_options
def show(place: str, output: Format, config: tuple[Path, ...], **flags: object) -> None:
    """Print fingerprints of the keys in a FILE, or of those that a RELEASE names.

    Compare them with what the owner of the keys publishes elsewhere. The keys of a release are those that a
    cluster at this release trusts. A release never vouches for itself, so they are only shown.
    """
    path = Path(place).expanduser()
    stores: tuple[str, ...] = ()
    if path.is_file():
        rings = read_keyring_files([path])
    else:
        found = asyncio.run(_of_release(configuration(config, flags), place))
        rings = keyrings_of([found], place)
        stores = tuple(value for key, value in sorted(found.data.items()) if key.startswith(_STORE))
    if output is Format.TEXT:
        _print(rings, stores)
    else:
        emit_document({"keyrings": [_document(ring) for ring in rings], "stores": list(stores)}, output)


async def _of_release(chosen: Configuration, place: str) -> ConfigMap:
    try:
        named = parse_image_name(place)
    except UserError as error:
        seen = f"{place} is no file here, and names no release: {error.seen}"
        raise UserError(KEYRING_INVALID, seen) from error
    async with Places(chosen) as places:
        source = places.images(named)
        async with source:
            return await read_verification_config(source, named.in_registry)


def _document(ring: Keyring) -> dict[str, object]:
    return {
        "name": ring.name,
        "keys": [
            {
                "fingerprint": key.fingerprint,
                "algorithm": _algorithm(key),
                "created": key.created,
                "expires": _ending(key),
                "user-ids": list(key.user_ids),
                "subkeys": [{"fingerprint": one.fingerprint, "expires": _ending(one)} for one in key.subkeys],
                "has-revocation": key.has_revocation,
            }
            for key in ring.keys
        ],
    }


def _print(rings: Iterable[Keyring], stores: Iterable[str]) -> None:
    for ring in rings:
        click.secho(printable(ring.name), bold=True)
        for key in ring.keys:
            click.echo(f"  {_grouped(key.fingerprint)}")
            revoked = ", with a revocation" if key.has_revocation else ""
            click.echo(f"    {_algorithm(key)}, made {key.created}{_end(key)}{revoked}")
            for user in key.user_ids:
                click.echo(f"    {printable(user)}")
            for subkey in key.subkeys:
                click.echo(f"    subkey {_grouped(subkey.fingerprint)}{_end(subkey)}")
    for store in stores:
        click.echo(f"signatures are at {printable(store.strip())}")


def _ending(key: Key | Subkey) -> str | None:
    return None if key.expires_at is None else _day(key.expires_at)


def _end(key: Key | Subkey) -> str:
    if key.expires_at is None:
        return ""
    word = "expired" if key.expires_at <= time.time() else "expires"
    return f", {word} {_day(key.expires_at)}"


def _day(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).date().isoformat()


def _algorithm(key: Key) -> str:
    return f"{key.algorithm} {key.bits}" if key.bits else key.algorithm


def _grouped(fingerprint: str) -> str:
    """As gpg prints it, so that two can be compared by eye."""
    parts = [fingerprint[at : at + _GROUP] for at in range(0, len(fingerprint), _GROUP)]
    half = len(parts) // 2
    return f"{' '.join(parts[:half])}  {' '.join(parts[half:])}"
