"""Copying images from anywhere to anywhere: digests stay, and what is there is not sent again.

The order makes that a reader at the destination never sees a part: first the blobs of an image, then its
manifests, what is named before what names it, and its tag last. Images of one run share blobs; a blob that
many of them have is asked for once and put once in each destination. An image that fails holds up no other.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial

from upgraph.errors import UpgraphError, UserError
from upgraph.errors.problems import oci as problems
from upgraph.oci.copying.cargo import WHOLE, Cargo, Choice, Room, survey
from upgraph.oci.images.destination import ImageDestination
from upgraph.oci.images.digest import Digest, is_digest
from upgraph.oci.images.manifest import Descriptor
from upgraph.oci.images.source import ImageSource, Manifest

DEFAULT_IMAGES = 16
"""Images that are looked at or written at a time."""
DEFAULT_BLOBS = 8
"""Blobs that are on their way at a time."""

_Place = tuple[str, Digest]
"""A blob at a destination, by the name of the destination."""


@dataclass(frozen=True, slots=True)
class Order:
    """One image to copy."""

    source: ImageSource
    reference: str
    destination: ImageDestination
    tag: str | None = None
    """None: the image has no tag there, and is found by its digest."""
    choice: Choice = WHOLE
    overwrite: bool = False
    """Whether the tag may be taken from another image."""
    recheck: bool = False
    """Whether every blob is looked for although the tag points to the image already."""
    room: Room | None = None
    """How much its manifests may be, together with those of other orders; None: as much as one image may have."""

    def __str__(self) -> str:
        return f"{self.source.name} {self.reference} to {self.destination.name} {self.tag or ''}".rstrip()


@dataclass(frozen=True, slots=True)
class Failure:
    """An image that was not copied, and why."""

    order: Order
    error: UpgraphError


@dataclass(frozen=True, slots=True)
class Planned:
    """An image that can be copied."""

    order: Order
    cargo: Cargo
    is_there: bool
    """Whether the tag points to it already, and the destination says that it is whole."""


@dataclass(frozen=True, slots=True)
class Amounts:
    """What a run moves; a blob counts once for each destination."""

    images: int
    images_there: int
    """How many of them have their tag already."""
    blobs: int
    bytes_to_move: int
    bytes_there: int
    """Of the blobs that were looked for."""


@dataclass(slots=True)
class Plan:
    """What a run will do, known before it begins."""

    images: list[Planned] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    missing: dict[_Place, Descriptor] = field(default_factory=dict)
    """Blobs that destinations lack."""
    present: dict[_Place, Descriptor] = field(default_factory=dict)
    """Blobs that they have."""
    _tags: dict[tuple[str, str | None], Planned] = field(default_factory=dict, repr=False)

    @property
    def amounts(self) -> Amounts:
        """The sums of what can be copied."""
        wanted = {
            (planned.order.destination.name, blob.digest)
            for planned in self.images
            for blob in planned.cargo.blobs
        }
        moved = [blob.size for place, blob in self.missing.items() if place in wanted]
        there = [blob.size for place, blob in self.present.items() if place in wanted]
        images_there = sum(planned.is_there for planned in self.images)
        return Amounts(len(self.images), images_there, len(moved), sum(moved), sum(there))

    def bytes_to(self, destination: str) -> int:
        """Bytes of the blobs that the destination with this name lacks."""
        return sum(blob.size for (name, _), blob in self.missing.items() if name == destination)

    def add(self, outcome: Planned | Failure) -> None:
        """Take what was found out about an image, which is no failure unless another one takes its tag."""
        if isinstance(outcome, Planned):
            rival = self._rival(outcome)
            if rival is None:
                self.images.append(outcome)
                return
            order, digest = outcome.order, outcome.cargo.image.digest
            seen = f"{order.destination.name}: {order.tag} shall be {rival.cargo.image.digest} and {digest}"
            outcome = Failure(order, UserError(problems.TAG_TAKEN, seen))
        self.failures.append(outcome)

    def _rival(self, one: Planned) -> Planned | None:
        key = (one.order.destination.name, one.order.tag)
        first = self._tags.setdefault(key, one)
        return None if one.order.tag is None or first.cargo.image.digest == one.cargo.image.digest else first


@dataclass(frozen=True, slots=True)
class Watch:
    """Is told of the progress of a run."""

    moved: Callable[[int], object] = lambda _: None
    """Is called with the number of bytes whenever some were read."""
    copied: Callable[[Planned], object] = lambda _: None
    """Is called with each image that is complete."""


_UNWATCHED = Watch()


class CopyRun:
    """Copies images together.

    Args:
        orders: what to copy, where to.
        images: how many images are looked at or written at a time.
        blobs: how many blobs are on their way at a time.
    """

    def __init__(
        self, orders: Iterable[Order], *, images: int = DEFAULT_IMAGES, blobs: int = DEFAULT_BLOBS
    ) -> None:
        self._orders = tuple(orders)
        self._images = asyncio.Semaphore(images)
        self._blobs = asyncio.Semaphore(blobs)
        self._looks = _Once()
        self._moves = _Once()
        self._stores = _Once()

    async def plan(self) -> Plan:
        """Find out what there is to do. Nothing is written."""
        plan = Plan()
        await self.extend(plan, self._orders)
        return plan

    async def extend(self, plan: Plan, orders: Iterable[Order]) -> None:
        """Find out what further images take, and have them copied with the others of a plan of this run."""
        async with asyncio.TaskGroup() as tasks:
            work = [tasks.create_task(self._look(order, plan, tasks)) for order in orders]
        for task in work:
            plan.add(task.result())

    async def carry_out(self, plan: Plan, watch: Watch = _UNWATCHED) -> list[Failure]:
        """Do what was planned.

        Returns:
            The images that could not be copied, in the order in which they were given, with those of the plan.
        """
        async with asyncio.TaskGroup() as tasks:
            work = [tasks.create_task(self._copy(one, plan, tasks, watch)) for one in plan.images]
        failed = [failure for task in work if (failure := task.result()) is not None]
        return [*plan.failures, *failed]

    async def _look(self, order: Order, plan: Plan, tasks: asyncio.TaskGroup) -> Planned | Failure:
        try:
            async with self._images:
                before = await order.destination.tagged(order.tag) if order.tag else None
                if before is not None and await _is_known_there(order, before):
                    return Planned(order, Cargo.none(before), is_there=True)
                cargo = await survey(order.source, order.reference, order.choice, order.room)
                is_there = before == cargo.image.digest and await order.destination.holds(before)
                if is_there and not order.recheck:
                    return Planned(order, cargo, is_there=True)
            if before not in {None, cargo.image.digest} and not order.overwrite:
                seen = f"{order.destination.name}: {order.tag} is {before}, not {cargo.image.digest}"
                raise UserError(problems.TAG_TAKEN, seen)
            places = {(order.destination.name, blob.digest): blob for blob in cargo.blobs}
            for place, blob in places.items():
                self._looks.begin(place, partial(self._look_for, blob, order, plan), tasks)
            await self._looks.wait(places)
        except UpgraphError as error:
            return Failure(order, error)
        return Planned(order, cargo, is_there)

    async def _look_for(self, blob: Descriptor, order: Order, plan: Plan) -> None:
        async with self._images:
            found = await order.destination.has_blob(blob)
        (plan.present if found else plan.missing)[(order.destination.name, blob.digest)] = blob

    async def _copy(
        self, planned: Planned, plan: Plan, tasks: asyncio.TaskGroup, watch: Watch
    ) -> Failure | None:
        order = planned.order
        named = [(order.destination.name, blob.digest) for blob in planned.cargo.blobs]
        missing = {place: plan.missing[place] for place in named if place in plan.missing}
        try:
            for place, blob in missing.items():
                self._moves.begin(place, partial(self._move, blob, order, watch), tasks)
            await self._moves.wait(missing)
            if missing or not planned.is_there:
                await self._publish(planned, tasks)
        except UpgraphError as error:
            return Failure(order, error)
        watch.copied(planned)
        return None

    async def _move(self, blob: Descriptor, order: Order, watch: Watch) -> None:
        async with self._blobs:
            await order.destination.put_blob(blob, _Counted(order.source, blob, watch).read)

    async def _publish(self, planned: Planned, tasks: asyncio.TaskGroup) -> None:
        destination, image = planned.order.destination, planned.cargo.image
        for manifest in planned.cargo.manifests[:-1]:
            # Images of several indexes are put once.
            place = (destination.name, manifest.digest)
            self._stores.begin(place, partial(self._store, destination, manifest), tasks)
            await self._stores.wait([place])
        async with self._images:
            await destination.put_tag(planned.order.tag or image.digest, image)

    async def _store(self, destination: ImageDestination, manifest: Manifest) -> None:
        async with self._images:
            await destination.put_manifest(manifest)


class _Once:
    """Work that several images wait for and that is done once; its error is an error of all of them."""

    def __init__(self) -> None:
        self._tasks: dict[_Place, asyncio.Task[UpgraphError | None]] = {}

    def begin(self, place: _Place, work: Callable[[], Awaitable[None]], tasks: asyncio.TaskGroup) -> None:
        """Begin it, if nobody has."""
        if place not in self._tasks:
            self._tasks[place] = tasks.create_task(_outcome(work))

    async def wait(self, places: Iterable[_Place]) -> None:
        """Wait until it is done.

        Raises:
            UpgraphError: how it failed.
        """
        for place in places:
            error = await self._tasks[place]
            if error is not None:
                raise error


async def _is_known_there(order: Order, there: Digest) -> bool:
    """Whether a tag points to what is to be copied, found out without reading what that consists of."""
    if order.recheck or not order.choice.whole:
        return False
    meant = order.reference if is_digest(order.reference) else await order.source.resolve(order.reference)
    return meant == there and await order.destination.holds(there)


async def _outcome(work: Callable[[], Awaitable[None]]) -> UpgraphError | None:
    # An error that left a task would end all others of the run.
    try:
        await work()
    except UpgraphError as error:
        return error
    return None


class _Counted:
    """Reads a blob and tells of each byte once, however often it is read."""

    def __init__(self, source: ImageSource, blob: Descriptor, watch: Watch) -> None:
        self._source = source
        self._blob = blob
        self._watch = watch
        self._told = 0

    async def read(self, start: int) -> AsyncGenerator[bytes, None]:
        at = start
        async with aclosing(self._source.read(self._blob, start)) as pieces:
            async for piece in pieces:
                at += len(piece)
                if at > self._told:
                    self._watch.moved(at - self._told)
                    self._told = at
                yield piece


async def copy_image(order: Order) -> Digest:
    """Copy one image; gives its digest at the destination.

    Raises:
        UserError: the tag is taken by another image, or the choice does not fit.
        UpgraphError: the image could not be read or written.
    """
    run = CopyRun([order])
    plan = await run.plan()
    for failure in await run.carry_out(plan):
        raise failure.error
    return plan.images[0].cargo.image.digest
