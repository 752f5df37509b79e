"""``upgraph release components``: what has to be copied for a release, and how clusters find it afterwards."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from upgraph.cli.images import Opener
from upgraph.cli.object_names import object_name
from upgraph.cli.output import Format, emit_document
from upgraph.cli.release.opening import opened
from upgraph.cli.settings import access_options, configuration
from upgraph.errors import DataError
from upgraph.errors.problems.payload import CONFIG_INVALID
from upgraph.oci import ImageName, OnDisk, Repository, parse_image_name
from upgraph.oci.images.listing import TAG
from upgraph.payload import Component, Member, Placed, choose, mirror_set, placed, read_members, read_payload

_DEFAULT_NAME = "release-components"


@click.command(
    epilog="""
\b
Examples:
  upgraph release components quay.io/openshift-release-dev/ocp-release:4.18.1-x86_64 \\
      --to registry.example:5000/ocp/components | upgraph image copy --all --from-file -
  upgraph release components quay.io/openshift-release-dev/ocp-release:4.18.1-multi \\
      --to oci:/media/components > images.txt
  upgraph release components oci:/media/releases:4.18.1-multi \\
      --to registry.example:5000/ocp/components --mirror-set | oc apply -f -
"""
)
@click.argument("image", metavar="IMAGE")
@click.option(
    "--to",
    "destination",
    required=True,
    metavar="PLACE",
    help="Where they go: HOST/REPOSITORY, oci:DIRECTORY or oci-archive:FILE.",
)
@click.option(
    "--arch", metavar="NAME", help="Only what the image of an index for this architecture refers to."
)
@click.option(
    "--mirror-set",
    "as_mirror_set",
    is_flag=True,
    help="Print the ImageDigestMirrorSet by which the nodes of a cluster find them there.",
)
@click.option(
    "--name",
    default=_DEFAULT_NAME,
    show_default=True,
    metavar="NAME",
    callback=object_name("an ImageDigestMirrorSet"),
    help="With --mirror-set: its name.",
)
@access_options
def components(  # noqa: PLR0913 - click gives each option by its name
    image: str,
    destination: str,
    arch: str | None,
    name: str,
    config: tuple[Path, ...],
    *,
    as_mirror_set: bool,
    **flags: object,
) -> None:
    """List the images that a release refers to, to be copied with `upgraph image copy --from-file`.

    Each line names an image by its digest, and where it goes: under a tag of the release's own tag (or version) and
    the component's name, so that no registry clears it away. The release itself is not among them, since it belongs
    into a repository of its own.
    """
    release, target = parse_image_name(image), parse_image_name(destination)
    if target.reference is not None:
        raise click.UsageError(f"--to {destination}: leave out the tag; each image gets its own")
    if any(character.isspace() or character == "#" for character in destination):
        raise click.UsageError(f"--to {destination!r}: a list cannot have spaces and # in names")
    if as_mirror_set and not isinstance(target.place, Repository):
        raise click.UsageError(f"--to {destination}: nodes can ask registries only")
    found = asyncio.run(_read(Opener(configuration(config, flags)), release, arch))
    if as_mirror_set and isinstance(target.place, Repository):
        emit_document(mirror_set([one.source for one in found], target.place, name), Format.YAML)
        return
    for one in found:
        click.echo(f"{_reached(one.source, release)} {ImageName(target.place, one.tag)}")


async def _read(opener: Opener, name: ImageName, arch: str | None) -> list[Placed]:
    async with opened(opener, name) as (source, reference):
        members = await read_members(source, await source.manifest(reference))
        wanted = members if arch is None else (choose(members, arch),)
        _check_one_each(members, wanted, reference)
        releases: dict[str, tuple[Component, ...]] = {}
        version = ""
        for member in wanted:
            payload = await read_payload(source, member)
            releases[member.config.architecture] = payload.references.components
            version = version or payload.version
    # In a layout an image may be known by any text, such as a whole pull spec.
    is_tag = TAG.fullmatch(reference) is not None
    return placed(releases, reference if is_tag else str(version).replace("+", "_"))


def _check_one_each(members: Sequence[Member], wanted: Sequence[Member], reference: str) -> None:
    """Of two images for one architecture nobody can say whose components are meant."""
    found = Counter(member.config.architecture for member in members)
    for member in wanted:
        architecture = member.config.architecture
        if found[architecture] > 1:
            seen = f"{reference}: the release has {found[architecture]} images for {architecture}"
            raise DataError(CONFIG_INVALID, seen)


def _reached(source: ImageName, release: ImageName) -> str:
    """An image as it is asked for: at the host of the release in the way that the release is."""
    place, beside = source.place, release.place
    if isinstance(place, OnDisk) or isinstance(beside, OnDisk) or place.host != beside.host:
        return str(source)
    return str(ImageName(replace(place, scheme=beside.scheme), source.reference))
