"""Files that name mirrors: ``registries.conf``, and mirror sets of OpenShift as oc-mirror writes them.

A file that cannot be understood stops the start: a rule that is left out could let the service contact a
registry that a site has blocked.
"""

import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec

from upgraph.errors import UserError
from upgraph.errors.problems import oci as problems
from upgraph.oci.mirrors.rules import Mirror, Mirrors, Pull, Rule
from upgraph.syntax import SyntaxFault
from upgraph.syntax.yaml import Items, Table, Value, parse_all

MAX_FILE_BYTES = 4 * 1024 * 1024
"""Largest file of mirrors."""
MAX_RULES = 10_000
"""Most rules of a file."""
TOML_NAMES = (".conf", ".toml")
"""How the names of files in the form of registries.conf end; all others are YAML or JSON."""

_NonEmpty = Annotated[str, msgspec.Meta(min_length=1)]
_T = TypeVar("_T")


def read_mirrors(paths: Iterable[Path]) -> Mirrors:
    """The rules of all files.

    Raises:
        UserError: a file cannot be read or names no mirrors, or rules contradict each other.
    """
    return Mirrors(rule for path in paths for rule in _rules(path))


def _rules(path: Path) -> list[Rule]:
    parse = parse_registries_conf if path.name.endswith(TOML_NAMES) else parse_mirror_sets
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise _invalid(str(path), f"cannot be read: {error.strerror}") from error
    if len(content) > MAX_FILE_BYTES:
        raise _invalid(str(path), f"has more than {MAX_FILE_BYTES} bytes")
    rules = parse(content, str(path))
    if not rules:
        raise _invalid(str(path), "names no mirrors")
    if len(rules) > MAX_RULES:
        raise _invalid(str(path), f"has {len(rules)} rules; {MAX_RULES} are accepted")
    return rules


class _MirrorTable(msgspec.Struct, frozen=True, rename="kebab"):
    location: _NonEmpty
    insecure: bool = False
    pull_from_mirror: Pull | None = None


class _RegistryTable(msgspec.Struct, frozen=True, rename="kebab"):
    prefix: str = ""
    location: str = ""
    insecure: bool = False
    blocked: bool = False
    mirror_by_digest_only: bool = False
    mirror: list[_MirrorTable] = []


class _RegistriesConf(msgspec.Struct, frozen=True):
    registry: list[_RegistryTable] = []
    registries: object = None


def parse_registries_conf(content: bytes, file: str) -> list[Rule]:
    """The rules of a ``registries.conf`` of version 2 (containers-registries.conf(5)).

    What concerns short names, logins and single images is passed over.

    Args:
        content: the file.
        file: its name, for messages.

    Raises:
        UserError: it is not valid.
    """
    try:
        document = tomllib.loads(content.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise _invalid(file, f"is no TOML: {error}") from error
    conf = _convert(document, _RegistriesConf, file)
    if conf.registries is not None:
        raise _invalid(file, "has the form of version 1 ([registries.search] and the like); 2 is known")
    return [_registry_rule(table, file) for table in conf.registry if not _is_one_image(table.prefix)]


def _registry_rule(table: _RegistryTable, file: str) -> Rule:
    prefix, location = _trimmed(table.prefix or table.location), _trimmed(table.location)
    if not prefix:
        raise _invalid(file, "has a [[registry]] without prefix and location")
    if not location and not prefix.startswith("*."):
        raise _invalid(file, f"has a [[registry]] with the prefix {prefix!r} and no location")
    for mirror in table.mirror:
        if table.mirror_by_digest_only and mirror.pull_from_mirror is not None:
            seen = f"has pull-from-mirror beside mirror-by-digest-only, under {prefix!r}"
            raise _invalid(file, seen)
    usual = Pull.DIGESTS if table.mirror_by_digest_only else Pull.ALL
    return Rule(
        prefix=prefix,
        file=file,
        location="" if location == prefix else location,
        mirrors=tuple(
            Mirror(_trimmed(mirror.location), mirror.pull_from_mirror or usual, mirror.insecure)
            for mirror in table.mirror
        ),
        blocked=table.blocked,
        insecure=table.insecure,
    )


class _Entry(msgspec.Struct, frozen=True, rename="camel"):
    source: _NonEmpty
    mirrors: list[_NonEmpty] = []
    mirror_source_policy: Literal["", "AllowContactingSource", "NeverContactSource"] = ""


class _Spec(msgspec.Struct, frozen=True, rename="camel"):
    image_digest_mirrors: list[_Entry] = []
    image_tag_mirrors: list[_Entry] = []
    repository_digest_mirrors: list[_Entry] = []


class _MirrorSet(msgspec.Struct, frozen=True):
    spec: _Spec


class _Kind(msgspec.Struct, frozen=True, rename="camel"):
    kind: str = ""
    api_version: str = ""
    items: list[object] | None = None


_API_VERSIONS = {
    "ImageDigestMirrorSet": "config.openshift.io/v1",
    "ImageTagMirrorSet": "config.openshift.io/v1",
    "ImageContentSourcePolicy": "operator.openshift.io/v1alpha1",
}


def parse_mirror_sets(content: bytes, file: str) -> list[Rule]:
    """The rules of ImageDigestMirrorSets, ImageTagMirrorSets and ImageContentSourcePolicies.

    There may be several documents and lists of objects; objects of other kinds are passed over.

    Args:
        content: the file, YAML or JSON.
        file: its name, for messages.

    Raises:
        UserError: it is not valid.
    """
    try:
        documents = parse_all(content)
    except SyntaxFault as error:
        where = "" if error.line is None else f"line {error.line}: "
        raise _invalid(file, f"is no YAML: {where}{error.seen}") from error
    return [rule for document in documents for rule in _object_rules(_plain(document), file)]


def _object_rules(document: object, file: str) -> Iterator[Rule]:
    if not isinstance(document, dict):
        return
    kind = _convert(document, _Kind, file)
    if kind.kind.endswith("List"):
        for item in kind.items or []:
            yield from _object_rules(item, file)
    elif kind.kind in _API_VERSIONS:
        if kind.api_version != _API_VERSIONS[kind.kind]:
            seen = f"has the {kind.kind} of {kind.api_version!r}; {_API_VERSIONS[kind.kind]} is known"
            raise _invalid(file, seen)
        spec = _convert(document, _MirrorSet, file).spec
        for entry in (*spec.image_digest_mirrors, *spec.repository_digest_mirrors):
            yield _set_rule(entry, Pull.DIGESTS, file)
        for entry in spec.image_tag_mirrors:
            yield _set_rule(entry, Pull.TAGS, file)


def _set_rule(entry: _Entry, pull: Pull, file: str) -> Rule:
    return Rule(
        prefix=_trimmed(entry.source),
        file=file,
        mirrors=tuple(Mirror(_trimmed(mirror), pull) for mirror in entry.mirrors),
        blocked=entry.mirror_source_policy == "NeverContactSource",
    )


def _plain(value: Value) -> object:
    if isinstance(value, Table):
        return {key: _plain(item) for key, item in value.values.items()}
    if isinstance(value, Items):
        return [_plain(item) for item in value.values]
    return value


def _convert(document: object, kind: type[_T], file: str) -> _T:
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        raise _invalid(file, f"is not valid: {error}") from error


def _is_one_image(prefix: str) -> bool:
    return "@" in prefix or ":" in prefix.partition("/")[2]


def _trimmed(location: str) -> str:
    # As container engines do with what administrators copy from address bars.
    host, slash, path = location.rstrip("/").partition("/")
    return host.lower() + slash + path


def _invalid(file: str, reason: str) -> UserError:
    return UserError(problems.MIRRORS_INVALID, f"{file} {reason}")
