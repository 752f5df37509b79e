"""All objects of an UpdateService in the order in which they are applied, and what stays although it is not among them."""

from collections.abc import Iterator
from dataclasses import dataclass

from upgraph.errors import UserError
from upgraph.errors.problems.reconcile import EXPOSURE_UNAVAILABLE, ROUTE_NAME, SERVING_CERTIFICATE
from upgraph.kube.kinds import (
    CONFIG_MAP,
    DEPLOYMENT,
    HORIZONTAL_POD_AUTOSCALER,
    HTTP_ROUTE,
    INGRESS,
    NETWORK_POLICY,
    POD_DISRUPTION_BUDGET,
    ROUTE,
    SECRET,
    SERVICE,
)
from upgraph.kube.objects import Kind, Object
from upgraph.operator.desired.availability import autoscaler, disruption_budget
from upgraph.operator.desired.copies import copies
from upgraph.operator.desired.deployment import deployment
from upgraph.operator.desired.exposure import CERTIFIED, exposure, places, way_of
from upgraph.operator.desired.metadata import sealed
from upgraph.operator.desired.network_policy import network_policy
from upgraph.operator.desired.services import graph_builder_service, policy_engine_service, siblings_service
from upgraph.operator.inputs.values import Copy, Inputs
from upgraph.operator.resource.names import route_host_fault
from upgraph.operator.resource.trouble import Trouble

ALWAYS_THERE = (
    CONFIG_MAP,
    SECRET,
    SERVICE,
    DEPLOYMENT,
    POD_DISRUPTION_BUDGET,
    NETWORK_POLICY,
    INGRESS,
    HORIZONTAL_POD_AUTOSCALER,
)
"""The kinds of objects that are made and that every cluster has."""
SOMETIMES_THERE = (ROUTE, HTTP_ROUTE)
"""The kinds that only some clusters have."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be there."""

    objects: tuple[Object, ...]
    """To be applied in this order."""
    kept: frozenset[tuple[Kind, str]] = frozenset()
    """Kind and name of what stays as it is."""
    troubles: tuple[Trouble, ...] = ()


def plan_of(inputs: Inputs) -> Plan:
    """What an UpdateService becomes."""
    is_certified = way_of(inputs) in CERTIFIED
    # What nobody reads cannot be missing; that it is not used is told of what is seen at the address.
    troubles = [one for one in inputs.troubles if is_certified or one.problem is not SERVING_CERTIFICATE]
    kept = {*_kept_copies(inputs), *inputs.live.former_ways}
    objects = [policy_engine_service(inputs), graph_builder_service(inputs), siblings_service(inputs)]
    objects += [*copies(inputs), disruption_budget(inputs)]
    unexposed = _exposure_trouble(inputs)
    if unexposed is not None:
        troubles.append(unexposed)
        kept |= set(places(inputs.names))
    elif (made := exposure(inputs)) is not None:
        objects.append(made)
    try:
        pods = [_network_policy(inputs), deployment(inputs)]
    except UserError as error:
        pods = []
        troubles.append(Trouble.of("InvalidSpec", error, holds_pods=True))
    if inputs.service.spec.autoscaling is not None:
        pods.append(autoscaler(inputs, inputs.service.spec.autoscaling))
    if inputs.is_held or not inputs.graph_data.is_asked or any(one.holds_pods for one in troubles):
        held = (DEPLOYMENT, HORIZONTAL_POD_AUTOSCALER, NETWORK_POLICY)
        kept |= {(kind, inputs.names.deployment) for kind in held}
        pods = []
    return Plan(tuple(sealed(one) for one in [*objects, *pods]), frozenset(kept), tuple(troubles))


def _network_policy(inputs: Inputs) -> Object:
    through_router = way_of(inputs) == "Route" and not inputs.live.former_ways
    reads_graph_data = not inputs.graph_data.copies_itself
    return network_policy(inputs, through_router=through_router, reads_graph_data=reads_graph_data)


def _exposure_trouble(inputs: Inputs) -> Trouble | None:
    """Why the service cannot be exposed as it is asked for; what exposes it now stays then."""
    way, wanted = way_of(inputs), inputs.service.spec.exposure
    if way == "Route" and inputs.live.route is None and not wanted.host:
        fault = route_host_fault(inputs.names)
        if fault is not None:
            return Trouble("CreateRouteFailed", ROUTE_NAME, fault)
    missing = ""
    if way == "Route" and not inputs.platform.routes:
        missing = "the cluster has no Routes (route.openshift.io)"
    elif way == "HTTPRoute" and not inputs.platform.http_routes:
        missing = "the cluster has no HTTPRoutes (gateway.networking.k8s.io/v1)"
    elif way == "HTTPRoute" and (wanted.gateway is None or not wanted.host):
        missing = "spec.exposure names no gateway or no host for the HTTPRoute"
    return Trouble("ExposureUnavailable", EXPOSURE_UNAVAILABLE, missing) if missing else None


def _kept_copies(inputs: Inputs) -> Iterator[tuple[Kind, str]]:
    names = inputs.names
    copied: tuple[tuple[Copy, Kind, str], ...] = (
        (inputs.pull_secret, SECRET, names.pull_secret),
        (inputs.authorities, CONFIG_MAP, names.trusted_ca),
        (inputs.versions, CONFIG_MAP, names.versions),
    )
    for copy, kind, name in copied:
        if copy.is_mounted:
            yield kind, name
