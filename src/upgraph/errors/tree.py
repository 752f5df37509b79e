"""The error tree. It is drawn in :mod:`upgraph.errors`."""

from typing import ClassVar

from upgraph.errors.problem import Problem
from upgraph.errors.text import encodable


class UpgraphError(Exception):
    """Base of every error that Upgraph raises on purpose.

    Args:
        problem: the documented kind of fault.
        seen: what was observed, with the names and values that identify it. No secrets.
        remedy: replaces the remedy of the problem where this case is known better.
    """

    exit_code: ClassVar[int] = 1
    """Exit status of a command that ends with this error."""

    def __init__(self, problem: Problem, seen: str, *, remedy: str | None = None) -> None:
        # It goes into logs, answers and files, none of which may fail for the sake of a name in it.
        self.seen = encodable(seen)
        super().__init__(self.seen)
        self.problem = problem
        self.remedy = remedy or problem.remedy

    @property
    def reference(self) -> str:
        """The stable reference of the problem."""
        return self.problem.reference


class UserError(UpgraphError):
    """The request, the flags or the configuration are wrong."""

    exit_code = 2


class DataError(UpgraphError):
    """Data that was handed to us is wrong: graph data, release metadata, a state file."""

    exit_code = 3


class RemoteError(UpgraphError):
    """A peer could not be reached or did not give what it should.

    Args:
        problem: the documented kind of fault.
        seen: what was observed.
        remedy: replaces the remedy of the problem.
        status: the HTTP status, if one was received.
        retryable: whether the same request may succeed a little later.
        retry_after: seconds the peer asked us to wait, if it did.
    """

    exit_code = 4

    def __init__(  # noqa: PLR0913  # each is a fact about the one failure, named at the call
        self,
        problem: Problem,
        seen: str,
        *,
        remedy: str | None = None,
        status: int | None = None,
        retryable: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(problem, seen, remedy=remedy)
        self.status = status
        self.retryable = retryable
        self.retry_after = retry_after


class VerificationError(UpgraphError):
    """Something is not what it claims to be: a digest does not match its content."""

    exit_code = 5
