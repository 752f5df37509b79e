"""The reference page of the UpdateService resource, made from its definition."""

from collections.abc import Iterator, Sequence
from typing import Any

from upgraph.operator.resource.definition import definition, object_schema

Schema = dict[str, Any]

INTRODUCTION = """
`apiVersion: updateservice.operator.openshift.io/v1`, `kind: UpdateService`. Group, version, kind and the required fields are those of the OpenShift Update Service
Operator, so what was written for it is accepted as it is. All other fields are optional. `kubectl explain updateservice.spec` shows the same in a cluster.

The API server refuses what stands under *refused*, with these words, when an object is applied; `upgraph updateservice create` does so before anything is sent.
[Create an update service](../how-to/update-service.md) has examples.

```yaml
apiVersion: updateservice.operator.openshift.io/v1
kind: UpdateService
metadata:
  name: service
  namespace: openshift-update-service
spec:
  replicas: 2
  releases: registry.example.com/ocp4/openshift4-release-images
  graphDataImage: registry.example.com/openshift/graph-data:latest
```
"""


def parts() -> Iterator[str]:
    """The parts of the page."""
    schema = object_schema()
    yield "## The object"
    yield from _refusals(schema)
    for name in ("spec", "status"):
        yield from _table_of(schema["properties"][name], name)
    yield "## Columns"
    yield "What `kubectl get updateservices` shows, and with `-o wide` those that are marked."
    columns = definition()["spec"]["versions"][0]["additionalPrinterColumns"]
    rows = [(one["name"], f"`{one['jsonPath']}`", "wide" if one.get("priority") else "") for one in columns]
    yield _rows(("column", "from", ""), rows)


def _table_of(schema: Schema, path: str) -> Iterator[str]:
    yield f"## {path}"
    yield str(schema["description"])
    required = set(schema.get("required", ()))
    rows = []
    below: list[tuple[str, Schema]] = []
    for name, field in schema["properties"].items():
        inner = field.get("items", field)
        if "properties" in inner:
            below.append((f"{path}.{name}", inner))
        word = "required" if name in required else _default(field)
        rows.append((f"`{name}`", _kind(field), word, _text(field["description"])))
    yield _rows(("field", "type", "default", "meaning"), rows)
    yield from _refusals(schema)
    for name, inner in below:
        yield from _table_of(inner, name)


def _kind(field: Schema) -> str:
    if "enum" in field:
        return ", ".join(f"`{one}`" for one in field["enum"])
    if field.get("x-kubernetes-int-or-string"):
        return "quantity"
    if field.get("format") == "date-time":
        return "time"
    if field.get("type") == "array":
        return f"list of {_kind(field['items'])}"
    if "additionalProperties" in field:
        return f"map of {_kind(field['additionalProperties'])}"
    names = {"string": "text", "integer": "number", "boolean": "true or false", "object": "object"}
    return names[field["type"]]


def _default(field: Schema) -> str:
    if "default" not in field:
        return ""
    value = field["default"]
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _refusals(schema: Schema) -> Iterator[str]:
    """What is refused about an object and about its fields that are no objects; items of lists are as the field says."""
    said = list(_messages(schema))
    for name, field in schema["properties"].items():
        if "properties" not in field.get("items", field):
            said += [f"`{name}` {message.removeprefix(f'{name} ')}" for message in _messages(field)]
    if said:
        yield "\n".join(["*Refused* with these words:", "", *(f"- {_text(one)}" for one in said)])


def _messages(schema: Schema) -> Iterator[str]:
    return (rule["message"] for rule in schema.get("x-kubernetes-validations", ()))


def _text(text: str) -> str:
    # Brackets and bars would be read as links and cells.
    return text.replace("|", "\\|").replace("<", "&lt;")


def _rows(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
