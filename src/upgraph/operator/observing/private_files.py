"""Logins and authorities as files while they are needed, in memory and for this process alone."""

import os
import tempfile
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from upgraph.oci import Access, Trust
from upgraph.operator.inputs.values import state_of

_MEMORY = "/dev/shm"  # noqa: S108  # every container has it, also where nothing else can be written
_LOGINS = "config.json"
_AUTHORITIES = "authorities"
_BUNDLE = "authorities.pem"
MAX_KEPT = 32
"""Most different means, and most different sets of authorities, that are kept."""
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


class AccessPool:
    """What was made of means, for as long as it is asked for: most UpdateServices of a cluster have the same.

    To read the authorities of a system anew for each question would cost more than all the rest. The files stay while
    the pool is open, as they are looked at again and again. A context manager that takes them away.
    """

    def __init__(self) -> None:
        self._accesses: OrderedDict[str, tuple[ExitStack, Access]] = OrderedDict()
        self._trusts: OrderedDict[str, tuple[ExitStack, Trust]] = OrderedDict()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for stack, _ in (*self._accesses.values(), *self._trusts.values()):
            stack.close()
        self._accesses.clear()
        self._trusts.clear()

    def access(self, means: Means) -> Access:
        """The access that means give.

        Raises:
            UserError: they cannot be used.
        """
        return _kept(self._accesses, means.state, lambda directory: _access(means, directory))

    def trust(self, authorities: str) -> Trust:
        """Trust in these authorities, in PEM, and in no others; without any in those of the system.

        Raises:
            UserError: there is no certificate among them.
        """
        return _kept(self._trusts, authorities, lambda directory: _trust(authorities, directory))


def _kept(known: OrderedDict[str, tuple[ExitStack, T]], key: str, make: Callable[[Path], T]) -> T:
    if key not in known:
        with ExitStack() as stack:
            made = make(stack.enter_context(private_directory()))
            known[key] = (stack.pop_all(), made)
    known.move_to_end(key)
    while len(known) > MAX_KEPT:
        _, (oldest, _) = known.popitem(last=False)
        oldest.close()
    return known[key][1]


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
