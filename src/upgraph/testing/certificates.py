"""Certificates for servers on the loopback, made with openssl for the time of a test."""

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

OPENSSL_SECONDS = 180
"""Longest time that making a key and a certificate may take."""

_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


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


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate that signs others, and its key."""

    certificate: Path
    key: Path

    def issue(
        self, directory: Path, *, names: str = "IP:127.0.0.1", days: int = 2, intermediate: str = ""
    ) -> Certificates:
        """Make a certificate that this authority has signed.

        Args:
            directory: where it is put; an existing one.
            names: for whom, in the form of subjectAltName; of a server only.
            days: how long it is valid; a negative number makes one that has ended.
            intermediate: the common name of an authority below this one, instead of a server.

        Raises:
            RuntimeError: openssl failed; the text says why.
        """
        made = Certificates(directory / "issued.crt", directory / "issued.key")
        request = directory / "issued.csr"
        extension = "basicConstraints=critical,CA:TRUE" if intermediate else f"subjectAltName={names}"
        subject = ["-subj", f"/O=Harbour/CN={intermediate or 'registry'}", "-addext", extension]
        _openssl("req", *_NEW_KEY, "-keyout", str(made.key), "-out", str(request), *subject)
        signer = ["-CA", str(self.certificate), "-CAkey", str(self.key), "-CAcreateserial"]
        _openssl(
            "x509", "-req", "-in", str(request), *signer, "-days", str(days), "-copy_extensions", "copy",
            "-out", str(made.certificate),
        )  # fmt: skip
        return made

    def issue_authority(self, directory: Path, name: str) -> "Authority":
        """Make an authority below this one. Errors as for :meth:`issue`."""
        made = self.issue(directory, intermediate=name)
        return Authority(made.certificate, made.key)


def make_authority(directory: Path, *, name: str = "Harbour Root") -> Authority:
    """Make an authority that has signed itself; it is valid for two days.

    Raises:
        RuntimeError: openssl failed; the text says why.
    """
    made = Authority(directory / "authority.crt", directory / "authority.key")
    subject = ["-subj", f"/O=Harbour/CN={name}"]
    _openssl(
        "req", "-x509", *_NEW_KEY, "-keyout", str(made.key), "-out", str(made.certificate), "-days", "2", *subject
    )  # fmt: skip
    return made


def make_certificates(directory: Path, *, names: str = "IP:127.0.0.1,DNS:localhost") -> Certificates:
    """Make a certificate for ``names`` (the form of subjectAltName) in ``directory``; it is valid for two days.

    Raises:
        RuntimeError: openssl failed; the text says why.
    """
    made = Certificates(directory / "server.crt", directory / "server.key")
    subject = ["-subj", "/CN=upgraph test", "-addext", f"subjectAltName={names}"]
    _openssl(
        "req", "-x509", *_NEW_KEY, "-keyout", str(made.key), "-out", str(made.certificate), "-days", "2", *subject
    )  # fmt: skip
    return made


def _openssl(*arguments: str) -> None:
    command = ["openssl", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=OPENSSL_SECONDS, check=False)  # noqa: S603
    if done.returncode:
        raise RuntimeError(f"openssl {arguments[0]} failed: {done.stderr}")
