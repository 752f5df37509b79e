"""From a configuration to the steps that look at everything it names, with the inputs that the service itself has."""

import shlex
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

from upgraph.errors import UserError
from upgraph.graphdata import repository_of
from upgraph.oci import Access, Repository
from upgraph.service.building.following import ReleaseSource
from upgraph.service.building.saved_source import SavedSource
from upgraph.service.building.sources import access_of, mirrors_of, open_graph_data, open_releases
from upgraph.service.building.upstream import Upstream
from upgraph.service.configuration import REGISTRY_SCHEMES, Configuration
from upgraph.service.doctor import inputs
from upgraph.service.doctor.check import Step
from upgraph.service.doctor.host import Host
from upgraph.service.doctor.images import Images, RegistryPlace
from upgraph.service.doctor.machine import machine_steps, payload_step
from upgraph.service.doctor.signing import signing_steps
from upgraph.service.doctor.ways import Ways
from upgraph.service.setting import masked

_ADDRESS_SCHEMES = ("https://", "http://")


class Plan:
    """All steps for a configuration. Nothing is contacted before they run.

    Args:
        configuration: what the service serves, and how.
        environment: variables of the process, which say where credentials and proxies are.
    """

    def __init__(self, configuration: Configuration, environment: Mapping[str, str]) -> None:
        self._configuration = configuration
        self._environment = environment
        self._access, self._access_step = access_and_step(configuration, environment)
        self._ways = Ways(self._access, self._access_step)
        self._open = AsyncExitStack()
        self.steps = tuple(self._steps())
        """Each behind those that it needs."""

    @property
    def spares(self) -> Mapping[Step, frozenset[Step]]:
        """Steps whose failure is made up for where one of these is well."""
        return self._ways.spares

    async def close(self) -> None:
        """Close what the steps have opened."""
        await self._open.aclose()

    def _steps(self) -> Iterator[Step]:
        configuration = self._configuration
        yield self._access_step
        if configuration.bundle is not None:
            yield _bundle(configuration.bundle)
        elif configuration.upstream is not None:
            yield from self._guarded(configuration.upstream, self._upstream(configuration.upstream))
        else:
            for text in configuration.releases:
                yield from self._guarded(text, self._releases(text))
            if configuration.graph_data:
                yield from self._guarded(configuration.graph_data, self._graph_data(configuration.graph_data))
        for path in configuration.promoted:
            read = partial(inputs.read_promotion, path)
            yield Step("promoted", str(path), read, words=_file(str(path)))
        yield from signing_steps(configuration, self._environment, self._access, self._access_step)
        yield from self._payload()
        yield from machine_steps(configuration)

    def _guarded(self, text: str, steps: Iterator[Step]) -> Iterator[Step]:
        """Steps, or the one that tells why there are none."""
        try:
            yield from list(steps)
        except UserError as error:
            found = error
            yield Step("source", masked(text), lambda: inputs.fail(found), (self._access_step,))

    def _upstream(self, url: str) -> Iterator[Step]:
        yield from self._ways.to(url)
        yield from self._ways.clock(url, self._ways.end(url))
        words = {**Host.of(url, self._access).words, "url": shlex.quote(masked(url))}
        yield Step(
            "graph",
            masked(url),
            lambda: inputs.read_upstream(Upstream(url, self._access)),
            (self._ways.end(url),),
            words=words,
        )

    def _releases(self, text: str) -> Iterator[Step]:
        source = open_releases(text, self._configuration, self._access)
        self._open.push_async_callback(source.close)
        if isinstance(source, SavedSource):
            words = _file(str(source.path))
            yield Step("releases", text, lambda: inputs.read_saved_scrape(source), words=words)
        elif isinstance(source, ReleaseSource) and text.startswith(REGISTRY_SCHEMES):
            yield from self._repository(Repository.parse(text), source)
        elif isinstance(source, ReleaseSource):
            yield from Images(source.images, _file(text.partition(":")[2])).steps(())

    def _repository(self, repository: Repository, source: ReleaseSource) -> Iterator[Step]:
        places = places_of(self._configuration, repository)
        for place in places:
            yield from self._ways.into(place)
        logins = tuple(map(self._ways.login, places))
        listing, release = Images(source.images, RegistryPlace(repository, self._access).words).steps(logins)
        self._ways.note_user(places, listing)
        yield from (listing, release)

    def _graph_data(self, text: str) -> Iterator[Step]:
        repository = repository_of(text)
        logins: tuple[Step, ...] = ()
        needs: tuple[Step, ...] = ()
        places: tuple[Repository, ...] = ()
        words: Mapping[str, str] = _file(_path(text))
        if repository is not None:
            places = places_of(self._configuration, repository)
            for place in places:
                yield from self._ways.into(place)
            logins = tuple(map(self._ways.login, places))
            words = RegistryPlace(repository, self._access).words
        elif text.startswith(_ADDRESS_SCHEMES):
            yield from self._ways.to(text)
            yield from self._ways.clock(text, self._ways.end(text))
            needs = (self._ways.end(text),)
            words = {**Host.of(text, self._access).words, "url": shlex.quote(masked(text))}
        step = Step(
            "graph-data",
            masked(text),
            lambda: inputs.read_graph_data(lambda: open_graph_data(self._configuration, self._access)),
            needs,
            logins,
            inputs.GRAPH_DATA_SECONDS,
            words,
        )
        self._ways.note_user(places, step)
        yield step

    def _payload(self) -> Iterator[Step]:
        named = self._configuration.payload_repository
        if named:
            yield payload_step(named, "--payload-repository")
            return
        for text in self._configuration.releases:
            if text.startswith(REGISTRY_SCHEMES):
                yield payload_step(text.partition("://")[2], f"the source {text}")


def access_and_step(configuration: Configuration, environment: Mapping[str, str]) -> tuple[Access, Step]:
    """How others are reached, and the step that tells what is wrong with it."""
    subject = "credentials, certificates and proxies"
    try:
        access = access_of(configuration, environment)
    except UserError as error:
        found = error
        # What needs it is skipped, so this one is never used.
        return Access(), Step("access", subject, lambda: inputs.fail(found))
    seen = "the files and variables of the service can be used"
    return access, Step("access", subject, lambda: inputs.tell_findings(access.findings, seen))


def _bundle(path: Path) -> Step:
    seconds, words = inputs.BUNDLE_SECONDS, _file(str(path))
    return Step("bundle", str(path), lambda: inputs.read_bundle(path), seconds=seconds, words=words)


def places_of(configuration: Configuration, repository: Repository) -> tuple[Repository, ...]:
    """Where a repository is read: its mirrors and itself, each in every way in which it may be asked."""
    places = mirrors_of(configuration).places(repository)
    return tuple(one for place in places for one in place.repositories)


def _file(path: str) -> dict[str, str]:
    return {"file": shlex.quote(path)}


def _path(text: str) -> str:
    """The path in the name of graph data on this machine, without the scheme before it and the reference behind it."""
    if Path(text).exists():
        return text
    rest = text.partition(":")[2] or text
    return rest.partition("#")[0]
