"""The API of a real cluster: the port of :mod:`upgraph.kube.api` over HTTP.

lightkube brings what is hard to keep right, configuration and logins. Its verbs and models are passed by: they drop
fields that they do not know, write bodies in a way that the server folds, and know no precondition of a deletion; its
watch ends at the first U+0085 that anybody writes into an object.
"""

import json
import random
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

from upgraph.errors import RemoteError
from upgraph.errors.problems import kube as problems
from upgraph.kube.api import EVERYWHERE, Event, Keep, Listing, OversizeError, Scope, whole
from upgraph.kube.configuration import ClusterAddress
from upgraph.kube.connection import Route, directly, open_connection
from upgraph.kube.decoding import event_in, object_in, page_in, plurals_in
from upgraph.kube.exchange import MAX_LINE_BYTES, MAX_PAGE_BYTES, Ask, Exchange
from upgraph.kube.kinds import KINDS, LEASE
from upgraph.kube.objects import Key, Kind, Object, key_of
from upgraph.kube.paths import collection_path, object_path, selection, version_path

PAGE_OBJECTS = 250
"""Objects of one page of a list, where they are not large."""
SMALLER = 4
"""By how much smaller pages are asked for where one was too large."""
MAX_OBJECTS = 20_000
"""Most objects of one list."""
WATCH_SECONDS = 300
"""Shortest time for which a server is asked to keep a watch; the longest is twice that, so that not all end at once."""

_DELETION = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"}
_STRICT = {"fieldValidation": "Strict"}
"""Refuse fields that the server does not know. By default it drops them without a word that a program would read."""


@dataclass(frozen=True, slots=True)
class _Verb:
    """A way to write."""

    word: str
    """As messages name it."""
    method: str
    content_type: str
    options: Mapping[str, str]


_CREATE = _Verb("create", "POST", "application/json", _STRICT)
_REPLACE = _Verb("replace", "PUT", "application/json", _STRICT)
_PATCH = _Verb("patch", "PATCH", "application/merge-patch+json", _STRICT)
_APPLY = _Verb("apply", "PATCH", "application/apply-patch+yaml", {"force": "false"})
_FORCE = _Verb("apply", "PATCH", "application/apply-patch+yaml", {"force": "true"})


class KubernetesApi:
    """The API of one cluster; see :class:`upgraph.kube.api.Api` for what the methods promise.

    Args:
        exchange: carries the requests.
        cluster: its name in messages.
        manager: the name under which the cluster notes our changes, and by which it tells them from those of others.
        kinds: those that are written, beside the usual ones.
    """

    def __init__(self, exchange: Exchange, *, cluster: str, manager: str, kinds: Iterable[Kind] = ()) -> None:
        self._exchange = exchange
        self._cluster = cluster
        self._manager = manager
        self._kinds = {(kind.api_version, kind.kind): kind for kind in (*KINDS, *kinds)}

    @property
    def manager(self) -> str:
        """The name under which the cluster notes what is written here."""
        return self._manager

    async def get(self, kind: Kind, key: Key) -> Object:
        """One object."""
        what = self._what("get", kind, key)
        ask = Ask(what, "GET", _path(kind, key), is_urgent=kind == LEASE)
        return object_in(await self._exchange.answer(ask), what)

    async def list(self, kind: Kind, scope: Scope = EVERYWHERE, *, keep: Keep = whole) -> Listing:
        """All objects of a scope, read in pages."""
        most = PAGE_OBJECTS
        while True:
            try:
                return await self._listed(kind, scope, most, keep)
            except OversizeError:
                if most == 1:
                    raise
                # From the beginning: a server need not go on with a list under another limit.
                most = max(1, most // SMALLER)

    async def _listed(self, kind: Kind, scope: Scope, most: int, keep: Keep) -> Listing:
        what = self._what("list", kind, scope)
        path = collection_path(kind, scope.namespace or "")
        parameters = {**selection(scope), "limit": str(most)}
        found: list[Object] = []
        while True:
            ask = Ask(what, "GET", path, parameters, max_bytes=MAX_PAGE_BYTES)
            objects, version, rest = page_in(await self._exchange.answer(ask), kind, what)
            found += map(keep, objects)
            if len(found) > MAX_OBJECTS:
                raise RemoteError(problems.KUBE_FAULT, f"{what}: there are more than {MAX_OBJECTS} objects")
            if not rest:
                return Listing(tuple(found), version)
            parameters["continue"] = rest

    async def watch(self, kind: Kind, scope: Scope, version: str) -> AsyncGenerator[Event, None]:
        """What happens in a scope after ``version``."""
        what = self._what("watch", kind, scope)
        parameters = {
            **selection(scope),
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(random.randint(WATCH_SECONDS, 2 * WATCH_SECONDS)),  # noqa: S311  # no secret
        }
        path = collection_path(kind, scope.namespace or "")
        ask = Ask(what, "GET", path, parameters, max_bytes=MAX_LINE_BYTES)
        async with aclosing(self._exchange.lines(ask)) as lines:
            async for line in lines:
                yield event_in(line, kind, what)

    async def create(self, obj: Object) -> Object:
        """Make an object."""
        kind, key = self._kind_of(obj), key_of(obj)
        return await self._write(_CREATE, kind, key, collection_path(kind, key.namespace), obj)

    async def apply(self, obj: Object, *, force: bool = True) -> Object:
        """Say what the fields that we manage are to be (server-side apply)."""
        kind, key = self._kind_of(obj), key_of(obj)
        return await self._write(_FORCE if force else _APPLY, kind, key, _path(kind, key), obj)

    async def apply_status(self, obj: Object) -> Object:
        """The same for the ``status`` of an object that is there."""
        kind, key = self._kind_of(obj), key_of(obj)
        return await self._write(_FORCE, kind, key, _path(kind, key) + "/status", obj)

    async def replace(self, obj: Object) -> Object:
        """Replace an object, if nobody has changed it."""
        kind, key = self._kind_of(obj), key_of(obj)
        return await self._write(_REPLACE, kind, key, _path(kind, key), obj)

    async def patch(self, kind: Kind, key: Key, patch: Object) -> Object:
        """Change an object by a merge patch."""
        return await self._write(_PATCH, kind, key, _path(kind, key), patch)

    async def delete(self, kind: Kind, key: Key, *, uid: str | None = None) -> None:
        """Delete an object."""
        options: Object = _DELETION if uid is None else {**_DELETION, "preconditions": {"uid": uid}}
        what = self._what("delete", kind, key)
        await self._exchange.answer(Ask(what, "DELETE", _path(kind, key), content=_encoded(options)))

    async def serves(self, kind: Kind) -> bool:
        """Whether the cluster has this kind in this version."""
        what = f"{self._cluster}: look for {kind}"
        try:
            content = await self._exchange.answer(Ask(what, "GET", version_path(kind)))
        except RemoteError as error:
            if error.problem is problems.KUBE_NO_KIND:
                return False
            raise
        return kind.plural in plurals_in(content, what)

    async def _write(self, verb: _Verb, kind: Kind, key: Key, path: str, obj: Object) -> Object:
        what = self._what(verb.word, kind, key)
        parameters = {"fieldManager": self._manager, **verb.options}
        ask = Ask(
            what, verb.method, path, parameters, _encoded(obj), verb.content_type, is_urgent=kind == LEASE
        )
        return object_in(await self._exchange.answer(ask), what)

    def _kind_of(self, obj: Object) -> Kind:
        return self._kinds[obj["apiVersion"], obj["kind"]]

    def _what(self, verb: str, kind: Kind, which: Key | Scope) -> str:
        return f"{self._cluster}: {verb} {kind.kind} {which}"


@asynccontextmanager
async def open_api(
    address: ClusterAddress, *, manager: str, kinds: Iterable[Kind] = (), route: Route = directly
) -> AsyncIterator[KubernetesApi]:
    """The API of a cluster, for as long as the block lasts.

    Args:
        address: which cluster, and who we are there.
        manager: the name under which the cluster notes our changes.
        kinds: those that are written, beside the usual ones.
        route: the proxy of the environment, if the configuration names none.

    Raises:
        UserError: certificates or keys of the configuration cannot be used.
    """
    async with open_connection(address, route) as client:
        yield KubernetesApi(Exchange(client), cluster=str(address), manager=manager, kinds=kinds)


def _path(kind: Kind, key: Key) -> str:
    return object_path(kind, key.namespace, key.name)


def _encoded(obj: Object) -> bytes:
    # In ASCII: the server reads an applied body as YAML, which folds a raw U+0085 into a space without a word.
    return json.dumps(obj, separators=(",", ":")).encode("ascii")
