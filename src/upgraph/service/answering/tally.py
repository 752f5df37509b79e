"""What a process that answers has counted, as it tells the one that shows the metrics of all of them."""

from dataclasses import fields

import msgspec

from upgraph.service.answering.clients import Traffic

_HERE = {"open", "open_elsewhere"}
"""What is no count but how things are now."""


class Tally(msgspec.Struct, frozen=True, array_like=True):
    """Counts of the requests of one face, since its process began or between two moments."""

    requests: dict[str, int]
    """By route."""
    errors: list[tuple[tuple[str, ...], int]]
    """By status and kind."""
    buckets: list[int]
    """How many answers took how long."""
    seconds: float
    """How long all of them took together."""

    def since(self, earlier: "Tally") -> "Tally":
        """What was counted after ``earlier``."""
        before = dict(earlier.errors)
        return Tally(
            {path: count - earlier.requests.get(path, 0) for path, count in self.requests.items()},
            [(labels, count - before.get(labels, 0)) for labels, count in self.errors],
            [now - then for now, then in zip(self.buckets, earlier.buckets, strict=True)],
            self.seconds - earlier.seconds,
        )


class Account(msgspec.Struct, frozen=True, array_like=True):
    """All that one process tells of one listener."""

    tally: Tally
    open: int
    """Connections that are open now."""
    traffic: dict[str, int]
    """Counts of :class:`~upgraph.service.answering.clients.Traffic`, by name."""


def traffic_counts(traffic: Traffic) -> dict[str, int]:
    """What has happened to connections until now."""
    return {field.name: getattr(traffic, field.name) for field in fields(Traffic) if field.name not in _HERE}


def add_traffic(traffic: Traffic, now: dict[str, int], before: dict[str, int]) -> None:
    """Add what has happened elsewhere between two moments."""
    for name, count in now.items():
        setattr(traffic, name, getattr(traffic, name) + count - before.get(name, 0))
