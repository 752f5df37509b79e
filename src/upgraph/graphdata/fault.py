"""The error of a place inside one file."""

from upgraph.errors import DataError, Finding, Problem, Severity


class LocatedError(DataError):
    """Something is wrong in a file of the set.

    Args:
        problem: the documented kind of fault.
        seen: what was observed.
        line: where, counted from 1, if there is such a place.
    """

    def __init__(self, problem: Problem, seen: str, line: int | None = None) -> None:
        super().__init__(problem, seen)
        self.line = line

    def finding(self, file: str, consequence: str = "") -> Finding:
        """The finding that reports this error; ``consequence`` says what is done about it."""
        return Finding(Severity.ERROR, self.problem, f"{self.seen}{consequence}", file, self.line)
