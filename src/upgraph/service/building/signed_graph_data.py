"""Lets an image with graph data in only if its digest is validly signed, where that is required.

Graph data can offer an update that was blocked, so who may change it is worth the same question as who may add a
release. A digest that was refused is looked at anew in each round, so a signature that arrives later lets it in; the
set in force stays meanwhile. Once let in, nothing is asked again: what is signed does not change.
"""

import os
from collections.abc import Callable
from pathlib import Path

from upgraph.errors import DataError, Finding, RemoteError, UpgraphError, UserError, VerificationError
from upgraph.oci import Digest
from upgraph.oci.images.closing import Closing
from upgraph.service.configuration import Configuration
from upgraph.service.trust import keyring_contents
from upgraph.signing import (
    Gpgv,
    Keyring,
    Policy,
    SignatureReach,
    SignatureStore,
    Verifier,
    examine,
    open_store,
    read_keyrings,
)


class SignedImages(Closing):
    """The :class:`~upgraph.graphdata.Admission` of a service that trusts some keys.

    Args:
        verifier: decides.
        store: where signatures are; it is closed with this.
        seconds: longest time for the store in a round; None for no limit.
        on_close: gives back what the verifier needs.
    """

    def __init__(
        self,
        verifier: Verifier,
        store: SignatureStore,
        *,
        seconds: float | None = None,
        on_close: Callable[[], None] = lambda: None,
    ) -> None:
        self._verifier = verifier
        self._store = store
        self._seconds = seconds
        self._on_close = on_close
        self._findings: tuple[Finding, ...] = ()

    async def admit(self, digest: Digest, name: str) -> None:
        """See :meth:`Admission.admit`."""
        try:
            self._findings = await self._store.refresh()
        except UpgraphError as error:
            # What the store held before may be enough.
            self._findings = (Finding.of(error, self._store.name),)
        outcome = (await examine(self._verifier, [digest], [self._store], seconds=self._seconds))[digest]
        if isinstance(outcome, UpgraphError):
            # Also a store that is wrong is a fault of this round, and no reason to end a service.
            kind = type(outcome) if isinstance(outcome, (RemoteError, VerificationError)) else DataError
            raise kind(outcome.problem, f"{name}: {outcome.seen}", remedy=outcome.remedy) from outcome

    def take_findings(self) -> tuple[Finding, ...]:
        """See :meth:`Admission.take_findings`."""
        return self._findings

    async def close(self) -> None:
        """Close the store, and give back what the verifier needs."""
        try:
            await self._store.close()
        finally:
            self._on_close()


def open_admission(configuration: Configuration, reach: SignatureReach) -> SignedImages:
    """What lets images in under a configuration that requires it.

    Raises:
        UserError: a keyring or the source of signatures cannot be used, or there is no gpgv.
    """
    rings = _rings(configuration.require_graph_data_signature)
    store = open_store(configuration.signatures or "", reach)
    judge = Gpgv(os.environ)
    policy = Policy(configuration.signature_policy)
    verifier = Verifier(rings, judge, policy=policy)
    return SignedImages(verifier, store, seconds=configuration.scrape_timeout, on_close=judge.close)


def _rings(paths: tuple[Path, ...]) -> list[Keyring]:
    named = zip(paths, keyring_contents(paths), strict=True)
    try:
        return [ring for path, content in named for ring in read_keyrings(content, str(path))]
    except DataError as error:
        raise UserError(error.problem, error.seen, remedy=error.remedy) from error
