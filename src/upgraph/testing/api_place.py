"""Where checks of :mod:`upgraph.testing.api_contract` work, and what they work with."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import TypeVar

from upgraph.errors import Problem, RemoteError
from upgraph.kube.api import Api, Event, EventType, Scope
from upgraph.kube.kinds import CUSTOM_RESOURCE_DEFINITION, DEPLOYMENT, EVENT
from upgraph.kube.objects import Key, Kind, Object, uid_of

_T = TypeVar("_T")

WIDGET = Kind("contract.upgraph.example", "v1", "Widget", "widgets")
"""A kind with a status of its own; :func:`widget_definition` makes it known."""
ABSENT = Kind("contract.upgraph.example", "v1", "Absence", "absences")
"""A kind that no server has."""
NEXT_LINE = "one\u0085two \u2028 three"
"""What Unicode takes for ends of lines, inside a text."""
PATIENCE_SECONDS = 180.0
"""Longest wait for something that has to come."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a check works."""

    api: Api
    """It knows :data:`WIDGET`."""
    other: Api
    """The same under the name of another field manager."""
    namespace: str

    def config_map(self, name: str, data: dict[str, str], labels: dict[str, str] | None = None) -> Object:
        """A ConfigMap of this namespace."""
        metadata: Object = {"namespace": self.namespace, "name": name}
        if labels is not None:
            metadata["labels"] = labels
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}

    def key(self, name: str) -> Key:
        """The key of an object of this namespace."""
        return Key(self.namespace, name)

    @property
    def here(self) -> Scope:
        """All that is in this namespace and has the label ``check``; servers put objects of their own beside."""
        return Scope(self.namespace, "check")


def widget_definition() -> Object:
    """The definition of :data:`WIDGET`."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {
        "name": WIDGET.version,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": schema, "status": schema}}},
    }
    names = {"kind": WIDGET.kind, "plural": WIDGET.plural, "singular": "widget", "listKind": "WidgetList"}
    return {
        "apiVersion": CUSTOM_RESOURCE_DEFINITION.api_version,
        "kind": CUSTOM_RESOURCE_DEFINITION.kind,
        "metadata": {"name": f"{WIDGET.plural}.{WIDGET.group}"},
        "spec": {"group": WIDGET.group, "names": names, "scope": "Namespaced", "versions": [version]},
    }


async def refused(action: Awaitable[object]) -> tuple[Problem, int | None, bool]:
    """How a request is refused: problem, status, whether the same may succeed later."""
    try:
        await action
    except RemoteError as error:
        return error.problem, error.status, error.retryable
    raise AssertionError("it was not refused")


async def told(place: Place, kind: Kind, scope: Scope, since: str, number: int) -> list[Event]:
    """The first events of a watch."""
    found: list[Event] = []
    async with (
        asyncio.timeout(PATIENCE_SECONDS),
        aclosing(place.api.watch(kind, scope, since)) as events,
    ):
        async for event in events:
            found += [] if event.type is EventType.BOOKMARK else [event]
            if len(found) == number:
                break
    return found


def named(obj: Object) -> Object:
    """The metadata that name one state of an object."""
    metadata = obj["metadata"]
    return {name: metadata[name] for name in ("namespace", "name", "resourceVersion")}


def widget(place: Place, **parts: Object) -> Object:
    """A Widget."""
    metadata = {"namespace": place.namespace, "name": "a"}
    return {"apiVersion": WIDGET.api_version, "kind": WIDGET.kind, "metadata": metadata, **parts}


def deployment(place: Place, containers: dict[str, str]) -> Object:
    """A Deployment of no pods with these containers: images by names."""
    labels = {"check": "a"}
    template: Object = {"metadata": {"labels": labels}}
    if containers:
        listed = [{"name": name, "image": image} for name, image in containers.items()]
        template["spec"] = {"containers": listed}
    spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
    metadata = {"namespace": place.namespace, "name": "a"}
    return {"apiVersion": DEPLOYMENT.api_version, "kind": DEPLOYMENT.kind, "metadata": metadata, "spec": spec}


def images(deployment: Object) -> dict[str, str]:
    """The images of the containers of a Deployment by their names."""
    containers = deployment["spec"]["template"]["spec"]["containers"]
    return {one["name"]: one["image"] for one in containers}


async def define_widgets(place: Place) -> None:
    """Have the server know :data:`WIDGET`."""
    await place.api.apply(widget_definition())
    await until(lambda: place.api.serves(WIDGET))


async def counted(place: Place, about: Object) -> list[Object]:
    """The Events about an object, as soon as one was counted more than once."""
    listing = await place.api.list(EVENT, Scope(place.namespace))
    events = [one for one in listing.objects if one["regarding"].get("uid") == uid_of(about)]
    return events if events and events[0].get("series") else []


async def until(look: Callable[[], Awaitable[_T]]) -> _T:
    """What a look gives as soon as it is something."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (found := await look()):  # noqa: ASYNC110  # another process makes it come
            await asyncio.sleep(0.05)
    return found
