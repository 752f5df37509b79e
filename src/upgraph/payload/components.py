"""Whether the images that a release refers to are where it says: each digest asked for in its repository.

A repository that cannot be asked says nothing about what it holds, so that is told apart from an image that
is missing. Repositories are asked side by side, each through one client with its own limits.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack

from upgraph.errors import Finding, Problem, RemoteError, Severity, UpgraphError, UserError
from upgraph.errors.problems.payload import COMPONENT_MISSING, COMPONENT_UNPINNED, COMPONENT_UNREACHABLE
from upgraph.oci import ImageMissing, ImageSource, Repository, parse_image_name
from upgraph.payload.references import Component

OpenRepository = Callable[[Repository], ImageSource]
"""Opens a repository for reading, through its mirrors if it has any."""

MAX_AT_ONCE = 16
"""Most images that are asked for at a time."""
_SHOWN = 300


async def check_components(components: Iterable[Component], open_repository: OpenRepository) -> list[Finding]:
    """What is wrong with the references of a release, component by component.

    Raises:
        UserError: a repository cannot be opened as things are configured.
    """
    found: list[Finding] = []
    wanted: dict[Repository, list[Component]] = {}
    for component in components:
        place = _place(component)
        if isinstance(place, Finding):
            found.append(place)
        else:
            wanted.setdefault(place, []).append(component)
    permits = asyncio.Semaphore(MAX_AT_ONCE)
    async with AsyncExitStack() as stack:
        sources = {place: await stack.enter_async_context(open_repository(place)) for place in wanted}
        async with asyncio.TaskGroup() as tasks:
            asked = [
                tasks.create_task(_ask(sources[place], component, permits))
                for place, there in wanted.items()
                for component in there
            ]
    return found + [fault for task in asked if (fault := task.result()) is not None]


def _place(component: Component) -> Repository | Finding:
    try:
        name = parse_image_name(component.pull_spec)
    except UserError as error:
        return _finding(COMPONENT_UNPINNED, component, f"its pull spec cannot be used: {error.seen}")
    if component.digest is None or not isinstance(name.place, Repository):
        return _finding(COMPONENT_UNPINNED, component, f"its pull spec is {component.pull_spec[:_SHOWN]!r}")
    return name.place


async def _ask(source: ImageSource, component: Component, permits: asyncio.Semaphore) -> Finding | None:
    try:
        async with permits:
            await source.manifest(component.digest or "")
    except ImageMissing:
        return _finding(COMPONENT_MISSING, component, f"{source.name} has no {component.digest}")
    except RemoteError as error:
        return _finding(COMPONENT_UNREACHABLE, component, error.seen)
    except UpgraphError as error:
        return Finding.of(error, component.name)
    return None


def _finding(problem: Problem, component: Component, seen: str) -> Finding:
    return Finding(Severity.ERROR, problem, seen, component.name)
