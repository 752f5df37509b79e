"""Signs release digests with gpg and a key of one's own, in the form that clusters read.

gpg runs with the home of the person who signs, because their key and its agent are there; that is the opposite
of verifying, which sees nothing of them. What was signed is verified at once with the public key that gpg
exports, so a signature that nobody could use never leaves this room.
"""

import asyncio
import os
import shutil
from asyncio.subprocess import PIPE
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from upgraph.errors import DataError, Finding, Severity, UserError, VerificationError
from upgraph.errors.problems.signing import (
    KEY_UNKNOWN_TO_CLUSTERS,
    SIGNING_FAILED,
    SIGNING_REQUEST,
)
from upgraph.oci import Digest
from upgraph.signing.judge import SignatureJudge
from upgraph.signing.keyring import Keyring, parse_keyring
from upgraph.signing.message import write_claim
from upgraph.signing.policy import Policy
from upgraph.signing.stores import Candidate, Collection, MemoryStore
from upgraph.signing.verifier import Verifier

PROGRAM = "gpg"
SIGN_SECONDS = 120.0
"""Longest time for one signature: a person may have to type a passphrase or touch a token."""
MAX_COMPLAINT_CHARACTERS = 500
"""Characters that are shown of what gpg said."""
_FORM = (
    *("--no-armor", "--no-textmode", "--default-sig-expire", "0", "--digest-algo", "SHA512"),
    # Not compressed: what follows a compressed message is not looked at by those who verify it.
    *("--compress-algo", "none"),
)
"""What clusters take, whatever a person has set in gpg.conf."""
_OTHERWISE = (
    "gpg signed in another way than it was asked to. Look for options such as local-user in the file gpg.conf of its "
    "home, or give a home without them with --gpg-home."
)
_FEW_COLUMNS = ("--batch", "--no-tty", "--quiet")


@dataclass(frozen=True, slots=True)
class GpgKey:
    """A key to sign with."""

    name: str
    """Fingerprint, key id or user id, as gpg takes it."""
    home: Path | None = None
    """Home of gpg; None for that of the person."""
    passphrase_file: Path | None = None
    """File with the passphrase, for machines where nobody can be asked."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A new signature."""

    digest: Digest
    signature: bytes
    key: str
    """Fingerprint of the primary key."""
    findings: tuple[Finding, ...] = ()


class GpgSigner:
    """Signs with one key.

    Args:
        key: the key.
        environment: variables of the process, which lead to the agent and the home of gpg.
        judge: verifies what was signed.

    Raises:
        UserError: there is no gpg.
    """

    def __init__(self, key: GpgKey, environment: Mapping[str, str], judge: SignatureJudge) -> None:
        program = shutil.which(PROGRAM, path=environment.get("PATH", os.defpath))
        if program is None:
            remedy = "Install it: the package gnupg of Debian and Ubuntu, gnupg2 of Red Hat Enterprise Linux."
            raise UserError(SIGNING_FAILED, f"there is no {PROGRAM} in PATH", remedy=remedy)
        self._key = key
        self._environment = dict(environment)
        self._command = [program, *_FEW_COLUMNS]
        if key.home is not None:
            self._command += ["--homedir", str(key.home)]
        self._judge = judge
        self._ring: Keyring | None = None

    async def public_key(self) -> Keyring:
        """The public key, which is what others need as a keyring.

        Raises:
            UserError: gpg has no such key.
        """
        if self._ring is None:
            exported = await self._run(("--export", self._key.name), b"")
            try:
                self._ring = parse_keyring(exported, f"the key {self._key.name!r} of gpg")
            except DataError as error:
                raise UserError(SIGNING_FAILED, f"gpg has no key {self._key.name!r}") from error
        return self._ring

    async def sign(self, digest: Digest, identity: str, *, creator: str) -> Signed:
        """Sign a digest.

        Args:
            digest: of the manifest or index of a release.
            identity: the name under which it is known, ``host/repository:tag``.
            creator: the program that signs, for people who look into it.

        Raises:
            UserError: ``identity`` is empty, or gpg does not sign.
            VerificationError: what gpg gave does not verify.
            RemoteError: it could not be verified.
        """
        if not identity.strip():
            raise UserError(SIGNING_REQUEST, f"{digest} is to be signed without a name of its image")
        ring = await self.public_key()
        signature = await self._run(self._sign_arguments(), write_claim(digest, identity, creator))
        store = MemoryStore(Collection("gpg", {digest: [Candidate("the new signature", signature)]}))
        try:
            verified = await Verifier([ring], self._judge).verify(digest, [store])
        except VerificationError as error:
            raise VerificationError(SIGNING_FAILED, error.seen, remedy=_OTHERWISE) from error
        findings: tuple[Finding, ...] = ()
        try:
            await Verifier([ring], self._judge, policy=Policy.CLUSTER).verify(digest, [store])
        except VerificationError as error:
            findings = (Finding(Severity.WARNING, KEY_UNKNOWN_TO_CLUSTERS, error.seen),)
        return Signed(digest, signature, verified.signers[0].key, findings)

    def _sign_arguments(self) -> tuple[str, ...]:
        key = self._key
        unattended = (
            ("--pinentry-mode", "loopback", "--passphrase-file", str(key.passphrase_file))
            if key.passphrase_file is not None
            else ()
        )
        return (*unattended, *_FORM, "--local-user", key.name, "--sign")

    async def _run(self, arguments: tuple[str, ...], given: bytes) -> bytes:
        process = await asyncio.create_subprocess_exec(
            *self._command, *arguments, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=self._environment
        )
        try:
            async with asyncio.timeout(SIGN_SECONDS):
                output, complaint = await process.communicate(given)
        except TimeoutError as error:
            seen = f"gpg did not end within {SIGN_SECONDS:g} s"
            raise UserError(SIGNING_FAILED, seen) from error
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode != 0:
            said = " ".join(complaint.decode(errors="replace").split())[:MAX_COMPLAINT_CHARACTERS]
            raise UserError(SIGNING_FAILED, f"gpg ended with {process.returncode}: {said}")
        return output
