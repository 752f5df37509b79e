"""What one run of copying opens: each place once, with the limits of each registry shared by its repositories.

Reading and writing have turns of their own at a registry: a blob that is copied within it takes one of each,
and if both came out of one stock, as many blobs as there are turns would wait for each other for ever. A pause
that the registry asks for is one for both.
"""

from collections import defaultdict
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from upgraph.errors import DataError, Finding
from upgraph.errors.problems import oci as problems
from upgraph.oci.copying.image_name import ImageName, parse_image_name
from upgraph.oci.copying.publishing import open_destination
from upgraph.oci.copying.run import Plan
from upgraph.oci.disk.layout_destination import LayoutDestination
from upgraph.oci.http.access import Access
from upgraph.oci.http.timing import Timing
from upgraph.oci.images.destination import ImageDestination
from upgraph.oci.images.reference import Repository
from upgraph.oci.images.source import ImageSource
from upgraph.oci.mirrors.rules import Mirrors
from upgraph.oci.mirrors.source import MirroredSource, open_mirrored
from upgraph.oci.registry.destination import PATIENT, RegistryDestination
from upgraph.oci.registry.distribution import DEFAULT_CONCURRENCY, RegistryClient
from upgraph.oci.registry.neighbours import Neighbours
from upgraph.oci.registry.turns import Rest, Turns


class Gateway:
    """Opens sources and destinations. An async context manager that closes them all.

    Archives come into being when the block ends well.

    Args:
        access: credentials, trust and proxies.
        mirrors: where repositories are read.
        concurrency: most requests at a time to one registry, for reading and for writing each.
        overwrite: whether archives that are there may be replaced.
        timing: clocks, chance and patience at registries.
    """

    def __init__(
        self,
        access: Access,
        *,
        mirrors: Mirrors,
        concurrency: int = DEFAULT_CONCURRENCY,
        overwrite: bool = False,
        timing: Timing = PATIENT,
    ) -> None:
        self._access = access
        self._mirrors = mirrors
        self._concurrency = concurrency
        self._overwrite = overwrite
        self._neighbours = Neighbours()
        self._timing = timing
        self._turns: dict[tuple[str, str], Turns] = {}
        self._rests: defaultdict[str, Rest] = defaultdict(Rest)
        self._sources: dict[str, ImageSource] = {}
        self._destinations: dict[str, ImageDestination] = {}
        self._written: dict[str, ImageSource] = {}
        self._open = AsyncExitStack()

    async def source(self, name: ImageName) -> ImageSource:
        """Where an image is read."""
        place = str(name.place)
        if place not in self._sources:
            if isinstance(name.place, Repository):
                opened = open_mirrored(name.place, self._mirrors, self._client)
            else:
                opened = name.place.source()
            self._sources[place] = await self._open.enter_async_context(opened)
        return self._sources[place]

    async def destination(self, name: ImageName) -> ImageDestination:
        """Where an image is written.

        Raises:
            UserError: nothing can be written there.
        """
        place = str(name.place)
        if place not in self._destinations:
            opened = self._destination(name)
            self._destinations[place] = await self._open.enter_async_context(opened)
        return self._destinations[place]

    async def written(self, destination: ImageDestination) -> ImageSource:
        """What stands at a destination, read there and never at a mirror."""
        if destination.name not in self._written:
            place = parse_image_name(destination.name).place
            opened = self._client(place) if isinstance(place, Repository) else place.source()
            self._written[destination.name] = await self._open.enter_async_context(opened)
        return self._written[destination.name]

    async def prepare(self, plan: Plan) -> None:
        """Look at a plan before it is carried out: whether disks have room, and what registries have already.

        Raises:
            DataError: a disk has less room than the plan needs.
        """
        for destination in self._destinations.values():
            if isinstance(destination, LayoutDestination):
                needed = plan.bytes_to(destination.name)
                free = await destination.free_bytes()
                if free < needed:
                    seen = f"{destination.name}: {needed} bytes are to be written, {free} are free"
                    raise DataError(problems.DISK, seen)
        for planned in plan.images:
            if planned.order.source.name.startswith("docker"):
                repository = Repository.parse(planned.order.source.name)
                for blob in planned.cargo.blobs:
                    self._neighbours.note(repository, blob.digest)

    def take_findings(self) -> tuple[Finding, ...]:
        """Which mirrors failed where another place answered."""
        mirrored = [source for source in self._sources.values() if isinstance(source, MirroredSource)]
        return tuple(finding for source in mirrored for finding in source.take_findings())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._open.__aexit__(kind, error, trace)

    def _client(self, repository: Repository) -> RegistryClient:
        turns = self._turns_at("read", repository)
        return RegistryClient(repository, access=self._access, timing=self._timing, turns=turns)

    def _destination(self, name: ImageName) -> ImageDestination:
        if isinstance(name.place, Repository):
            turns = self._turns_at("write", name.place)
            return RegistryDestination(
                name.place,
                access=self._access,
                timing=self._timing,
                turns=turns,
                neighbours=self._neighbours,
            )
        return open_destination(name, self._access, overwrite=self._overwrite)

    def _turns_at(self, purpose: str, repository: Repository) -> Turns:
        key = (purpose, repository.host)
        rest = self._rests[repository.host]
        return self._turns.setdefault(key, Turns(self._concurrency, self._timing, rest=rest))
