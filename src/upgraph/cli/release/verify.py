"""``upgraph release verify``: whether a release is what clusters need."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import click

from upgraph.cli.output import FORMATS, Format, emit, emit_document, output_option, printable, show_findings
from upgraph.cli.release.opening import Opener, access_options, opened
from upgraph.cli.settings import configuration
from upgraph.errors import DataError, Finding, RemoteError, Severity
from upgraph.errors.problems.payload import COMPONENT_UNREACHABLE, RELEASE_FAULTY
from upgraph.oci import parse_image_name
from upgraph.payload import Verdict, examine_release

_EXAMPLES = """
\b
Examples:
  upgraph release verify registry.example:5000/ocp/release:4.18.1-x86_64
  upgraph release verify registry.example:5000/ocp/release:4.18.1-multi \\
      --mirrors /etc/containers/registries.conf
  upgraph release verify oci:releases:4.18.1 --no-components -o json

Exit codes: 0 no fault (there may be warnings), 3 faults, 4 nothing is wrong but that components could not be
asked for.
"""


@click.command(epilog=_EXAMPLES)
@click.argument("image", metavar="IMAGE")
@click.option(
    "--components/--no-components",
    default=True,
    show_default=True,
    help="Ask the repositories of all components whether their digests are there.",
)
@access_options
@output_option(FORMATS)
def verify(
    image: str, output: Format, config: tuple[Path, ...], *, components: bool, **flags: object
) -> None:
    """Examine a release: all its architectures, its manifests, its names, and whether its components are there.

    Everything that is wrong is listed. Signatures are not looked at.
    """
    opener = Opener(configuration(config, flags))
    verdict = asyncio.run(_examine(opener, image, components=components))
    if output is Format.TABLE:
        show_findings(verdict.findings)
        emit([_row(verdict)], output)
    else:
        emit_document({**_row(verdict), "findings": [*map(_finding, verdict.findings)]}, output)
    _end(image, verdict.findings)


async def _examine(opener: Opener, image: str, *, components: bool) -> Verdict:
    name = parse_image_name(image)
    async with opened(opener, name) as (source, reference):
        asked = opener.repository_beside(name) if components else None
        return await examine_release(source, reference, open_repository=asked)


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


def _end(image: str, findings: Sequence[Finding]) -> None:
    """End with the error that fits what was found.

    Raises:
        DataError: there are faults.
        RemoteError: components could not be asked for, and nothing else is wrong.
    """
    faults = [finding for finding in findings if finding.severity is Severity.ERROR]
    unreachable = [finding for finding in faults if finding.problem is COMPONENT_UNREACHABLE]
    if len(unreachable) < len(faults):
        raise DataError(RELEASE_FAULTY, f"{image} has {len(faults)} faults, first: {faults[0]}")
    if unreachable:
        seen = f"{len(unreachable)} components of {image} could not be asked for, first: {unreachable[0]}"
        raise RemoteError(COMPONENT_UNREACHABLE, seen)
