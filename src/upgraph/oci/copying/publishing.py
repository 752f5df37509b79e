"""From what an administrator names to a destination that is open, and images brought there."""

from upgraph.errors import UserError
from upgraph.errors.problems import oci as problems
from upgraph.oci.copying.image_name import DEFAULT_TAG, ImageName, parse_image_name
from upgraph.oci.copying.run import Order, copy_image
from upgraph.oci.disk.archive_destination import ArchiveDestination
from upgraph.oci.disk.layout_destination import LayoutDestination
from upgraph.oci.http.access import Access
from upgraph.oci.images.destination import ImageDestination
from upgraph.oci.images.digest import Digest, is_digest
from upgraph.oci.images.reference import Repository
from upgraph.oci.images.source import ImageSource
from upgraph.oci.registry.destination import RegistryDestination


def open_destination(name: ImageName, access: Access, *, overwrite: bool = False) -> ImageDestination:
    """The destination that a name means; nothing is contacted or written yet.

    Args:
        name: what :func:`parse_image_name` gave.
        access: credentials, trust and proxies.
        overwrite: whether an archive that is there may be replaced.

    Raises:
        UserError: nothing can be written there.
    """
    if isinstance(name.place, Repository):
        return RegistryDestination(name.place, access=access)
    if name.place.scheme == "oci":
        return LayoutDestination(name.place.path)
    if name.place.scheme == "oci-archive":
        return ArchiveDestination(name.place.path, replace=overwrite)
    raise UserError(problems.DESTINATION, f"{name}: images are not written into directories of skopeo")


async def publish(
    images: ImageSource, reference: str, destination: str, access: Access, *, overwrite: bool = False
) -> Digest:
    """Bring one image, with all of its architectures, to where ``destination`` says; gives its digest.

    Args:
        images: what has it, for example a :class:`Composition`.
        reference: its tag or digest there.
        destination: a name with the tag that it shall have: ``docker://HOST/REPOSITORY:TAG``, ``oci:PATH:TAG`` or
            ``oci-archive:PATH:TAG``. In a registry the default is ``latest``, elsewhere no tag.
        access: credentials, trust and proxies.
        overwrite: whether the tag may be taken from another image, or an archive replaced.

    Raises:
        UserError: the name is not valid, or the tag is taken.
        UpgraphError: the image could not be read or written.
    """
    name = parse_image_name(destination)
    async with open_destination(name, access, overwrite=overwrite) as opened:
        tag = destination_tag(name) or (DEFAULT_TAG if isinstance(name.place, Repository) else None)
        return await copy_image(Order(images, reference, opened, tag, overwrite=overwrite))


def destination_tag(name: ImageName) -> str | None:
    """The tag that a name asks for; None if it asks for none.

    Raises:
        UserError: it has a digest, which nobody can choose.
    """
    wanted = name.reference
    if wanted is not None and is_digest(wanted):
        raise UserError(
            problems.DESTINATION, f"{name}: a destination has a tag; the digest follows from the image"
        )
    return wanted
