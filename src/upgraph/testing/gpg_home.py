"""A home of gpg that goes away again: makes keys and signatures of every kind, good and bad.

It is the oracle for what this program signs and verifies. Needs the program gpg.
"""

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

RUN_SECONDS = 180.0
"""Longest time for one call."""


class GpgHome:
    """A home of gpg in a directory of its own. A context manager that ends its agent and removes it."""

    def __init__(self) -> None:
        # Beside sockets with long names gpg cannot work, so the directory has a short one.
        self._directory = tempfile.TemporaryDirectory(prefix="gpg-")
        self.path = Path(self._directory.name)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        subprocess.run(["gpgconf", "--homedir", str(self.path), "--kill", "all"], check=False)  # noqa: S603, S607
        self._directory.cleanup()

    def run(self, *arguments: str, given: bytes = b"", at: str | None = None) -> bytes:
        """Call gpg; gives its output.

        Args:
            arguments: after the usual ones.
            given: its standard input.
            at: the time that it believes it is, ``20200101T000000``.

        Raises:
            subprocess.CalledProcessError: it failed.
        """
        faked = ["--faked-system-time", f"{at}!"] if at else []
        usual = ["--batch", "--no-tty", "--quiet", "--pinentry-mode", "loopback", "--passphrase", ""]
        command = ["gpg", "--homedir", str(self.path), *usual, *faked, *arguments]
        done = subprocess.run(command, input=given, capture_output=True, check=True, timeout=RUN_SECONDS)  # noqa: S603
        return done.stdout

    def make_key(
        self, name: str, *, algorithm: str = "rsa2048", expires: str = "never", at: str | None = None
    ) -> bytes:
        """Make a key that can sign; gives it as a binary keyring."""
        self.run("--quick-gen-key", name, algorithm, "sign", expires, at=at)
        return self.export(name)

    def export(self, *names: str) -> bytes:
        """Public keys as a binary keyring."""
        return self.run("--export", *names)

    def fingerprint(self, name: str) -> str:
        """Fingerprint of a key."""
        listed = self.run("--with-colons", "--list-keys", name).decode().splitlines()
        return next(line.split(":")[9] for line in listed if line.startswith("fpr:"))

    def revoke(self, name: str) -> bytes:
        """Revoke a key; gives it with its revocation."""
        path = self.path / "openpgp-revocs.d" / f"{self.fingerprint(name)}.rev"
        # gpg puts a colon there, so that nobody revokes by mistake.
        self.run("--import", given=path.read_bytes().replace(b":-----BEGIN", b"-----BEGIN"))
        return self.export(name)

    def sign(
        self, content: bytes, *names: str, options: Sequence[str] = ("--sign",), at: str | None = None
    ) -> bytes:
        """Sign as one key or several; by default as a binary message that holds what was signed."""
        users = [word for name in names for word in ("--local-user", name)]
        return self.run(*users, *options, given=content, at=at)
