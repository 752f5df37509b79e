"""Whether the parts of a release say the same: index, configurations, metadata, list of components, tag. Pure.

Each part is read by somebody else: nodes choose from the index, the scraper reads the metadata, the Cluster
Version Operator compares them with the list of components, people read tags. Source: the payload loader of the
Cluster Version Operator, and ``oc adm release new``.
"""

from collections.abc import Iterator, Sequence

from upgraph.errors import Finding, Problem, Severity
from upgraph.errors.problems.payload import (
    RELEASE_ARCHITECTURES,
    RELEASE_MEMBERS_DIFFER,
    RELEASE_NAMES,
    RELEASE_TAG,
)
from upgraph.graph import labels
from upgraph.payload.contents import METADATA
from upgraph.payload.reader import RELEASE_LABEL
from upgraph.payload.strict_version import strict_fault
from upgraph.payload.whole import Member, Payload

_LINUX = "linux"
_SHOWN = 100


def member_findings(member: Member) -> Iterator[Finding]:
    """What an image and the index that leads to it do not agree about."""
    config, stated = member.config, member.stated_architecture
    if stated is not None and stated != config.architecture:
        seen = f"the index says {stated!r}, the configuration {config.architecture[:_SHOWN]!r}"
        yield _finding(RELEASE_ARCHITECTURES, seen, member.digest)
    if config.os != _LINUX:
        seen = f"the configuration says that it runs on {config.os[:_SHOWN]!r}, not on {_LINUX!r}"
        yield _finding(RELEASE_ARCHITECTURES, seen, member.digest)


def payload_findings(payload: Payload) -> Iterator[Finding]:
    """Names of one image that are not its version, or a version that clusters do not read."""
    digest = payload.member.digest
    fault = strict_fault(payload.version)
    if fault is not None:
        yield _finding(RELEASE_NAMES, f"{METADATA}: {fault}", digest)
    named = {
        "image-references": payload.references.name,
        f"the label {RELEASE_LABEL}": payload.member.config.labels.get(RELEASE_LABEL),
    }
    for place, name in named.items():
        if name != payload.version:
            said = "nothing" if name is None else repr(name[:_SHOWN])
            yield _finding(RELEASE_NAMES, f"{METADATA} says {payload.version!r}, {place} says {said}", digest)


def index_findings(payloads: Sequence[Payload]) -> Iterator[Finding]:
    """What the images of an index do not have alike."""
    first = payloads[0]
    multi = first.metadata.document.metadata.get(labels.RELEASE_ARCHITECTURE)
    if len(payloads) > 1 and multi != labels.MULTI:
        seen = f"{len(payloads)} architectures, but {METADATA} has no {labels.RELEASE_ARCHITECTURE}={labels.MULTI}"
        yield _finding(RELEASE_ARCHITECTURES, seen)
    if multi is not None and multi not in {labels.MULTI, first.member.config.architecture}:
        seen = f"{METADATA} says {multi[:_SHOWN]!r}, the configuration {first.member.config.architecture!r}"
        yield _finding(RELEASE_ARCHITECTURES, seen, first.member.digest)
    for other in payloads[1:]:
        names = sorted(
            name
            for name in first.files.keys() | other.files.keys()
            if _content(first, name) != _content(other, name)
        )
        if names:
            shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
            of = f"{first.member.config.architecture} and {other.member.config.architecture}"
            yield _finding(RELEASE_MEMBERS_DIFFER, f"{of} differ in {shown}", other.member.digest)


def tag_findings(tag: str, payload: Payload) -> Iterator[Finding]:
    """A tag that names another version. ``V`` and ``V-ARCHITECTURE`` are those of the usual tools."""
    version = payload.version.replace("+", "_")
    if tag != version and not tag.startswith(f"{version}-"):
        seen = f"the tag {tag!r} is not {version!r} or {version!r} with an architecture"
        yield Finding(Severity.WARNING, RELEASE_TAG, seen, tag)


def _content(payload: Payload, name: str) -> bytes | None:
    file = payload.files.get(name)
    return None if file is None else file.content


def _finding(problem: Problem, seen: str, file: str | None = None) -> Finding:
    return Finding(Severity.ERROR, problem, seen, file)
