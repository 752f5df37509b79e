"""Bodies of requests and answers of a simulated API server, byte for byte as a real one reads and writes them."""

import json
from collections.abc import Mapping

from aiohttp import web

from upgraph.kube.objects import Key, Kind, Object
from upgraph.testing.api_state import DeniedError

APPLY = "application/apply-patch+yaml"
"""The type of a body that is applied."""


def read(content: bytes, content_type: str) -> Object | None:
    """The object in a body, if there is one."""
    if not content:
        return None
    text = content.decode()
    if content_type == APPLY:
        # It is read as YAML, where this character is the end of a line, which is folded to a space.
        text = text.replace("\u0085", " ")
    document = json.loads(text)
    return document if isinstance(document, dict) else None


def json_answer(document: Object, code: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """An answer."""
    return web.Response(status=code, body=_bytes(document), headers=headers, content_type="application/json")


def line(event: str, obj: Object) -> bytes:
    """One event of a watch."""
    return _bytes({"type": event, "object": obj}) + b"\n"


def _bytes(document: Object) -> bytes:
    # As Go does, which leaves U+0085 as it is.
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def forbidden(verb: str, kind: Kind, key: Key) -> DeniedError:
    """The account may not do this."""
    cannot = f'User "pilot" cannot {verb} resource "{kind.plural}" in API group "{kind.group}"'
    details = {"name": key.name, "group": kind.group, "kind": kind.plural}
    return DeniedError(403, "Forbidden", f'{kind} "{key.name}" is forbidden: {cannot}', details)


def no_such_path() -> DeniedError:
    """There is nothing at this path."""
    return DeniedError(404, "NotFound", "the server could not find the requested resource", {})


def expired(since: int, oldest: int) -> DeniedError:
    """What has been since then is no longer known."""
    return DeniedError(410, "Expired", f"too old resource version: {since} ({oldest})")
