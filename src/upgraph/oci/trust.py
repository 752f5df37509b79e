"""Whom to trust over TLS: the authorities of the system, and those that the administrator gives.

Two rules make Python follow what container engines (Go) do, whatever its version: a given
intermediate or server certificate is enough, without its root; and certificates of older site
authorities, which lack key identifiers, are accepted.
"""

import re
import ssl
from collections.abc import Iterator
from pathlib import Path

from upgraph.errors import UserError
from upgraph.errors.problems import oci as problems

MAX_FILE_BYTES = 16 * 1024 * 1024
"""Largest file of certificates; the bundle of a whole system has about 1 MiB."""
MAX_FILES = 4096
"""Most files of one directory of certificates."""
DIRECTORY_LEVELS = 2
"""How deep directories below the given one are looked at (as Cincinnati does)."""

_SUFFIXES = frozenset({".pem", ".crt"})
_BLOCK = re.compile(
    r"-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----\s+([A-Za-z0-9+/=\s]+?)-----END (?:X509 |TRUSTED )?CERTIFICATE-----"
)
_LABEL = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,40})-----")


def ssl_context(ca: Path | None = None) -> ssl.SSLContext:
    """A context that trusts the authorities of the system and those in ``ca``.

    Args:
        ca: a file with one or several PEM certificates (other text between them is passed over) or one
            DER certificate; or a directory, of which ``*.pem`` and ``*.crt`` are read, two levels deep.

    Raises:
        UserError: ``ca`` cannot be read or holds no usable certificate.
    """
    context = ssl.create_default_context()
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    context.verify_flags &= ~ssl.VerifyFlags.VERIFY_X509_STRICT
    if ca is not None:
        _add(context, ca)
    return context


def _add(context: ssl.SSLContext, ca: Path) -> None:
    try:
        if ca.is_dir():
            _add_directory(context, ca)
        elif isinstance(found := _add_file(context, ca), str):
            raise UserError(problems.CA_BUNDLE, f"{ca}: {found}")
    except OSError as error:
        raise UserError(problems.CA_BUNDLE, f"{error.filename or ca}: {error.strerror}") from error


def _add_directory(context: ssl.SSLContext, directory: Path) -> None:
    seen: list[str] = []
    loaded = 0
    for number, file in enumerate(_files(directory, DIRECTORY_LEVELS)):
        if number >= MAX_FILES:
            raise UserError(problems.CA_BUNDLE, f"{directory}: more than {MAX_FILES} files")
        found = _add_file(context, file)
        if isinstance(found, int):
            loaded += found
        else:
            seen.append(f"{file.name}: {found}")
    if not loaded:
        raise UserError(
            problems.CA_BUNDLE, f"{directory}: " + ("; ".join(seen[:5]) or "no *.pem or *.crt file in it")
        )


def _files(directory: Path, levels: int) -> Iterator[Path]:
    for entry in sorted(directory.iterdir()):
        # A mounted ConfigMap keeps its files a second time in directories that begin with dots.
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            if levels:
                yield from _files(entry, levels - 1)
        elif entry.suffix.lower() in _SUFFIXES:
            yield entry


def _add_file(context: ssl.SSLContext, file: Path) -> int | str:
    """How many certificates of ``file`` were added, or what was found instead."""
    with file.open("rb") as opened:
        content = opened.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        return f"larger than {MAX_FILE_BYTES} bytes"
    text = content.decode("ascii", "replace")
    blocks = _BLOCK.findall(text)
    added = sum(_add_one(context, _pem(block)) for block in blocks)
    if not added and b"-----BEGIN" not in content:
        added = int(_add_one(context, content))
    return added or _found_instead(content, text, len(blocks))


def _pem(body: str) -> str:
    return f"-----BEGIN CERTIFICATE-----\n{body.strip()}\n-----END CERTIFICATE-----\n"


def _add_one(context: ssl.SSLContext, certificate: str | bytes) -> bool:
    try:
        context.load_verify_locations(cadata=certificate)
    except (ssl.SSLError, ValueError):
        return False
    return True


def _found_instead(content: bytes, text: str, blocks: int) -> str:
    if not content:
        return "the file is empty"
    if blocks:
        return f"{blocks} certificate block(s), none of which can be decoded"
    labels = sorted(set(_LABEL.findall(text)))
    return f"no certificate, but {', '.join(labels)}" if labels else "no certificate"
