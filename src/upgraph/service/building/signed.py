"""Lets releases into the graph whose digest is validly signed, where that is required.

1. A release that was verified stays verified: signatures of a digest do not change, so what a store says or
   does not say later takes nothing away. It is remembered over a restart for the same keyrings and policy.
2. A release that was not is looked at anew in each round, so a signature that arrives later lets it in.
3. What cannot be found out because a store does not answer is left out, and what was let in before stays.

A signature covers a digest. That the rest of a release belongs to the digest is what whole-layer
verification proves, which is therefore required with it.
"""

import os
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Protocol

import msgspec

from upgraph.errors import DataError, Finding, Problem, RemoteError, Severity, UpgraphError, UserError
from upgraph.errors.findings import ordered
from upgraph.graph import Provenance, Release
from upgraph.oci import Access, Digest
from upgraph.service.building.gatherer import Gathered, SourceOutcome
from upgraph.service.building.library import Library
from upgraph.service.building.sources import signature_reach
from upgraph.service.bundle import Content
from upgraph.service.configuration import Configuration
from upgraph.service.trust import keyring_contents, trust_of
from upgraph.signing import (
    Candidate,
    Collection,
    Gpgv,
    MemoryStore,
    Policy,
    SignatureStore,
    VerifiedDigest,
    Verifier,
    examine,
    open_store,
    read_keyrings,
)
from upgraph.syntax.signature_names import name_of_path

MAX_REMEMBERED = 200_000
"""Verified digests that are remembered; beyond that only those of releases that are there."""
_DOCUMENT = "verified digests"


@dataclass(frozen=True, slots=True)
class Admitted:
    """Which releases were let through."""

    releases: tuple[Release, ...]
    findings: tuple[Finding, ...] = ()
    """Why others were not."""
    problems: Mapping[str, Problem] = field(default_factory=dict)
    """The same by the digest of each."""
    is_open: bool = False
    """Whether others may be let through later, although the releases stay the same."""


class Gate(Protocol):
    """Lets releases through, or not."""

    def known(self, releases: tuple[Release, ...]) -> tuple[Release, ...]:
        """Those that are let through without asking anybody."""
        ...

    async def admit(self, releases: tuple[Release, ...], carried: SignatureStore | None = None) -> Admitted:
        """Those that are let through now.

        Args:
            releases: what sources hold.
            carried: signatures that came with them.
        """
        ...


class _OpenGate:
    """Lets everything through."""

    def known(self, releases: tuple[Release, ...]) -> tuple[Release, ...]:
        return releases

    async def admit(
        self,
        releases: tuple[Release, ...],
        carried: SignatureStore | None = None,  # noqa: ARG002 - nobody asks for signatures
    ) -> Admitted:
        return Admitted(releases)


OPEN: Gate = _OpenGate()
"""The gate of a service that requires no signatures."""


class _Remembered(msgspec.Struct):
    trust: str
    digests: list[str]


class SignatureGate:
    """Lets releases through that are validly signed.

    Args:
        verifier: decides.
        stores: where signatures are.
        library: remembers over a restart; None for no memory.
        trust: what stands for keyrings and policy.
        seconds: longest time for the stores in a round; None for no limit.
    """

    def __init__(
        self,
        verifier: Verifier,
        stores: Sequence[SignatureStore],
        library: Library | None,
        trust: str,
        *,
        seconds: float | None = None,
    ) -> None:
        self._verifier = verifier
        self._stores = stores
        self._library = library
        self._trust = trust
        self._seconds = seconds
        self._verified = self._recall()

    def known(self, releases: tuple[Release, ...]) -> tuple[Release, ...]:
        """See :meth:`Gate.known`."""
        return tuple(filter(self._is_proven, releases))

    def _is_proven(self, release: Release) -> bool:
        # A reading of before, kept because a new one failed, may be of the beginning of a layer only.
        return release.digest in self._verified and release.provenance is Provenance.VERIFIED

    async def admit(self, releases: tuple[Release, ...], carried: SignatureStore | None = None) -> Admitted:
        """See :meth:`Gate.admit`."""
        unknown = {release.digest for release in releases} - self._verified
        findings = await self._refresh() if unknown else []
        stores = [*([carried] if carried else []), *self._stores]
        outcomes = await examine(self._verifier, unknown, stores, seconds=self._seconds)
        self._remember([one for one in outcomes.values() if isinstance(one, VerifiedDigest)], releases)
        refused = {digest: one for digest, one in outcomes.items() if isinstance(one, UpgraphError)}
        findings += _left_out(releases, refused)
        is_open = bool(refused and self._stores)
        problems = {digest: error.problem for digest, error in refused.items()}
        return Admitted(self.known(releases), ordered(findings), problems, is_open)

    async def _refresh(self) -> list[Finding]:
        """Look anew into the stores. One that cannot be read keeps what it held."""
        findings: list[Finding] = []
        for store in self._stores:
            try:
                findings += await store.refresh()
            except UpgraphError as error:
                findings.append(Finding.of(error, store.name))
        return findings

    def _remember(self, verified: Sequence[VerifiedDigest], releases: Iterable[Release]) -> None:
        if not verified:
            return
        self._verified |= {one.digest for one in verified}
        if len(self._verified) > MAX_REMEMBERED:
            self._verified &= {release.digest for release in releases}
        if self._library is not None:
            document = _Remembered(self._trust, sorted(self._verified))
            self._library.keep_document(_DOCUMENT, msgspec.json.encode(document))

    def _recall(self) -> set[str]:
        content = self._library.document(_DOCUMENT) if self._library is not None else None
        try:
            kept = msgspec.json.decode(content or b"", type=_Remembered)
        except msgspec.DecodeError:
            return set()
        return set(kept.digests) if kept.trust == self._trust else set()


def _left_out(releases: Iterable[Release], refused: dict[str, UpgraphError]) -> list[Finding]:
    """A finding for each release that is not signed; one for all of which nothing could be found out."""
    findings = []
    unknown: list[tuple[Release, UpgraphError]] = []
    for release in releases:
        error = refused.get(release.digest)
        if isinstance(error, RemoteError):
            unknown.append((release, error))
        elif error is not None:
            seen = f"{error.seen}; the release is left out"
            findings.append(Finding(Severity.ERROR, error.problem, seen, release.version.text))
    if unknown:
        first, error = unknown[0]
        seen = f"{len(unknown)} releases are left out until it is known whether they are signed, first {first.version}"
        findings.append(Finding(Severity.ERROR, error.problem, f"{seen}: {error.seen}"))
    return findings


@asynccontextmanager
async def open_gate(
    configuration: Configuration, access: Access, library: Library | None
) -> AsyncIterator[Gate]:
    """The gate that a configuration asks for.

    Raises:
        UserError: a keyring or a source of signatures cannot be used, or there is no gpgv.
    """
    if not configuration.require_signatures:
        yield OPEN
        return
    contents = keyring_contents(configuration.require_signatures)
    named = zip(configuration.require_signatures, contents, strict=True)
    try:
        rings = [ring for path, content in named for ring in read_keyrings(content, str(path))]
    except DataError as error:
        raise UserError(error.problem, error.seen, remedy=error.remedy) from error
    trust = trust_of(contents, configuration.signature_policy)
    async with AsyncExitStack() as stack:
        judge = stack.enter_context(Gpgv(os.environ))
        stores: list[SignatureStore] = []
        if configuration.signatures is not None:
            stores.append(open_store(configuration.signatures, signature_reach(configuration, access)))
            stack.push_async_callback(stores[0].close)
        verifier = Verifier(rings, judge, policy=Policy(configuration.signature_policy))
        yield SignatureGate(verifier, stores, library, trust, seconds=configuration.scrape_timeout)


async def admit(gathered: Gathered, gate: Gate) -> Gathered:
    """What sources hold, without what a gate does not let through."""
    admitted = await gate.admit(gathered.releases)
    left_out = len(gathered.releases) - len(admitted.releases)
    findings = ordered((*gathered.findings, *admitted.findings))
    if not left_out:
        return replace(gathered, findings=findings)
    message = f"{gathered.report.message}; {left_out} left out for want of a valid signature"
    report = msgspec.structs.replace(
        gathered.report, releases=len(admitted.releases), unsigned=left_out, message=message
    )
    asked = tuple(_with_refused(outcome, admitted) for outcome in gathered.asked)
    return replace(gathered, releases=admitted.releases, findings=findings, report=report, asked=asked)


def _with_refused(outcome: SourceOutcome, admitted: Admitted) -> SourceOutcome:
    """The same; the releases that were not let through are among what was left out."""
    refused = [
        Finding(Severity.ERROR, admitted.problems[release.digest], release.digest, release.version.text)
        for release in outcome.releases
        if release.digest in admitted.problems
    ]
    return replace(outcome, findings=(*outcome.findings, *refused))


def bundled_store(bundle: Content, name: str) -> MemoryStore:
    """The signatures of a bundle as a store."""
    found: dict[Digest, list[Candidate]] = {}
    for path, content in sorted(bundle.signatures.items()):
        named = name_of_path(path)
        if named is not None:
            digest = Digest(f"{named.algorithm}:{named.hex_digest}")
            found.setdefault(digest, []).append(Candidate(f"{name}: {path}", content))
    return MemoryStore(Collection(name, found))
