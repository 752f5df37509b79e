"""Checks of graph data beyond what a service needs to serve it: what is accepted there and nobody meant.

Enters: one set of files, and the releases where somebody has them. Leaves: findings, each under the reference
of a documented problem with its file and line, and which checks could not run. Each check stands alone and sees
the same :class:`~upgraph.graphdata.checking.subject.Subject`; a new one is a function and a line in
:mod:`~upgraph.graphdata.checking.checks`.

Sources of the rules: the continuous integration of openshift/cincinnati-graph-data (``validate-blocked-edges.py``
and ``graph-data.rs``), and the differences between its reader and this one.
"""

from upgraph.graphdata.checking.baseline import Acceptance, Baseline, read_baseline, write_baseline
from upgraph.graphdata.checking.checks import Report, check
from upgraph.graphdata.checking.sarif import as_sarif

__all__ = [
    "Acceptance",
    "Baseline",
    "Report",
    "as_sarif",
    "check",
    "read_baseline",
    "write_baseline",
]
