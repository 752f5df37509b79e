"""``upgraph release new``: a release image made of manifests and pull specs."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import click

from upgraph.cli.images import Opener
from upgraph.cli.output import show_findings
from upgraph.cli.release.opening import opened
from upgraph.cli.settings import access_options, configuration
from upgraph.errors import Severity, UserError
from upgraph.errors.problems.payload import CONTENT_INVALID
from upgraph.oci import Digest, ImageSource, parse_image_name, publish
from upgraph.payload import (
    Draft,
    Foundation,
    ReleaseContent,
    bare_foundations,
    base_findings,
    base_foundations,
    compose_release,
    examine_draft,
    parse_references,
    pin,
    read_directory,
    unlisted_images,
)
from upgraph.service.plain_file import read_plain

EPOCH_VARIABLE = "SOURCE_DATE_EPOCH"
"""Environment variable with the latest time that may stand in what is built (reproducible-builds.org)."""
MAX_STREAM_BYTES = 16 * 1024 * 1024
"""Bytes of the largest file of ``--images``."""

_EXAMPLES = """
\b
Examples:
  upgraph release new --name 4.18.1 --previous 4.18.0,4.17.9 --manifests manifests \\
      --metadata url=https://errata.example/1 \\
      --image app=registry.example:5000/platform/app:1.4 \\
      -o docker://registry.example:5000/platform/release:4.18.1
  upgraph release new --name 4.18.1 --manifests manifests --images image-references \\
      --base registry.example:5000/ocp/cluster-version-operator:4.18.1 -o oci:releases:4.18.1
  SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) \\
      upgraph release new --name 1.0.0 --manifests manifests --arch amd64 \\
      --arch arm64 -o oci-archive:release.tar:1.0.0
"""


@dataclass(frozen=True, slots=True)
class _Request:
    """What is to be made, and where it goes."""

    content: ReleaseContent
    base: str | None
    architectures: tuple[str, ...]
    destination: str


@click.command(epilog=_EXAMPLES)
@click.option(
    "--name", required=True, metavar="VERSION", help="Version of the release, such as 4.18.1 or 1.0.0-rc.1."
)
@click.option(
    "--previous", multiple=True, metavar="VERSION[,...]", help="Versions that can be updated to this one."
)
@click.option(
    "--next",
    "following",
    multiple=True,
    metavar="VERSION[,...]",
    help="Versions that this one can be updated to.",
)
@click.option(
    "--metadata", multiple=True, metavar="KEY=VALUE", help="Metadata; clusters show url as the errata."
)
@click.option(
    "--manifests",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Directory with the manifests: its files that end in .yaml, .yml or .json, byte for byte.",
)
@click.option(
    "--image", "images", multiple=True, metavar="NAME=PULLSPEC", help="Component; a tag becomes its digest."
)
@click.option(
    "--images",
    "stream",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Components of another release: its file image-references. --image is stronger.",
)
@click.option(
    "--base", metavar="IMAGE", help="Image below the release: that of the Cluster Version Operator."
)
@click.option(
    "--arch",
    "architectures",
    multiple=True,
    metavar="NAME",
    help="Architecture; several make an index. [default: those of the base, or amd64]",
)
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="IMAGE",
    help="Where to: docker://..., oci:DIR:TAG, oci-archive:FILE:TAG. The tag is the version if there is none.",
)
@click.option(
    "--overwrite", is_flag=True, help="Let a tag that points to something else point to this release."
)
@access_options
def new(  # noqa: PLR0913, PLR0917  # click gives one argument an option
    name: str,
    previous: Sequence[str],
    following: Sequence[str],
    metadata: Sequence[str],
    manifests: Path | None,
    images: Sequence[str],
    stream: Path | None,
    base: str | None,
    architectures: tuple[str, ...],
    output: str,
    config: tuple[Path, ...],
    *,
    overwrite: bool,
    **flags: object,
) -> None:
    """Make a release image and publish it; prints its digest.

    The same manifests with the same times give the same digest; with SOURCE_DATE_EPOCH, later times count as that
    one. All is checked before anything is published.
    """
    content = ReleaseContent(
        name,
        previous=_listed(previous),
        next=_listed(following),
        metadata=_pairs("--metadata", metadata),
        images=_pairs("--image", images),
    )
    content = _with_manifests(_with_stream(content, stream), manifests)
    request = _Request(content, base, architectures, _destination(output, name))
    opener = Opener(configuration(config, flags))
    digest = asyncio.run(_make(opener, request, overwrite=overwrite))
    click.echo(f"{digest}  {request.destination}")


async def _make(opener: Opener, request: _Request, *, overwrite: bool) -> Digest:
    draft = examine_draft(request.content)
    _refuse_faulty(draft)
    content = await _pinned(opener, request.content)
    show_findings(unlisted_images(draft.objects, content.references))
    async with _base(opener, request) as (source, foundations):
        composition, made = compose_release(content, foundations, source)
        return await publish(
            composition, made.digest, request.destination, opener.access, overwrite=overwrite
        )


@asynccontextmanager
async def _base(
    opener: Opener, request: _Request
) -> AsyncIterator[tuple[ImageSource | None, tuple[Foundation, ...]]]:
    if request.base is None:
        yield None, bare_foundations(request.architectures)
        return
    async with opened(opener, parse_image_name(request.base)) as (source, reference):
        foundations = await base_foundations(source, reference, request.architectures)
        show_findings(await base_findings(source, foundations))
        yield source, foundations


async def _pinned(opener: Opener, content: ReleaseContent) -> ReleaseContent:
    """The content with digests in place of tags, which are told."""
    pinned = await pin(content.images, opener.repository)
    for component, spec in pinned.items():
        if not spec.endswith(content.images[component].rpartition("@")[2]):
            click.echo(f"{component}: {content.images[component]} is {spec}", err=True)
    return replace(content, images=pinned)


def _destination(text: str, version: str) -> str:
    """Where to: with the version for a tag if there is none."""
    name = parse_image_name(text)
    return text if name.reference is not None else f"{text}:{version}"


def _refuse_faulty(draft: Draft) -> None:
    show_findings(draft.findings)
    faults = [finding for finding in draft.findings if finding.severity is Severity.ERROR]
    if faults:
        seen = f"the release cannot be made; {len(faults)} faults, first: {faults[0]}"
        raise UserError(faults[0].problem, seen)


def _listed(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(item for text in texts for item in text.split(",") if item)


def _pairs(option: str, texts: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise UserError(CONTENT_INVALID, f"{option} {text!r} is not NAME=VALUE")
        if name in found:
            raise UserError(CONTENT_INVALID, f"{option} names {name!r} twice: {found[name]!r} and {value!r}")
        found[name] = value
    return found


def _with_stream(content: ReleaseContent, stream: Path | None) -> ReleaseContent:
    if stream is None:
        return content
    components = parse_references(_read(stream)).components
    given = {one.name: one.pull_spec for one in components}
    # What is said of a component belongs to the image that it was, not to another one of the same name.
    kept = {one.name: one.annotations for one in components if one.name not in content.images}
    return replace(content, images=given | dict(content.images), annotations=kept)


def _with_manifests(content: ReleaseContent, directory: Path | None) -> ReleaseContent:
    latest = _epoch(os.environ)
    if directory is None:
        return content
    found = read_directory(directory, latest=latest)
    show_findings(found.findings)
    return replace(
        content,
        manifests={name: file.content for name, file in found.files.items()},
        times={name: file.modified for name, file in found.files.items()},
    )


def _epoch(environment: Mapping[str, str]) -> int | None:
    text = environment.get(EPOCH_VARIABLE, "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 11):
        raise UserError(CONTENT_INVALID, f"{EPOCH_VARIABLE} is {text[:80]!r}, not seconds since 1970")
    return int(text)


def _read(path: Path) -> bytes:
    try:
        return read_plain(path, MAX_STREAM_BYTES)
    except OSError as error:
        raise UserError(CONTENT_INVALID, f"{path} cannot be read: {error.strerror}") from error
