"""An UpdateService as somebody asks for it: made, and looked at before it is sent anywhere.

What the API server will refuse is refused here, and also what the definition of the resource cannot say: names of images
in every detail, hosts that follow from the name of a namespace, amounts that contradict each other.
"""

from collections.abc import Iterator

import msgspec

from upgraph.errors import UserError
from upgraph.errors.problems.operator import UPDATE_SERVICE_INVALID
from upgraph.graph.promotion import read_list
from upgraph.kube.objects import Object
from upgraph.oci import parse_image_name, parse_pull_spec_repository
from upgraph.operator.resource.conformity import misfits
from upgraph.operator.resource.names import Names, route_host_fault
from upgraph.operator.resource.peer import signature_peer
from upgraph.operator.resource.quantity import amount
from upgraph.operator.resource.rule import Fault
from upgraph.operator.resource.rules import faults
from upgraph.operator.resource.spec_schema import spec_schema
from upgraph.operator.resource.update_service import (
    UPDATE_SERVICE,
    Resources,
    UpdateService,
    UpdateServiceSpec,
    Versions,
)
from upgraph.operator.resource.value_rules import namespace_fault


def wanted_object(namespace: str, name: str, spec: UpdateServiceSpec) -> Object:
    """The object that asks for ``spec``, with nothing in it that is a default."""
    fields: Object = msgspec.to_builtins(spec)
    return {
        "apiVersion": UPDATE_SERVICE.api_version,
        "kind": UPDATE_SERVICE.kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": {field: value for field, value in fields.items() if value != {}},
    }


def refuse_faults(service: UpdateService) -> None:
    """Refuse what can never work.

    Raises:
        UserError: something cannot; all of it is named.
    """
    found = list(faults(service))
    for further in (
        misfits(spec_schema(), msgspec.to_builtins(service.spec), "spec"),
        _beyond_the_definition(service),
    ):
        # What was said of a field in better words is not said again in others.
        told = {one.path for one in found}
        found += [one for one in further if one.path not in told]
    if found:
        raise UserError(UPDATE_SERVICE_INVALID, "; ".join(str(one) for one in sorted(found)))


def route_fault(service: UpdateService) -> str | None:
    """Why a Route of it would get no host; None if it would, or has one that was chosen."""
    if service.spec.exposure.host is not None:
        return None
    return route_host_fault(Names(service.metadata.namespace, service.metadata.name))


def _beyond_the_definition(service: UpdateService) -> Iterator[Fault]:
    spec = service.spec
    if (said := namespace_fault(service.metadata.namespace)) is not None:
        yield Fault("metadata.namespace", said)
    for path, repository in _repositories(spec):
        try:
            parse_pull_spec_repository(repository)
        except UserError as error:
            yield Fault(path, error.seen)
    try:
        parse_image_name(f"docker://{spec.graph_data_image}")
    except UserError as error:
        yield Fault("spec.graphDataImage", error.seen)
    try:
        signature_peer(spec.signatures)
    except UserError as error:
        yield Fault("spec.signatures.source", error.seen)
    if spec.exposure.type == "Route" and (seen := route_fault(service)) is not None:
        yield Fault("metadata.name", seen)
    yield from _contradictions(spec.resources)
    yield from _unreadable(spec.versions)


def _unreadable(versions: Versions | None) -> Iterator[Fault]:
    for number, line in enumerate(versions.allow if versions else ()):
        for finding in read_list(line.encode(), "").findings:
            yield Fault(f"spec.versions.allow[{number}]", finding.seen)


def _repositories(spec: UpdateServiceSpec) -> Iterator[tuple[str, str]]:
    yield "spec.releases", spec.releases
    for number, repository in enumerate(spec.additional_releases):
        yield f"spec.additionalReleases[{number}]", repository


def _contradictions(resources: Resources) -> Iterator[Fault]:
    for name, wanted in sorted(resources.requests.items()):
        most = resources.limits.get(name)
        if most is None:
            continue
        request, limit = amount(wanted), amount(most)
        if request is not None and limit is not None and request > limit:
            yield Fault("spec.resources", f"requests.{name} {wanted} is more than limits.{name} {most}")
