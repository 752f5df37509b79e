"""What is in a file with credentials, and what changes between two of them, in words without a secret. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from upgraph.oci.credentials.auth_document import AuthDocument
from upgraph.oci.credentials.login import Login, normal_key


class Kind(StrEnum):
    """What a program finds under a key."""

    PASSWORD = "password"  # noqa: S105  # a word, not one
    IDENTITY_TOKEN = "identity token"  # noqa: S105  # as above
    REGISTRY_TOKEN = "registry token"  # noqa: S105  # as above
    HELPER = "helper"
    """Nothing here; a credential helper is asked."""
    NONE = "nothing"


@dataclass(frozen=True, slots=True)
class Shown:
    """A key, and who logs in with it."""

    registry: str
    user: str
    login: Kind


class Mark(StrEnum):
    """What happens to a key."""

    ADDED = "+"
    CHANGED = "~"
    REMOVED = "-"


@dataclass(frozen=True, slots=True)
class Difference:
    """A key that is not the same before and after."""

    mark: Mark
    registry: str
    words: str

    def __str__(self) -> str:
        return f"{self.mark} {self.registry}  {self.words}"


def shown(document: AuthDocument) -> tuple[Shown, ...]:
    """The keys of a document in their order, those of helpers last."""
    listed = [_shown(key, document.logins.get(normal_key(key))) for key in document.entries]
    helped = [Shown(host, name, Kind.HELPER) for host, name in document.file.helpers.items()]
    return (*listed, *helped)


def difference(before: AuthDocument, after: AuthDocument) -> tuple[Difference, ...]:
    """What changes, sorted by key."""
    old, new = _entries(before), _entries(after)
    keys = sorted(old.keys() | new.keys())
    found = (_difference(key, (old.get(key), new.get(key)), (before, after)) for key in keys)
    return (*filter(None, found), *_other_members(before, after))


def _difference(
    key: str, entries: tuple[object, object], documents: tuple[AuthDocument, AuthDocument]
) -> Difference | None:
    if entries[0] == entries[1]:
        return None
    old, new = (_shown(key, document.logins.get(normal_key(key))) for document in documents)
    if entries[0] is None:
        return Difference(Mark.ADDED, key, _words(new))
    if entries[1] is None:
        return Difference(Mark.REMOVED, key, _words(old))
    if _words(old) != _words(new):
        return Difference(Mark.CHANGED, key, f"{_words(old)} -> {_words(new)}")
    return Difference(Mark.CHANGED, key, f"{_words(new)}, {_what_changes(key, documents)}")


def _what_changes(key: str, documents: tuple[AuthDocument, AuthDocument]) -> str:
    old, new = (document.logins.get(normal_key(key)) for document in documents)
    return "another secret" if old != new else "the same login in another form"


def _other_members(before: AuthDocument, after: AuthDocument) -> tuple[Difference, ...]:
    old, new = before.other_members, after.other_members
    names = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    marks = {
        name: Mark.ADDED if name not in old else Mark.REMOVED if name not in new else Mark.CHANGED
        for name in names
    }
    return tuple(Difference(mark, name, "(no login)") for name, mark in marks.items())


def _entries(document: AuthDocument) -> Mapping[str, object]:
    # A null stands for an entry without a login, which is not the same as none.
    return {key: {} if entry is None else entry for key, entry in document.entries.items()}


def _shown(key: str, login: Login | None) -> Shown:
    if login is None:
        return Shown(key, "", Kind.NONE)
    kind = (
        Kind.IDENTITY_TOKEN
        if login.identity_token
        else Kind.REGISTRY_TOKEN
        if login.registry_token
        else Kind.PASSWORD
    )
    return Shown(key, login.username, kind)


def _words(one: Shown) -> str:
    return f"user {one.user!r}" if one.user else f"({one.login})"
