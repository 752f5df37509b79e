"""Which updates a broken rule was meant to take away, as far as the file still tells.

The content decides; the name of the file speaks where the content is silent, or where the content
breaks off within the target, as in a copy that was not finished. Too many targets withhold too much,
too few offer what was blocked: in doubt there are more.
"""

import re
from collections.abc import Set as AbstractSet
from pathlib import PurePosixPath

from upgraph.errors import DataError
from upgraph.graph import Version
from upgraph.graphdata.fault import LocatedError
from upgraph.graphdata.yaml import Table, parse

_LINE = re.compile(r"""^(?:\{[ ]*)?["']?to["']?[ ]*:[ ]*["']?([^\s"'#,}]+)""", re.MULTILINE)
_CUT = re.compile(r"""(?:^|\n)(?:\{[ ]*)?["']?to["']?[ ]*:[ ]*["']?[^\s"'#,}]*\Z""")
_FROM_TO = re.compile(r".+?-to-(?P<to>[0-9].*)")
# By convention the name of a risk follows the version; risks begin with an upper-case letter.
_NAMED = re.compile(r"(?P<to>.+)-[A-Z][A-Za-z0-9_]*")
# 4.11.0-fc.0 of 4.11.0-fc.0-some-words: a pre-release of this form is never the name of a risk.
_RELEASE = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+(?:-[a-z]+\.[0-9]+(?=-|$))?")


def targets_of(file: str, content: bytes, known: AbstractSet[str]) -> tuple[Version, ...]:
    """The targets of a broken rule, none if neither content nor name tells.

    Args:
        file: its path inside the set.
        content: what could be read of it.
        known: texts, without build part, of the versions that the channels name.
    """
    inside = _inside(content)
    if inside and not _CUT.search(content.decode(errors="replace")):
        return inside
    return tuple(sorted({*inside, *targets_of_name(file, known)}))


def _inside(content: bytes) -> tuple[Version, ...]:
    try:
        value = parse(content)
    except LocatedError:
        found = _LINE.findall(content.decode(errors="replace"))
    else:
        to = value.values.get("to") if isinstance(value, Table) else None
        found = [to] if isinstance(to, str) else []
    return tuple(sorted({version for text in found for version in _version(text)}))


def targets_of_name(file: str, known: AbstractSet[str]) -> tuple[Version, ...]:
    """The targets that the name of a rule tells.

    ``A-to-B`` means B, and ``A-Name`` means A. Old names append words in lower case, which cannot be
    told from a pre-release: of such a name all readings count, from the longest to the first that the
    channels know.
    """
    stem = PurePosixPath(file).stem
    leading = _FROM_TO.fullmatch(stem)
    stem = leading["to"] if leading else stem
    named = _NAMED.fullmatch(stem)
    if named:
        return _version(named["to"])
    found: list[Version] = []
    for text in _readings(stem):
        found += _version(text)
        if any(version.base in known for version in _version(text)):
            break
    return tuple(sorted(found))


def _readings(stem: str) -> list[str]:
    """``stem`` and its beginnings at hyphens, longest first, down to the shortest that is a release."""
    shortest = _RELEASE.match(stem)
    if shortest is None:
        return []
    ends = [match.start() for match in re.finditer("-", stem)] + [len(stem)]
    return [stem[:end] for end in reversed(ends) if end >= shortest.end()]


def _version(text: str) -> tuple[Version, ...]:
    try:
        return (Version.parse(text),)
    except DataError:
        return ()
