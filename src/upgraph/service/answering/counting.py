"""Metrics of the hot path: what prometheus_client counts, for a tenth of the time.

Its counters take a lock and check their labels at each call, which for one request is more than looking
its answer up. These are only ever written by the event loop, so plain numbers will do.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString


class LabelledCounter(Collector):
    """Counts by labels whose values are few: those of routes, statuses and kinds of error.

    Args:
        name: name of the metric without ``_total``.
        text: what it counts.
        labels: names of the labels.
    """

    def __init__(self, name: str, text: str, *labels: str) -> None:
        self._name = name
        self._text = text
        self._labels = labels
        self._counts: dict[tuple[str, ...], list[int]] = {}

    def of(self, *values: str) -> Callable[[], None]:
        """What adds one to the count of these values."""
        count = self._counts.setdefault(values, [0])

        def add() -> None:
            count[0] += 1

        return add

    def counts(self) -> dict[tuple[str, ...], int]:
        """All counts until now."""
        return {values: count for values, [count] in self._counts.items()}

    def add(self, counts: Mapping[tuple[str, ...], int]) -> None:
        """Add what was counted elsewhere."""
        for values, number in counts.items():
            self._counts.setdefault(values, [0])[0] += number

    def collect(self) -> Iterable[Metric]:
        """The counts as prometheus_client shows them."""
        family = CounterMetricFamily(self._name, self._text, labels=self._labels)
        for values, count in self._counts.items():
            family.add_metric(values, count[0])
        yield family


class DurationHistogram(Collector):
    """How many durations fell into each bucket, and their sum in seconds.

    Args:
        name: name of the metric.
        text: what it measures.
        bounds: upper bounds of the buckets in ascending order.
    """

    def __init__(self, name: str, text: str, bounds: Sequence[float]) -> None:
        self._name = name
        self._text = text
        self._bounds = [*bounds, float("inf")]
        self._counts = [0] * len(self._bounds)
        self._sum = 0.0

    def observe(self, seconds: float) -> None:
        """Add one duration."""
        self._counts[bisect_left(self._bounds, seconds)] += 1
        self._sum += seconds

    def durations(self) -> tuple[list[int], float]:
        """How many fell into each bucket until now, and their sum in seconds."""
        return [*self._counts], self._sum

    def add(self, counts: Sequence[int], seconds: float) -> None:
        """Add what was measured elsewhere, as :meth:`durations` gives it."""
        self._counts = [here + there for here, there in zip(self._counts, counts, strict=True)]
        self._sum += seconds

    def collect(self) -> Iterable[Metric]:
        """The histogram as prometheus_client shows it."""
        totals = accumulate(self._counts)
        buckets = [(_shown(bound), total) for bound, total in zip(self._bounds, totals, strict=True)]
        family = HistogramMetricFamily(self._name, self._text)
        family.add_metric([], buckets, self._sum)
        yield family


def _shown(bound: float) -> str:
    return str(floatToGoString(bound))  # type: ignore[no-untyped-call]  # prometheus_client leaves it so
