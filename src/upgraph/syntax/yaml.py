"""YAML of which every scalar is its raw text, as Cincinnati reads it: ``to: 4.10`` is the text ``4.10``.

The values are made from the parser's events, not from its node trees: the tree builder of libyaml's
binding recurses on the C stack, and a few thousand open brackets end the process. Events also keep
the lines, and aliases can be counted before they are followed. Cincinnati uses the same libyaml;
a parser that reads block scalars at the end of a file in another way would change what clusters get.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import yaml

from upgraph.syntax.fault import SyntaxFault

MAX_DEPTH = 32
"""Deepest nesting of lists and mappings; a rule has four levels."""
MAX_NODES = 100_000
"""Most values of a document after aliases are followed; the largest real file has about 300."""
MAX_EXPANDED_CHARACTERS = 4 * 1024 * 1024
"""Most characters of all scalars after aliases are followed."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What is accepted of the documents of one file together."""

    depth: int = MAX_DEPTH
    nodes: int = MAX_NODES
    characters: int = MAX_EXPANDED_CHARACTERS


DEFAULT_LIMITS = Limits()

_STANDARD = "tag:yaml.org,2002:"
_SCALAR_TAGS = frozenset({None, "!", *(_STANDARD + kind for kind in ("str", "int", "float", "bool", "null"))})
_ITEMS_TAGS = frozenset({None, "!", _STANDARD + "seq"})
_TABLE_TAGS = frozenset({None, "!", _STANDARD + "map"})


@dataclass(frozen=True, slots=True)
class Items:
    """A list, with the line of each item."""

    values: list["Value"]
    lines: list[int]


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping, with the line of each key."""

    values: dict[str, "Value"]
    lines: dict[str, int]


Value: TypeAlias = str | Items | Table
"""A scalar's raw text, a list or a mapping. A value that is left out is the empty text."""


class Events(Protocol):
    """Where events come from."""

    def get_event(self) -> yaml.Event | None:
        """The next event."""
        ...


Parser: TypeAlias = Callable[[bytes], Events]
"""Makes the events of a file."""
DEFAULT_PARSER: Parser = yaml.CBaseLoader if yaml.__with_libyaml__ else yaml.BaseLoader
"""Only its events are used. Without libyaml they are the same and take about eight times as long."""


@dataclass(frozen=True, slots=True)
class _Anchored:
    value: Value
    nodes: int
    characters: int


def parse(content: bytes, *, parser: Parser = DEFAULT_PARSER) -> Value:
    """The value of the one document in ``content``.

    Args:
        content: the whole file.
        parser: makes events of it.

    Raises:
        SyntaxFault: not UTF-8, not YAML, no document or several, a repeated key, a key that is no scalar,
            a tag of its own, or more than the limits of this module allow.
    """
    documents = _read(content, parser, _Documents.read_one)
    return documents[0]


def parse_all(
    content: bytes, *, parser: Parser = DEFAULT_PARSER, limits: Limits = DEFAULT_LIMITS
) -> list[Value]:
    """The values of all documents in ``content``, which the limits concern together.

    Args:
        content: the whole file.
        parser: makes events of it.
        limits: what is accepted.

    Raises:
        SyntaxFault: as :func:`parse`, but for the number of documents.
    """
    return _read(content, parser, _Documents.read_all, limits)


def _read(
    content: bytes,
    parser: Parser,
    read: Callable[["_Documents"], list[Value]],
    limits: Limits = DEFAULT_LIMITS,
) -> list[Value]:
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line = _line_at(content, error.start)
        raise SyntaxFault(f"byte {content[error.start]:#04x} is not UTF-8", line) from error
    try:
        return read(_Documents(parser(content), limits))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise SyntaxFault(error.problem or "not YAML", mark.line + 1 if mark else None) from error
    except yaml.YAMLError as error:
        position = getattr(error, "position", None)
        where = _line_at(content, position) if isinstance(position, int) else None
        raise SyntaxFault(str(error).splitlines()[0], where) from error


def _line_at(content: bytes, position: int) -> int:
    return content.count(b"\n", 0, position) + 1


def _line(event: yaml.Event) -> int:
    mark = event.start_mark
    return 1 if mark is None else mark.line + 1


def _check_tag(event: yaml.Event, tag: str | None, known: frozenset[str | None]) -> None:
    if tag not in known:
        raise SyntaxFault(f"the tag {tag!r} is not known", _line(event))


class _Documents:
    """Makes the values of documents from events."""

    def __init__(self, events: Events, limits: Limits) -> None:
        self._events = events
        self._limits = limits
        self._anchors: dict[str, _Anchored] = {}
        self._nodes = 0
        self._characters = 0

    def read_one(self) -> list[Value]:
        """The one document, which must be there and alone."""
        self._next()
        if isinstance(self._next(), yaml.StreamEndEvent):
            raise SyntaxFault("the file holds no document")
        value = self._document()
        following = self._next()
        if not isinstance(following, yaml.StreamEndEvent):
            raise SyntaxFault("a second document begins", _line(following))
        return [value]

    def read_all(self) -> list[Value]:
        """All documents, or none."""
        self._next()
        values = []
        while not isinstance(self._next(), yaml.StreamEndEvent):
            self._anchors.clear()
            values.append(self._document())
        return values

    def _document(self) -> Value:
        value = self._value(self._next(), 0)
        self._next()
        return value

    def _next(self) -> yaml.Event:
        event = self._events.get_event()
        if event is None:
            raise SyntaxFault("the document ends early")
        return event

    def _value(self, event: yaml.Event, depth: int) -> Value:
        nodes, characters = self._nodes, self._characters
        if isinstance(event, yaml.ScalarEvent):
            self._count(event, 1, len(event.value))
            _check_tag(event, event.tag, _SCALAR_TAGS)
            value: Value = event.value
        elif isinstance(event, yaml.CollectionStartEvent):
            self._count(event, 1, 0)
            value = self._collection(event, depth + 1)
        else:
            return self._follow(event)
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchored(value, self._nodes - nodes, self._characters - characters)
        return value

    def _count(self, event: yaml.Event, nodes: int, characters: int) -> None:
        self._nodes += nodes
        self._characters += characters
        if self._nodes > self._limits.nodes:
            raise SyntaxFault(f"more than {self._limits.nodes} values, aliases included", _line(event))
        if self._characters > self._limits.characters:
            seen = f"more than {self._limits.characters} characters, aliases included"
            raise SyntaxFault(seen, _line(event))

    def _follow(self, event: yaml.Event) -> Value:
        # An alias inside its own anchor is not there yet, so a value never contains itself.
        name = event.anchor if isinstance(event, yaml.AliasEvent) else None
        anchored = self._anchors.get(name or "")
        if anchored is None:
            raise SyntaxFault(f"the alias *{name} has no anchor before it", _line(event))
        self._count(event, anchored.nodes, anchored.characters)
        return anchored.value

    def _collection(self, event: yaml.CollectionStartEvent, depth: int) -> Value:
        if depth > self._limits.depth:
            seen = f"lists and mappings are nested more than {self._limits.depth} deep"
            raise SyntaxFault(seen, _line(event))
        if isinstance(event, yaml.SequenceStartEvent):
            _check_tag(event, event.tag, _ITEMS_TAGS)
            return self._items(depth)
        _check_tag(event, event.tag, _TABLE_TAGS)
        return self._table(depth)

    def _items(self, depth: int) -> Items:
        items = Items([], [])
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            items.values.append(self._value(event, depth))
            items.lines.append(_line(event))
        return items

    def _table(self, depth: int) -> Table:
        table = Table({}, {})
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key = self._value(event, depth)
            if not isinstance(key, str):
                raise SyntaxFault("a key is a list or a mapping", _line(event))
            if key in table.values:
                raise SyntaxFault(f"the key {key!r} is repeated", _line(event))
            table.lines[key] = _line(event)
            table.values[key] = self._value(self._next(), depth)
        return table
