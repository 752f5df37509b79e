"""Text with PEM blocks (RFC 7468), and what stands between them. Pure.

Bundles are put together by hand, with comments, other kinds of blocks and halves of certificates in them. Programs pass
over what they do not understand; whoever hands such a file to a cluster should know what that was.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

_BEGIN = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,60})-----")
_LINE_CHARACTERS = 64
_CERTIFICATES = frozenset({"CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"})


@dataclass(frozen=True, slots=True)
class Block:
    """One block."""

    label: str
    """``CERTIFICATE``, ``PRIVATE KEY`` and so on."""
    line: int
    """Where it begins, counted from 1."""
    content: bytes | None = field(repr=False)
    """None: it does not end, or is not base64."""

    @property
    def is_certificate(self) -> bool:
        """Whether it says that it is a certificate."""
        return self.label in _CERTIFICATES

    @property
    def is_private(self) -> bool:
        """Whether it says that it is a private key."""
        return self.label.endswith("PRIVATE KEY")


@dataclass(frozen=True, slots=True)
class PemText:
    """What a text holds."""

    blocks: tuple[Block, ...]
    between: tuple[int, ...]
    """Numbers of lines with text outside of blocks."""


def parse_pem(text: str) -> PemText:
    """The blocks of a text, and the lines between them that are not empty."""
    lines = text.splitlines()
    blocks: list[Block] = []
    between: list[int] = []
    number = 0
    while number < len(lines):
        begin = _BEGIN.fullmatch(lines[number].strip())
        if begin is None:
            between += [number + 1] if lines[number].strip() else []
            number += 1
            continue
        end = _end(lines, number + 1, begin[1])
        content = None if end is None else _decoded(lines[number + 1 : end])
        blocks.append(Block(begin[1], number + 1, content))
        number = number + 1 if end is None else end + 1
    return PemText(tuple(blocks), tuple(between))


def pem_certificate(der: bytes) -> str:
    """A certificate as a PEM block with a line break at its end."""
    encoded = base64.b64encode(der).decode()
    return "\n".join(["-----BEGIN CERTIFICATE-----", *_lines(encoded), "-----END CERTIFICATE-----", ""])


def _lines(encoded: str) -> Iterator[str]:
    return (encoded[at : at + _LINE_CHARACTERS] for at in range(0, len(encoded), _LINE_CHARACTERS))


def _end(lines: Sequence[str], first: int, label: str) -> int | None:
    """The line that ends a block; None if another one begins before it, or the text ends."""
    for number in range(first, len(lines)):
        line = lines[number].strip()
        if line == f"-----END {label}-----":
            return number
        if line.startswith("-----BEGIN "):
            return None
    return None


def _decoded(lines: Sequence[str]) -> bytes | None:
    try:
        return base64.b64decode("".join("".join(lines).split()), validate=True) or None
    except (binascii.Error, ValueError):
        return None
