"""The two single files that every set has: ``version`` and ``raw/metadata.json``."""

import re
from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from upgraph.errors import DataError, Finding, Severity
from upgraph.errors.problems.graphdata import RAW_METADATA, RAW_METADATA_VERSION, SCHEMA, SCHEMA_NEWER
from upgraph.graph import Version
from upgraph.graphdata import files
from upgraph.graphdata.fault import LocatedError

SUPPORTED_SCHEMA = Version.parse("1.2.0")
"""The newest schema that is known here."""

Additions: TypeAlias = tuple[tuple[Version, Mapping[str, str]], ...]
"""Metadata by the version of the releases it is added to."""

_MAX_SCHEMA_BYTES = 1024
_POSITION = re.compile(r"\(byte (\d+)\)")


def read_schema(content: bytes) -> tuple[Version, list[Finding]]:
    """The schema version of the set, from the content of ``version``.

    Raises:
        LocatedError: it is no version, or of another major version.
    """
    text = content[:_MAX_SCHEMA_BYTES].decode(errors="replace")
    try:
        schema = Version.parse(text)
    except DataError as error:
        raise LocatedError(SCHEMA, f"the content is {text[:80]!r}, which is not a version", 1) from error
    if schema.minor[0] != SUPPORTED_SCHEMA.minor[0]:
        raise LocatedError(SCHEMA, f"the schema is {schema}; {SUPPORTED_SCHEMA.minor[0]}.x.y is supported", 1)
    if schema.minor > SUPPORTED_SCHEMA.minor:
        seen = f"the schema is {schema}; {SUPPORTED_SCHEMA} is the newest that is known"
        return schema, [Finding(Severity.WARNING, SCHEMA_NEWER, seen, files.VERSION, 1)]
    return schema, []


def read_raw_metadata(content: bytes) -> tuple[Additions, list[Finding]]:
    """What ``raw/metadata.json`` adds to releases, in the order of versions.

    Raises:
        LocatedError: it is not an object of objects of strings.
    """
    try:
        entries = msgspec.json.decode(content, type=dict[str, dict[str, str]])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        position = _POSITION.search(str(error))
        line = content.count(b"\n", 0, int(position[1])) + 1 if position else None
        raise LocatedError(RAW_METADATA, f"{error}", line) from error
    additions: list[tuple[Version, Mapping[str, str]]] = []
    findings = []
    for key in sorted(entries):
        try:
            additions.append((Version.parse(key), entries[key]))
        except DataError:
            seen = f"{key[:80]!r} is not a version"
            findings.append(Finding(Severity.WARNING, RAW_METADATA_VERSION, seen, files.RAW_METADATA))
    additions.sort(key=lambda entry: entry[0])
    return tuple(additions), findings
