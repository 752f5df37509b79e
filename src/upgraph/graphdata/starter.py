"""A repository of graph data to begin with, for a platform of one's own; its files explain themselves."""

import shutil
import tempfile
from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from upgraph.errors import UserError
from upgraph.errors.problems.checking import OUTPUT_TAKEN
from upgraph.errors.problems.service import OUTPUT_UNWRITABLE

_FOLDER = "starter_files"
_MODE = 0o755


def write_starter(path: Path) -> list[str]:
    """Make the repository, all of it or nothing; gives the paths of its files, sorted.

    Raises:
        UserError: there is something at ``path`` already, or it cannot be written.
    """
    files = dict(_files(resources.files("upgraph.graphdata") / _FOLDER))
    place = path.absolute()
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise UserError(
            OUTPUT_TAKEN, f"{path} is there and not empty", remedy="Name a directory that does not exist."
        )
    try:
        beside = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{place.name}."))
        try:
            for name, content in files.items():
                (beside / name).parent.mkdir(exist_ok=True)
                (beside / name).write_bytes(content)
            beside.chmod(_MODE)
            # An empty directory gives way.
            beside.rename(place)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    except OSError as error:
        raise UserError(OUTPUT_UNWRITABLE, f"{path} cannot be written: {error.strerror}") from error
    return sorted(files)


def _files(folder: Traversable, above: str = "") -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _files(entry, f"{above}{entry.name}/")
        else:
            yield f"{above}{entry.name}", entry.read_bytes()
