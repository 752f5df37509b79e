"""What stands in the way of an UpdateService: one word that is searched for, what was seen, and the repair.

A trouble never stops the rest. What it takes away is left as it runs, everything else is done, and the status of the
resource tells all of them.
"""

from dataclasses import dataclass

from upgraph.errors import Problem, UpgraphError
from upgraph.operator.resource.repairs import repair

MAX_MESSAGE_CHARACTERS = 4096
"""Longest message of a condition; the API takes 32 KiB, people read less."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong."""

    reason: str
    """One word in camel case, as conditions and Events have it."""
    problem: Problem
    seen: str
    """What was observed, with names and values."""
    remedy: str = ""
    """In the place of the remedy of the problem."""
    holds_pods: bool = False
    """Whether the Deployment is left as it is until this is mended."""

    @property
    def message(self) -> str:
        """What was seen, and what to do."""
        seen = self.seen if self.seen.endswith((".", "!", "?")) else f"{self.seen}."
        remedy = self.remedy or repair(self.problem.reference)
        text = " ".join(part for part in (seen, remedy, f"[{self.problem.reference}]") if part)
        if len(text) <= MAX_MESSAGE_CHARACTERS:
            return text
        return f"{text[: MAX_MESSAGE_CHARACTERS - 3]}..."

    @classmethod
    def of(cls, reason: str, error: UpgraphError, *, holds_pods: bool = False) -> "Trouble":
        """The trouble that an error is."""
        return cls(reason, error.problem, error.seen, repair(error.reference, error.remedy), holds_pods)
