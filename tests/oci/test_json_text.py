"""A member of a JSON text is changed, and every other byte stays."""

import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from upgraph.oci.credentials.json_text import members, with_member, without_members

NAMES = st.text(max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(NAMES, VALUES, max_size=4)
LAYOUTS = st.sampled_from([(None, (",", ":")), (None, (", ", ": ")), (2, (",", ": ")), ("\t", (",", ": "))])


def written(value: object, layout: tuple[Any, Any]) -> str:
    return json.dumps(value, indent=layout[0], separators=layout[1], ensure_ascii=False)


@given(OBJECTS, st.dictionaries(NAMES, VALUES, max_size=4), NAMES, VALUES, LAYOUTS)
def test_a_member_is_set_and_nothing_else_changes(
    outer: dict[str, Any], logins: dict[str, Any], name: str, value: object, layout: tuple[Any, Any]
) -> None:
    before = {**outer, "auths": logins}
    text = with_member(written(before, layout), ("auths", name), value)
    assert json.loads(text) == {**before, "auths": {**logins, name: value}}
    assert list(json.loads(text)) == list(before)


@given(OBJECTS, NAMES, VALUES, LAYOUTS)
def test_removing_what_was_added_gives_the_same_bytes(
    outer: dict[str, Any], name: str, value: object, layout: tuple[Any, Any]
) -> None:
    assume(name != "first")
    text = written({**outer, "auths": {"first": {}}}, layout)
    added = with_member(text, ("auths", name), value)
    assert without_members(added, ("auths",), lambda one: one == name) == text


@given(OBJECTS, LAYOUTS)
def test_a_change_has_the_form_of_its_neighbours(outer: dict[str, Any], layout: tuple[Any, Any]) -> None:
    before = {**outer, "auths": {"first": {"auth": "x"}}}
    after = {**outer, "auths": {"first": {"auth": "x"}, "second": {"auth": "y"}}}
    text = with_member(written(before, layout), ("auths", "second"), {"auth": "y"})
    # Empty lists and objects apart, which json writes on one line in every layout.
    assert text == written(after, layout)


@pytest.mark.parametrize("text", ["{}", "{ }", "\n{\n}\n", '{"auths": null}', '{"auths": {}}'])
def test_objects_on_the_way_are_made(text: str) -> None:
    assert json.loads(with_member(text, ("auths", "a"), 1)) == {"auths": {"a": 1}}


def test_a_new_text_is_indented_as_podman_does() -> None:
    text = with_member("{}", ("auths", "a.example"), {"auth": "x"})
    assert text == '{\n\t"auths": {\n\t\t"a.example": {\n\t\t\t"auth": "x"\n\t\t}\n\t}\n}'


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        '{"auths": 1}',
        '{"auths": {}, "auths": {}}',
        '{"auths": {"a": 1, "a": 2}}',
        '{"a":' * 5000 + "1" + "}" * 5000,
    ],
    ids=["no object", "no logins", "twice at the top", "twice within", "deep"],
)
def test_what_could_be_read_in_two_ways_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        members(text, "auths")


@pytest.mark.parametrize(
    ("gone", "left"),
    [
        ("a", '{"auths": {"b": 2, "c": 3}}'),
        ("b", '{"auths": {"a": 1, "c": 3}}'),
        ("c", '{"auths": {"a": 1, "b": 2}}'),
    ],
    ids=["first", "middle", "last"],
)
def test_a_member_goes_with_its_comma(gone: str, left: str) -> None:
    text = '{"auths": {"a": 1, "b": 2, "c": 3}}'
    assert without_members(text, ("auths",), lambda name: name == gone) == left


def test_all_members_can_go() -> None:
    assert without_members('{"auths": {"a": 1, "b": 2}}', ("auths",), lambda _: True) == '{"auths": {}}'
