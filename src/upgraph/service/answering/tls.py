"""The certificate that the service shows, replaced while it runs.

The files are looked at every second. A pair that has been at rest from one look to the next and fits
together is used for all connections from then on; those that are open keep theirs. A pair that cannot be
used leaves the last good one in force: an expired certificate is worse for clusters than an old one, and no
certificate is worse than both.
"""

import logging
import ssl
from pathlib import Path
from typing import NoReturn

from upgraph.errors import UserError
from upgraph.errors.problems.service import CERTIFICATE_UNUSABLE
from upgraph.service.plain_file import read_plain, state_of

MAX_FILE_BYTES = 1024 * 1024
"""Largest file of a certificate chain or a key."""

_log = logging.getLogger(__name__)


class Certificate:
    """A certificate chain with its key, as TLS connections need it.

    Args:
        chain: PEM file: the certificate of the service first, then those that issued it.
        key: PEM file of its private key, without a password.

    Raises:
        UserError: they cannot be read, or do not fit together.
    """

    def __init__(self, chain: Path, key: Path) -> None:
        self._chain = chain
        self._key = key
        self._seen = self._tried = self._stamp()
        self.context = _context(chain, key)
        """For connections that are made now."""
        self.fault: UserError | None = None
        """Why the files as they are cannot be used; an older pair is in force."""

    @property
    def file(self) -> Path:
        """The file of the chain."""
        return self._chain

    def look(self) -> None:
        """Use the files if they have changed and are at rest."""
        stamp = self._stamp()
        is_at_rest = stamp == self._seen
        self._seen = stamp
        if is_at_rest and stamp != self._tried:
            self._tried = stamp
            self._replace()

    def _replace(self) -> None:
        try:
            self.context = _context(self._chain, self._key)
        except UserError as error:
            self.fault = error
            extra = {"reference": error.reference}
            _log.error("%s; the certificate in force stays", error.seen, extra=extra)
        else:
            self.fault = None
            _log.info("the certificate in %s is used from now on", self._chain)

    def _stamp(self) -> tuple[str, str]:
        return state_of(self._chain), state_of(self._key)


def _context(chain: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Clusters come every few minutes and do not resume sessions (Go does so only when told to); making
    # tickets for them would be a third of the work of a connection.
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_TICKET
    context.num_tickets = 0
    context.set_alpn_protocols(["http/1.1"])
    for path in (chain, key):
        _check_file(path)
    try:
        context.load_cert_chain(chain, key, password=_refuse_password)
    except _PasswordError:
        raise _unusable(f"{key} is protected by a password, which nobody can type in here") from None
    except ssl.SSLError as error:
        raise _unusable(_seen(chain, key, error)) from error
    except OSError as error:
        raise _unusable(f"{chain} or {key} cannot be read: {error.strerror}") from error
    return context


class _PasswordError(Exception):
    pass


def _refuse_password() -> NoReturn:
    # Without this the library would ask on the terminal, and wait.
    raise _PasswordError


def _check_file(path: Path) -> None:
    try:
        content = read_plain(path, MAX_FILE_BYTES)
    except OSError as error:
        raise _unusable(f"{path} cannot be read: {error.strerror}") from error
    if b"-----BEGIN" not in content:
        raise _unusable(f"{path} holds nothing in the form PEM")


def _seen(chain: Path, key: Path, error: ssl.SSLError) -> str:
    if error.reason == "KEY_VALUES_MISMATCH":
        return f"the key in {key} is not the one of the first certificate in {chain}"
    if error.reason:
        return f"{chain} and {key} cannot be used: {error.reason}"
    # All that is said of PEM files without the right block in them.
    return f"{chain} holds no certificate, or {key} no private key"


def _unusable(seen: str) -> UserError:
    return UserError(CERTIFICATE_UNUSABLE, seen)
