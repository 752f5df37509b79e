"""Who manages what after a manager has inherited the fields of another."""

from typing import Any

import pytest

from upgraph.kube.inheritance import inherited, owners_in
from upgraph.kube.objects import Object

OWNED: Object = {"f:metadata": {"f:ownerReferences": {".": {}, 'k:{"uid":"7"}': {}}}}
CONTAINERS = "f:containers"
OLD = 'k:{"name":"old"}'


def note(manager: str, fields: Object, operation: str = "Update", **more: str) -> Object:
    about = {"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsType": "FieldsV1"}
    return {**about, "fieldsV1": fields, **more}


def after(*notes: Object) -> dict[str, Any] | None:
    """The fields by manager and operation, once ``heir`` has inherited those of ``old``."""
    obj = {"apiVersion": "v1", "metadata": {"managedFields": list(notes)}}
    made = inherited(obj, "heir", lambda fields: "f:old" in fields)
    return None if made is None else {f"{one['manager']} {one['operation']}": one["fieldsV1"] for one in made}


def test_what_was_written_counts_as_applied_by_the_heir() -> None:
    made = after(note("old", {"f:old": {"f:a": {}}}), note("other", {"f:b": {}}))
    assert made == {"heir Apply": {"f:old": {"f:a": {}}}, "other Update": {"f:b": {}}}


def test_what_the_heir_has_applied_before_stays_with_it() -> None:
    made = after(note("heir", {"f:c": {}}, "Apply"), note("old", {"f:old": {}}))
    assert made == {"heir Apply": {"f:c": {}, "f:old": {}}}


@pytest.mark.parametrize(
    "of_other",
    [
        pytest.param(note("old", {"f:old": {}}, "Apply"), id="what another applies"),
        pytest.param(note("old", {"f:old": {}}, subresource="status"), id="a status"),
        pytest.param(note("old", {"f:old": {}}) | {"apiVersion": "v1beta1"}, id="another version of the API"),
        pytest.param(note("old", {"f:new": {}}), id="who leaves nothing"),
    ],
)
def test_nothing_is_inherited_from(of_other: Object) -> None:
    assert after(of_other) is None


def test_what_a_third_has_added_to_an_inherited_element_is_nobodys_and_goes_with_it() -> None:
    old = note("old", {"f:old": {}, CONTAINERS: {OLD: {".": {}, "f:image": {}}}})
    added: Object = {CONTAINERS: {OLD: {"f:resources": {}}}, "f:replicas": {}}
    made = after(old, note("third", added))
    assert made is not None
    assert made["third Update"] == {"f:replicas": {}}


def test_who_had_nothing_but_additions_to_an_inherited_element_is_no_manager_any_more() -> None:
    old = note("old", {"f:old": {}, CONTAINERS: {OLD: {".": {}, "f:image": {}}}})
    made = after(old, note("third", {CONTAINERS: {OLD: {"f:resources": {}}}}))
    assert made is not None
    assert made.keys() == {"heir Apply"}


def test_elements_that_a_third_has_made_stay_its_own() -> None:
    old = note("old", {"f:old": {}, CONTAINERS: {OLD: {".": {}, "f:image": {}}}})
    own: Object = {CONTAINERS: {'k:{"name":"third"}': {".": {}, "f:image": {}}}}
    made = after(old, note("third", own))
    assert made is not None
    assert made["third Update"] == own


def test_a_status_that_a_third_writes_is_left_alone() -> None:
    status = note("controller", {"f:old": {}}, subresource="status")
    made = after(note("old", {"f:old": {}}), status)
    assert made is not None
    assert made["controller Update"] == {"f:old": {}}


def test_the_owners_among_fields_are_named_by_their_identities() -> None:
    assert owners_in(OWNED) == {"7"}
    assert owners_in({"f:data": {}}) == frozenset()
