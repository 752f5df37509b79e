"""Promoted versions: which of the updates that a graph allows one environment offers.

A list names versions, one a line. Updates into any other version are taken away, those with risks among them;
the versions stay, because a cluster that runs one has to find itself in the graph. What no line names is not
promoted, so a list that was cut short offers less and never more. A line that cannot be read makes the list
unusable: nobody can tell what it was to promote, or whether its neighbours are what was meant.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from upgraph.errors import DataError, Finding, Severity
from upgraph.errors.problems.graph import PROMOTION_EMPTY, PROMOTION_INVALID, PROMOTION_UNKNOWN
from upgraph.graph.model import UpdateGraph
from upgraph.graph.version import MAX_VERSION_LENGTH, Version

MAX_LIST_BYTES = 1024 * 1024
"""Bytes of the longest list; what a ConfigMap can hold."""
MAX_PATTERNS = 1_000
"""Lines with a ``*`` of all lists together."""
MAX_LINE_FAULTS = 100
"""Lines of one list that are reported because they cannot be used."""

_SHOWN = 64
_NUMBER = r"(?:0|[1-9][0-9]*|\*)"
_PATTERN = re.compile(
    rf"({_NUMBER}(?:\.{_NUMBER}){{0,2}})(?:-([0-9A-Za-z.*-]+))?(?:\+([0-9A-Za-z.-]+))?", re.ASCII
)
_NUMBERS = 3


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a list: a version, or a pattern of versions."""

    text: str
    """Without white space and comment; a version in its canonical form."""
    file: str = field(default="", compare=False)
    number: int = field(default=0, compare=False)
    """Counted from 1."""

    @property
    def is_pattern(self) -> bool:
        """Whether it stands for several versions."""
        return "*" in self.text


@dataclass(frozen=True, slots=True)
class Listed:
    """What a list says."""

    lines: tuple[Line, ...]
    findings: tuple[Finding, ...]
    """Lines that cannot be used; with any of them, the list is not used."""


@dataclass(frozen=True, slots=True)
class _Shape:
    """A pattern taken apart."""

    numbers: tuple[int | None, int | None, int | None]
    """Major, minor and patch; None for any."""
    pre: tuple[str, ...] | None
    """The texts between the ``*`` of the pre-release; None: a version that has none."""
    build: str
    """The architecture; empty for any."""

    @staticmethod
    def parse(text: str) -> "_Shape":
        match = _PATTERN.fullmatch(text)
        parts = match.group(1).split(".") if match else []
        if match is None or (len(parts) < _NUMBERS and parts[-1] != "*"):
            seen = f"{text[:_SHOWN]!r} is no pattern such as 4.18.*, 4.18.0-rc.* or 4.*+amd64"
            raise DataError(PROMOTION_INVALID, seen)
        numbers = [None if part == "*" else int(part) for part in parts]
        numbers += [None] * (_NUMBERS - len(numbers))
        major, minor, patch = numbers
        pre = tuple(match.group(2).split("*")) if match.group(2) is not None else None
        return _Shape((major, minor, patch), pre, match.group(3) or "")

    def fits(self, version: Version) -> bool:
        """Whether a version is one of those that the pattern stands for."""
        # A thousand patterns meet thousands of versions, so what tells most of them apart comes first.
        (major, minor, patch), (has_major, has_minor, has_patch) = self.numbers, version.precedence[0]
        if (
            minor not in (None, has_minor)
            or patch not in (None, has_patch)
            or major not in (None, has_major)
            or self.build not in ("", version.build)
        ):
            return False
        return version.pre == "" if self.pre is None else version.pre != "" and _has(self.pre, version.pre)


def _has(pieces: Sequence[str], text: str) -> bool:
    """Whether a text is the pieces in their order, with anything between them."""
    if len(pieces) == 1:
        return text == pieces[0]
    first, *middle, last = pieces
    end = len(text) - len(last)
    if end < len(first) or not text.startswith(first) or not text.endswith(last):
        return False
    position = len(first)
    for piece in middle:
        found = text.find(piece, position, end)
        if found < 0:
            return False
        position = found + len(piece)
    return True


@dataclass(frozen=True)
class Promotion:
    """All lists of one environment together: a version is promoted if one of the lines names it."""

    lines: tuple[Line, ...]

    @staticmethod
    def of(lines: Iterable[Line]) -> "Promotion":
        """The lines of any number of lists, each once and sorted, so that their order and place do not matter.

        Raises:
            DataError: there are too many patterns.
        """
        unique = {
            line.text: line for line in sorted(lines, key=lambda one: (one.file, one.number), reverse=True)
        }
        patterns = sum(line.is_pattern for line in unique.values())
        if patterns > MAX_PATTERNS:
            seen = f"the lists have {patterns} lines with a *, more than {MAX_PATTERNS}"
            raise DataError(PROMOTION_INVALID, seen)
        return Promotion(tuple(unique[text] for text in sorted(unique)))

    @property
    def document(self) -> bytes:
        """The same as one list, which :func:`read_list` reads."""
        return "".join(f"{line.text}\n" for line in self.lines).encode()

    @cached_property
    def digest(self) -> str:
        """SHA-256 in hex: lists that name the same have the same, whatever their comments."""
        return hashlib.sha256(self.document).hexdigest()

    def names(self, version: Version) -> bool:
        """Whether a version is promoted; one with an architecture is by a line with that or with none."""
        exact = version.text in self._exact or version.base in self._exact
        return exact or any(shape.fits(version) for shape in self._shapes.values())

    def idle(self, versions: Iterable[Version]) -> tuple[Line, ...]:
        """The lines that name none of these versions."""
        known = tuple(versions)
        texts = {version.text for version in known} | {version.base for version in known}
        idle = [line for text, line in self._exact.items() if text not in texts]
        idle += [line for line, shape in self._shapes.items() if not any(map(shape.fits, known))]
        return tuple(sorted(idle, key=lambda line: (line.file, line.number)))

    @cached_property
    def _exact(self) -> Mapping[str, Line]:
        return {line.text: line for line in self.lines if not line.is_pattern}

    @cached_property
    def _shapes(self) -> Mapping[Line, _Shape]:
        return {line: _Shape.parse(line.text) for line in self.lines if line.is_pattern}


def read_list(content: bytes, name: str) -> Listed:
    """What a list says: a version or a pattern a line; ``#`` begins a comment.

    Args:
        content: the file.
        name: what it is called in messages.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return Listed(
            (), (Finding(Severity.ERROR, PROMOTION_INVALID, f"not UTF-8: {error.reason}", name, line),)
        )
    lines: list[Line] = []
    findings: list[Finding] = []
    for number, written in _written(text):
        try:
            lines.append(Line(_canonical(written), name, number))
        except DataError as error:
            findings.append(Finding(Severity.ERROR, PROMOTION_INVALID, error.seen, name, number))
            if len(findings) == MAX_LINE_FAULTS:
                break
    return Listed(tuple(lines), tuple(findings))


def _written(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.split("\n"), start=1):
        written = line.partition("#")[0].strip()
        if written:
            yield number, written


def _canonical(written: str) -> str:
    if "*" not in written:
        return Version.parse(written).text
    if len(written) > 2 * MAX_VERSION_LENGTH:
        raise DataError(PROMOTION_INVALID, f"{written[:_SHOWN]!r}... has {len(written)} characters")
    _Shape.parse(written)
    return written


@dataclass(frozen=True, slots=True)
class Restricted:
    """A graph that offers no more than what is promoted."""

    graph: UpdateGraph
    withheld: Mapping[str, int]
    """Updates between releases that were taken away, by architecture; empty where all versions are promoted."""
    findings: tuple[Finding, ...] = ()


def restrict(graph: UpdateGraph, promotion: Promotion) -> Restricted:
    """Take away the updates into versions that are not promoted. All nodes stay."""
    nodes = graph.nodes
    kept = [promotion.names(node.version) for node in nodes]
    withheld: Counter[str] = Counter()
    for source, node in enumerate(nodes):
        targets = (*graph.children[source], *(target for target, _ in graph.risky[source]))
        # Nobody was offered an update from or to a version that no release provides.
        gone = sum(not kept[to] and not nodes[to].is_abstract for to in targets)
        if gone and not node.is_abstract:
            withheld[node.version.build] += gone
    restricted = UpdateGraph(
        nodes=nodes,
        children=tuple([tuple([to for to in targets if kept[to]]) for targets in graph.children]),
        risky=tuple([tuple([(to, risks) for to, risks in targets if kept[to]]) for targets in graph.risky]),
        risk_sets=graph.risk_sets,
    )
    return Restricted(restricted, dict(sorted(withheld.items())), tuple(_doubts(graph, promotion)))


def _doubts(graph: UpdateGraph, promotion: Promotion) -> Iterator[Finding]:
    if not promotion.lines:
        seen = "the lists of promoted versions name no version, so no update is offered"
        yield Finding(Severity.WARNING, PROMOTION_EMPTY, seen)
    idle = promotion.idle(node.version for node in graph.nodes if not node.is_abstract)
    if idle:
        seen = (
            f"{len(idle)} of {len(promotion.lines)} lines name no release that is here, first {idle[0].text}"
        )
        yield Finding(Severity.INFO, PROMOTION_UNKNOWN, seen, idle[0].file or None, idle[0].number or None)


def recommended(graph: UpdateGraph) -> tuple[Version, ...]:
    """The releases that clusters can be told to update to, with or without risks, in ascending order."""
    nodes = graph.nodes
    ends = [*graph.edges(), *((source, target) for source, target, _ in graph.conditional_edges())]
    targets = {to for source, to in ends if not nodes[source].is_abstract and not nodes[to].is_abstract}
    return tuple(nodes[target].version for target in sorted(targets))
