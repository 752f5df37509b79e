"""``upgraph release verify``: whether a release is what clusters need."""

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path

import click

from upgraph.cli.images import Opener
from upgraph.cli.output import FORMATS, Format, emit, emit_document, output_option, printable, show_findings
from upgraph.cli.release.opening import opened
from upgraph.cli.release.trust import OPENPGP, Trust, open_trust, trust_options
from upgraph.cli.settings import access_options, configuration
from upgraph.cli.signatures.outcomes import Standing, lines, standing, unverified
from upgraph.errors import DataError, Finding, RemoteError, Severity, UpgraphError, VerificationError
from upgraph.errors.problems.payload import COMPONENT_UNREACHABLE, RELEASE_CUT_SHORT, RELEASE_FAULTY
from upgraph.oci import parse_image_name
from upgraph.payload import Examination, Verdict, examine_release
from upgraph.service.configuration import Configuration

_SECONDS = 600.0
"""A release has about 200 components, which good registries answer for in seconds; one that is gone takes a minute."""
_EXAMPLES = """
\b
Examples:
  upgraph release verify registry.example:5000/ocp/release:4.18.1-x86_64
  upgraph release verify registry.example:5000/ocp/release:4.18.1-multi \\
      --mirrors /etc/containers/registries.conf
  upgraph release verify oci:releases:4.18.1 --no-components -o json
  upgraph release verify registry.example:5000/ocp/release:4.18.1-x86_64 \\
      --signatures /media/usb/signatures --keyring release-keys.asc

Exit codes: 0 no fault (there may be warnings), 3 faults, 4 nothing is wrong but that components or signatures
could not be asked for, or not in time, 5 no valid signature, whatever else is wrong.
"""


@click.command(epilog=_EXAMPLES)
@click.argument("image", metavar="IMAGE")
@click.option(
    "--components/--no-components",
    default=True,
    show_default=True,
    help="Ask the repositories of all components whether their digests are there.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0),
    default=_SECONDS,
    show_default=True,
    metavar="SECONDS",
    help="How long it may take. What was not looked at until then is listed. 0 sets no limit.",
)
@trust_options
@access_options
@output_option(FORMATS)
def verify(  # noqa: PLR0913 - each is an option
    image: str,
    output: Format,
    config: tuple[Path, ...],
    *,
    trust: Trust,
    components: bool,
    timeout: float,
    **flags: object,
) -> None:
    """Examine a release: all its architectures, its manifests, its names, its components and its signatures.

    Everything that is wrong is listed. With --keyring, a signature in the form that clusters read has to be among
    --signatures; with --cosign-key, one of cosign beside the image. Without either, signatures are not verified.
    """
    if trust.stores and not trust.keyrings:
        raise click.UsageError("--signatures says where signatures are; say with --keyring whose count")
    extent = _Extent(components, timeout or None)
    verdict = asyncio.run(_examine(configuration(config, flags), image, trust, extent))
    signatures = _signatures(verdict)
    if output is Format.TABLE:
        show_findings(verdict.findings)
        emit([_row(verdict)], output)
        _show_signatures(verdict, signatures)
    else:
        rest = {"signatures": signatures, "findings": [*map(_finding, verdict.findings)]}
        emit_document({**_row(verdict), **rest}, output)
    _end(image, verdict)


@dataclass(frozen=True, slots=True)
class _Extent:
    """How far the examination goes."""

    components: bool
    seconds: float | None


async def _examine(chosen: Configuration, image: str, trust: Trust, extent: _Extent) -> Verdict:
    opener, name = Opener(chosen), parse_image_name(image)
    async with open_trust(trust, chosen) as trusted, opened(opener, name) as (source, reference):
        asked = opener.repository_beside(name) if extent.components else None
        examination = Examination(asked, trusted.checks(source), extent.seconds)
        return await examine_release(source, reference, examination)


def _signatures(verdict: Verdict) -> dict[str, Standing]:
    """What is known of the signatures; always of those that clusters read, although it may be nothing."""
    known = {kind: standing(outcome) for kind, outcome in verdict.signatures.items()}
    return {OPENPGP: unverified(None)} | known


def _show_signatures(verdict: Verdict, signatures: dict[str, Standing]) -> None:
    for kind, one in signatures.items():
        # Why it was refused stands among the findings.
        shown = replace(one, reason="") if kind in verdict.signatures else one
        for line in lines(kind, shown):
            click.echo(printable(line))


def _row(verdict: Verdict) -> dict[str, object]:
    severities = [finding.severity for finding in verdict.findings]
    return {
        "digest": verdict.digest,
        "version": printable(verdict.version or "unknown"),
        "architectures": ",".join(map(printable, verdict.architectures)),
        "objects": verdict.manifests,
        "components": verdict.components,
        "faults": severities.count(Severity.ERROR),
        "warnings": severities.count(Severity.WARNING),
    }


def _finding(finding: Finding) -> dict[str, object]:
    return {
        "severity": finding.severity.name.lower(),
        "reference": finding.reference,
        "place": finding.file,
        "line": finding.line,
        "seen": finding.seen,
    }


def _end(image: str, verdict: Verdict) -> None:
    """End with the error that fits what was found, the gravest first.

    Raises:
        VerificationError: it has no valid signature.
        DataError: there are faults.
        RemoteError: something could not be asked for, and nothing else is wrong.
    """
    unsigned = [outcome for outcome in verdict.signatures.values() if isinstance(outcome, UpgraphError)]
    for outcome in unsigned:
        if isinstance(outcome, VerificationError):
            raise outcome
    faults = [finding for finding in verdict.findings if finding.severity is Severity.ERROR]
    unknown = [Finding.of(outcome) for outcome in unsigned if isinstance(outcome, RemoteError)]
    unreachable = [one for one in faults if one.problem is COMPONENT_UNREACHABLE]
    cut_short = [one for one in faults if one.problem is RELEASE_CUT_SHORT]
    if len(faults) > len(unknown) + len(unreachable) + len(cut_short):
        raise DataError(RELEASE_FAULTY, f"{image} has {len(faults)} faults, first: {faults[0]}")
    if unsigned:
        raise unsigned[0]
    if cut_short:
        raise RemoteError(RELEASE_CUT_SHORT, f"{image}: {cut_short[0].seen}")
    if unreachable:
        seen = f"{len(unreachable)} components of {image} could not be asked for, first: {unreachable[0]}"
        raise RemoteError(COMPONENT_UNREACHABLE, seen)
