"""Pull specs of components with their digests: a release refers to what it was made with, not to what a tag is later."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack

from upgraph.errors import UpgraphError, UserError
from upgraph.errors.problems.payload import PULL_SPEC_INVALID
from upgraph.oci import Digest, ImageName, ImageSource, Repository, is_digest, parse_image_name
from upgraph.payload.components import MAX_AT_ONCE, OpenRepository


async def pin(images: Mapping[str, str], open_repository: OpenRepository) -> dict[str, str]:
    """The pull specs of components, each with a digest. Only those with a tag are asked for.

    Args:
        images: pull specs by component name.
        open_repository: opens the repositories of tags.

    Raises:
        UserError: a pull spec names no image of a registry.
        RemoteError, DataError, VerificationError: a tag could not be asked for.
    """
    names = {component: _name(component, spec) for component, spec in images.items()}
    wanted = {place for place, reference in names.values() if not is_digest(reference)}
    permits = asyncio.Semaphore(MAX_AT_ONCE)
    async with AsyncExitStack() as stack:
        sources = {}
        for place in sorted(wanted, key=str):
            sources[place] = await stack.enter_async_context(open_repository(place))
        async with asyncio.TaskGroup() as tasks:
            asked = {
                component: tasks.create_task(_digest(sources.get(place), reference, permits))
                for component, (place, reference) in names.items()
            }
    return {component: f"{place.name}@{_given(asked[component])}" for component, (place, _) in names.items()}


def _given(task: asyncio.Task[Digest | UpgraphError]) -> Digest:
    """What a task found out; the first error of all is the one that is raised, whichever came first."""
    outcome = task.result()
    if isinstance(outcome, UpgraphError):
        raise outcome
    return outcome


def _name(component: str, spec: str) -> tuple[Repository, str]:
    name: ImageName = parse_image_name(spec)
    if not isinstance(name.place, Repository):
        seen = f"{component}: {spec[:300]!r} is on this machine, where no node can pull it"
        raise UserError(PULL_SPEC_INVALID, seen)
    return name.place, name.in_registry


async def _digest(
    source: ImageSource | None, reference: str, permits: asyncio.Semaphore
) -> Digest | UpgraphError:
    if source is None or is_digest(reference):
        return Digest(reference)
    try:
        async with permits:
            return await source.resolve(reference) or (await source.manifest(reference)).digest
    except UpgraphError as error:
        return error
