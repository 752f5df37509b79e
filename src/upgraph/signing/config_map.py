"""ConfigMaps in files: those that carry signatures to a cluster, and the one in a release that names its keys.

Files are YAML, of one document or several, or JSON, of an object or a ``List``. Only what concerns signatures
is looked at; other objects are passed over.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from upgraph.syntax import SyntaxFault
from upgraph.syntax.yaml import Items, Table, Value, parse_all

MAX_OBJECTS = 20_000
"""Most ConfigMaps of one file, and most YAML documents."""

_SEPARATOR = re.compile(rb"^---(?:[ \t].*)?\r?$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ConfigMap:
    """A ConfigMap."""

    name: str
    labels: frozenset[str] = frozenset()
    """Keys alone; their values do not matter."""
    annotations: frozenset[str] = frozenset()
    """Keys alone."""
    data: Mapping[str, str] = field(default_factory=dict)
    binary_data: Mapping[str, str] = field(default_factory=dict)
    """Values in base64, as they stand there."""


def config_maps_in(content: bytes) -> list[ConfigMap]:
    """The ConfigMaps in a file.

    Raises:
        SyntaxFault: it is neither YAML nor JSON, or has too many objects.
    """
    found = [one for document in _documents(content) for one in _objects(document)]
    if len(found) > MAX_OBJECTS:
        raise SyntaxFault(f"it has {len(found)} ConfigMaps; {MAX_OBJECTS} are accepted")
    return found


def _documents(content: bytes) -> Iterator[Value]:
    if content.lstrip().startswith(b"{"):
        yield _json(content)
        return
    # One by one, because the limits of the parser are those of one document.
    parts = _SEPARATOR.split(content, maxsplit=MAX_OBJECTS)
    if len(parts) > MAX_OBJECTS:
        raise SyntaxFault(f"it has more than {MAX_OBJECTS} documents")
    for part in parts:
        yield from parse_all(part)


def _json(content: bytes) -> Value:
    try:
        return _value(msgspec.json.decode(content))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SyntaxFault(f"not JSON: {error}") from error


def _value(decoded: object) -> Value:
    if isinstance(decoded, dict):
        return Table({str(key): _value(value) for key, value in decoded.items()}, {})
    if isinstance(decoded, list):
        return Items([_value(value) for value in decoded], [])
    return decoded if isinstance(decoded, str) else ""


def _objects(document: Value) -> Iterator[ConfigMap]:
    if not isinstance(document, Table):
        return
    items = document.values.get("items")
    if document.values.get("kind") in {"List", "ConfigMapList"} and isinstance(items, Items):
        for item in items.values:
            yield from _objects(item)
    elif document.values.get("kind") == "ConfigMap" and document.values.get("apiVersion") == "v1":
        metadata = _table(document, "metadata")
        name = metadata.values.get("name")
        yield ConfigMap(
            name=name if isinstance(name, str) else "",
            labels=frozenset(_table(metadata, "labels").values),
            annotations=frozenset(_table(metadata, "annotations").values),
            data=_texts(_table(document, "data")),
            binary_data=_texts(_table(document, "binaryData")),
        )


def _table(parent: Table, key: str) -> Table:
    value = parent.values.get(key)
    return value if isinstance(value, Table) else Table({}, {})


def _texts(table: Table) -> dict[str, str]:
    return {key: value for key, value in table.values.items() if isinstance(value, str)}
