"""Every UpdateService that a page shows can be applied, and together they show every field."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tools.pages import Page
from upgraph.operator.resource.request import refuse_faults
from upgraph.operator.resource.spec_schema import spec_schema
from upgraph.operator.resource.update_service import parse_update_service

Shown = dict[str, Any]


@pytest.fixture(scope="module")
def shown(pages: list[Page]) -> list[Shown]:
    read = [yaml.safe_load(text) for page in pages for text in page.blocks("yaml")]
    return [one for one in read if isinstance(one, dict) and one.get("kind") == "UpdateService"]


def _of_schema(schema: Shown, path: str = "spec") -> Iterator[str]:
    yield path
    for name, field in schema.get("properties", {}).items():
        yield from _of_schema(field.get("items", field), f"{path}.{name}")


def _of_value(value: object, known: set[str], path: str = "spec") -> Iterator[str]:
    """The fields of a value, down to those whose names are free."""
    yield path
    for one in value if isinstance(value, list) else [value]:
        for name, inner in one.items() if isinstance(one, dict) else ():
            if any(each.startswith(f"{path}.") for each in known):
                yield from _of_value(inner, known, f"{path}.{name}")


def test_every_one_can_be_applied(shown: list[Shown]) -> None:
    for one in shown:
        refuse_faults(parse_update_service(one))


def test_every_field_is_shown_and_no_other(shown: list[Shown]) -> None:
    known = set(_of_schema(spec_schema()))
    used = {field for one in shown for field in _of_value(one["spec"], known)}
    assert (sorted(known - used), sorted(used - known)) == ([], [])
