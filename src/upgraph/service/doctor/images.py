"""A source of release images: the login, the listing of its tags, one release read. A registry, or a place on a disk."""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from upgraph.errors import RemoteError, Severity, UpgraphError
from upgraph.errors.problems import oci as problems
from upgraph.errors.problems.doctor import RELEASE_NOT_MET
from upgraph.errors.problems.service import RELEASES_EMPTY
from upgraph.oci import Access, ImageSource, Repository, ask_for_leave, greet
from upgraph.payload import OtherImage, ReleaseImage, Verification, read_release
from upgraph.service.building.tags import is_companion
from upgraph.service.doctor.check import Outcome, Outcomes, Result, Step
from upgraph.service.doctor.host import Host

TRIED_TAGS = 8
"""Tags of a source that are looked at until a release is met."""
RELEASE_SECONDS = 60.0
"""Longest time for reading them."""
TAGS_SECONDS = 60.0
"""Longest time for a listing."""
SHOWN_KEYS = 5
"""Keys of an auth file that are named where none fits."""

_VERSION = re.compile(r"v?(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?!\d)")


@dataclass(frozen=True, slots=True)
class RegistryPlace:
    """A repository of a registry, as one place of a source."""

    repository: Repository
    access: Access

    @property
    def words(self) -> Mapping[str, str]:
        """What commands call it."""
        host = Host.of(self.repository.url, self.access)
        return {
            **host.words,
            "url": shlex.quote(f"{self.repository.url}/v2/"),
            "repository": shlex.quote(self.repository.name),
            "host_port": shlex.quote(self.repository.host),
        }

    def steps(self, way_end: Step, access_step: Step) -> tuple[Step, ...]:
        """From the first request to the permission to read."""
        subject, words = str(self.repository), self.words
        registry = Step("registry", subject, self._greet, (way_end,), words=words)
        credentials = Step("credentials", subject, self._look_up, (access_step,), words=words)
        login = Step("login", subject, self._log_in, (registry, credentials), words=words)
        return (registry, credentials, login)

    async def _greet(self) -> Outcomes:
        greeting = await greet(f"{self.repository.url}/v2/", self.access)
        offered = ", ".join(
            f"{one.scheme} at {one.parameters['realm']}"
            if one.scheme == "bearer" and "realm" in one.parameters
            else one.scheme
            for one in greeting.challenges
        )
        if greeting.status == 401:
            return (
                Outcome(f"{self.repository.url}/v2/ wants a login: {offered or 'it does not say which'}"),
            )
        if greeting.status == 200:
            return (Outcome(f"{self.repository.url}/v2/ answers without a login"),)
        if greeting.status == 400 and self.repository.url.startswith("http:"):
            seen = f"GET {self.repository.url}/v2/: status 400, which is what a server that speaks TLS answers to plain HTTP"
            remedy = "Name the source docker://..., for a registry with TLS, or another port."
            return (Outcome(seen, Result.ERROR, problems.BROKEN_ANSWER, remedy, "registry-answer-tls"),)
        seen = f"GET {self.repository.url}/v2/: status {greeting.status}, where a registry answers 200 or 401"
        return (Outcome(seen, Result.WARNING, problems.BROKEN_ANSWER),)

    async def _look_up(self) -> Outcomes:
        found = await self.access.credentials.lookup(self.repository.host, self.repository.path)
        if found.login is not None:
            return (Outcome(f"{self.repository.name}: {found}"),)
        return (Outcome(f"{self.repository.name}: {found}{self._near_misses()}"),)

    def _near_misses(self) -> str:
        """Keys for the same machine, since a missing port is the usual mistake."""
        machine = Host.of(self.repository.url, self.access).name
        near = [key for key in self.access.credentials.keys if machine in key]
        if not near:
            return ""
        return f"; there are logins for {', '.join(near[:SHOWN_KEYS])}, which is not the same"

    async def _misses_of_refused(self) -> str:
        """As :meth:`_near_misses`, where no login was found; one that was found and is refused is no miss."""
        found = await self.access.credentials.lookup(self.repository.host, self.repository.path)
        return self._near_misses() if found.login is None else ""

    async def _log_in(self) -> Outcomes:
        try:
            status = await ask_for_leave(self.repository, self.access)
        except RemoteError as error:
            near = await self._misses_of_refused() if error.problem is problems.UNAUTHORIZED else ""
            return (Outcome(f"{error.seen}{near}", Result.ERROR, error.problem, error.remedy),)
        return (Outcome(f"{self.repository} lets us in (status {status})"),)


@dataclass(slots=True)
class Images:
    """A source of images, and what was seen in it so far."""

    source: ImageSource
    words: Mapping[str, str]
    tags: Sequence[str] = ()

    def steps(self, any_of: tuple[Step, ...]) -> tuple[Step, Step]:
        """The listing, which needs any of some steps if there are any, and one release."""
        name, words = self.source.name, self.words
        listing = Step("tags", name, self._list, (), any_of, TAGS_SECONDS, words)
        release = Step("release", name, self._read, (listing,), (), RELEASE_SECONDS, words)
        return listing, release

    async def _list(self) -> Outcomes:
        listed = await self.source.tags()
        self.tags = [tag for tag in listed if not is_companion(tag)]
        if not self.tags:
            return (Outcome(f"{self.source.name} lists no tag of an image", Result.ERROR, RELEASES_EMPTY),)
        shown = ", ".join(likely(self.tags)[:3])
        return (Outcome(f"{len(self.tags)} tags of images, for example {shown}"),)

    async def _read(self) -> Outcomes:
        faults: list[Outcome] = []
        for tag in likely(self.tags)[:TRIED_TAGS]:
            image = await self._image(tag)
            if isinstance(image, Outcome):
                faults.append(image)
            elif isinstance(image, ReleaseImage):
                seen = (
                    f"tag {tag} is release {image.metadata.document.version} for {image.arch}, {image.digest}"
                )
                return (Outcome(seen), *map(_as_warning, faults))
        if faults:
            return tuple(faults[:1])
        seen = f"none of the {min(len(self.tags), TRIED_TAGS)} tags that were looked at is a release"
        return (Outcome(f"{seen}, first {likely(self.tags)[0]}", Result.WARNING, RELEASE_NOT_MET),)

    async def _image(self, tag: str) -> ReleaseImage | Outcome | None:
        """The release of a tag, why it cannot be read, or None if it is another image."""
        try:
            manifest = await self.source.manifest(tag)
            image = (await read_release(self.source, manifest, Verification.PREFIX)).image
        except UpgraphError as error:
            return Outcome(f"tag {tag}: {error.seen}", Result.ERROR, error.problem, error.remedy)
        if isinstance(image, OtherImage):
            finding = image.finding
            if finding.severity is not Severity.ERROR:
                return None
            return Outcome(f"tag {tag}: {finding.seen}", Result.ERROR, finding.problem)
        return image


def likely(tags: Sequence[str]) -> list[str]:
    """Tags in the order in which releases are likely: those with the highest versions first, then the others."""
    versions = {tag: tuple(map(int, found.groups())) for tag in tags if (found := _VERSION.match(tag))}
    return [
        *sorted(versions, key=lambda tag: (versions[tag], tag), reverse=True),
        *sorted(set(tags) - versions.keys()),
    ]


def _as_warning(outcome: Outcome) -> Outcome:
    return Outcome(outcome.seen, Result.WARNING, outcome.problem, outcome.remedy, outcome.topic)
