"""Logins and authorities as files while they are needed, in memory and for this process alone."""

import os
import tempfile
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Generic, Self, TypeVar

from upgraph.oci import Access, Trust
from upgraph.operator.inputs.values import state_of

_MEMORY = "/dev/shm"  # noqa: S108  # every container has it, also where nothing else can be written
_LOGINS = "config.json"
_AUTHORITIES = "authorities"
_BUNDLE = "authorities.pem"
MAX_KEPT = 32
"""Most different means, and most different sets of authorities, that are kept while nobody uses them."""
NO_SYSTEM = {"SSL_CERT_FILE": "/dev/null", "SSL_CERT_DIR": "/dev/null"}
"""An environment in which the system has no authorities."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Means:
    """What registries are asked with."""

    logins: str = field(default="", repr=False)
    """The JSON of a pull secret; empty for none."""
    authorities: Mapping[str, str] = field(default_factory=dict, repr=False)
    """PEM texts by the keys of a ConfigMap."""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Variables of the proxy."""

    @property
    def state(self) -> str:
        """Another text whenever the means are others."""
        parts = (state_of(one) for one in ({"": self.logins}, self.authorities, self.environment))
        return " ".join(parts)


@dataclass(slots=True)
class _Kept(Generic[T]):
    """What was made of means, with its files."""

    made: T
    files: ExitStack
    users: int = 0


class AccessPool:
    """What was made of means, for as long as it is asked for: most UpdateServices of a cluster have the same.

    To read the authorities of a system anew for each question would cost more than all the rest. The files stay while
    the pool is open, as they are looked at again and again. A context manager that takes them away.
    """

    def __init__(self) -> None:
        self._accesses: OrderedDict[str, _Kept[Access]] = OrderedDict()
        self._trusts: OrderedDict[str, _Kept[Trust]] = OrderedDict()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        accesses = [kept.files for kept in self._accesses.values()]
        for files in accesses + [kept.files for kept in self._trusts.values()]:
            files.close()
        self._accesses.clear()
        self._trusts.clear()

    def access(self, means: Means) -> AbstractContextManager[Access]:
        """The access that means give, for as long as the block lasts.

        Raises:
            UserError: they cannot be used.
        """
        return _lent(self._accesses, means.state, lambda directory: _access(means, directory))

    def trust(self, authorities: str) -> AbstractContextManager[Trust]:
        """Trust in these authorities, in PEM, and in no others, for as long as the block lasts; without any in those of the
        system.

        Raises:
            UserError: there is no certificate among them.
        """
        return _lent(self._trusts, authorities, lambda directory: _trust(authorities, directory))


@contextmanager
def _lent(known: OrderedDict[str, _Kept[T]], key: str, make: Callable[[Path], T]) -> Iterator[T]:
    if key not in known:
        with ExitStack() as stack:
            made = make(stack.enter_context(private_directory()))
            known[key] = _Kept(made, stack.pop_all())
    known.move_to_end(key)
    kept = known[key]
    kept.users += 1
    try:
        yield kept.made
    finally:
        kept.users -= 1
        _take_away_unused(known)


def _take_away_unused(known: OrderedDict[str, _Kept[T]]) -> None:
    # What somebody asks a registry with needs its files until there is an answer.
    unused = [key for key, kept in known.items() if not kept.users]
    for key in unused[: max(0, len(unused) - MAX_KEPT)]:
        known.pop(key).files.close()


def _access(means: Means, directory: Path) -> Access:
    authfile = None
    if means.logins:
        authfile = directory / _LOGINS
        authfile.write_text(means.logins)
    ca = [written(directory / _AUTHORITIES, means.authorities)] if means.authorities else []
    return Access.of(means.environment, authfile=authfile, search=False, ca=ca)


def _trust(authorities: str, directory: Path) -> Trust:
    if not authorities:
        return Trust()
    file = directory / _BUNDLE
    file.write_text(authorities)
    return Trust([file], NO_SYSTEM)


@contextmanager
def private_directory() -> Iterator[Path]:
    """A directory that nobody else can read and that vanishes with the block."""
    place = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="upgraph-operator-", dir=place) as directory:
        yield Path(directory)


def written(directory: Path, files: Mapping[str, str]) -> Path:
    """The directory with these files in it."""
    directory.mkdir()
    for name, text in files.items():
        (directory / name).write_text(text)
    return directory
