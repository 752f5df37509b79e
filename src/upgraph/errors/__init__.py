"""What can go wrong: one tree of errors, one kind of finding, one catalogue of documented references.

Nothing of Upgraph is imported here, so every room may raise and report.

An *error* ends what was asked for. A *finding* is a fault that did not: a bad tag beside a thousand
good ones, a rule file that had to be failed towards safety. Both point to a :class:`Problem` of the
catalogue (:mod:`upgraph.errors.problems`), which says why it matters and what to do, and whose
reference is the anchor in the documentation, the field in the log and the label of the metric.

::

    UpgraphError
    ├── UserError          the request or the configuration is wrong
    ├── DataError          data that was handed to us is wrong
    ├── RemoteError        a peer did not give what it should (retryable or not)
    └── VerificationError  something is not what it claims to be
"""

from upgraph.errors.findings import Finding, Severity
from upgraph.errors.problem import Problem
from upgraph.errors.text import encodable
from upgraph.errors.tree import DataError, RemoteError, UpgraphError, UserError, VerificationError

__all__ = [
    "DataError",
    "Finding",
    "Problem",
    "RemoteError",
    "Severity",
    "UpgraphError",
    "UserError",
    "VerificationError",
    "encodable",
]
