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


class ComponentCheck:
    """The references of a release, component by component. What was found out stays when it is cut short.

    Args:
        components: what the release refers to.
        open_repository: opens their repositories.
    """

    def __init__(self, components: Iterable[Component], open_repository: OpenRepository) -> None:
        self._components = tuple(components)
        self._open_repository = open_repository
        self._outcomes: dict[int, Finding | None] = {}
        self._permits = asyncio.Semaphore(MAX_AT_ONCE)

    @property
    def findings(self) -> list[Finding]:
        """What is wrong with those that were asked for, in the order of the release."""
        return [fault for _, fault in sorted(self._outcomes.items()) if fault is not None]

    @property
    def open(self) -> int:
        """How many were not asked for yet."""
        return len(self._components) - len(self._outcomes)

    async def run(self) -> None:
        """Ask for all of them.

        Raises:
            UserError: a repository cannot be opened as things are configured.
        """
        wanted: dict[Repository, list[int]] = {}
        for number, component in enumerate(self._components):
            place = _place(component)
            if isinstance(place, Finding):
                self._outcomes[number] = place
            else:
                wanted.setdefault(place, []).append(number)
        async with AsyncExitStack() as stack:
            sources = {
                place: await stack.enter_async_context(self._open_repository(place)) for place in wanted
            }
            async with asyncio.TaskGroup() as tasks:
                for place, numbers in wanted.items():
                    for number in numbers:
                        tasks.create_task(self._ask(sources[place], number))

    async def _ask(self, source: ImageSource, number: int) -> None:
        async with self._permits:
            self._outcomes[number] = await _ask(source, self._components[number])


def _place(component: Component) -> Repository | Finding:
    try:
        name = parse_image_name(component.pull_spec)
    except UserError as error:
        return _finding(COMPONENT_UNPINNED, component, f"its pull spec cannot be used: {error.seen}")
    if component.digest is None or not isinstance(name.place, Repository):
        return _finding(COMPONENT_UNPINNED, component, f"its pull spec is {component.pull_spec[:_SHOWN]!r}")
    return name.place


async def _ask(source: ImageSource, component: Component) -> Finding | None:
    try:
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
