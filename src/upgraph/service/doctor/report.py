"""All checks as a document for programs. Fields are only ever added."""

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from upgraph import __version__
from upgraph.service.doctor.check import Check, Result


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """What came of all checks."""

    result: Result
    """The gravest result."""
    version: str
    """Of the program that wrote this."""
    counts: Mapping[str, int]
    """How many checks have each result."""
    checks: tuple[Check, ...]


def diagnosis_of(checks: Sequence[Check]) -> Diagnosis:
    """The document of some checks."""
    found = Counter(check.result for check in checks)
    gravest = next((one for one in (Result.ERROR, Result.WARNING) if found[one]), Result.OK)
    counts = {result.value: found[result] for result in Result}
    return Diagnosis(result=gravest, version=__version__, counts=counts, checks=tuple(checks))
