"""``upgraph signatures fetch``, ``pack`` and ``push``: signatures on their way to a site and its clusters."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from upgraph.cli.object_names import object_name
from upgraph.cli.output import show_findings
from upgraph.cli.scrape import read_anywhere
from upgraph.cli.settings import ACCESS_SETTINGS, access_options, configuration, setting_options
from upgraph.cli.signatures.output import CONFIG_MAP_NAME, OUTPUT_HELP, write_out
from upgraph.cli.signatures.places import (
    Places,
    keyring_option,
    only_local,
    policy_option,
    read_keyring_files,
    signatures_option,
    some,
)
from upgraph.errors import Finding, RemoteError, Severity, UpgraphError, UserError
from upgraph.errors.problems.signing import SIGNATURES_NONE
from upgraph.graph import Release
from upgraph.oci import Digest
from upgraph.oci.copying.publishing import publish
from upgraph.service.building.sources import access_of
from upgraph.service.configuration import Configuration
from upgraph.signing import (
    Candidate,
    Gpgv,
    Policy,
    Signatures,
    SignatureStore,
    Verifier,
    examine,
    find,
    store_image,
)

_TAG = "signatures"

_OUTPUT = click.option(
    "-o", "--output", required=True, type=click.Path(path_type=Path), metavar="PLACE", help=OUTPUT_HELP
)
_NAME = click.option(
    "--name",
    default=CONFIG_MAP_NAME,
    show_default=True,
    metavar="NAME",
    callback=object_name("a ConfigMap"),
    help="Name of the first ConfigMap; further ones get a number.",
)


@click.command(
    epilog="""
\b
Examples:
  upgraph signatures fetch sha256:3d8d... -o signatures \\
      --signatures https://mirror.example/signatures/release
  upgraph signatures fetch --releases releases.json --keyring release-keys.asc \\
      --signatures https://mirror.example/signatures/release -o signatures.tar
"""
)
@click.argument("named", nargs=-1, metavar="[RELEASE]...")
@signatures_option(required=True)
@keyring_option(required=False)
@policy_option
@_OUTPUT
@_NAME
@setting_options("releases", "payload_repository", "state_dir", *ACCESS_SETTINGS)
def fetch(  # noqa: PLR0913 - click gives each option by its name
    *,
    named: tuple[str, ...],
    stores: tuple[str, ...],
    keyrings: tuple[Path, ...],
    policy: Policy,
    output: Path,
    name: str,
    config: tuple[Path, ...],
    **flags: object,
) -> None:
    """Fetch signatures of releases, to carry them over the gap.

    RELEASE is a digest, a pull spec or an image with a tag; --releases takes all releases of a repository or a
    saved scrape. With --keyring only valid signatures are written. A release without one is reported. Exit code
    4 if a store did not answer; what was found is written all the same.
    """
    chosen = configuration(config, flags)
    trust = (stores, keyrings, policy)
    listed = [release.digest for release in _releases(chosen)]
    found, missing = asyncio.run(_fetch(chosen, (named, listed), trust))
    show_findings(_left_out(missing))
    _write(found, output, name)
    unknown = [error for error in missing.values() if isinstance(error, RemoteError)]
    if unknown:
        raise unknown[0]


def _releases(chosen: Configuration) -> Sequence[Release]:
    if not chosen.releases:
        return ()
    gathered = read_anywhere(chosen, partial=False)
    show_findings(gathered.findings)
    return gathered.releases


def _write(found: Signatures, output: Path, name: str) -> None:
    show_findings(write_out(found, output, name=name))
    click.echo(f"{sum(map(len, found.values()))} signatures of {len(found)} releases in {output}", err=True)


_Trust = tuple[tuple[str, ...], tuple[Path, ...], Policy]
_Fetched = tuple[Signatures, Mapping[str, UpgraphError]]


async def _fetch(
    chosen: Configuration, releases: tuple[Sequence[str], Sequence[str]], trust: _Trust
) -> _Fetched:
    stores, keyrings, policy = trust
    async with Places(chosen) as places:
        named = [(await places.wanted(text)).digest for text in releases[0]]
        digests = some([*named, *releases[1]])
        return await _taken(places, digests, (places.stores(stores), keyrings, policy))


async def _taken(
    places: Places,
    digests: Sequence[str],
    trust: tuple[Sequence[SignatureStore], tuple[Path, ...], Policy],
) -> _Fetched:
    """The signatures of these digests: valid ones where there is a keyring, otherwise all."""
    stores, keyrings, policy = trust
    for store in stores:
        show_findings(await store.refresh())
    if not keyrings:
        found = await find(digests, stores, concurrency=places.concurrency)
        return _sorted_out({digest: _contents(one) for digest, one in found.items()})
    with Gpgv(os.environ) as judge:
        verifier = Verifier(read_keyring_files(keyrings), judge, policy=policy)
        outcomes = await examine(verifier, digests, stores, concurrency=places.concurrency)
    return _sorted_out(
        {
            digest: one
            if isinstance(one, UpgraphError)
            else tuple(signer.signature for signer in one.signers)
            for digest, one in outcomes.items()
        }
    )


def _contents(found: tuple[Candidate, ...] | UpgraphError) -> tuple[bytes, ...] | UpgraphError:
    return found if isinstance(found, UpgraphError) else tuple(one.content for one in found)


def _left_out(errors: Mapping[str, UpgraphError]) -> list[Finding]:
    return [Finding(Severity.WARNING, one.problem, one.seen) for one in errors.values()]


def _sorted_out(outcomes: Mapping[str, tuple[bytes, ...] | UpgraphError]) -> _Fetched:
    """What was found, each once, and why the rest was not."""
    found = {
        Digest(digest): list(dict.fromkeys(one))
        for digest, one in outcomes.items()
        if not isinstance(one, UpgraphError)
    }
    return found, {digest: one for digest, one in outcomes.items() if isinstance(one, UpgraphError)}


@click.command(
    epilog="""
\b
Examples:
  upgraph signatures pack signatures.tar -o signatures.yaml && oc apply -f signatures.yaml
  upgraph signatures pack signatures own-signatures --keyring keys.asc -o signatures.tar.gz
"""
)
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@keyring_option(required=False)
@policy_option
@_OUTPUT
@_NAME
@access_options
def pack(  # noqa: PLR0913 - click gives each option by its name
    *,
    sources: tuple[str, ...],
    keyrings: tuple[Path, ...],
    policy: Policy,
    output: Path,
    name: str,
    config: tuple[Path, ...],
    **flags: object,
) -> None:
    """Put all signatures of directories, archives, ConfigMaps and images into one form.

    With --keyring only valid signatures are taken, and others are reported. The same signatures give the same
    bytes. ConfigMaps are for the clusters: each has less than 256 KiB, so that `oc apply` takes it.
    """
    chosen = configuration(config, flags)
    found = asyncio.run(_gather(chosen, sources, keyrings, policy))
    _write(found, output, name)


async def _gather(
    chosen: Configuration, sources: tuple[str, ...], keyrings: tuple[Path, ...], policy: Policy
) -> Signatures:
    async with Places(chosen) as places:
        opened = only_local(places.stores(sources))
        digests: set[str] = set()
        for store in opened:
            digests |= (await store.collection()).signatures.keys()
        found, refused = await _taken(places, sorted(digests), (opened, keyrings, policy))
    show_findings(_left_out(refused))
    return found


@click.command(
    epilog="""
\b
Examples:
  upgraph signatures push signatures.tar --to docker://registry.example:5000/ocp/signatures:latest
  upgraph serve --releases docker://registry.example:5000/ocp/release --graph-data graph-data \\
      --signatures docker://registry.example:5000/ocp/signatures:latest \\
      --require-signatures keys.asc
"""
)
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option(
    "--to",
    "destination",
    required=True,
    metavar="IMAGE",
    help="Image to make: docker://HOST/REPOSITORY:TAG, oci:PATH:TAG or oci-archive:PATH:TAG.",
)
@click.option("--overwrite", is_flag=True, help="Take the tag from the image that has it now.")
@keyring_option(required=False)
@policy_option
@access_options
def push(  # noqa: PLR0913 - click gives each option by its name
    *,
    sources: tuple[str, ...],
    destination: str,
    keyrings: tuple[Path, ...],
    policy: Policy,
    config: tuple[Path, ...],
    overwrite: bool,
    **flags: object,
) -> None:
    """Put all signatures into one image of a registry, where services and commands find them; prints its digest.

    The same signatures give the same digest. The image holds a store directory and is copied like any other.
    """
    chosen = configuration(config, flags)
    click.echo(asyncio.run(_push(chosen, (sources, keyrings, policy), destination, overwrite=overwrite)))


async def _push(chosen: Configuration, trust: _Trust, destination: str, *, overwrite: bool) -> Digest:
    found = await _gather(chosen, *trust)
    if not found:
        raise UserError(SIGNATURES_NONE, f"there is no signature to write to {destination}")
    image = store_image(found, _TAG)
    return await publish(image, _TAG, destination, access_of(chosen, os.environ), overwrite=overwrite)
