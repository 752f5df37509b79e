"""The port through which messages are judged: gpgv, or a simulator of it.

The contract is kept by the checks in :mod:`upgraph.testing.signature_judge`, which every adapter passes.
"""

from typing import Protocol

from upgraph.signing.keyring import Keyring
from upgraph.signing.packets import is_binary
from upgraph.signing.verdict import Judgement, Outcome
from upgraph.syntax.signature_names import MAX_SIGNATURE_BYTES

MAX_CONTENT_BYTES = 1024 * 1024
"""Bytes of the largest content of a message; real ones have about 300."""


class SignatureJudge(Protocol):
    """Judges signed OpenPGP messages."""

    async def judge(self, message: bytes, ring: Keyring) -> Judgement:
        """The verdict about ``message`` with the keys of ``ring`` and no other.

        Whatever is wrong with the message is a verdict. It never takes more time than it is given.

        Raises:
            UserError: there is nothing that could judge.
            RemoteError: the judge could not be asked now.
        """
        ...


def refused_at_sight(message: bytes) -> Judgement | None:
    """The verdict about what is no signature at all, which no judge has to be asked about.

    Clusters read binary messages only. gpgv also takes armoured and clear-signed ones, and of the latter it
    gives another content than was written.
    """
    if not is_binary(message) or len(message) > MAX_SIGNATURE_BYTES:
        return Judgement(Outcome.MALFORMED)
    return None
