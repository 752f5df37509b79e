"""Certificates for servers on the loopback, made with openssl for the time of a test."""

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

OPENSSL_SECONDS = 30
"""Longest time that making a key and a certificate may take."""


@dataclass(frozen=True, slots=True)
class Certificates:
    """A self-signed certificate, which is its own authority, and its key."""

    certificate: Path
    key: Path

    def server_context(self) -> ssl.SSLContext:
        """For a server that shows this certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context

    def client_context(self) -> ssl.SSLContext:
        """For a client that trusts this certificate alone."""
        return ssl.create_default_context(cafile=self.certificate)


def make_certificates(directory: Path, *, names: str = "IP:127.0.0.1,DNS:localhost") -> Certificates:
    """Make a certificate for ``names`` (the form of subjectAltName) in ``directory``; it is valid for two days.

    Raises:
        RuntimeError: openssl failed; the text says why.
    """
    made = Certificates(directory / "server.crt", directory / "server.key")
    subject = ["-subj", "/CN=upgraph test", "-addext", f"subjectAltName={names}"]
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(made.key)]
    command = ["openssl", "req", "-x509", *key, "-out", str(made.certificate), "-days", "2", *subject]
    done = subprocess.run(command, capture_output=True, text=True, timeout=OPENSSL_SECONDS, check=False)  # noqa: S603
    if done.returncode:
        raise RuntimeError(f"openssl req failed: {done.stderr}")
    return made
