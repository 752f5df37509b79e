"""Which of the releases that were read may enter the graph."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from upgraph.errors import Finding, Severity
from upgraph.errors.problems.graph import RELEASE_CONFLICT
from upgraph.graph import labels
from upgraph.graph.release import Release
from upgraph.graph.version import Version


def settle(releases: Iterable[Release], served: Mapping[str, str]) -> tuple[list[Release], list[Finding]]:
    """Releases without shards of multi-architecture releases and without rivals, sorted by version.

    Where two images claim one version and architecture, the one that was offered before stays and
    otherwise neither is taken: nobody can tell which of them clusters should run. Where several sources
    have one image, it is one release, with the pull spec that sorts first.

    Args:
        releases: what was read, in any order.
        served: digest by version text of the graph that clients have now.
    """
    claims: defaultdict[Version, dict[str, list[Release]]] = defaultdict(dict)
    for release in releases:
        if not _is_shard(release):
            claims[release.version].setdefault(release.digest, []).append(release)
    kept, findings = [], []
    for version in sorted(claims, key=lambda v: v.key):
        rivals = claims[version]
        chosen = next(iter(rivals)) if len(rivals) == 1 else served.get(version.text)
        if chosen in rivals:
            kept.append(min(rivals[chosen], key=_rank))
        if len(rivals) > 1:
            findings.append(_conflict(version, rivals, chosen))
    return kept, findings


def _rank(release: Release) -> tuple[object, ...]:
    # One digest is one content, so it hardly matters which reading of it is taken; but it must not be chance.
    content = (release.previous, release.next, sorted(release.metadata.items()))
    return release.payload, content, release.provenance


def _is_shard(release: Release) -> bool:
    # A shard of a multi release is tagged like a release of its own; offering it would split the fleet.
    return release.metadata.get(labels.RELEASE_ARCHITECTURE) == labels.MULTI and release.arch != labels.MULTI


def _conflict(version: Version, rivals: Mapping[str, list[Release]], chosen: str | None) -> Finding:
    outcome = f"{chosen} was offered before and stays" if chosen in rivals else "none of them is offered"
    claims = ", ".join(_claim(digest, rivals[digest]) for digest in sorted(rivals))
    return Finding(Severity.ERROR, RELEASE_CONFLICT, f"{version} is claimed by {claims}; {outcome}")


def _claim(digest: str, releases: Iterable[Release]) -> str:
    sources = sorted({release.source for release in releases} - {""})
    return f"{digest} in {' and '.join(sources)}" if sources else digest
