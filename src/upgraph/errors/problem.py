"""One documented kind of fault."""

import re
from dataclasses import dataclass

_REFERENCE = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)+")


@dataclass(frozen=True, slots=True)
class Problem:
    """A kind of fault as the documentation describes it.

    ``reference`` is stable: users search for it, alerts select on it.
    """

    reference: str
    """Kebab-case name, for example ``graph-data-version``."""
    title: str
    """What is wrong, in a few words."""
    why: str
    """Why it matters to the administrator and the clusters."""
    remedy: str
    """What to do about it."""

    def __post_init__(self) -> None:
        if not _REFERENCE.fullmatch(self.reference):
            raise ValueError(f"reference is not kebab-case: {self.reference!r}")
