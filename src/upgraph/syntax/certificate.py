"""What a certificate says, as people need it to find out why it is refused. Pure but for reading the form.

OpenSSL takes certificates apart for us: the ssl module gives the result for those that a server offered,
if asked at a place that is not documented (``_sslobj.get_unverified_chain``, since Python 3.10; the public
method of 3.13 gives the bytes alone). A package that does nothing else would be one more to carry over the
gap. Where the place is missing one day, the fingerprint of the server's certificate is all that is shown.
"""

import _ssl
import hashlib
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

MAX_SHOWN = 10
"""Most names and certificates that are shown."""
MAX_NAME_CHARACTERS = 300
MAX_REMEMBERED = 512
"""Most certificates that are not taken apart again: all authorities of a system, and those of a site beside them."""

_SHORT = {
    "commonName": "CN",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "countryName": "C",
    "localityName": "L",
    "stateOrProvinceName": "ST",
    "domainComponent": "DC",
}


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate."""

    subject: str
    """As ``CN=..., O=...``; empty if it could not be taken apart."""
    issuer: str
    sha256: str
    """Fingerprint of the DER form, in upper case with colons, as openssl shows it."""
    not_before: datetime | None
    not_after: datetime | None
    names: tuple[str, ...]
    """subjectAltName, as ``DNS:...`` and ``IP Address:...``."""
    is_authority: bool = False
    """Whether OpenSSL takes it for that of an authority (basicConstraints CA:TRUE, or an old form of it)."""

    @property
    def is_self_issued(self) -> bool:
        """Whether it names itself as its authority."""
        return bool(self.subject) and self.subject == self.issuer

    def __str__(self) -> str:
        if not self.subject and not self.issuer:
            return f"SHA-256 {self.sha256}"
        names = ", ".join(self.names[:MAX_SHOWN]) or "none"
        more = f" and {len(self.names) - MAX_SHOWN} more" if len(self.names) > MAX_SHOWN else ""
        return (
            f"subject {self.subject or '(empty)'}; issuer {self.issuer}; valid from {day(self.not_before)} to "
            f"{day(self.not_after)}; names {names}{more}; SHA-256 {self.sha256}"
        )


def day(moment: datetime | None) -> str:
    """A moment as text, in UTC."""
    return "?" if moment is None else f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def certificate_of(der: bytes, facts: Mapping[str, Any]) -> Certificate:
    """A certificate from its DER form and what the ssl module says of it (the form of ``getpeercert()``)."""
    return Certificate(
        name_of(facts.get("subject", ())),
        name_of(facts.get("issuer", ())),
        fingerprint(der),
        _moment(facts.get("notBefore")),
        _moment(facts.get("notAfter")),
        tuple(_printable(f"{kind}:{value}") for kind, value in facts.get("subjectAltName", ())),
        _is_authority(der),
    )


@lru_cache(MAX_REMEMBERED)
def certificate_from(der: bytes) -> Certificate | None:
    """A certificate that no server has shown, from its DER form; None if OpenSSL does not read it as one.

    The ssl module describes such a one in a function for its own tests alone (``_test_decode_cert``). Where it
    is missing one day, only authorities can be named, the others have a fingerprint.
    """
    stored = _stored(der)
    if stored is None or stored.cert_store_stats()["x509"] != 1:
        return None
    authorities = stored.get_ca_certs()
    return certificate_of(der, authorities[0] if authorities else _facts(der))


def _stored(der: bytes) -> ssl.SSLContext | None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cadata=der)
    except (ssl.SSLError, ValueError):
        return None
    return context


@lru_cache(MAX_REMEMBERED)
def _is_authority(der: bytes) -> bool:
    stored = _stored(der)
    return stored is not None and stored.cert_store_stats()["x509_ca"] > 0


def _facts(der: bytes) -> Mapping[str, Any]:
    describe = getattr(_ssl, "_test_decode_cert", None)
    if describe is None:
        return {}
    # It takes nothing but the name of a file.
    handle = os.memfd_create("certificate")
    try:
        os.write(handle, ssl.DER_cert_to_PEM_cert(der).encode())
        facts: Mapping[str, Any] = describe(f"/proc/self/fd/{handle}")
    except (ssl.SSLError, OSError, ValueError):
        return {}
    finally:
        os.close(handle)
    return facts


def fingerprint(der: bytes) -> str:
    """SHA-256 of a certificate, as ``openssl x509 -fingerprint -sha256`` shows it."""
    return hashlib.sha256(der).digest().hex(":").upper()


def offered_chain(connection: ssl.SSLObject) -> tuple[Certificate, ...]:
    """The certificates that a server has shown, its own first; they may be anyone's."""
    shown = getattr(getattr(connection, "_sslobj", None), "get_unverified_chain", None)
    if shown is None:
        der = connection.getpeercert(binary_form=True)
        return (certificate_of(der, {}),) if der else ()
    return tuple(_taken_apart(one) for one in (shown() or ())[:MAX_SHOWN])


def _taken_apart(one: Any) -> Certificate:  # noqa: ANN401 - a class of the ssl module without a name
    if isinstance(one, bytes):
        return certificate_of(one, {})
    der = ssl.PEM_cert_to_DER_cert(one.public_bytes())
    try:
        return certificate_of(der, one.get_info())
    except (ssl.SSLError, ValueError):
        # A certificate that OpenSSL cannot put into words is still known by its fingerprint.
        return certificate_of(der, {})


def name_of(parts: Any) -> str:  # noqa: ANN401 - the ssl module types a name as one of many things
    """A distinguished name in the form of the ssl module, as text."""
    pairs = (pair for part in parts for pair in part)
    return _printable(", ".join(f"{_SHORT.get(kind, kind)}={value}" for kind, value in pairs))


def _moment(text: object) -> datetime | None:
    if not isinstance(text, str):
        return None
    try:
        return datetime.fromtimestamp(ssl.cert_time_to_seconds(text), UTC)
    except (ValueError, OverflowError):
        return None


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text[:MAX_NAME_CHARACTERS])
