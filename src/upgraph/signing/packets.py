"""Takes OpenPGP data apart into packets (RFC 4880, section 4), as far as keyrings need it.

Nothing is decided here: whether a signature is good is the verdict of gpgv. Packets tell what is in a
keyring, so that one that cannot verify anything is refused when it is given and not when it is used.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from upgraph.syntax import SyntaxFault

SIGNATURE = 2
SECRET_KEY = 5
PUBLIC_KEY = 6
SECRET_SUBKEY = 7
USER_ID = 13
PUBLIC_SUBKEY = 14

_IS_PACKET = 0x80
_IS_NEW = 0x40
_PARTIAL_FROM = 224
_CRC_INITIAL, _CRC_POLYNOMIAL = 0xB704CE, 0x1864CFB
_MARK = re.compile(rb"^-----(?P<mark>BEGIN|END) PGP (?P<kind>[A-Z ]+)-----[ \t\r]*$", re.MULTILINE)
_HEADER = re.compile(rb"[A-Za-z][A-Za-z0-9-]*: ")
_ARMOUR = b"-----BEGIN PGP "
PUBLIC_KEY_BLOCK = b"PUBLIC KEY BLOCK"


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet."""

    tag: int
    body: bytes


def is_binary(content: bytes) -> bool:
    """Whether ``content`` can begin with a packet; armoured and clear-signed text never does."""
    return bool(content) and bool(content[0] & _IS_PACKET)


def packets(content: bytes) -> Iterator[Packet]:
    """The packets of binary data, in their order.

    Raises:
        SyntaxFault: it is cut off, or not made of packets with known lengths.
    """
    at = 0
    while at < len(content):
        tag, start, length = _header(content, at)
        if start + length > len(content):
            raise SyntaxFault(f"the packet at byte {at} is cut off")
        yield Packet(tag, content[start : start + length])
        at = start + length


def _header(content: bytes, at: int) -> tuple[int, int, int]:
    """Tag of the packet at a byte, where its body begins, and how long that is."""
    first = content[at]
    if not first & _IS_PACKET:
        raise SyntaxFault(f"byte {at} begins no packet")
    try:
        if first & _IS_NEW:
            return first & 0x3F, *_new_length(content, at + 1)
        size = (1, 2, 4)[first & 3]
        return (first >> 2) & 0x0F, at + 1 + size, _number(content, at + 1, size)
    except IndexError as error:
        raise SyntaxFault(f"the packet at byte {at} has no known length") from error


def _new_length(content: bytes, at: int) -> tuple[int, int]:
    first = content[at]
    if first < 192:
        return at + 1, first
    if first < _PARTIAL_FROM:
        return at + 2, ((first - 192) << 8) + content[at + 1] + 192
    if first < 255:
        raise SyntaxFault(f"the packet before byte {at} has parts, which none of a keyring has")
    return at + 5, _number(content, at + 1, 4)


def _number(content: bytes, at: int, size: int) -> int:
    if at + size > len(content):
        raise IndexError
    return int.from_bytes(content[at : at + size])


def dearmoured(content: bytes, kind: bytes) -> bytes:
    """The binary data of all armoured blocks of one kind, joined; text around them is passed over.

    Args:
        content: ASCII armour (RFC 4880, section 6.2).
        kind: for example ``PUBLIC KEY BLOCK``.

    Raises:
        SyntaxFault: there is no such block, or one is damaged.
    """
    blocks = list(_blocks(content))
    found = [body for one, body in blocks if one == kind]
    if not found:
        kinds = sorted({one.decode() for one, _ in blocks})
        seen = f"its blocks are: {', '.join(kinds)}" if kinds else "it has no complete block"
        raise SyntaxFault(f"{seen}; expected is {kind.decode()}")
    return b"".join(map(_block, found))


def _blocks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and body of each block that is complete. One that begins inside of another ends the other."""
    for begin, end in pairwise(_MARK.finditer(content)):
        if (begin["mark"], end["mark"]) == (b"BEGIN", b"END") and begin["kind"] == end["kind"]:
            yield begin["kind"], content[begin.end() : end.start()]


def is_armoured(content: bytes) -> bool:
    """Whether there is an armoured block in ``content``."""
    return _ARMOUR in content


def _block(body: bytes) -> bytes:
    lines = [line.strip() for line in body.split(b"\n")][1:]
    while lines and _HEADER.match(lines[0]):
        lines.pop(0)
    checksum = next((line[1:] for line in lines if line.startswith(b"=")), None)
    try:
        data = base64.b64decode(b"".join(line for line in lines if not line.startswith(b"=")), validate=True)
        if checksum is not None and int.from_bytes(base64.b64decode(checksum, validate=True)) != _crc(data):
            raise SyntaxFault("the checksum of an armoured block is wrong: it was changed or cut")
    except binascii.Error as error:
        raise SyntaxFault(f"an armoured block is no base64: {error}") from error
    return data


def _crc(data: bytes) -> int:
    crc = _CRC_INITIAL
    for byte in data:
        crc ^= byte << 16
        for _ in range(8):
            crc <<= 1
            if crc & 0x1000000:
                crc ^= _CRC_POLYNOMIAL
    return crc & 0xFFFFFF
