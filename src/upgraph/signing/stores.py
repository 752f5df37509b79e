"""The port through which signatures are found, and how the places of signatures are called.

A store gives candidates: blobs that are said to be signatures of a digest. It vouches for nothing.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from upgraph.errors import Finding
from upgraph.oci import Digest, is_digest
from upgraph.syntax.signature_names import MAX_SIGNATURE_BYTES, name_of_path

LABEL = "release.openshift.io/verification-signatures"
"""Label of a ConfigMap that carries signatures to a cluster. Its value does not matter."""

_ENTRY = re.compile(r"(?:.*-)?(?P<algorithm>sha256)-(?P<hex>[0-9a-f]{64})(?:-[0-9]+)?")
_KEY = re.compile(r"(?P<algorithm>sha256)-(?P<hex>[0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Candidate:
    """What may be a signature."""

    place: str
    """Where it was found, for messages."""
    content: bytes = field(repr=False)


class SignatureStore(Protocol):
    """A place that holds signatures."""

    @property
    def name(self) -> str:
        """What the administrator called it."""
        ...

    async def refresh(self) -> tuple[Finding, ...]:
        """Look anew at what is kept of it between two calls; gives what could not be taken.

        Raises:
            RemoteError, DataError, UserError, VerificationError: it cannot be read; what was kept stays.
        """
        ...

    def candidates(self, digest: Digest) -> AsyncGenerator[Candidate]:
        """What may be signatures of a digest, in an order that stays.

        Raises (while it is iterated):
            RemoteError: the store could not be asked, or not to its end.
            DataError: what it holds cannot be used.
        """
        ...

    async def close(self) -> None:
        """Give back connections. The store is not used afterwards."""
        ...


class Collection:
    """Signatures in memory.

    Args:
        name: where they are from, for messages.
        signatures: by digest.
        findings: what could not be taken.
        loose: blobs that do not say which digest they are for.
    """

    def __init__(
        self,
        name: str,
        signatures: Mapping[Digest, Sequence[Candidate]],
        findings: Sequence[Finding] = (),
        loose: Sequence[Candidate] = (),
    ) -> None:
        self.name = name
        self.signatures = {digest: _distinct(signatures[digest]) for digest in sorted(signatures)}
        self.findings = tuple(findings)
        self._loose = tuple(loose)

    def candidates(self, digest: Digest) -> tuple[Candidate, ...]:
        """What may be signatures of a digest."""
        return (*self.signatures.get(digest, ()), *self._loose)


class CollectedStore(ABC):
    """A :class:`SignatureStore` that is read whole, and kept until it is read again."""

    name: str
    """See :attr:`SignatureStore.name`."""
    _held: Collection | None = None

    async def refresh(self) -> tuple[Finding, ...]:
        """See :meth:`SignatureStore.refresh`."""
        self._held = await self.read(self._held)
        return self._held.findings

    async def candidates(self, digest: Digest) -> AsyncGenerator[Candidate]:
        """See :meth:`SignatureStore.candidates`."""
        for candidate in (await self.collection()).candidates(digest):
            yield candidate

    async def collection(self) -> Collection:
        """All signatures that it holds. Errors are those of :meth:`SignatureStore.refresh`."""
        if self._held is None:
            await self.refresh()
        return self._held or Collection(self.name, {})

    @abstractmethod
    async def read(self, held: Collection | None) -> Collection:
        """What it holds now; ``held`` itself if that has not changed."""

    async def close(self) -> None:
        """See :meth:`SignatureStore.close`."""
        self._held = None


class MemoryStore(CollectedStore):
    """A store of what is in memory already."""

    def __init__(self, collection: Collection) -> None:
        self.name = collection.name
        self._held = collection

    async def read(self, held: Collection | None) -> Collection:
        """See :meth:`CollectedStore.read`."""
        return held or Collection(self.name, {})


def digest_of_file(path: str) -> Digest | None:
    """The digest that a file is a signature of, by its path; None if it does not look like one.

    ======================================  =====================================
    ``.../sha256=HEX/signature-1``          mirrors of the public stores
    ``.../sha256/HEX/signature-1``          Cincinnati's metadata-helper
    ``.../4.18.1-x86_64-sha256-HEX``        the working directory of oc-mirror
    ======================================  =====================================
    """
    parts = path.split("/")
    for length in (2, 3):
        name = name_of_path("/".join(parts[-length:]))
        if name is not None:
            return _digest(name.algorithm, name.hex_digest)
    named = _ENTRY.fullmatch(parts[-1])
    return _digest(named["algorithm"], named["hex"]) if named else None


def digest_of_key(key: str) -> Digest | None:
    """The digest that an entry of a ConfigMap is a signature of. Clusters look at the beginning alone."""
    named = _KEY.match(key)
    return _digest(named["algorithm"], named["hex"]) if named else None


def is_too_large(size: int) -> bool:
    """Whether something of so many bytes is no signature."""
    return size > MAX_SIGNATURE_BYTES


def _digest(algorithm: str, hex_digest: str) -> Digest | None:
    text = f"{algorithm}:{hex_digest}"
    return Digest(text) if is_digest(text) else None


def _distinct(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    first: dict[bytes, Candidate] = {}
    for candidate in candidates:
        first.setdefault(candidate.content, candidate)
    return tuple(first.values())
