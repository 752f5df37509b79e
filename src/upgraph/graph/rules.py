"""What rules and labels say about the edges into each release."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from upgraph.graph.model import Edges
from upgraph.graph.pattern import Pattern
from upgraph.graph.release import Block, ConditionalBlock, GraphData
from upgraph.graph.version import Version


class Matcher:
    """Remembers which versions a pattern matches.

    The same few patterns stand in hundreds of files and meet the same versions again and again.
    """

    def __init__(self, versions: Sequence[Version]) -> None:
        self._versions = versions
        self._known: defaultdict[Pattern, dict[int, bool]] = defaultdict(dict)

    def bind(self, pattern: Pattern) -> Callable[[int], bool]:
        """A test whether ``pattern`` matches the version with a given number."""
        known = self._known[pattern]
        versions = self._versions

        def matches(number: int) -> bool:
            verdict = known.get(number)
            if verdict is None:
                verdict = known[number] = pattern.matches(versions[number].text)
            return verdict

        return matches


class Verdict:
    """The rules about the edges into one release."""

    def __init__(
        self,
        patterns: Sequence[Pattern],
        conditional: Sequence[ConditionalBlock],
        matcher: Matcher,
        edges: Edges,
    ) -> None:
        self.regex = "|".join(
            [pattern.text for pattern in patterns] + [rule.source.text for rule in conditional]
        )
        """All patterns in force, as the metadata of the release show them."""
        self._blocks = [matcher.bind(pattern) for pattern in patterns]
        self._conditional = [(matcher.bind(rule.source), rule.risk) for rule in conditional]
        self._number_of = edges.number_of
        self._risk_lists: dict[tuple[bool, ...], int | None] = {}

    def blocks(self, source: int) -> bool:
        """Whether the edge from ``source`` is taken away for every cluster."""
        return any(matches(source) for matches in self._blocks)

    def risks(self, source: int) -> int | None:
        """The number of the list of risks of the edge from ``source``; none if it carries none."""
        if not self._conditional:
            return None
        key = tuple([matches(source) for matches, _ in self._conditional])
        if key not in self._risk_lists:
            self._risk_lists[key] = self._number(key)
        return self._risk_lists[key]

    def _number(self, applies: tuple[bool, ...]) -> int | None:
        """The number of the risks that apply, each once, in the order of their files."""
        risks = (risk for chosen, (_, risk) in zip(applies, self._conditional, strict=True) if chosen)
        return self._number_of(tuple(dict.fromkeys(risks))) if any(applies) else None


class Rules:
    """The rules of the graph data by the release that they aim at."""

    def __init__(self, data: GraphData, targets: Callable[[Version], Iterable[Version]]) -> None:
        self._blocks: defaultdict[Version, list[Pattern]] = defaultdict(list)
        self._conditional: defaultdict[Version, list[ConditionalBlock]] = defaultdict(list)
        for block in data.blocks:
            for target in targets(_with_arch_of_old_s390x(block)):
                self._blocks[target].append(block.source)
        for rule in data.conditional_blocks:
            for target in targets(rule.to):
                self._conditional[target].append(rule)

    def verdict(self, target: Version, own: Pattern | None, matcher: Matcher, edges: Edges) -> Verdict | None:
        """What applies to the edges into ``target``; ``own`` is the pattern that the release itself brings."""
        patterns = ([own] if own else []) + self._blocks.get(target, [])
        conditional = self._conditional.get(target, [])
        return Verdict(patterns, conditional, matcher, edges) if patterns or conditional else None


def _with_arch_of_old_s390x(block: Block) -> Version:
    # Releases 4.2.10 to 4.2.13 carried the architecture as pre-release: 4.2.11-s390x.
    return block.to.with_build("s390x") if block.to.pre == "s390x" and not block.to.build else block.to
