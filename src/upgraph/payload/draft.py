"""Whether what a release is to be made of makes a good one. Pure."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from upgraph.errors import Finding, Severity
from upgraph.errors.problems.payload import (
    CONTENT_INVALID,
    MANIFEST_PLACEHOLDER,
    ORDER_UNCLEAR,
)
from upgraph.payload.make import ReleaseContent
from upgraph.payload.manifests import ManifestObject, read_manifest
from upgraph.payload.metadata import MAX_NEIGHBOURS
from upgraph.payload.strict_version import strict_fault

PLACEHOLDER = "0.0.1-snapshot"
"""What `oc adm release new` replaces by the version of the release; nothing is replaced here."""

_COMPONENT = re.compile(r"[a-z0-9]([a-z0-9._-]{0,126}[a-z0-9])?")
_ORDERED = re.compile(r"[0-9]{4}_[0-9]{2}_")


@dataclass(frozen=True, slots=True)
class Draft:
    """What is known of a release before it is made."""

    objects: tuple[ManifestObject, ...]
    """What its manifests hold."""
    findings: tuple[Finding, ...]
    """What is wrong, or probably not meant; with an error it makes no good release."""


def examine_draft(content: ReleaseContent) -> Draft:
    """Look at the content of a release.

    What its manifests run is not compared with its components, whose digests may not be known yet: that is
    what :func:`unlisted_images` does.
    """
    objects: list[ManifestObject] = []
    findings = [*_name_findings(content), *_neighbour_findings(content)]
    for name, body in content.manifests.items():
        found, faults = read_manifest(name, body)
        objects += found
        findings += [*faults, *_file_findings(name, body)]
    return Draft(tuple(objects), tuple(findings))


def _name_findings(content: ReleaseContent) -> Iterator[Finding]:
    fault = strict_fault(content.version)
    if fault is not None:
        yield _wrong(f"the name of the release: {fault}")
    for name in content.images:
        if not _COMPONENT.fullmatch(name):
            yield _wrong(
                f"the component {name[:200]!r} is not lower-case letters and digits, joined by . _ -"
            )


def _neighbour_findings(content: ReleaseContent) -> Iterator[Finding]:
    for direction, versions in (("previous", content.previous), ("next", content.next)):
        for other, times in sorted(Counter(versions).items()):
            fault = strict_fault(other)
            if fault is not None:
                yield _wrong(f"{direction}: {fault}")
            if other == content.version:
                yield _wrong(f"{direction} names the release itself, {other}")
            if times > 1:
                yield _wrong(f"{direction} names {other} {times} times")
    named = len(content.previous) + len(content.next)
    if named > MAX_NEIGHBOURS:
        yield _wrong(f"previous and next name {named} versions; {MAX_NEIGHBOURS} are accepted")


def _file_findings(name: str, body: bytes) -> Iterator[Finding]:
    if not _ORDERED.match(name):
        seen = "its name does not begin as 0000_50_, so it is applied in no order that was chosen"
        yield Finding(Severity.WARNING, ORDER_UNCLEAR, seen, name)
    if PLACEHOLDER.encode() in body:
        seen = f"it has the text {PLACEHOLDER}, which stays as it is"
        yield Finding(Severity.WARNING, MANIFEST_PLACEHOLDER, seen, name)


def _wrong(seen: str) -> Finding:
    return Finding(Severity.ERROR, CONTENT_INVALID, seen)
