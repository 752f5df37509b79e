"""JSON as programs in Go write it, so that documents of a release are the bytes that `oc` would write.

Source: ``encoding/json`` of Go: indented by two, no newline at the end, and what HTML could take for markup escaped.
"""

import msgspec

_ESCAPED = {
    b"<": b"\\u003c",
    b">": b"\\u003e",
    b"&": b"\\u0026",
    "\u2028".encode(): b"\\u2028",
    "\u2029".encode(): b"\\u2029",
}


def go_json(document: object) -> bytes:
    """``document`` with its keys in the order in which they stand there."""
    written = msgspec.json.format(msgspec.json.encode(document), indent=2)
    # None of these can stand in JSON outside of a text.
    for plain, escaped in _ESCAPED.items():
        written = written.replace(plain, escaped)
    return written
