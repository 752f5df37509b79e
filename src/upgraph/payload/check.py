"""Whether a release is what clusters need it to be: everything that is wrong with it, not only the first fault.

The rules are those of the Cluster Version Operator, which refuses a whole release for one of them, of the
scraper of Cincinnati, and of `oc adm release`. Where registries are slow or gone it takes a limited time: what was
found until then is told, and what was not looked at.
"""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from upgraph.errors import DataError, Finding, RemoteError, Severity, UpgraphError, VerificationError
from upgraph.errors.findings import ordered
from upgraph.errors.problems.payload import NO_OPERATOR_FILES, RELEASE_CUT_SHORT
from upgraph.oci import Digest, ImageSource, Manifest, is_digest
from upgraph.payload.agreement import index_findings, member_findings, payload_findings, tag_findings
from upgraph.payload.components import ComponentCheck, OpenRepository
from upgraph.payload.manifests import ManifestObject, read_manifest, unlisted_images
from upgraph.payload.operator_files import has_operator_files
from upgraph.payload.signature_check import SignatureCheck, SignatureOutcome
from upgraph.payload.whole import Member, Payload, read_members, read_payload

_NOBODY: Mapping[str, SignatureCheck] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found."""

    digest: Digest
    version: str | None
    """None if no image of the release could be read."""
    architectures: tuple[str, ...]
    manifests: int
    """Objects in the manifests of one image."""
    components: int
    findings: tuple[Finding, ...]
    """Gravest first."""
    signatures: Mapping[str, SignatureOutcome]
    """What each of those said who were asked for signatures, by the name of its check."""


@dataclass(frozen=True, slots=True)
class Examination:
    """How a release is examined.

    Args:
        open_repository: opens repositories of components; None: nobody asks whether components are there.
        signatures: each has to find a valid one; without any, signatures are not looked at.
        seconds: longest time for all of it; None: as long as it takes.
    """

    open_repository: OpenRepository | None = None
    signatures: Mapping[str, SignatureCheck] = field(default_factory=lambda: _NOBODY)
    seconds: float | None = None


_EVERYTHING_INSIDE = Examination()


async def examine_release(
    source: ImageSource, reference: str, examination: Examination = _EVERYTHING_INSIDE
) -> Verdict:
    """Examine the release that a tag or digest points to.

    Args:
        source: where it lies.
        reference: tag or digest.
        examination: what is asked beyond what is inside, and how long that may take.

    Raises:
        UserError: there is nothing that could judge signatures.
        RemoteError: its manifest was not there in time.
        UpgraphError: its manifest could not be read. Everything else is a finding.
    """
    end = _end_of(examination.seconds)
    try:
        async with asyncio.timeout_at(end):
            manifest = await source.manifest(reference)
    except TimeoutError as error:
        seen = f"{source.name}: the manifest of {reference} was not read within {examination.seconds:g} s"
        raise RemoteError(RELEASE_CUT_SHORT, seen) from error
    under_way = _UnderWay(source, reference, manifest, examination)
    try:
        async with asyncio.timeout_at(end):
            await under_way.run()
    except TimeoutError:
        under_way.cut_short()
    return under_way.verdict()


def _end_of(seconds: float | None) -> float | None:
    """The time of the loop when so many seconds are over."""
    return None if seconds is None else asyncio.get_running_loop().time() + seconds


class _UnderWay:
    """An examination step by step, which may be cut short between and in all of them."""

    def __init__(
        self, source: ImageSource, reference: str, manifest: Manifest, examination: Examination
    ) -> None:
        self._source = source
        self._reference = reference
        self._manifest = manifest
        self._examination = examination
        self._members: tuple[Member, ...] | None = None
        self._read = 0
        self._payloads: list[Payload] = []
        self._objects: tuple[ManifestObject, ...] = ()
        self._components: ComponentCheck | None = None
        self._said: dict[str, SignatureOutcome] = {}
        self._findings: list[Finding] = []

    async def run(self) -> None:
        """Examine all of it."""
        # Before the components, of which there are many at other places: it is what matters most.
        for name, check in self._examination.signatures.items():
            self._said[name] = await check.check(self._manifest.digest)
        await self._look_inside()
        if self._components is not None:
            await self._components.run()

    def cut_short(self) -> None:
        """Tell what was not looked at."""
        seen = f"after {self._examination.seconds:g} s these were not looked at: {', '.join(self._open())}"
        self._findings.append(Finding(Severity.ERROR, RELEASE_CUT_SHORT, seen))

    def verdict(self) -> Verdict:
        """What was found until now."""
        outcomes = [Finding.of(one) for one in self._said.values() if isinstance(one, UpgraphError)]
        asked = self._components.findings if self._components is not None else []
        return Verdict(
            self._manifest.digest,
            self._payloads[0].version if self._payloads else None,
            tuple(member.config.architecture for member in self._members or ()),
            len(self._objects),
            len(self._payloads[0].references.components) if self._payloads else 0,
            ordered((*self._findings, *asked, *outcomes)),
            self._said,
        )

    def _open(self) -> Iterator[str]:
        """What was not looked at, in words."""
        for name in self._examination.signatures:
            if name not in self._said:
                yield f"signatures ({name})"
        if self._members is None:
            yield "the images of the release"
        elif self._read < len(self._members):
            yield f"{len(self._members) - self._read} of {len(self._members)} images of the release"
        if self._components is not None and self._components.open:
            yield f"{self._components.open} of its components"
        elif self._components is None and self._examination.open_repository is not None:
            yield "its components"

    async def _look_inside(self) -> None:
        try:
            self._members = await read_members(self._source, self._manifest)
        except (DataError, RemoteError, VerificationError) as error:
            self._members = ()
            self._findings.append(Finding.of(error))
        for member in self._members:
            payload = await self._read_image(member)
            self._read += 1
            self._payloads += [payload] if payload is not None else []
        if self._payloads:
            self._compare(self._payloads[0])

    async def _read_image(self, member: Member) -> Payload | None:
        """One image of the release, or None if it cannot be read."""
        digest = member.digest
        self._findings += member_findings(member)
        try:
            payload = await read_payload(self._source, member)
            if not await has_operator_files(self._source, member.image.layers):
                seen = "no layer has a file below /manifests"
                self._findings.append(Finding(Severity.WARNING, NO_OPERATOR_FILES, seen, digest))
        except (DataError, RemoteError, VerificationError) as error:
            self._findings.append(Finding.of(error, digest))
            return None
        self._findings += payload_findings(payload)
        return payload

    def _compare(self, first: Payload) -> None:
        """What the images say of each other, of their name, and of their components."""
        self._findings += index_findings(self._payloads)
        self._findings += () if is_digest(self._reference) else tag_findings(self._reference, first)
        self._objects = self._read_objects(first)
        if self._examination.open_repository is not None:
            self._components = ComponentCheck(first.references.components, self._examination.open_repository)

    def _read_objects(self, payload: Payload) -> tuple[ManifestObject, ...]:
        """The objects of all manifests."""
        found: list[ManifestObject] = []
        for name, file in payload.manifests.items():
            objects, faults = read_manifest(name, file.content)
            found += objects
            self._findings += faults
        self._findings += unlisted_images(tuple(found), payload.references)
        return tuple(found)
