"""A DNS server for the names of a cluster (RFC 1035): IPv4 addresses over UDP, and nothing else.

A name that exists has no records of other types; a name that does not exist is refused at once, so that search lists go
on. An answer holds as many addresses as fit into what every client takes; nobody is asked elsewhere.
"""

import asyncio
import ipaddress
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

MAX_ANSWER_BYTES = 512
"""Largest answer over UDP (RFC 1035, 4.2.1)."""
TTL_SECONDS = 5
PORT = 53

_HEADER = struct.Struct(">HHHHHH")
_QUESTION = struct.Struct(">HH")
_RECORD = struct.Struct(">HHHLH4s")
_A = 1
_IN = 1
_RESPONSE = 0x8480
"""An authoritative response to a standard query, which says that recursion was done."""
_RECURSION_DESIRED = 0x0100
_NO_NAME = 3
_POINTER = 0xC000 | _HEADER.size
_LONGEST_LABEL = 63

Find = Callable[[str], tuple[str, ...] | None]


@dataclass(frozen=True, slots=True)
class _Query:
    identifier: int
    flags: int
    name: str
    type: int
    question: bytes


def answer(packet: bytes, find: Find) -> bytes | None:
    """The answer to a query; None for what is none.

    Args:
        packet: what came.
        find: the addresses of a name in lower case; None: there is no such name.
    """
    query = _read(packet)
    if query is None:
        return None
    addresses = find(query.name)
    records = b""
    if query.type == _A:
        room = (MAX_ANSWER_BYTES - _HEADER.size - len(query.question)) // _RECORD.size
        records = b"".join(
            _RECORD.pack(_POINTER, _A, _IN, TTL_SECONDS, 4, ipaddress.IPv4Address(one).packed)
            for one in (addresses or ())[:room]
        )
    flags = _RESPONSE | (query.flags & _RECURSION_DESIRED) | (_NO_NAME if addresses is None else 0)
    head = _HEADER.pack(query.identifier, flags, 1, len(records) // _RECORD.size, 0, 0)
    return head + query.question + records


def _read(packet: bytes) -> _Query | None:
    if len(packet) < _HEADER.size:
        return None
    identifier, flags, questions, *_ = _HEADER.unpack_from(packet)
    if flags & 0xF800 or questions != 1:
        return None
    labels, at = [], _HEADER.size
    while at < len(packet) and (length := packet[at]):
        if length > _LONGEST_LABEL or at + 1 + length > len(packet):
            return None
        labels.append(packet[at + 1 : at + 1 + length].decode("latin-1").lower())
        at += 1 + length
    end = at + 1 + _QUESTION.size
    if end > len(packet):
        return None
    kind, _ = _QUESTION.unpack_from(packet, at + 1)
    return _Query(identifier, flags, ".".join(labels), kind, packet[_HEADER.size : end])


class _Server(asyncio.DatagramProtocol):
    def __init__(self, find: Find) -> None:
        self._find = find
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See :class:`asyncio.BaseProtocol`."""
        # Before Python 3.12 the transport is none by its type.
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:
        """See :class:`asyncio.DatagramProtocol`."""
        found = answer(data, self._find)
        if found is not None and self._transport is not None:
            self._transport.sendto(found, addr)


async def serve(address: str, find: Find, port: int = PORT) -> asyncio.DatagramTransport:
    """Answer queries until the transport that is given back is closed.

    Raises:
        OSError: the address cannot be used.
    """
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Server(find), local_addr=(address, port))
    return transport
