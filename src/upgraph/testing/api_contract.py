"""What any API server has to do for :class:`upgraph.kube.api.Api`, simulated or real: checks that others may run.

Each takes a :class:`~upgraph.testing.api_place.Place`: an empty namespace that is the check's own. The simulated server and
real ones are held to the same, so that tests against the simulated one mean something.
"""

import asyncio
from datetime import UTC, datetime

from upgraph.errors.problems import kube as problems
from upgraph.kube.api import Api, Event, EventType, ExpiredError, RefusedError, Scope
from upgraph.kube.candidacy import Terms
from upgraph.kube.conditions import Condition, conditions_of, stated
from upgraph.kube.election import Election, record_of
from upgraph.kube.events import Note, Recorder
from upgraph.kube.exchange import MAX_PAGE_BYTES
from upgraph.kube.inheritance import inherited
from upgraph.kube.kinds import CONFIG_MAP, DEPLOYMENT, LEASE, SERVICE
from upgraph.kube.objects import Object, key_of, uid_of, version_of
from upgraph.testing.api_place import (
    ABSENT,
    NEXT_LINE,
    PATIENCE_SECONDS,
    Place,
    counted,
    define_widgets,
    deployment,
    images,
    named,
    refused,
    told,
    until,
    widget,
)

LARGE_CHARACTERS = 1_000_000
"""Of a ConfigMap; a server takes 1 MiB."""


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


async def check_a_list_of_large_objects_is_read_whole(place: Place) -> None:
    """More of them than fit into the largest answer that is taken."""
    names = [f"large-{number}" for number in range(MAX_PAGE_BYTES // LARGE_CHARACTERS + 1)]
    for name in names:
        await place.api.create(place.config_map(name, {"x": "y" * LARGE_CHARACTERS}, {"check": ""}))
    listing = await place.api.list(CONFIG_MAP, place.here, keep=_name_alone)
    assert sorted(key_of(one).name for one in listing.objects) == sorted(names)
    assert all("data" not in one for one in listing.objects)


def _name_alone(obj: Object) -> Object:
    return {"metadata": obj["metadata"]}


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
    late = place.api.apply({**place.config_map("a", {"x": "4"}), "metadata": named(read)})
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


async def check_what_was_empty_is_filled(place: Place) -> None:
    """What stands in it now is not taken away with the emptiness that we no longer say."""
    await place.api.apply(place.config_map("a", {}))
    assert (await place.api.apply(place.config_map("a", {"x": "1"})))["data"] == {"x": "1"}


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


async def check_elements_of_lists_have_managers_of_their_own(place: Place) -> None:
    """Containers are told apart by their names: each manager has its own, and takes it along."""
    await place.api.apply(deployment(place, {"a": "a:1"}))
    await place.other.apply(deployment(place, {"b": "b:1"}))
    both = await place.api.apply(deployment(place, {"a": "a:2"}))
    assert images(both) == {"a": "a:2", "b": "b:1"}
    assert images(await place.api.apply(deployment(place, {}))) == {"b": "b:1"}


async def check_a_selector_is_one_thing(place: Place) -> None:
    """What another one has added to it goes where we apply ours: a Service with one label too many leads nowhere."""
    ours = {"spec": {"selector": {"check": "a"}, "ports": [{"port": 80, "protocol": "TCP"}]}}
    wanted = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"namespace": place.namespace, "name": "a"},
    } | ours
    await place.api.apply(wanted)
    changed = await place.other.patch(SERVICE, place.key("a"), {"spec": {"selector": {"more": "b"}}})
    assert changed["spec"]["selector"] == {"check": "a", "more": "b"}
    assert (await place.api.apply(wanted))["spec"]["selector"] == {"check": "a"}


async def check_what_another_has_written_can_be_inherited(place: Place) -> None:
    """It goes then where we do not apply it; otherwise it would stay beside what we apply."""
    await place.other.create(deployment(place, {"old": "a:1"}))
    made = await place.api.get(DEPLOYMENT, place.key("a"))
    notes = inherited(made, place.api.manager, lambda _: True)
    await place.api.patch(DEPLOYMENT, place.key("a"), {"metadata": {"managedFields": notes}})
    assert images(await place.api.apply(deployment(place, {"new": "b:1"}))) == {"new": "b:1"}


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


async def check_labels_choose(place: Place) -> None:
    """By value, by another value, by absence."""
    for name, labels in (("a", {"check": "1"}), ("b", {"check": "2"}), ("c", {"else": "3"})):
        await place.api.create(place.config_map(name, {}, labels))
    for selector, names in (("check=1", "a"), ("check,check!=1", "b"), ("!check,else", "c"), ("check=3", "")):
        listing = await place.api.list(CONFIG_MAP, Scope(place.namespace, selector))
        assert "".join(key_of(one).name for one in listing.objects) == names


async def check_what_leaves_a_scope_is_gone(place: Place) -> None:
    """An object that loses its label is told as deleted to who watches the label."""
    await place.api.create(place.config_map("a", {}, {"check": ""}))
    since = (await place.api.list(CONFIG_MAP, place.here)).version
    await place.api.patch(CONFIG_MAP, place.key("a"), {"metadata": {"labels": {"check": None}}})
    (event,) = await told(place, CONFIG_MAP, place.here, since, 1)
    assert (event.type, key_of(event.object)) == (EventType.DELETED, place.key("a"))


async def check_a_version_of_long_ago_has_expired(place: Place) -> None:
    """A watch from there is told to list again. Not one of :data:`CHECKS`: a server that has just begun has no long ago."""
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


async def check_a_finalizer_holds_a_deletion(place: Place) -> None:
    """What somebody still needs stays until that is taken off."""
    held = place.config_map("a", {})
    held["metadata"]["finalizers"] = ["contract.upgraph.example/hold"]
    await place.api.create(held)
    await place.api.delete(CONFIG_MAP, place.key("a"))
    assert (await place.api.get(CONFIG_MAP, place.key("a")))["metadata"]["deletionTimestamp"]
    await place.api.patch(CONFIG_MAP, place.key("a"), {"metadata": {"finalizers": None}})
    assert (await refused(place.api.get(CONFIG_MAP, place.key("a"))))[1] == 404


async def check_kinds_come_and_are_told_from_those_that_are_not_there(place: Place) -> None:
    """What is not there has a problem of its own."""
    assert await place.api.serves(CONFIG_MAP)
    assert not await place.api.serves(ABSENT)
    assert await refused(place.api.list(ABSENT, place.here)) == (problems.KUBE_NO_KIND, 404, False)
    assert await refused(place.api.get(ABSENT, place.key("a"))) == (problems.KUBE_NO_KIND, 404, False)
    await define_widgets(place)


async def check_a_status_is_written_apart(place: Place) -> None:
    """The status is no part of what is wanted, and does not count as a new generation of it."""
    await define_widgets(place)
    wanted = widget(place, spec={"size": 1})
    made = await place.api.apply({**wanted, "status": {"ignored": True}})
    assert "status" not in made
    conditions = stated([Condition("Ready", status=True, reason="AllWell")], made, datetime.now(UTC))
    shown = await place.api.apply_status({**widget(place), "status": {"conditions": conditions}})
    assert conditions_of(shown)["Ready"].reason == "AllWell"
    assert shown["spec"] == {"size": 1}
    assert shown["metadata"]["generation"] == 1
    changed = await place.api.apply(widget(place, spec={"size": 2}))
    assert (changed["metadata"]["generation"], changed["status"]) == (2, shown["status"])


async def check_events_are_taken_and_counted(place: Place) -> None:
    """What is said twice stands once, with a number."""
    about = await place.api.create(place.config_map("a", {}))
    recorder = Recorder(place.api, "contract.upgraph.example/check", "one", asyncio.get_running_loop().time)
    task = asyncio.create_task(recorder.run())
    for _ in range(2):
        recorder.note(about, Note("Warning", "ItRains", "and it goes on raining"))
    try:
        found = await until(lambda: counted(place, about))
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


CHECKS = (
    check_what_is_made_is_found_until_it_is_deleted,
    check_a_list_of_large_objects_is_read_whole,
    check_a_name_is_given_once,
    check_the_second_of_two_writers_is_refused,
    check_a_merge_patch_changes_and_removes,
    check_applying_leaves_the_fields_of_others,
    check_what_was_empty_is_filled,
    check_applying_the_same_again_changes_nothing,
    check_a_conflict_of_managers_names_the_fields,
    check_elements_of_lists_have_managers_of_their_own,
    check_a_selector_is_one_thing,
    check_what_another_has_written_can_be_inherited,
    check_unknown_fields_are_refused_for_good,
    check_an_invalid_object_is_refused_with_its_field,
    check_every_character_arrives,
    check_a_watch_tells_what_happens_after_a_list,
    check_a_scope_of_one_name_has_that_one_alone,
    check_labels_choose,
    check_what_leaves_a_scope_is_gone,
    check_a_finalizer_holds_a_deletion,
    check_a_deletion_can_name_the_object,
    check_kinds_come_and_are_told_from_those_that_are_not_there,
    check_a_status_is_written_apart,
    check_events_are_taken_and_counted,
    check_a_lease_changes_hands,
)
