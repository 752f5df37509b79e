"""The definition of the resource: complete, bounded, in step with the types, and a replacement for the reference's."""

import itertools
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec
import pytest

from tools.golden import difference
from upgraph.operator.installation.manifests import as_yaml
from upgraph.operator.resource.definition import definition, object_schema
from upgraph.operator.resource.update_service import UpdateServiceSpec, UpdateServiceStatus

GOLDEN = Path(__file__).parent / "golden"
SCHEMA = object_schema()
OLD_SPEC = {"replicas", "releases", "graphDataImage"}
OLD_STATUS = {"conditions", "policyEngineURI"}
OLD_CONDITION = {"type", "status", "reason", "message", "lastTransitionTime", "lastHeartbeatTime"}
BOUNDS = {"string": ("maxLength", "enum", "format"), "array": ("maxItems",)}

MAX_REQUEST_BYTES = 3 * 2**20
"""What API servers before 1.34 take every amount for, which is a number or a text, whatever ``maxLength`` says."""
MOST_OF_A_RULE = 10_000_000
"""Units that the API server allows one rule at worst, over all items and entries that it is about."""
MOST_OF_ALL = 10 * MOST_OF_A_RULE


def parts(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema in a schema, with its path."""
    yield path, schema
    for name, inner in schema.get("properties", {}).items():
        yield from parts(inner, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if key in schema:
            yield from parts(schema[key], f"{path}[]")


PARTS = dict(parts(SCHEMA["properties"]["spec"], "spec")) | dict(
    parts(SCHEMA["properties"]["status"], "status")
)


def structs(struct: type[msgspec.Struct], path: str) -> Iterator[tuple[str, type[msgspec.Struct]]]:
    """A type with all types of its fields, by their paths."""
    yield path, struct
    hints = get_type_hints(struct)
    for field in msgspec.structs.fields(struct):
        hint = hints[field.name]
        inner = [*itertools.chain.from_iterable(get_args(one) or (one,) for one in (hint, *get_args(hint)))]
        for one in inner:
            if isinstance(one, type) and issubclass(one, msgspec.Struct):
                is_list = str(hint).startswith("list")
                yield from structs(one, f"{path}.{field.encode_name}{'[]' if is_list else ''}")


STRUCTS = dict([*structs(UpdateServiceSpec, "spec"), *structs(UpdateServiceStatus, "status")])


def test_the_definition_is_the_one_that_was_looked_at() -> None:
    assert difference(GOLDEN / "crd.yaml", as_yaml([definition()])) == ""


def test_what_the_reference_operator_requires_is_required_and_no_more() -> None:
    assert set(SCHEMA["required"]) == {"metadata", "spec"}
    assert set(SCHEMA["properties"]["spec"]["required"]) == OLD_SPEC


def test_every_field_of_the_reference_operator_is_there() -> None:
    status = SCHEMA["properties"]["status"]["properties"]
    assert set(status) >= OLD_STATUS
    assert set(status["conditions"]["items"]["properties"]) >= OLD_CONDITION


def test_no_field_of_the_status_is_required() -> None:
    required = {path: schema["required"] for path, schema in PARTS.items() if "required" in schema}
    of_status = {path: names for path, names in required.items() if path.startswith("status")}
    # As the reference has it; an entry without them would say nothing.
    assert of_status == {"status.conditions[]": ["type", "status"]}


@pytest.mark.parametrize("path", PARTS)
def test_every_field_is_described(path: str) -> None:
    schema = PARTS[path]
    if not path.endswith("[]"):
        assert schema["description"].endswith(".")


@pytest.mark.parametrize("path", PARTS)
def test_every_text_list_and_table_is_bounded(path: str) -> None:
    schema = PARTS[path]
    bounds = BOUNDS.get(schema.get("type", "string"), ())
    if "additionalProperties" in schema:
        bounds = ("maxProperties",)
    assert not bounds or set(bounds) & set(schema)


@pytest.mark.parametrize("path", STRUCTS)
def test_the_types_have_exactly_the_fields_of_the_definition(path: str) -> None:
    fields = {field.encode_name: field.required for field in msgspec.structs.fields(STRUCTS[path])}
    schema = PARTS[path]
    only_of_the_reference = {"lastHeartbeatTime"} if path == "status.conditions[]" else set()
    assert set(fields) == set(schema["properties"]) - only_of_the_reference
    assert {name for name, required in fields.items() if required} == set(schema.get("required", ()))


@pytest.mark.parametrize("path", STRUCTS)
def test_a_default_is_the_same_in_the_types_and_in_the_definition(path: str) -> None:
    schema = PARTS[path]["properties"]
    for field in msgspec.structs.fields(STRUCTS[path]):
        if "default" in schema[field.encode_name]:
            assert schema[field.encode_name]["default"] == field.default


@pytest.mark.parametrize("path", PARTS)
def test_no_rule_uses_what_an_older_api_server_lacks(path: str) -> None:
    newer = ("quantity(", "url(", "optional", "ip(", "cidr(", "format.", "oldSelf")
    rules = [one["rule"] for one in PARTS[path].get("x-kubernetes-validations", ())]
    assert not [rule for rule in rules if any(word in rule for word in newer)]


def is_amount(schema: dict[str, Any]) -> bool:
    """Whether something is a number or a text."""
    return bool(schema.get("x-kubernetes-int-or-string"))


@pytest.mark.parametrize("path", [path for path in PARTS if is_amount(PARTS[path])])
def test_amounts_in_maps_and_lists_have_no_rules(path: str) -> None:
    # An API server before 1.34 reckons with 3 MiB for each of them, and refuses the definition as a whole.
    assert "[]" not in path or "x-kubernetes-validations" not in PARTS[path]


def largest_text(schema: dict[str, Any]) -> int:
    """The most bytes of a text that a rule about something may look through, for an API server before 1.34."""
    if any(is_amount(part) for _, part in parts(schema)):
        return MAX_REQUEST_BYTES
    # Characters may have four bytes; a table without amounts has names and keys alone, which are short.
    return 4 * int(schema.get("maxLength", 512))


def costs(path: str) -> Iterator[float]:
    """What looking for regular expressions costs at least by the estimate of an API server, rule by rule."""
    # It takes a tenth of the text times a quarter of each expression, for every item of the lists and maps around.
    steps = [path[: end.start()] for end in re.finditer(r"\[\]", path)]
    times = 1
    for step in steps:
        times *= PARTS[step].get("maxItems") or PARTS[step]["maxProperties"]
    for rule in PARTS[path].get("x-kubernetes-validations", ()):
        sought = re.findall(r"(?:matches|find)\(r?'([^']*)'\)", rule["rule"])
        yield times * sum(math.ceil(len(one) / 4) for one in sought) * largest_text(PARTS[path]) / 10


@pytest.mark.parametrize("path", PARTS)
def test_no_rule_is_too_costly_for_an_older_api_server(path: str) -> None:
    # The rest is for what is left out here, such as amounts that are made texts and texts that are put together.
    most = 0.7 if any(is_amount(part) for _, part in parts(PARTS[path])) else 0.9
    assert max(costs(path), default=0) < most * MOST_OF_A_RULE


def test_all_rules_together_are_not_too_costly_for_an_older_api_server() -> None:
    assert sum(cost for path in PARTS for cost in costs(path)) < 0.9 * MOST_OF_ALL


def test_the_columns_of_the_reference_operator_are_wide() -> None:
    columns = definition()["spec"]["versions"][0]["additionalPrinterColumns"]
    wide = [one["name"] for one in columns if one.get("priority")]
    assert wide[:4] == ["Policy Engine URI", "Releases", "Graph Data Image", "Reconcile Completed"]
