"""Checks of rules against each other."""

from collections import defaultdict
from collections.abc import Iterator

from upgraph.errors import Finding
from upgraph.errors.problems.checking import BLOCK_AND_RISK
from upgraph.graph import Block, ConditionalBlock, Version
from upgraph.graphdata.checking.subject import Subject, shown


def check_blocked_risks(subject: Subject) -> Iterator[Finding]:
    """Risks of updates that are blocked outright."""
    blocks: defaultdict[str, list[Block]] = defaultdict(list)
    risks: list[ConditionalBlock] = []
    for rule in subject.readable():
        if isinstance(rule, Block):
            blocks[rule.to.base].append(rule)
        else:
            risks.append(rule)
    for risk in risks:
        for block in blocks.get(risk.to.base, ()):
            both = _both(subject, block, risk)
            if both:
                seen = f"{block.file} blocks the updates to {risk.to} from {shown(both)}, which have the risk {risk.risk.name}"
                yield subject.at(risk, "from", BLOCK_AND_RISK, seen)


def _both(subject: Subject, block: Block, risk: ConditionalBlock) -> list[str]:
    """The versions from which both rules concern the update."""
    if not _share_architecture(block.to, risk.to):
        return []
    places = subject.matches[block.source] & subject.matches[risk.source]
    sources = (subject.sources[place] for place in sorted(places))
    return [version.base for version in sources if version.precedence < risk.to.precedence]


def _share_architecture(one: Version, other: Version) -> bool:
    return not (one.build and other.build) or one.build == other.build
