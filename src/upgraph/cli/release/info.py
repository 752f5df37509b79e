"""``upgraph release info``: what a release says of itself."""

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path

import click
import msgspec

from upgraph.cli.images import Opener
from upgraph.cli.output import Format, emit_document, output_option, print_table, printable
from upgraph.cli.release.opening import Opened, opened, read_opened
from upgraph.cli.release.trust import OPENPGP, Trust, Trusted, open_trust, trust_options
from upgraph.cli.settings import access_options, configuration
from upgraph.cli.signatures.outcomes import Standing, lines, standing, unverified
from upgraph.payload import COMMIT, METADATA, REFERENCES, SOURCE, Component, Member
from upgraph.service.configuration import Configuration

_EXAMPLES = """
\b
Examples:
  upgraph release info registry.example:5000/ocp/release:4.18.1-x86_64
  upgraph release info oci:/media/releases:4.18.1-multi --arch arm64 --pullspecs
  upgraph release info registry.example:5000/ocp/release:4.18.1-x86_64 -o json
  upgraph release info registry.example:5000/ocp/release:4.18.1-x86_64 \\
      --signatures /media/usb/signatures --keyring release-keys.asc
"""
_LABEL = 15
"""Columns of the names in front of values."""


@click.command(epilog=_EXAMPLES)
@click.argument("image", metavar="IMAGE")
@click.option("--arch", metavar="NAME", help="Image of an index to read. [default: amd64, or the first]")
@click.option("--pullspecs", is_flag=True, help="Show pull specs of components instead of digests.")
@click.option("--commits", is_flag=True, help="Show the source and commit of components.")
@trust_options
@access_options
@output_option((Format.TABLE, Format.WIDE, Format.JSON, Format.YAML))
def info(  # noqa: PLR0913  # click gives one argument an option
    image: str,
    arch: str | None,
    output: Format,
    config: tuple[Path, ...],
    *,
    trust: Trust,
    pullspecs: bool,
    commits: bool,
    **flags: object,
) -> None:
    """Show version, metadata and components of a release.

    IMAGE is a pull spec, docker://..., oci:DIR:TAG, oci-archive:FILE:TAG or dir:DIR. The layer of the release is
    read whole, and all that is shown was compared with its digest. Signatures are looked for with --signatures, and
    verified with --keyring or --cosign-key; exit code 0 whatever is found of them.
    """
    found, signatures = asyncio.run(_read(configuration(config, flags), image, arch, trust))
    if output in (Format.TABLE, Format.WIDE):
        is_wide = output is Format.WIDE
        _show(found, signatures)
        _show_components(
            found.payload.references.components, pullspecs=pullspecs or is_wide, commits=commits or is_wide
        )
    else:
        emit_document({**_document(found), "signatures": signatures}, output)


async def _read(
    chosen: Configuration, image: str, arch: str | None, trust: Trust
) -> tuple[Opened, dict[str, Standing]]:
    opener = Opener(chosen)
    async with open_trust(trust, chosen) as trusted:
        found = await read_opened(opener, image, arch)
        return found, await _signatures(opener, found, trusted)


async def _signatures(opener: Opener, found: Opened, trusted: Trusted) -> dict[str, Standing]:
    digest = found.manifest.digest
    known: dict[str, Standing] = {}
    if trusted.verifier is None:
        known[OPENPGP] = unverified(await trusted.present(digest))
    async with opened(opener, found.name) as (source, _):
        for kind, check in trusted.checks(source).items():
            known[kind] = standing(await check.check(digest))
    return known


def _show(found: Opened, signatures: Mapping[str, Standing]) -> None:
    for line in _lines(found):
        click.echo(printable(line))
    click.echo()
    for kind, one in signatures.items():
        for line in lines(kind, one):
            click.echo(printable(line))


def _lines(found: Opened) -> Iterator[str]:
    payload, member = found.payload, found.payload.member
    document = payload.metadata.document
    platform = f"{member.config.os}/{member.config.architecture}"
    yield _line("Name:", payload.references.name)
    yield _line("Digest:", found.manifest.digest)
    yield _line("Created:", member.config.created or "unknown")
    yield _line("OS/Arch:", f"multi ({platform})" if len(found.members) > 1 else platform)
    yield _line("Manifests:", str(len(payload.manifests)))
    yield ""
    yield f"Pull From: {found.pull_spec}"
    yield ""
    yield "Images:"
    for one in found.members:
        size = f"{one.size:,} bytes, layers: {len(one.image.layers)}"
        yield f"  {one.config.os}/{one.config.architecture}  {one.digest}  {size}"
    yield ""
    yield "Release Metadata:"
    yield f"  Version:  {payload.version}"
    yield f"  Upgrades: {', '.join(map(str, sorted(document.previous))) or '<none>'}"
    if document.next:
        yield f"  Next:     {', '.join(map(str, sorted(document.next)))}"
    yield from _section("  Metadata:", document.metadata, "    ")
    yield ""
    yield from _section("Component Versions:", payload.references.versions, "  ")
    yield from _section("Labels:", member.config.labels, "  ")


def _section(title: str, values: Mapping[str, str], indent: str) -> Iterator[str]:
    if values:
        yield title
        yield from (f"{indent}{name}: {value}" for name, value in sorted(values.items()))


def _line(name: str, value: str) -> str:
    return f"{name:<{_LABEL}} {value}"


def _show_components(components: tuple[Component, ...], *, pullspecs: bool, commits: bool) -> None:
    rows = []
    for one in components:
        row = {"name": one.name}
        row |= {"pull spec": one.pull_spec} if pullspecs else {"digest": one.digest or one.pull_spec}
        if commits:
            row |= {"repo": one.annotations.get(SOURCE, ""), "commit": one.annotations.get(COMMIT, "")}
        rows.append({key: printable(value) for key, value in row.items()})
    print_table(rows)


def _document(found: Opened) -> dict[str, object]:
    """What `oc adm release info -o json` gives under the same names, and more."""
    payload, member = found.payload, found.payload.member
    is_index = found.manifest.digest != member.digest
    return {
        "image": found.pull_spec,
        "digest": found.manifest.digest,
        "contentDigest": member.digest,
        **({"listDigest": found.manifest.digest} if is_index else {}),
        "config": {
            "architecture": member.config.architecture,
            "os": member.config.os,
            "created": member.config.created,
            "config": {"Labels": dict(sorted(member.config.labels.items()))},
        },
        "platforms": [_platform(one) for one in found.members],
        "metadata": msgspec.json.decode(payload.files[METADATA].content),
        "references": msgspec.json.decode(payload.files[REFERENCES].content),
        "versions": payload.references.versions,
        "displayVersions": _display_versions(payload.references.components),
        "manifests": [
            {"name": name, "size": len(file.content), "digest": file.digest}
            for name, file in payload.manifests.items()
        ],
    }


def _platform(member: Member) -> dict[str, object]:
    return {
        "os": member.config.os,
        "architecture": member.config.architecture,
        "digest": member.digest,
        "created": member.config.created,
        "layers": len(member.image.layers),
        "size": member.size,
    }


def _display_versions(components: tuple[Component, ...]) -> dict[str, dict[str, str]]:
    shown: dict[str, dict[str, str]] = {}
    for one in components:
        for name, version in one.versions.items():
            shown.setdefault(name, {"Version": version, "DisplayName": one.display_names.get(name, "")})
    return dict(sorted(shown.items()))
