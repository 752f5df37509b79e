"""When a key ends, as the newest signature of the key itself says, or for a subkey that of the key it belongs to (RFC 4880,
section 5.2.3).

It is shown to people, so that they see why signatures by the key are refused. Nothing is verified and nothing is
decided here: whether an expired key counts is the verdict of gpgv and the policy.
"""

from collections.abc import Iterator, Sequence

from upgraph.signing.packets import PUBLIC_SUBKEY, SIGNATURE, Packet

_VERSION = 4
_LASTING = frozenset({0x10, 0x11, 0x12, 0x13, 0x18, 0x1F})
"""Classes of signatures that say how long a key lasts: over one of its names, over a subkey, or over the key alone."""
_MADE, _KEY_LASTS, _ISSUER_ID, _ISSUER = 2, 9, 16, 33
_IS_CRITICAL = 0x80

_Parts = list[tuple[int, bytes]]
"""Subpackets: type and content."""


def expires_at(parts: Sequence[Packet], fingerprint: str) -> int | None:
    """Unix time in seconds when a key or a subkey ends; None: never, or that cannot be read.

    Args:
        parts: the key and what follows it.
        fingerprint: of the primary key, in hex digits of upper case.
    """
    newest: tuple[int, int] | None = None
    for part in parts[1:]:
        if part.tag == PUBLIC_SUBKEY:
            break
        if part.tag == SIGNATURE:
            said = _said(part.body, fingerprint)
            newest = max(newest, said) if newest is not None and said is not None else newest or said
    if newest is None or newest[1] == 0:
        return None
    return _number(parts[0].body[1:5]) + newest[1]


def _said(body: bytes, fingerprint: str) -> tuple[int, int] | None:
    """When a signature of a primary key was made, and for how many seconds it lets its key last: 0 for ever."""
    if len(body) < 6 or body[0] != _VERSION or body[1] not in _LASTING:
        return None
    signed, rest = _area(body[4:])
    others, _ = _area(rest)
    if fingerprint not in _issuers([*signed, *others], fingerprint):
        return None
    numbers = {kind: _number(content[:4]) for kind, content in signed if kind in {_MADE, _KEY_LASTS}}
    return numbers.get(_MADE, 0), numbers.get(_KEY_LASTS, 0)


def _issuers(found: _Parts, fingerprint: str) -> Iterator[str]:
    for kind, content in found:
        if kind == _ISSUER:
            yield content[1:].hex().upper()
        elif kind == _ISSUER_ID and fingerprint.endswith(content.hex().upper()) and len(content) == 8:
            yield fingerprint


def _area(data: bytes) -> tuple[_Parts, bytes]:
    """The subpackets of one area, and what follows it."""
    size = _number(data[:2])
    return list(_subpackets(data[2 : 2 + size])), data[2 + size :]


def _subpackets(area: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(area):
        first = area[at]
        if first < 192:
            start, length = at + 1, first
        elif first < 255:
            start, length = at + 2, ((first - 192) << 8) + _number(area[at + 1 : at + 2]) + 192
        else:
            start, length = at + 5, _number(area[at + 1 : at + 5])
        content = area[start : start + length]
        if not content:
            return
        yield content[0] & ~_IS_CRITICAL, content[1:]
        at = start + length


def _number(data: bytes) -> int:
    return int.from_bytes(data)
