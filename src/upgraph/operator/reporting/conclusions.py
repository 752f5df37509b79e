"""What is known of one UpdateService at one moment, of which its status is made."""

from dataclasses import dataclass

from upgraph.kube.objects import Object
from upgraph.operator.inputs.access import ENSURE_FAILED, FIND_FAILED, NOT_CONFIGURED
from upgraph.operator.inputs.values import Inputs
from upgraph.operator.inputs.view import at
from upgraph.operator.observing.exposed import Exposed
from upgraph.operator.observing.graph_data_watch import GraphDataSeen
from upgraph.operator.observing.pods import PodTrouble
from upgraph.operator.observing.replicas import ServiceSeen, UriSeen
from upgraph.operator.observing.service_report import ServiceReport
from upgraph.operator.resource.trouble import Trouble

CLUSTER_CA_FAILED = "EnsureTrustedClusterCAFailed"
OF_AUTHORITIES = (FIND_FAILED, ENSURE_FAILED, CLUSTER_CA_FAILED, NOT_CONFIGURED)
"""Reasons of RegistryCACertFound, the gravest first."""
_PODS_REFUSED = ("ReplicaFailure", "True", "FailedCreate")
"""Type, status and reason of the condition by which a Deployment says that no pod can be made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """All of it."""

    inputs: Inputs
    troubles: tuple[Trouble, ...]
    """Of the plan and of writing it."""
    exposed: Exposed
    graph_data: GraphDataSeen | None = None
    """None: its registry has not been asked."""
    seen: ServiceSeen | None = None
    """None: the service was not looked at."""
    deployment: Object | None = None
    pods: tuple[PodTrouble, ...] = ()
    is_definition_old: bool = False
    """Whether the definition of the resource knows less of the status than is told."""

    @property
    def report(self) -> ServiceReport | None:
        """What the service says of itself; None if it was not asked, or does not say it."""
        return None if self.seen is None else self.seen.replicas.report

    @property
    def at_address(self) -> UriSeen | None:
        """What was found at the address that clusters have now; None: nobody has looked there yet."""
        looks = () if self.seen is None else (self.seen.uri, self.seen.candidate)
        return next((one for one in looks if one is not None and one.uri == self.exposed.uri), None)

    @property
    def replicas(self) -> int:
        """Pods of the Deployment."""
        return int(self._counts.get("replicas") or 0)

    @property
    def ready_replicas(self) -> int:
        """Those of them that answer."""
        return int(self._counts.get("readyReplicas") or 0)

    @property
    def is_rollout_stuck(self) -> bool:
        """Whether Kubernetes has given up waiting for new pods."""
        conditions = self._counts.get("conditions") or []
        return any(
            one.get("type") == "Progressing" and one.get("reason") == "ProgressDeadlineExceeded"
            for one in conditions
        )

    @property
    def refusal(self) -> str:
        """Why the cluster lets no more pods be made, in its own words: a quota, a policy of admission. Empty if it does."""
        conditions = self._counts.get("conditions") or []
        refused = (
            one
            for one in conditions
            if (one.get("type"), one.get("status"), one.get("reason")) == _PODS_REFUSED
        )
        return next((str(one.get("message") or one["reason"]) for one in refused), "")

    @property
    def authorities(self) -> Trouble | None:
        """What is wrong with the authorities of registries."""
        found = {one.reason: one for one in reversed(self.troubles) if one.reason in OF_AUTHORITIES}
        return next((found[reason] for reason in OF_AUTHORITIES if reason in found), None)

    @property
    def of_objects(self) -> tuple[Trouble, ...]:
        """What is wrong with the objects that the UpdateService becomes."""
        return tuple(one for one in self.troubles if one.reason not in OF_AUTHORITIES)

    @property
    def _counts(self) -> Object:
        return at(self.deployment, "status")
