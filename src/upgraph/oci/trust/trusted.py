"""Whom to trust over TLS: the authorities of the system, and those that the administrator gives.

Two rules make Python follow what container engines (Go) do, whatever its version: a given
intermediate or server certificate is enough, without its root; and certificates of older site
authorities, which lack key identifiers, are accepted.

Authorities are replaced under a running service, mostly by a ConfigMap whose links are swapped. So the
files are looked at now and then, and at once when a certificate was refused; what changed holds for new
connections. A changed set that cannot be used leaves the last good one in force and is reported.
"""

import os
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from upgraph.errors import Finding, Severity, UserError
from upgraph.errors.problems import oci as problems
from upgraph.oci.trust.anchors import AnchorFile, Stamp, read_anchors, stamp_of
from upgraph.syntax.pem import pem_certificate

LOOK_SECONDS = 5.0
"""Files of certificates are looked at for changes not more often than this."""

FILE_VARIABLE = "SSL_CERT_FILE"
DIRECTORY_VARIABLE = "SSL_CERT_DIR"
_USUAL_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
"""Where distributions keep their bundle, for a Python whose OpenSSL was built for another place (as in Go)."""

_Set = tuple[tuple[AnchorFile, ...], Stamp]


class Trust:
    """The authorities that connections trust, always as the disk has them now.

    Args:
        places: files and directories, as :func:`upgraph.oci.trust.anchors.read_anchors` takes them.
        environment: of which ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` replace the file and the directories of
            the system, as in OpenSSL and Go.
        clock: seconds that only grow.

    Raises:
        UserError: a place cannot be read or holds no usable certificate.
    """

    def __init__(
        self,
        places: Sequence[Path] = (),
        environment: Mapping[str, str] | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._places = tuple(places)
        self._system = _System(environment or {})
        self._clock = clock
        self._contexts: dict[tuple[str, int] | None, ssl.SSLContext] = {}
        self._fault: UserError | None = None
        self._files, self._stamp = self._read()
        self._scopes = {file.scope for file in self._files}
        self._look_at = clock() + LOOK_SECONDS

    def __repr__(self) -> str:
        return f"Trust({', '.join(map(str, self._places)) or 'system'})"

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong with the certificates on disk while older ones are in force."""
        found = [Finding.of(self._fault)] if self._fault else []
        return (*found, *self._system.findings())

    def files(self, host: str, port: int) -> tuple[AnchorFile, ...]:
        """The given files, beside those of the system, whose authorities count for a host."""
        return tuple(file for file in self._files if file.scope in {None, (host.lower(), port)})

    def bundle(self, host: str, port: int) -> str:
        """All that :meth:`context` trusts as PEM certificates, for programs that are given a file of them."""
        given = (one for file in self.files(host, port) for one in file.certificates)
        return "".join(map(pem_certificate, dict.fromkeys((*given, *self._system.certificates()))))

    def context(self, host: str, port: int) -> ssl.SSLContext:
        """What a new connection to a host trusts. The same object until the certificates change."""
        if self._clock() >= self._look_at:
            self.refresh()
        # Most sites scope nothing, and then one context serves all hosts.
        scope = (host.lower(), port)
        key = scope if scope in self._scopes else None
        context = self._contexts.get(key)
        if context is None:
            context = self._contexts[key] = self._made(key)
        return context

    def refresh(self) -> bool:
        """Read the files again if they changed; true if another set is in force now."""
        self._look_at = self._clock() + LOOK_SECONDS
        if self.state() == self._stamp:
            self._fault = None
            return False
        try:
            files, stamp = self._read()
            _refuse_loss(self._files, files)
        except UserError as error:
            self._fault = error
            return False
        self._files, self._stamp = files, stamp
        self._scopes = {file.scope for file in files}
        self._fault = None
        self._contexts = {}
        return True

    def _read(self) -> _Set:
        # The state first: what changes while it is read is read once more at the next look.
        stamp = self.state()
        return tuple(file for place in self._places for file in read_anchors(place)), stamp

    def state(self) -> Stamp:
        """The state of all files as they are now, whether or not they have been read."""
        given = tuple(entry for place in self._places for entry in stamp_of(place))
        return (*given, *self._system.stamp())

    def _made(self, scope: tuple[str, int] | None) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
        context.verify_flags &= ~ssl.VerifyFlags.VERIFY_X509_STRICT
        self._system.add_to(context)
        for file in self._files:
            if file.scope in {None, scope}:
                for certificate in file.certificates:
                    context.load_verify_locations(cadata=certificate)
        return context


def _refuse_loss(before: Sequence[AnchorFile], now: Sequence[AnchorFile]) -> None:
    """Take a file that had certificates and now holds something else for broken, also among good ones.

    Raises:
        UserError: there is such a file.
    """
    had = {file.path for file in before if file.certificates}
    for file in now:
        if file.instead and file.path in had:
            raise UserError(problems.CA_BUNDLE, f"{file.path}: {file.instead}")


class _System:
    """The store of the system, or what the environment puts in its place."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        compiled = ssl.get_default_verify_paths()
        named = environment.get(FILE_VARIABLE, "")
        self._named_file = named
        usual = () if Path(compiled.openssl_capath).is_dir() else _USUAL_FILES
        self._file = named or _first_file((compiled.openssl_cafile, *usual))
        directories = environment.get(DIRECTORY_VARIABLE, "")
        self._named_directories = tuple(part for part in directories.split(os.pathsep) if part)
        self._directories = self._named_directories or (compiled.openssl_capath,)

    def stamp(self) -> Stamp:
        """Files in hashed directories are read by OpenSSL when they are needed, so only the rest has a state."""
        named = (place for directory in self._named_directories for place in stamp_of(Path(directory)))
        return (*stamp_of(Path(self._file)), *named) if self._file else tuple(named)

    def add_to(self, context: ssl.SSLContext) -> None:
        if self._file:
            _load(context, file=self._file)
        for directory in self._directories:
            if Path(directory).is_dir():
                context.load_verify_locations(capath=directory)
        for directory in self._named_directories:
            # OpenSSL finds only names that are hashes; Go reads every file, and so people expect.
            for file in _plain_files(Path(directory)):
                _load(context, file=str(file))

    def certificates(self) -> Iterator[bytes]:
        """All of them, in DER form."""
        for place in (self._file, *self._directories):
            # As for connections, a store that lacks or holds rubbish spoils nothing else.
            with suppress(UserError):
                for file in read_anchors(Path(place)) if place else ():
                    yield from file.certificates

    def findings(self) -> tuple[Finding, ...]:
        """Places that the environment names and nothing can be read from."""
        missing = [f"{FILE_VARIABLE} names {self._named_file}"] if _is_lost(self._named_file) else []
        missing += [f"{DIRECTORY_VARIABLE} names {one}" for one in self._named_directories if _is_lost(one)]
        return tuple(
            Finding(Severity.WARNING, problems.SYSTEM_TRUST, f"{text}, which cannot be read")
            for text in missing
        )


def _first_file(candidates: Sequence[str]) -> str:
    return next((path for path in candidates if path and Path(path).is_file()), "")


def _is_lost(path: str) -> bool:
    return bool(path) and not os.access(path, os.R_OK)


def _plain_files(directory: Path) -> list[Path]:
    if not directory.is_dir():
        return []
    return sorted(path for path in directory.iterdir() if path.suffix in {".pem", ".crt"} and path.is_file())


def _load(context: ssl.SSLContext, *, file: str) -> None:
    # A store of the system may lack, or hold what is no certificate: the given ones still count.
    try:
        context.load_verify_locations(cafile=file)
    except (OSError, ssl.SSLError):
        return
