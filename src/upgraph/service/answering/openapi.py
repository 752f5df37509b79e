"""The OpenAPI document of the face that clusters see, made from the rules that the code applies.

The original ships a template in which node indices start at 1 and which knows no error; this one is
correct, and the tests hold the served answers against it.
"""

from collections.abc import Set as AbstractSet
from typing import Any

import msgspec

from upgraph import __version__
from upgraph.service.answering.negotiation import CLIENT_TYPES, JSON
from upgraph.service.answering.query import ARCH_PATTERN, CHANNEL_PATTERN, DEFAULT_ARCH

# JSON as OpenAPI writes it: a tree of any depth, which only msgspec looks into.
_Json = dict[str, Any]

_KNOWN_PARAMETERS: dict[str, _Json] = {
    "channel": {
        "description": "The channel of the cluster, for example stable-4.18.",
        "schema": {"type": "string", "pattern": CHANNEL_PATTERN},
    },
    "arch": {
        "description": "The architecture of the cluster, or multi.",
        "schema": {"type": "string", "pattern": ARCH_PATTERN, "default": DEFAULT_ARCH},
    },
    "id": {
        "description": "The id of the cluster. It changes nothing and is kept nowhere.",
        "schema": {"type": "string"},
    },
    "version": {
        "description": "The version of the cluster. It changes nothing.",
        "schema": {"type": "string"},
    },
}


def openapi_document(prefix: str, mandatory: AbstractSet[str], *, has_signatures: bool = False) -> bytes:
    """The document as JSON, the same bytes for the same settings.

    Args:
        prefix: prefix of all paths.
        mandatory: query parameters without which a graph request is refused.
        has_signatures: whether signatures are served.
    """
    graph, description = _graph_path(mandatory), _description_path()
    signatures = (
        {f"{prefix}/signatures/{{digest}}/{{signature}}": _signature_path()} if has_signatures else {}
    )
    document = {
        "openapi": "3.0.3",
        "info": {
            "title": "Upgraph update service",
            "description": "Update graphs in the Cincinnati v1 protocol.",
            "version": __version__,
            "license": {"name": "Apache-2.0"},
        },
        "paths": {
            f"{prefix}/graph": graph,
            f"{prefix}/v1/graph": graph,
            f"{prefix}/openapi": description,
            f"{prefix}/v1/openapi": description,
            f"{prefix}/graph-data": _graph_data_path(),
            **signatures,
        },
        "components": {"schemas": _schemas(), "headers": _headers()},
    }
    return msgspec.json.encode(document)


def _reference(kind: str, name: str) -> _Json:
    return {"$ref": f"#/components/{kind}/{name}"}


def _path(summary: str, responses: _Json, parameters: list[_Json]) -> _Json:
    without_body = {status: {**response, "content": {}} for status, response in responses.items()}
    return {
        "get": {"summary": summary, "parameters": parameters, "responses": responses},
        "head": {"summary": f"{summary} (headers only)", "parameters": parameters, "responses": without_body},
    }


def _graph_path(mandatory: AbstractSet[str]) -> _Json:
    names = list(_KNOWN_PARAMETERS) + sorted(mandatory - _KNOWN_PARAMETERS.keys())
    parameters = [_parameter(name, is_required=name == "channel" or name in mandatory) for name in names]
    responses = {
        "200": _document(
            "The graph.", {name: {"schema": _reference("schemas", "Graph")} for name in CLIENT_TYPES}
        ),
        "304": _document("The graph is the one that the client has.", {}),
        "400": _error("A parameter is missing or invalid."),
        "406": _error("The client accepts none of the media types."),
        "414": _error("The query is too long."),
        "500": _error("The service has a fault."),
        "503": _error("There is no graph yet."),
    }
    return _path("The part of the update graph that a cluster sees", responses, parameters)


def _description_path() -> _Json:
    content = {"text/plain": {"schema": {"type": "string"}}}
    responses = {
        "200": _document("This document, as JSON.", content),
        "304": _document("The document is the one that the client has.", {}),
        "500": _error("The service has a fault."),
    }
    return _path("This document", responses, [])


def _graph_data_path() -> _Json:
    content = {"application/gzip": {"schema": {"type": "string", "format": "binary"}}}
    responses = {
        "200": _document("The graph data in force, as a compressed archive.", content),
        "304": _document("The archive is the one that the client has.", {}),
        "404": _error("The service holds no graph data."),
        "500": _error("The service has a fault."),
        "503": _error("There is no graph yet."),
    }
    return _path("The graph data from which the graph was made", responses, [])


def _signature_path() -> _Json:
    content = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
    responses = {
        "200": _document("A signature of the release.", content),
        "304": _document("The signature is the one that the client has.", {}),
        "400": _error("The digest has another form or algorithm."),
        "404": _error("There is no such signature."),
        "500": _error("The service has a fault, or the signature cannot be read."),
        "503": _error("There is no graph yet, with which signatures come."),
    }
    patterns = {
        "digest": "^(sha=[0-9a-f]{40}|sha256=[0-9a-f]{64})$",
        "signature": "^signature-[1-9][0-9]{0,5}$",
    }
    parameters: list[_Json] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "pattern": pattern}}
        for name, pattern in patterns.items()
    ]
    return _path("A signature of a release", responses, parameters)


def _parameter(name: str, *, is_required: bool) -> _Json:
    known = _KNOWN_PARAMETERS.get(name, {"schema": {"type": "string"}})
    return {"name": name, "in": "query", "required": is_required, **known}


def _document(description: str, content: _Json) -> _Json:
    headers = {name: _reference("headers", name) for name in ("ETag", "Cache-Control", "Vary")}
    return {"description": description, "headers": headers, "content": content}


def _error(description: str) -> _Json:
    return {"description": description, "content": {JSON: {"schema": _reference("schemas", "Error")}}}


def _headers() -> _Json:
    text = {"schema": {"type": "string"}}
    return {
        "ETag": {"description": "Identity of the answer in its type and coding.", **text},
        "Cache-Control": {"description": "How long a cache may answer unasked.", **text},
        "Vary": {"description": "What the answer depends on.", **text},
    }


def _object(required: list[str], properties: _Json) -> _Json:
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": False}


def _list_of(items: _Json) -> _Json:
    return {"type": "array", "items": items}


def _schemas() -> _Json:
    text = {"type": "string"}
    index = {"type": "integer", "minimum": 0}
    strings = {"type": "object", "additionalProperties": text}
    return {
        "Graph": _object(
            ["version", "nodes", "edges", "conditionalEdges"],
            {
                "version": {"type": "integer", "enum": [1]},
                "nodes": _list_of(_reference("schemas", "Node")),
                "edges": _list_of({"type": "array", "items": index, "minItems": 2, "maxItems": 2}),
                "conditionalEdges": _list_of(_reference("schemas", "ConditionalEdges")),
            },
        ),
        "Node": _object(
            ["version", "payload", "metadata"], {"version": text, "payload": text, "metadata": strings}
        ),
        "ConditionalEdges": _object(
            ["edges", "risks"],
            {
                "edges": _list_of(_object(["from", "to"], {"from": text, "to": text})),
                "risks": _list_of(_reference("schemas", "Risk")),
            },
        ),
        "Risk": _object(
            ["url", "name", "message", "matchingRules"],
            {
                "url": text,
                "name": text,
                "message": text,
                "matchingRules": _list_of(_reference("schemas", "Rule")),
            },
        ),
        "Rule": _object(["type"], {"type": text, "promql": _object(["promql"], {"promql": text})}),
        "Error": _object(["kind", "value"], {"kind": text, "value": text}),
    }
