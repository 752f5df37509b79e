"""Bytes of the API read as objects, pages and events. What leaves here has the fields that everything above leans on."""

from typing import TypeVar

import msgspec

from upgraph.errors import RemoteError
from upgraph.errors.problems import kube as problems
from upgraph.kube.api import Event, EventType
from upgraph.kube.failures import refusal_in_stream
from upgraph.kube.objects import Kind, Object

_T = TypeVar("_T")
_TYPES = {kind.value: kind for kind in EventType}


class _ListMeta(msgspec.Struct, rename={"version": "resourceVersion", "rest": "continue"}):
    version: str = ""
    rest: str = ""


class _Page(msgspec.Struct):
    metadata: _ListMeta
    items: list[Object] | None = None


class _Resource(msgspec.Struct):
    name: str


class _Resources(msgspec.Struct):
    resources: list[_Resource] | None = None


class _Line(msgspec.Struct):
    type: str
    object: msgspec.Raw


def object_in(content: bytes, what: str) -> Object:
    """One object.

    Args:
        content: the body of an answer.
        what: the request, as messages name it.

    Raises:
        RemoteError: it is none.
    """
    return _checked(_decoded(content, Object, what), what)


def page_in(content: bytes, kind: Kind, what: str) -> tuple[list[Object], str, str]:
    """Objects of a page, the version of the list and what the next page is asked for with, if there is one.

    Raises:
        RemoteError: it is no page.
    """
    page = _decoded(content, _Page, what)
    if not page.metadata.version:
        raise _fault(what, "the list has no version")
    found = [_checked(_named(one, kind), what) for one in page.items or ()]
    return found, page.metadata.version, page.metadata.rest


def event_in(line: bytes, kind: Kind, what: str) -> Event:
    """One line of a watch.

    Raises:
        RemoteError: it is none, or an error of the server; :class:`~upgraph.kube.api.ExpiredError` among them.
    """
    told = _decoded(line, _Line, what)
    if told.type == "ERROR":
        raise refusal_in_stream(told.object, what)
    event = _TYPES.get(told.type)
    if event is None:
        raise _fault(what, f"an event of the unknown type {told.type[:50]!r}")
    obj = _decoded(bytes(told.object), Object, what)
    checked = _with_metadata(obj, what) if event is EventType.BOOKMARK else _checked(_named(obj, kind), what)
    if not checked["metadata"].get("resourceVersion"):
        raise _fault(what, "an event has no version")
    return Event(event, checked)


def plurals_in(content: bytes, what: str) -> frozenset[str]:
    """The resources that a version of a group has.

    Raises:
        RemoteError: it is no list of them.
    """
    return frozenset(one.name for one in _decoded(content, _Resources, what).resources or ())


def _decoded(content: bytes, kind: type[_T], what: str) -> _T:
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _fault(what, f"the answer is not what the API gives: {error}") from error


def _named(obj: Object, kind: Kind) -> Object:
    """An object as it would be alone: in a list the API leaves out what all have in common."""
    obj.setdefault("apiVersion", kind.api_version)
    obj.setdefault("kind", kind.kind)
    return obj


def _checked(obj: Object, what: str) -> Object:
    name = _with_metadata(obj, what)["metadata"].get("name")
    if not isinstance(name, str) or not name:
        raise _fault(what, "an object has no name")
    return obj


def _with_metadata(obj: Object, what: str) -> Object:
    if not isinstance(obj.get("metadata"), dict):
        raise _fault(what, "an object has no metadata")
    return obj


def _fault(what: str, seen: str) -> RemoteError:
    return RemoteError(problems.KUBE_FAULT, f"{what}: {seen}")
