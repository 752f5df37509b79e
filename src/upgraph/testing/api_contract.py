"""What any API server has to do for :class:`upgraph.kube.api.Api`, simulated or real: checks that others may run.

Each takes a :class:`Place`: an empty namespace that is the check's own. The simulated server and real ones are held to the
same, so that tests against the simulated one mean something.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from upgraph.errors import Problem, RemoteError
from upgraph.errors.problems import kube as problems
from upgraph.kube.api import Api, Event, EventType, ExpiredError, RefusedError, Scope
from upgraph.kube.candidacy import Terms
from upgraph.kube.conditions import Condition, conditions_of, stated
from upgraph.kube.election import Election, record_of
from upgraph.kube.events import Note, Recorder
from upgraph.kube.kinds import CONFIG_MAP, CUSTOM_RESOURCE_DEFINITION, EVENT, LEASE
from upgraph.kube.objects import Key, Kind, Object, key_of, uid_of, version_of

_T = TypeVar("_T")

WIDGET = Kind("contract.upgraph.example", "v1", "Widget", "widgets")
"""A kind with a status of its own; :func:`widget_definition` makes it known."""
ABSENT = Kind("contract.upgraph.example", "v1", "Absence", "absences")
"""A kind that no server has."""
NEXT_LINE = "one\u0085two \u2028 three"
"""What Unicode takes for ends of lines, inside a text."""
PATIENCE_SECONDS = 30.0
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


async def check_what_is_made_is_found_until_it_is_deleted(place: Place) -> None:
    """Create, get, list and delete."""
    made = await place.api.create(place.config_map("a", {"x": "1"}, {"check": ""}))
    assert await place.api.get(CONFIG_MAP, place.key("a")) == made
    listing = await place.api.list(CONFIG_MAP, place.here)
    assert [key_of(one) for one in listing.objects] == [place.key("a")]
    assert listing.objects[0] == made
    await place.api.delete(CONFIG_MAP, place.key("a"))
    assert await refused(place.api.get(CONFIG_MAP, place.key("a"))) == (
        problems.KUBE_NOT_FOUND,
        404,
        False,
    )


async def check_a_name_is_given_once(place: Place) -> None:
    """The second one of a name is refused."""
    await place.api.create(place.config_map("a", {}))
    again = place.other.create(place.config_map("a", {}))
    assert await refused(again) == (problems.KUBE_EXISTS, 409, False)


async def check_the_second_of_two_writers_is_refused(place: Place) -> None:
    """Whoever read before the other one wrote does not overwrite that."""
    read = await place.api.create(place.config_map("a", {"x": "1"}))
    await place.other.patch(CONFIG_MAP, place.key("a"), {"data": {"x": "2"}})
    late = place.api.replace({**read, "data": {"x": "3"}})
    assert await refused(late) == (problems.KUBE_CONFLICT, 409, True)
    late = place.api.apply({**place.config_map("a", {"x": "4"}), "metadata": _named(read)})
    assert await refused(late) == (problems.KUBE_CONFLICT, 409, True)
    assert (await place.api.get(CONFIG_MAP, place.key("a")))["data"] == {"x": "2"}


async def check_a_merge_patch_changes_and_removes(place: Place) -> None:
    """Null removes a field, and what is not named stays."""
    await place.api.create(place.config_map("a", {"x": "1", "y": "2"}))
    changed = await place.api.patch(CONFIG_MAP, place.key("a"), {"data": {"x": None, "z": "3"}})
    assert changed["data"] == {"y": "2", "z": "3"}


async def check_applying_leaves_the_fields_of_others(place: Place) -> None:
    """What another one added stays, what we no longer say goes."""
    await place.api.apply(place.config_map("a", {"ours": "1", "gone": "1"}))
    await place.other.patch(CONFIG_MAP, place.key("a"), {"data": {"theirs": "2"}})
    applied = await place.api.apply(place.config_map("a", {"ours": "3"}))
    assert applied["data"] == {"ours": "3", "theirs": "2"}


async def check_applying_the_same_again_changes_nothing(place: Place) -> None:
    """The version stays, so nobody is woken."""
    wanted = place.config_map("a", {"x": "1"}, {"check": ""})
    first = await place.api.apply(wanted)
    assert version_of(await place.api.apply(wanted)) == version_of(first)


async def check_a_conflict_of_managers_names_the_fields(place: Place) -> None:
    """Without force the field stays, with force it is taken over."""
    await place.other.apply(place.config_map("a", {"x": "theirs"}))
    ours = place.config_map("a", {"x": "ours"})
    try:
        await place.api.apply(ours, force=False)
    except RefusedError as error:
        assert (error.problem, error.status, error.retryable) == (problems.KUBE_FIELD_CONFLICT, 409, False)
        assert [cause.field for cause in error.causes] == [".data.x"]
        assert "other" in error.causes[0].message
    else:
        raise AssertionError("it was not refused")
    assert (await place.api.apply(ours))["data"] == {"x": "ours"}


async def check_unknown_fields_are_refused_for_good(place: Place) -> None:
    """Applied they are answered with 500, created with 400: neither is a reason to try again."""
    wrong = {**place.config_map("a", {}), "nonsense": "1"}
    assert await refused(place.api.apply(wrong)) == (problems.KUBE_REFUSED, 500, False)
    assert await refused(place.api.create(wrong)) == (problems.KUBE_REFUSED, 400, False)


async def check_an_invalid_object_is_refused_with_its_field(place: Place) -> None:
    """The causes name the field."""
    try:
        await place.api.create(place.config_map("a", {"no key!": "1"}))
    except RefusedError as error:
        assert (error.problem, error.status, error.retryable) == (problems.KUBE_REFUSED, 422, False)
        assert [cause.field for cause in error.causes] == ["data[no key!]"]
    else:
        raise AssertionError("it was not refused")


async def check_every_character_arrives(place: Place) -> None:
    """What Unicode takes for the end of a line is kept by what is applied, and does not end a watch."""
    since = (await place.api.list(CONFIG_MAP, place.here)).version
    applied = await place.api.apply(place.config_map("a", {"x": NEXT_LINE}, {"check": ""}))
    assert applied["data"] == {"x": NEXT_LINE}
    (event,) = await told(place, CONFIG_MAP, place.here, since, 1)
    assert event == Event(EventType.ADDED, applied)


async def check_a_watch_tells_what_happens_after_a_list(place: Place) -> None:
    """Every change in its order, and nothing of before."""
    await place.api.create(place.config_map("before", {}, {"check": ""}))
    since = (await place.api.list(CONFIG_MAP, place.here)).version
    made = await place.api.create(place.config_map("a", {"x": "1"}, {"check": ""}))
    changed = await place.api.patch(CONFIG_MAP, place.key("a"), {"data": {"x": "2"}})
    await place.api.delete(CONFIG_MAP, place.key("a"))
    events = await told(place, CONFIG_MAP, place.here, since, 3)
    assert events[:2] == [Event(EventType.ADDED, made), Event(EventType.MODIFIED, changed)]
    assert (events[2].type, key_of(events[2].object)) == (EventType.DELETED, place.key("a"))
    assert events[2].version not in {events[1].version, ""}


async def check_a_scope_of_one_name_has_that_one_alone(place: Place) -> None:
    """In lists and in watches."""
    scope = Scope(place.namespace, name="a")
    since = (await place.api.list(CONFIG_MAP, scope)).version
    for name in ("b", "a", "c"):
        await place.api.create(place.config_map(name, {}, {"check": ""}))
    (event,) = await told(place, CONFIG_MAP, scope, since, 1)
    assert key_of(event.object) == place.key("a")
    assert [key_of(one) for one in (await place.api.list(CONFIG_MAP, scope)).objects] == [place.key("a")]


async def check_what_leaves_a_scope_is_gone(place: Place) -> None:
    """An object that loses its label is told as deleted to who watches the label."""
    await place.api.create(place.config_map("a", {}, {"check": ""}))
    since = (await place.api.list(CONFIG_MAP, place.here)).version
    await place.api.patch(CONFIG_MAP, place.key("a"), {"metadata": {"labels": {"check": None}}})
    (event,) = await told(place, CONFIG_MAP, place.here, since, 1)
    assert (event.type, key_of(event.object)) == (EventType.DELETED, place.key("a"))


async def check_a_version_of_long_ago_has_expired(place: Place) -> None:
    """A watch from there is told to list again."""
    try:
        await told(place, CONFIG_MAP, place.here, "1", 1)
    except ExpiredError as error:
        assert (error.problem, error.status) == (problems.KUBE_EXPIRED, 410)  # as above
    else:
        raise AssertionError("it was not refused")


async def check_a_deletion_can_name_the_object(place: Place) -> None:
    """Another one of the same name stays."""
    made = await place.api.create(place.config_map("a", {}))
    other_uid = "00000000-0000-4000-8000-000000000000"
    wrong = place.api.delete(CONFIG_MAP, place.key("a"), uid=other_uid)
    assert (await refused(wrong))[:2] == (problems.KUBE_CONFLICT, 409)
    await place.api.delete(CONFIG_MAP, place.key("a"), uid=uid_of(made))
    assert (await refused(place.api.get(CONFIG_MAP, place.key("a"))))[1] == 404


async def check_kinds_come_and_are_told_from_those_that_are_not_there(place: Place) -> None:
    """What is not there has a problem of its own."""
    assert await place.api.serves(CONFIG_MAP)
    assert not await place.api.serves(ABSENT)
    assert await refused(place.api.list(ABSENT, place.here)) == (problems.KUBE_NO_KIND, 404, False)
    assert await refused(place.api.get(ABSENT, place.key("a"))) == (problems.KUBE_NO_KIND, 404, False)
    await _with_widgets(place)


async def check_a_status_is_written_apart(place: Place) -> None:
    """The status is no part of what is wanted, and does not count as a new generation of it."""
    await _with_widgets(place)
    wanted = _widget(place, spec={"size": 1})
    made = await place.api.apply({**wanted, "status": {"ignored": True}})
    assert "status" not in made
    conditions = stated([Condition("Ready", status=True, reason="AllWell")], made, datetime.now(UTC))
    shown = await place.api.apply_status({**_widget(place), "status": {"conditions": conditions}})
    assert conditions_of(shown)["Ready"].reason == "AllWell"
    assert shown["spec"] == {"size": 1}
    assert shown["metadata"]["generation"] == 1
    changed = await place.api.apply(_widget(place, spec={"size": 2}))
    assert (changed["metadata"]["generation"], changed["status"]) == (2, shown["status"])


async def check_events_are_taken_and_counted(place: Place) -> None:
    """What is said twice stands once, with a number."""
    about = await place.api.create(place.config_map("a", {}))
    recorder = Recorder(place.api, "contract.upgraph.example/check", "one", asyncio.get_running_loop().time)
    task = asyncio.create_task(recorder.run())
    for _ in range(2):
        recorder.note(about, Note("Warning", "ItRains", "and it goes on raining"))
    try:
        found = await _until(lambda: _counted(place, about))
    finally:
        task.cancel()
        await asyncio.wait({task})
    assert recorder.dropped == 0
    assert [(one["reason"], one["type"], one["series"]["count"]) for one in found] == [
        ("ItRains", "Warning", 2)
    ]


async def check_a_lease_changes_hands(place: Place) -> None:
    """Who ends in good order lets the next one begin at once."""
    terms = Terms(lease=3.0, deadline=2.0, interval=0.2)
    led: list[str] = []

    async def lead(api: Api, name: str) -> None:
        async def work() -> None:
            led.append(name)

        await Election(api, place.key("lease"), name, terms=terms).lead(work)

    async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as group:
        group.create_task(lead(place.api, "first"))
        group.create_task(lead(place.other, "second"))
    assert sorted(led) == ["first", "second"]
    record = record_of(await place.api.get(LEASE, place.key("lease")))
    assert (record.holder, record.transitions) == ("", 1)


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


def _named(obj: Object) -> Object:
    metadata = obj["metadata"]
    return {name: metadata[name] for name in ("namespace", "name", "resourceVersion")}


def _widget(place: Place, **parts: Object) -> Object:
    metadata = {"namespace": place.namespace, "name": "a"}
    return {"apiVersion": WIDGET.api_version, "kind": WIDGET.kind, "metadata": metadata, **parts}


async def _with_widgets(place: Place) -> None:
    await place.api.apply(widget_definition())
    await _until(lambda: place.api.serves(WIDGET))


async def _counted(place: Place, about: Object) -> list[Object]:
    listing = await place.api.list(EVENT, Scope(place.namespace))
    events = [one for one in listing.objects if one["regarding"].get("uid") == uid_of(about)]
    return events if events and events[0].get("series") else []


async def _until(look: Callable[[], Awaitable[_T]]) -> _T:
    """What a look gives as soon as it is something."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (found := await look()):  # noqa: ASYNC110  # another process makes it come
            await asyncio.sleep(0.05)
    return found


CHECKS = (
    check_what_is_made_is_found_until_it_is_deleted,
    check_a_name_is_given_once,
    check_the_second_of_two_writers_is_refused,
    check_a_merge_patch_changes_and_removes,
    check_applying_leaves_the_fields_of_others,
    check_applying_the_same_again_changes_nothing,
    check_a_conflict_of_managers_names_the_fields,
    check_unknown_fields_are_refused_for_good,
    check_an_invalid_object_is_refused_with_its_field,
    check_every_character_arrives,
    check_a_watch_tells_what_happens_after_a_list,
    check_a_scope_of_one_name_has_that_one_alone,
    check_what_leaves_a_scope_is_gone,
    check_a_version_of_long_ago_has_expired,
    check_a_deletion_can_name_the_object,
    check_kinds_come_and_are_told_from_those_that_are_not_there,
    check_a_status_is_written_apart,
    check_events_are_taken_and_counted,
    check_a_lease_changes_hands,
)
