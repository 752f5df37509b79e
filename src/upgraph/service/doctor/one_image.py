"""The steps towards one image: what a node does before it can pull it, tried one after the other.

Its last step fetches the configuration of the image, because registries often send clients elsewhere for blobs, to
a storage with a name, a certificate and a firewall of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from upgraph.errors import DataError, UserError
from upgraph.errors.problems.oci import CONTENT_MISSING, INVALID_IMAGE_NAME
from upgraph.oci import Image, ImageName, ImageSource, Repository, parse_manifest
from upgraph.service.building.sources import open_registry
from upgraph.service.configuration import Configuration
from upgraph.service.doctor.check import Check, Outcome, Outcomes, Step
from upgraph.service.doctor.images import RegistryPlace
from upgraph.service.doctor.plan import access_and_step, places_of
from upgraph.service.doctor.running import TOTAL_SECONDS, run_steps
from upgraph.service.doctor.ways import Ways

MAX_CONFIG_BYTES = 1024 * 1024
"""Bytes of the largest image configuration that is fetched."""
_MAX_SHOWN = 8
"""Architectures of an index that are named."""


async def examine_image(
    name: ImageName,
    configuration: Configuration,
    environment: Mapping[str, str],
    *,
    seconds: float = TOTAL_SECONDS,
) -> tuple[Check, ...]:
    """Look at every step to an image in a registry, and at the image if the name has a tag or digest.

    Args:
        name: what to look at.
        configuration: says which files of certificates, credentials and mirrors count.
        environment: variables of the process, which say where credentials and proxies are.
        seconds: longest time for all of it.

    Raises:
        UserError: the image is in no registry, or the mirrors cannot be read.
    """
    if not isinstance(name.place, Repository):
        raise UserError(
            INVALID_IMAGE_NAME, f"{name} is on this machine; only an image in a registry is checked"
        )
    access, access_step = access_and_step(configuration, environment)
    ways = Ways(access, access_step)
    steps = [access_step]
    places = places_of(configuration, name.place)
    for place in places:
        steps += ways.into(place)
    async with open_registry(name.place, configuration, access) as source:
        if name.reference is not None:
            words = RegistryPlace(name.place, access).words
            one = _OneImage(source, name.reference)
            image = Step(
                "image", str(name), one.read_manifest, (), tuple(map(ways.login, places)), words=words
            )
            ways.note_user(places, image)
            steps += (image, Step("blob", str(name), one.fetch_configuration, (image,), words=words))
        checks = await run_steps(steps, ways.spares, seconds=seconds)
    again = f"upgraph registry check {name}"
    return tuple(
        replace(check, verify=(*check.verify[:-1], again)) if check.verify else check for check in checks
    )


@dataclass(slots=True)
class _OneImage:
    """An image, and what was seen of it so far."""

    source: ImageSource
    reference: str
    image: Image | None = None

    async def read_manifest(self) -> Outcomes:
        """The manifest of the reference; of an index also that of its first image."""
        manifest = await self.source.manifest(self.reference)
        found = parse_manifest(manifest.content, manifest.media_type)
        if isinstance(found, Image):
            self.image = found
            size = sum(layer.size for layer in found.layers)
            return (Outcome(f"{manifest.digest}: an image of {len(found.layers)} layers, {size} bytes"),)
        images = [one for one in found.entries if not one.is_attestation]
        if not images:
            raise DataError(CONTENT_MISSING, f"{manifest.digest} is an index without an image")
        inner = await self.source.manifest(str(images[0].descriptor.digest))
        first = parse_manifest(inner.content, images[0].descriptor.media_type)
        self.image = first if isinstance(first, Image) else None
        names = ", ".join(one.architecture or "?" for one in images[:_MAX_SHOWN])
        return (Outcome(f"{manifest.digest}: an index of {len(images)} images ({names})"),)

    async def fetch_configuration(self) -> Outcomes:
        """The configuration, which is the smallest blob of the image."""
        if self.image is None:
            raise DataError(CONTENT_MISSING, "the index leads to another index, not to an image")
        config = self.image.config
        sink = _Counted()
        await self.source.pour(config, sink)
        return (
            Outcome(f"blob {config.digest} can be fetched ({sink.received} of {config.size} bytes read)"),
        )


class _Counted:
    """A sink that takes a bounded part and keeps nothing."""

    def __init__(self) -> None:
        self.received = 0

    def feed(self, chunk: bytes) -> bool:
        self.received += len(chunk)
        return self.received < MAX_CONFIG_BYTES
