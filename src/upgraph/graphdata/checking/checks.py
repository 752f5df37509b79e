"""All checks, in the order in which they are documented, and the report that they make together."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from functools import cache

from upgraph.errors import Finding, Problem, Severity
from upgraph.errors.findings import ordered
from upgraph.errors.problems import checking as problems
from upgraph.errors.problems.graphdata import MATCHING_RULE
from upgraph.graph import Release
from upgraph.graphdata.checking import channels, conflicts, patterns, releases, risks, rules
from upgraph.graphdata.checking.promql import check_queries
from upgraph.graphdata.checking.subject import Subject
from upgraph.graphdata.files import Files
from upgraph.graphdata.load import Loader
from upgraph.graphdata.yaml import parse


class Needs(Enum):
    """What a check works on."""

    FILES = "files"
    """Each file for itself."""
    DATA = "data"
    """A set that is not refused."""
    RELEASES = "releases"
    """A set that is not refused, and releases."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check; it reports under one reference."""

    problem: Problem
    needs: Needs
    run: Callable[[Subject], Iterable[Finding]]


CHECKS = (
    Check(problems.RULE_ENDING, Needs.FILES, rules.check_endings),
    Check(problems.RULE_FILE_NAME, Needs.FILES, rules.check_file_names),
    Check(problems.RISK_URL, Needs.FILES, risks.check_urls),
    Check(problems.RISK_NAME, Needs.FILES, risks.check_names),
    Check(problems.RISK_MESSAGE, Needs.FILES, risks.check_messages),
    Check(problems.RISK_RULES, Needs.FILES, risks.check_matching_rules),
    Check(problems.RISK_DIFFERS, Needs.FILES, risks.check_agreement),
    Check(problems.PROMQL, Needs.FILES, check_queries),
    Check(problems.RULE_REPEATED, Needs.DATA, rules.check_repeated),
    Check(problems.RULE_ARCHITECTURE, Needs.DATA, rules.check_architectures),
    Check(problems.RULE_TARGET_UNKNOWN, Needs.DATA, rules.check_targets),
    Check(problems.PATTERN_NO_MATCH, Needs.DATA, patterns.check_useless),
    Check(problems.PATTERN_MINOR, Needs.DATA, patterns.check_minors),
    Check(problems.PATTERN_PATCH, Needs.DATA, patterns.check_patches),
    Check(problems.BLOCK_AND_RISK, Needs.DATA, conflicts.check_blocked_risks),
    Check(problems.CHANNEL_SUBSET, Needs.DATA, channels.check_subsets),
    Check(problems.CHANNEL_SIBLING, Needs.DATA, channels.check_siblings),
    Check(problems.RELEASE_MISSING, Needs.RELEASES, releases.check_existence),
    Check(problems.RELEASE_ERRATA, Needs.RELEASES, releases.check_errata),
    Check(problems.DEAD_END, Needs.RELEASES, releases.check_ways_out),
)


@dataclass(frozen=True, slots=True)
class NotRun:
    """A check that did not run, and why."""

    problem: Problem
    reason: str


@dataclass(frozen=True, slots=True)
class Report:
    """What came out of checking one set."""

    findings: tuple[Finding, ...]
    """Gravest first, then by place."""
    not_run: tuple[NotRun, ...] = ()

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings with which data should not be published."""
        return tuple(finding for finding in self.findings if finding.severity is Severity.ERROR)


def check(files: Files, releases: Iterable[Release] | None = None) -> Report:
    """Check one set. The result depends on the arguments alone, not on their order.

    Args:
        files: the set.
        releases: those that the set speaks of; None if they are not known, and some checks do not run.
    """
    # The loader keeps no lines, which findings need. Reading YAML is most of the work, so it is done once for both.
    parse_once = cache(parse)
    loaded = Loader(parse=parse_once).load(files)
    subject = Subject(files, loaded, None if releases is None else tuple(releases), parse_once)
    not_run = tuple(_left_out(subject))
    findings = [_as_upstream(finding) for finding in loaded.findings]
    left_out = {one.problem for one in not_run}
    for one in CHECKS:
        if one.problem not in left_out:
            findings += one.run(subject)
    if loaded.data is not None and subject.releases is not None:
        findings += subject.built.findings
    return Report(ordered(findings), not_run)


def _left_out(subject: Subject) -> Iterator[NotRun]:
    for one in CHECKS:
        if one.needs is not Needs.FILES and subject.loaded.data is None:
            yield NotRun(one.problem, "the set is refused")
        elif one.needs is Needs.RELEASES and subject.releases is None:
            yield NotRun(one.problem, "no releases were given (--releases)")


def _as_upstream(finding: Finding) -> Finding:
    # A service goes on with such a risk; the public data has to be without, and so has ours.
    return replace(finding, severity=Severity.ERROR) if finding.problem is MATCHING_RULE else finding
