"""Graph data: channels, blocked edges and raw metadata, from a directory or a tarball to values.

Enters: bytes of files that administrators and release engineers write. Leaves: one
:class:`upgraph.graph.GraphData` and findings, or findings alone where the set is refused. Reading
(:mod:`~upgraph.graphdata.source`) and understanding (:mod:`~upgraph.graphdata.load`) are apart: the
second is pure, so what a set means can be tested without a disk.
"""

from upgraph.graphdata.files import Files, digest_of
from upgraph.graphdata.load import Loaded, Loader, load
from upgraph.graphdata.source import GraphDataSource, open_source
from upgraph.graphdata.tarball import read_tarball, write_tarball
from upgraph.graphdata.watch import changes

__all__ = [
    "Files",
    "GraphDataSource",
    "Loaded",
    "Loader",
    "changes",
    "digest_of",
    "load",
    "open_source",
    "read_tarball",
    "write_tarball",
]
