"""The records of a pax extended header of a tar archive (POSIX.1, pax): ``length key=value`` lines."""

from collections.abc import Iterator

from upgraph.syntax.fault import SyntaxFault

MAX_HEADER_BYTES = 1024 * 1024
"""Bytes of the largest pax header or long name that is accepted."""
_LENGTH_DIGITS = len(str(MAX_HEADER_BYTES))


def pax_records(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The keys and values of a header.

    Raises:
        SyntaxFault: a record has a wrong length or no form of one.
    """
    start = 0
    while start < len(content):
        blank = content.find(b" ", start, start + _LENGTH_DIGITS + 1)
        end = start + decimal(content[start:blank] if blank >= 0 else b"")
        key, equals, value = content[blank + 1 : end].partition(b"=")
        if not equals or not value.endswith(b"\n") or end > len(content):
            raise SyntaxFault("a pax header is damaged")
        yield key, value[:-1]
        start = end


def decimal(value: bytes) -> int:
    """A number as pax writes it.

    Raises:
        SyntaxFault: it is none, or more than 64 bits can hold.
    """
    # `int` would take signs, blanks and underscores as well.
    if not value.isdigit() or len(value) > len(str(2**63)):
        raise SyntaxFault(f"a pax header has {value[:40]!r} for a number")
    return int(value)
