"""Whether a release is what clusters need it to be: everything that is wrong with it, not only the first fault.

The rules are those of the Cluster Version Operator, which refuses a whole release for one of them, of the
scraper of Cincinnati, and of `oc adm release`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from upgraph.errors import DataError, Finding, RemoteError, Severity, VerificationError
from upgraph.errors.findings import ordered
from upgraph.errors.problems.payload import NO_OPERATOR_FILES
from upgraph.oci import Digest, ImageSource, is_digest
from upgraph.payload.agreement import index_findings, member_findings, payload_findings, tag_findings
from upgraph.payload.components import OpenRepository, check_components
from upgraph.payload.manifests import ManifestObject, read_manifest, unlisted_images
from upgraph.payload.operator_files import has_operator_files
from upgraph.payload.whole import Member, Payload, read_members, read_payload


class SignatureCheck(Protocol):
    """Whether a release is signed, for whoever has keys to tell."""

    async def findings(self, digest: Digest) -> Sequence[Finding]:
        """What is wrong with the signatures of the release; nothing if it has a valid one."""
        ...


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


async def examine_release(
    source: ImageSource,
    reference: str,
    *,
    open_repository: OpenRepository | None,
    signatures: SignatureCheck | None = None,
) -> Verdict:
    """Examine the release that a tag or digest points to.

    Args:
        source: where it lies.
        reference: tag or digest.
        open_repository: opens repositories of components; None: nobody asks whether components are there.
        signatures: checks them; None: they are not looked at.

    Raises:
        UpgraphError: its manifest could not be read. Everything else is a finding.
    """
    manifest = await source.manifest(reference)
    findings: list[Finding] = []
    members: tuple[Member, ...] = ()
    try:
        members = await read_members(source, manifest)
    except (DataError, RemoteError, VerificationError) as error:
        findings.append(Finding.of(error))
    payloads = [payload for member in members if (payload := await _read(source, member, findings))]
    objects: tuple[ManifestObject, ...] = ()
    if payloads:
        findings += index_findings(payloads)
        findings += () if is_digest(reference) else tag_findings(reference, payloads[0])
        objects = _objects(payloads[0], findings)
        if open_repository is not None:
            findings += await check_components(payloads[0].references.components, open_repository)
    if signatures is not None:
        findings += await signatures.findings(manifest.digest)
    return Verdict(
        manifest.digest,
        payloads[0].version if payloads else None,
        tuple(member.config.architecture for member in members),
        len(objects),
        len(payloads[0].references.components) if payloads else 0,
        ordered(findings),
    )


async def _read(source: ImageSource, member: Member, findings: list[Finding]) -> Payload | None:
    """One image of the release, or None if it cannot be read; what is wrong is added to the findings."""
    digest = member.digest
    findings += member_findings(member)
    try:
        payload = await read_payload(source, member)
        if not await has_operator_files(source, member.image.layers):
            seen = "no layer has a file below /manifests"
            findings.append(Finding(Severity.WARNING, NO_OPERATOR_FILES, seen, digest))
    except (DataError, RemoteError, VerificationError) as error:
        findings.append(Finding.of(error, digest))
        return None
    findings += payload_findings(payload)
    return payload


def _objects(payload: Payload, findings: list[Finding]) -> tuple[ManifestObject, ...]:
    """The objects of all manifests; what is wrong with them is added to the findings."""
    found: list[ManifestObject] = []
    for name, file in payload.manifests.items():
        objects, faults = read_manifest(name, file.content)
        found += objects
        findings += faults
    findings += unlisted_images(tuple(found), payload.references)
    return tuple(found)
