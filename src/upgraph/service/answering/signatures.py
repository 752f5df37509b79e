"""Signatures of releases over HTTP: ``/signatures/{algorithm}={digest}/signature-{n}``.

Clusters check the signature of a release before they apply it, and without the internet they get it here. A
signature is looked up when it is asked for, so one that is added to the directory is there at once. The files
are small, and reading one takes less time than a graph takes to send.

Source: Cincinnati's metadata-helper (its kinds and texts of errors), which joins what it is sent to a path
as it is. Here every part is checked first, and a link must not lead out of the directory.
"""

import logging
import os
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from time import perf_counter
from typing import Protocol

from upgraph.errors import DataError, UserError
from upgraph.errors.problems.service import SIGNATURES_UNREADABLE
from upgraph.service.answering.conditional import Document, FixedDocument, Presentation, document_response
from upgraph.service.answering.message import RefusalError, Request, Response
from upgraph.service.plain_file import open_plain
from upgraph.syntax.signature_names import (
    HEX_DIGITS,
    MAX_SIGNATURE_BYTES,
    SignatureName,
    is_digest_of,
    is_file_name,
)

ROUTE = "/signatures/"
"""What stands before the name of a signature, behind the prefix of all paths."""

_TYPE = "application/octet-stream"
_SHOWN = 160
_ABSENT = (FileNotFoundError, NotADirectoryError)

_log = logging.getLogger(__name__)


class Signatures(Protocol):
    """A place that holds signatures."""

    def find(self, name: SignatureName) -> Document | None:
        """The signature; none if there is none.

        Raises:
            DataError: there is something that cannot be used or read.
        """
        ...


class SignatureDirectory:
    """Signatures as files, in the form of mirrors (``sha256=HEX/signature-1``) or of metadata-helper (``sha256/HEX/signature-1``).

    Args:
        path: the directory; it may be a symbolic link.

    Raises:
        UserError: it is no directory.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_dir():
            raise UserError(SIGNATURES_UNREADABLE, f"{path} is not a directory")
        self._path = path

    def find(self, name: SignatureName) -> Document | None:
        """See :meth:`Signatures.find`."""
        top = os.path.realpath(self._path)
        for path in name.paths:
            content = _read(top, path)
            if content is not None:
                return FixedDocument(content)
        return None


class NoSignatures:
    """A place without signatures."""

    def find(self, name: SignatureName) -> Document | None:  # noqa: ARG002 - whatever its name is
        """See :meth:`Signatures.find`."""
        return None


def _read(top: str, path: str) -> bytes | None:
    real = os.path.realpath(f"{top}/{path}")
    if os.path.commonpath((top, real)) != top:
        raise DataError(SIGNATURES_UNREADABLE, f"{path}: a symbolic link leads out of the directory")
    try:
        with open_plain(real, follow=False) as file:
            content = file.read(MAX_SIGNATURE_BYTES + 1)
    except _ABSENT:
        return None
    except OSError as error:
        raise DataError(SIGNATURES_UNREADABLE, f"{path} cannot be read: {error.strerror}") from error
    if len(content) > MAX_SIGNATURE_BYTES:
        raise DataError(SIGNATURES_UNREADABLE, f"{path} has more than {MAX_SIGNATURE_BYTES} bytes")
    return content


def signature_handler(
    signatures: Signatures, prefix: str, vary: str, observe: Callable[[float], None] = lambda _: None
) -> Callable[[Request], Response]:
    """What answers requests for everything below :data:`ROUTE`.

    Args:
        signatures: where they are.
        prefix: prefix of all paths.
        vary: request headers that the answer depends on.
        observe: gets the seconds that a valid request took.
    """
    presentation = Presentation(_TYPE, vary)
    begin = len(prefix + ROUTE)

    def respond(request: Request) -> Response:
        name = _name(request.path[begin:])
        started = perf_counter()
        try:
            document = _found(signatures, name)
        finally:
            observe(perf_counter() - started)
        return document_response(request, document, presentation)

    return respond


def _found(signatures: Signatures, name: SignatureName) -> Document:
    try:
        document = signatures.find(name)
    except DataError as error:
        _log.error("a signature cannot be served: %s", error.seen, extra={"reference": error.reference})
        text = "internal error; the log of the service has the details"
        raise RefusalError(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", text) from error
    if document is None:
        raise _absent(str(name))
    return document


def _name(path: str) -> SignatureName:
    digest, _, file = path.partition("/")
    parts = digest.split("=")
    if len(parts) != 2:
        raise _invalid(f"provided digest is in incorrect format: {digest[:_SHOWN]}")
    algorithm, hex_digest = parts
    if algorithm not in HEX_DIGITS:
        raise _invalid(f"algo not supported: {algorithm[:_SHOWN]}")
    if not is_digest_of(algorithm, hex_digest):
        raise _invalid(f"provided digest is in incorrect format: {digest[:_SHOWN]}")
    if not is_file_name(file):
        raise _absent(path[: 2 * _SHOWN])
    return SignatureName(algorithm, hex_digest, file)


def _invalid(text: str) -> RefusalError:
    return RefusalError(HTTPStatus.BAD_REQUEST, "invalid_params", text)


def _absent(name: str) -> RefusalError:
    return RefusalError(HTTPStatus.NOT_FOUND, "does_not_exist", f"does not exist: signature {name}")
