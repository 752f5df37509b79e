"""Where graph data comes from: the port, and the sources that a text on the command line can name."""

from pathlib import Path
from typing import Protocol

from upgraph.errors import UserError
from upgraph.errors.problems.graphdata import SOURCE
from upgraph.graphdata.directory import DirectorySource
from upgraph.graphdata.files import Files
from upgraph.graphdata.tarball import TarballSource

TARBALL_ENDINGS = (".tar.gz", ".tgz")


class GraphDataSource(Protocol):
    """A place with one set of graph data that may change at any time.

    Both methods block and belong into a thread or a process of their own.
    ``upgraph.testing.graph_data_source`` checks whether an implementation keeps this contract.
    """

    @property
    def name(self) -> str:
        """What the administrator called it; shown in messages."""
        ...

    def fingerprint(self) -> str:
        """A text that changes when the set may have changed; cheap enough to ask every second.

        It never fails: a place that cannot be looked at has a fingerprint of its own.
        """
        ...

    def read(self) -> Files:
        """The set as it was at one moment, within the limits of :mod:`upgraph.graphdata.files`.

        Raises:
            DataError: it cannot be read, is too large, or is never at rest.
        """
        ...


def open_source(text: str) -> GraphDataSource:
    """The source that ``text`` names: a directory, or a ``.tar.gz`` or ``.tgz`` file.

    Raises:
        UserError: it is neither.
    """
    path = Path(text)
    if text and path.is_dir():
        return DirectorySource(path)
    if text.endswith(TARBALL_ENDINGS) and path.is_file():
        return TarballSource(path)
    raise UserError(SOURCE, f"{text!r} {_seen(path) if text else 'names nothing'}")


def _seen(path: Path) -> str:
    if path.is_file():
        return f"is a file whose name does not end in {' or '.join(TARBALL_ENDINGS)}"
    return "is neither a file nor a directory" if path.exists() else "does not exist"
