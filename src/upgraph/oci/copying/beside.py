"""What lies beside images and is said of them: signatures, attestations, bills of materials. They are images of their own.

1. Images under tags that are made of the digest, where cosign keeps them: ``sha256-DIGITS.sig`` and the like.
2. Artifacts that refer to the image, as the source lists them. They are copied together with that list under its
   fallback tag, since a disk or an older registry keeps no other account of them.

Of an index that is copied, both are looked for beside the index and beside each of its images.

Such tags grow: somebody adds a signature. So a tag may move where it loses nothing, and is left alone where the
destination has all that the source has and more.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import msgspec

from upgraph.errors import DataError, UpgraphError
from upgraph.errors.problems import oci as problems
from upgraph.oci.copying.cargo import MAX_MANIFEST_BYTES, MAX_MANIFESTS, WHOLE, Room, survey
from upgraph.oci.copying.run import Failure, Order, Plan, Planned
from upgraph.oci.images.composition import Composition
from upgraph.oci.images.destination import ImageDestination
from upgraph.oci.images.digest import Digest
from upgraph.oci.images.documents import encoded
from upgraph.oci.images.manifest import OCI_INDEX
from upgraph.oci.images.referrers import Referrer, fallback_tag, referrer_index, referrers_of, still_there
from upgraph.oci.images.source import ImageMissing, ImageSource

Written = Callable[[ImageDestination], Awaitable[ImageSource]]
"""Opens what stands at a destination, for reading."""

_SUFFIXES = (".sig", ".att", ".sbom")

_Place = tuple[str, str | None]
"""A tag at a destination, by the name of the destination."""
_Way = tuple[str, str, str | None]
"""A tag on its way, by the names of the source and the destination."""


@dataclass(slots=True)
class Beside:
    """What was found beside the images of a plan."""

    orders: list[Order] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    """Where it could not be found out whether anything lies there."""
    at_rest: list[Order] = field(default_factory=list)
    """What was found and stays as it is, since the destination has all of it and more."""


class _Entry(msgspec.Struct, frozen=True):
    digest: str
    annotations: dict[str, str] | None = None


class _Listing(msgspec.Struct):
    layers: list[_Entry] | None = None
    manifests: list[_Entry] | None = None


_decode = msgspec.json.Decoder(_Listing).decode


async def beside(plan: Plan, written: Written) -> Beside:
    """Look for what lies beside the images of a plan, and is not in the plan itself.

    With all tags of a repository, tags of signatures are in the plan as tags that cannot move. Such failures are taken
    out of it where more is known here.

    Args:
        plan: of images.
        written: to compare what is found with what the destination has already.
    """
    found = Beside()
    seen: set[tuple[str, str, Digest]] = set()
    async with asyncio.TaskGroup() as tasks:
        work = [tasks.create_task(_manifests(planned)) for planned in plan.images]
    wanted: list[tuple[Order, Digest, Room]] = []
    rooms: list[tuple[Planned, Room]] = []
    for planned, task in zip(plan.images, work, strict=True):
        outcome = task.result()
        if isinstance(outcome, UpgraphError):
            tag = fallback_tag(planned.cargo.image.digest)
            found.failures.append(_failure(planned.order, tag, outcome))
            continue
        # An index may name very many images, so what lies beside all of them has one room.
        together, room = replace(planned.order, room=Room("what lies beside an image")), Room()
        rooms.append((planned, room))
        for digest in outcome:
            key = (planned.order.source.name, planned.order.destination.name, digest)
            if key not in seen:
                seen.add(key)
                wanted.append((together, digest, room))
    async with asyncio.TaskGroup() as tasks:
        looks = [tasks.create_task(_look(order, digest, room, written)) for order, digest, room in wanted]
    taken: set[_Place] = {(one.order.destination.name, one.order.tag) for one in plan.images}
    for look in looks:
        result = look.result()
        found.failures += result.failures
        found.orders += _new(result.orders, taken)
        found.at_rest += result.at_rest
    found.failures += [_too_much(planned) for planned, room in rooms if room.is_full]
    decided = {_way(order) for order in (*found.orders, *found.at_rest)}
    plan.failures = [failure for failure in plan.failures if _way(failure.order) not in decided]
    return found


def _way(order: Order) -> _Way:
    return order.source.name, order.destination.name, order.tag


def _new(orders: Iterable[Order], taken: set[_Place]) -> list[Order]:
    """Those whose tag nobody writes yet: with all tags of a repository, many are in the plan already."""
    new = [order for order in orders if (order.destination.name, order.tag) not in taken]
    taken |= {(order.destination.name, order.tag) for order in new}
    return new


async def _manifests(planned: Planned) -> tuple[Digest, ...] | UpgraphError:
    """The digests of an image and of all in it."""
    cargo = planned.cargo
    try:
        if not cargo.image.content:
            # It is there already, so nobody has read what is in it; what is said of it may be new.
            cargo = await survey(planned.order.source, cargo.image.digest, WHOLE)
    except UpgraphError as error:
        return error
    return tuple(manifest.digest for manifest in cargo.manifests)


async def _look(order: Order, digest: Digest, room: Room, written: Written) -> Beside:
    tag = fallback_tag(digest)
    looks = {f"{tag}{suffix}": partial(_tagged, order, f"{tag}{suffix}", room) for suffix in _SUFFIXES}
    looks[tag] = partial(_listed, order, digest, room)
    found = Beside()
    for name, look in looks.items():
        if room.is_full:
            break
        # What is found in one place is copied although another cannot be asked.
        try:
            one = await look()
            if one is None:
                continue
            settled = await _settled(one, written)
            if settled is None:
                found.at_rest.append(one)
            else:
                found.orders.append(settled)
        except UpgraphError as error:
            found.failures.append(_failure(order, name, error))
    return found


async def _settled(order: Order, written: Written) -> Order | None:
    """What becomes of something that was found; None: the destination has all of it, and more."""
    there = await order.destination.tagged(order.tag or "")
    if there is None:
        return order
    ours = await order.source.manifest(order.reference)
    if there == ours.digest:
        return order
    theirs = await (await written(order.destination)).manifest(there)
    old, new = _entries(theirs.content), _entries(ours.content)
    if not old or not new:
        return order
    if new <= old:
        return None
    return replace(order, overwrite=True) if old <= new else order


def _entries(content: bytes) -> set[tuple[str, ...]]:
    """What an image of signatures or a list names; nothing if it cannot be told."""
    try:
        listing = _decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return set()
    # Of a list the digest says all; a layer is a payload, and the signature of it is an annotation.
    listed = {(one.digest,) for one in listing.manifests or []}
    layers = {
        (one.digest, *map(str, sorted((one.annotations or {}).items()))) for one in listing.layers or []
    }
    return listed | layers


async def _tagged(order: Order, tag: str, room: Room) -> Order | None:
    try:
        manifest = await order.source.manifest(tag)
    except ImageMissing:
        return None
    if not room.take(1, len(manifest.content)):
        return None
    return replace(order, reference=tag, tag=tag, choice=WHOLE)


async def _listed(order: Order, digest: Digest, room: Room) -> Order | None:
    """The artifacts that refer to an image, with the list that names them."""
    listed = await referrers_of(order.source, digest)
    # Whether each is there is one request for each, and the list is held until it is copied.
    if not listed or not room.take(len(listed), len(encoded(referrer_index(listed)))):
        return None
    referrers = await still_there(order.source, listed)
    if not referrers:
        return None
    tag = fallback_tag(digest)
    made = _list(order.source, tag, referrers)
    return replace(order, source=made, reference=tag, tag=tag, choice=WHOLE)


def _list(source: ImageSource, tag: str, referrers: Sequence[Referrer]) -> Composition:
    # The base stays open: it is that of the run.
    made = Composition(source.name, source)
    made.tag(tag, made.document(referrer_index(referrers), OCI_INDEX))
    return made


def _failure(order: Order, tag: str, error: UpgraphError) -> Failure:
    return Failure(replace(order, reference=tag, tag=tag), error)


def _too_much(planned: Planned) -> Failure:
    seen = (
        f"{planned.order.source.name}: beside {planned.order.reference} and the images in it lie more than"
        f" {MAX_MANIFESTS} images and artifacts, or more than {MAX_MANIFEST_BYTES} bytes of their manifests;"
        " the rest of them was not looked for"
    )
    tag = fallback_tag(planned.cargo.image.digest)
    return _failure(planned.order, tag, DataError(problems.TOO_LARGE, seen))
