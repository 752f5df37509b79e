"""The error of everything that cannot be read in its form."""


class SyntaxFault(ValueError):  # noqa: N818 - it stands for a fault that the caller reports in its own words
    """What was read does not have the form that it should have.

    Args:
        seen: what was observed.
        line: where, counted from 1, if there is such a place.
    """

    def __init__(self, seen: str, line: int | None = None) -> None:
        super().__init__(seen)
        self.seen = seen
        self.line = line
