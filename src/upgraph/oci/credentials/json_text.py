"""Changes to members of a JSON object in which every other byte of the text stays as it was. Pure.

Files of credentials are shared by many programs, each with members of its own, and people keep them under
version control or compare them by eye. Decoding and encoding again would reorder, reindent and lose.
So the place of a member is found and only that is written; a new one takes the form of its neighbours.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass

_DECODER = json.JSONDecoder(parse_int=str, parse_float=str)
_BLANKS = " \t\r\n"
_FIRST_INDENT = "\t"
"""Of a file that had no form of its own, as podman writes it."""


@dataclass(frozen=True, slots=True)
class _Member:
    name: str
    start: int
    """Where its name begins."""
    value: int
    """Where its value begins."""
    end: int
    """Behind its value."""


@dataclass(frozen=True, slots=True)
class _Object:
    start: int
    """The opening brace."""
    end: int
    """The closing brace."""
    members: tuple[_Member, ...]

    def member(self, name: str) -> _Member | None:
        return next((one for one in self.members if one.name == name), None)


def members(text: str, *path: str) -> dict[str, object]:
    """The members of the object at a path, in their order; empty if there is none or it is null.

    Raises:
        ValueError: the text is no JSON object, or one on the way has two members of a name.
    """
    found = _at(text, path)
    return {} if found is None else {one.name: json.loads(text[one.value : one.end]) for one in found.members}


def with_member(text: str, path: tuple[str, ...], value: object) -> str:
    """The text in which the member at a path has a value; objects on the way are made.

    Raises:
        ValueError: as for :func:`members`.
    """
    outer = _at(text, path[:-1])
    if outer is None:
        return with_member(text, path[:-1], {path[-1]: value})
    style, level = _style(text), len(path)
    there = outer.member(path[-1])
    if there is not None:
        return text[: there.value] + style.shown(value, level) + text[there.end :]
    name = json.dumps(path[-1], ensure_ascii=False)
    member = style.before(level) + name + style.colon + style.shown(value, level)
    if outer.members:
        last = outer.members[-1].end
        return f"{text[:last]},{member}{text[last:]}"
    return f"{text[: outer.start + 1]}{member}{style.before(level - 1, '')}{text[outer.end :]}"


def without_members(text: str, path: tuple[str, ...], unwanted: Callable[[str], bool]) -> str:
    """The text without those members of the object at a path whose name is unwanted.

    Raises:
        ValueError: as for :func:`members`.
    """
    found = _at(text, path)
    for position in reversed(range(len(found.members) if found is not None else 0)):
        found = _at(text, path)
        if found is not None and unwanted(found.members[position].name):
            text = _without(text, found, position)
    return text


def _without(text: str, outer: _Object, position: int) -> str:
    one = outer.members[position]
    if position:
        return text[: outer.members[position - 1].end] + text[one.end :]
    if len(outer.members) > 1:
        return text[: one.start] + text[outer.members[1].start :]
    return text[: outer.start + 1] + text[outer.end :]


@dataclass(frozen=True, slots=True)
class _Style:
    indent: str
    """Of one level; empty: all is on one line."""
    comma: str
    colon: str

    def before(self, level: int, otherwise: str | None = None) -> str:
        """What stands before a member, or before a closing brace."""
        if self.indent:
            return "\n" + self.indent * level
        return self.comma[1:] if otherwise is None else otherwise

    def shown(self, value: object, level: int) -> str:
        """A value as it stands behind the name of a member."""
        indent = self.indent or None
        comma = "," if self.indent else self.comma
        text = json.dumps(value, indent=indent, separators=(comma, self.colon), ensure_ascii=False)
        return text.replace("\n", "\n" + self.indent * level)


def _style(text: str) -> _Style:
    top = _object(text, _skip(text, 0))
    if not top.members:
        return _Style(_FIRST_INDENT, ",", ": ")
    first = top.members[0]
    lead = text[top.start + 1 : first.start]
    colon = text[first.start : first.value].rpartition(":")[2]
    indent = lead.rpartition("\n")[2] if "\n" in lead else ""
    return _Style(indent, ", " if colon else ",", ": " if colon else ":")


def _at(text: str, path: tuple[str, ...]) -> _Object | None:
    found = _object(text, _skip(text, 0))
    for name in path:
        member = found.member(name)
        if member is None or text[member.value : member.end] == "null":
            return None
        found = _object(text, member.value)
    return found


def _object(text: str, start: int) -> _Object:
    if text[start : start + 1] != "{":
        raise ValueError("an object was expected")
    found: dict[str, _Member] = {}
    place = _skip(text, start + 1)
    while text[place] != "}":
        name, behind = _decoded(text, place)
        value = _skip(text, _skip(text, behind) + 1)
        _, end = _decoded(text, value)
        if not isinstance(name, str) or name in found:
            raise ValueError(
                f"two members are called {str(name)[:100]!r}, and programs differ in which counts"
            )
        found[name] = _Member(name, place, value, end)
        place = _skip(text, end)
        if text[place] == ",":
            place = _skip(text, place + 1)
    return _Object(start, place, tuple(found.values()))


def _decoded(text: str, place: int) -> tuple[object, int]:
    try:
        return _DECODER.raw_decode(text, place)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _skip(text: str, place: int) -> int:
    while place < len(text) and text[place] in _BLANKS:
        place += 1
    return place
