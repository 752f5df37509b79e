"""What the operator counts of itself."""

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest


class OperatorMetrics:
    """The metrics of one operator, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        """Has all of them."""
        self._services = Gauge(
            "upgraph_operator_update_services",
            "UpdateServices that are looked after.",
            registry=self.registry,
        )
        self._reconciles = Counter(
            "upgraph_operator_reconciles", "Looks at one UpdateService as a whole.", registry=self.registry
        )
        self._writes = Counter(
            "upgraph_operator_writes",
            "Requests that were sent to write or delete an object.",
            registry=self.registry,
        )
        self._failures = Counter(
            "upgraph_operator_failures",
            "Looks that ended with an error, by its reference.",
            ["reference"],
            registry=self.registry,
        )
        self._leader = Gauge(
            "upgraph_operator_leader", "1 while this process does the work.", registry=self.registry
        )

    def reconciled(self, services: int) -> None:
        """An UpdateService of so many was looked at."""
        self._reconciles.inc()
        self._services.set(services)

    def wrote(self, requests: int) -> None:
        """So many requests were sent that write."""
        self._writes.inc(requests)

    def failed(self, reference: str) -> None:
        """A look ended with an error."""
        self._failures.labels(reference).inc()

    def leads(self, *, now: bool) -> None:
        """Whether this process does the work."""
        self._leader.set(int(now))

    def exposition(self) -> bytes:
        """All metrics as text."""
        return generate_latest(self.registry)
