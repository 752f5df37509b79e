"""How an UpdateService is, judged by its status: whether clusters are answered, and what stands in the way. Pure.

Not every condition that is False is a fault: without authorities of its own an UpdateService is well, and the reference
operator says that with RegistryCACertFound False, reason NotConfigured. Nor does a condition say anything that was written
about an older generation of the spec.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from upgraph.operator.resource.update_service import Condition, UpdateService

GRAPH_PATH = "/api/upgrades_info/v1/graph"
"""What clusters ask for, behind the base of the address."""
AVAILABLE = "Available"
DEGRADED = "Degraded"

_CAUSES = ("ReconcileCompleted", "RegistryCACertFound", "GraphDataReady", "ReleasesReachable", AVAILABLE)
"""Conditions that are True where all is well, causes before what follows from them."""
_NO_FAULT = frozenset({("RegistryCACertFound", "NotConfigured")})
"""Conditions that are not True and mean no harm, with their reasons."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The judgement about one UpdateService."""

    address: str | None
    """What ``spec.upstream`` of a cluster takes; None while there is none."""
    is_current: bool
    """Whether the operator has seen the spec as it is now."""
    is_available: bool
    is_degraded: bool
    obstacles: tuple[Condition, ...]
    """Conditions that are not as they should be, causes first. Of Degraded only what the others do not say."""

    @property
    def is_answering(self) -> bool:
        """Whether clusters can be sent to it: it answers, and at an address."""
        return self.is_current and self.is_available and self.address is not None

    @property
    def is_healthy(self) -> bool:
        """Whether nothing has to be done."""
        return self.is_answering and not self.is_degraded


def standing_of(service: UpdateService) -> Standing:
    """Judge an UpdateService."""
    status = service.status
    available, degraded = status.condition(AVAILABLE), status.condition(DEGRADED)
    uri = status.policy_engine_uri
    return Standing(
        address=f"{uri.rstrip('/')}{GRAPH_PATH}" if uri else None,
        is_current=status.observed_generation == service.metadata.generation,
        is_available=available is not None and available.status == "True",
        is_degraded=degraded is not None and degraded.status == "True",
        obstacles=_obstacles(service),
    )


def _obstacles(service: UpdateService) -> tuple[Condition, ...]:
    known = [one for kind in _CAUSES if (one := service.status.condition(kind)) is not None]
    found = [one for one in known if one.status != "True" and (one.type, one.reason) not in _NO_FAULT]
    degraded = service.status.condition(DEGRADED)
    if degraded is not None and degraded.status == "True":
        found += _not_told_yet(degraded, found)
    return tuple(found)


def _not_told_yet(degraded: Condition, others: Sequence[Condition]) -> list[Condition]:
    """What Degraded says beyond the conditions that it repeats."""
    told = {line for one in others for line in one.message.splitlines()}
    repeated = {f"{one.type}: {line}" for one in others for line in one.message.splitlines()}
    lines = [line for line in degraded.message.splitlines() if line not in told | repeated]
    if others and not lines:
        return []
    return [msgspec.structs.replace(degraded, message="\n".join(lines))]
