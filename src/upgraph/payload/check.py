"""Whether a release is what clusters need it to be: everything that is wrong with it, not only the first fault.

The rules are those of the Cluster Version Operator, which refuses a whole release for one of them, of the
scraper of Cincinnati, and of `oc adm release`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from upgraph.errors import DataError, Finding, RemoteError, Severity, UpgraphError, VerificationError
from upgraph.errors.findings import ordered
from upgraph.errors.problems.payload import NO_OPERATOR_FILES
from upgraph.oci import Digest, ImageSource, is_digest
from upgraph.payload.agreement import index_findings, member_findings, payload_findings, tag_findings
from upgraph.payload.components import OpenRepository, check_components
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


async def examine_release(
    source: ImageSource,
    reference: str,
    *,
    open_repository: OpenRepository | None,
    signatures: Mapping[str, SignatureCheck] = _NOBODY,
) -> Verdict:
    """Examine the release that a tag or digest points to.

    Args:
        source: where it lies.
        reference: tag or digest.
        open_repository: opens repositories of components; None: nobody asks whether components are there.
        signatures: each has to find a valid one; without any, signatures are not looked at.

    Raises:
        UserError: there is nothing that could judge signatures.
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
    said = {name: await check.check(manifest.digest) for name, check in signatures.items()}
    findings += [Finding.of(outcome) for outcome in said.values() if isinstance(outcome, UpgraphError)]
    return Verdict(
        manifest.digest,
        payloads[0].version if payloads else None,
        tuple(member.config.architecture for member in members),
        len(objects),
        len(payloads[0].references.components) if payloads else 0,
        ordered(findings),
        said,
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
