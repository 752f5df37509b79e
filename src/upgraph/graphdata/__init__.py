"""Graph data: channels, blocked edges and raw metadata, from wherever they are kept to values.

Enters: bytes of files that administrators and release engineers write. Leaves: one
:class:`upgraph.graph.GraphData` and findings, or findings alone where the set is refused. Reading
(:mod:`~upgraph.graphdata.source`) and understanding (:mod:`~upgraph.graphdata.load`) are apart: the
second is pure, so what a set means can be tested without a disk.
"""

from upgraph.graphdata.base_image import read_bases
from upgraph.graphdata.files import Files, digest_of
from upgraph.graphdata.image import Admission
from upgraph.graphdata.load import Loaded, Loader, load
from upgraph.graphdata.packing import ARCHITECTURES, bare, pack, runnable_grounds
from upgraph.graphdata.source import (
    GraphDataSource,
    Reach,
    RemoteGraphData,
    open_source,
    read_once,
    repository_of,
)
from upgraph.graphdata.starter import write_starter
from upgraph.graphdata.tarball import read_tarball, write_tarball
from upgraph.graphdata.watch import Watched, changes
from upgraph.graphdata.writing import write_directory

__all__ = [
    "ARCHITECTURES",
    "Admission",
    "Files",
    "GraphDataSource",
    "Loaded",
    "Loader",
    "Reach",
    "RemoteGraphData",
    "Watched",
    "bare",
    "changes",
    "digest_of",
    "load",
    "open_source",
    "pack",
    "read_bases",
    "read_once",
    "read_tarball",
    "repository_of",
    "runnable_grounds",
    "write_directory",
    "write_starter",
    "write_tarball",
]
