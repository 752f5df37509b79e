"""Repairs in the conditions name what an UpdateService has: nobody can give flags to pods of an operator."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from upgraph.cli.serve import serve
from upgraph.errors import DataError, Problem
from upgraph.errors.problems import every_problem
from upgraph.kube.conditions import Condition
from upgraph.kube.objects import Object
from upgraph.oci import parse_image_name
from upgraph.operator.inputs.values import GraphDataImage, Inputs
from upgraph.operator.observing.exposed import Exposed
from upgraph.operator.observing.graph_data_watch import GraphDataSeen
from upgraph.operator.observing.replicas import ServiceSeen
from upgraph.operator.observing.service_report import (
    Detail,
    Explanation,
    Fault,
    FindingCount,
    Graph,
    Reason,
    ServiceReport,
    Source,
)
from upgraph.operator.observing.statuses import ReplicasSeen
from upgraph.operator.reporting.conclusions import Known
from upgraph.operator.reporting.pasting import with_names
from upgraph.operator.reporting.verdicts import conditions
from upgraph.operator.resource.definition import definition
from upgraph.operator.resource.names import Names
from upgraph.operator.resource.repairs import REPAIRS, repair
from upgraph.operator.resource.trouble import Trouble
from upgraph.operator.resource.update_service import parse_update_service

PROBLEMS = tuple(problem for problems in every_problem().values() for problem in problems)
FLAGS = sorted({option for one in serve.params for option in one.opts if option.startswith("--")})
OF_THE_SERVICE = re.compile(rf"(?<![\w-])(?:{'|'.join(FLAGS)})(?![\w-])|UPGRAPH_")
OF_OTHERS = {"spec.additionalTrustedCA"}
"""Fields of the configuration of OpenShift."""


PULL_SPEC = "registry.example:5000/openshift/graph-data:latest"
IMAGE = parse_image_name(f"docker://{PULL_SPEC}")
SERVICE = parse_update_service(
    {
        "metadata": {"name": "service", "namespace": "openshift-update-service", "uid": "7"},
        "spec": {
            "replicas": 2,
            "releases": "registry.example:5000/ocp/release",
            "graphDataImage": PULL_SPEC,
        },
    }
)


def known(report: ServiceReport) -> Known:
    service = ServiceSeen(ReplicasSeen(report))
    return Known(
        inputs=Inputs(service=SERVICE, operand="registry.example:5000/upgraph"),
        troubles=(),
        exposed=Exposed("https://updates.example"),
        seen=service,
        deployment={"status": {"replicas": 2, "readyReplicas": 2 if report.ready else 0}},
    )


def everywhere(problem: Problem) -> Iterator[Known]:
    """A service that reports a problem wherever it can."""
    reference = problem.reference
    explained = {reference: Explanation(problem.title, problem.remedy)}
    detail = (Detail("error", reference, "seen"),)
    graph = Graph("1", 91)
    for kind in ("releases", "graph-data", "promoted"):
        fault, found = Fault(reference, "seen"), (FindingCount(reference, "error", 1),)
        for source in (
            Source(kind, "a", fault),
            Source(kind, "a", fault, 1, found),
            Source(kind, "a", None, 1, found),
        ):
            yield known(
                ServiceReport(ready=True, graph=graph, sources=(source,), details=detail, problems=explained)
            )
    yield known(ServiceReport(reason=Reason(reference, "seen", problem.remedy), problems=explained))
    error = DataError(problem, "seen")
    well = known(ServiceReport(ready=True, graph=graph))
    yield replace(well, graph_data=GraphDataSeen(IMAGE, None, error))
    yield replace(well, graph_data=GraphDataSeen(IMAGE, GraphDataImage("sha256:1"), error))
    yield replace(well, troubles=(Trouble.of("InvalidSpec", error),))
    yield replace(well, troubles=(Trouble("InvalidSpec", problem, "seen"),))


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda one: one.reference)
def test_no_condition_names_a_setting_of_the_service(problem: Problem) -> None:
    told = [one.message for case in everywhere(problem) for one in conditions(case)]
    assert [one for one in told if OF_THE_SERVICE.search(one)] == []


def test_what_is_looked_for_is_there() -> None:
    assert {"--ca", "--authfile", "--releases", "--promoted"} <= set(FLAGS)
    assert sum(OF_THE_SERVICE.search(problem.remedy) is not None for problem in PROBLEMS) > 10
    told = [one.message for case in everywhere(PROBLEMS[0]) for one in conditions(case)]
    assert sum("seen" in one for one in told) > 10


def test_every_repair_is_that_of_a_problem() -> None:
    assert set(REPAIRS) <= {problem.reference for problem in PROBLEMS}


def test_every_field_that_a_repair_names_is_one_of_the_resource() -> None:
    version = definition()["spec"]["versions"][0]
    schema = version["schema"]["openAPIV3Schema"]
    named = {field for text in REPAIRS.values() for field in re.findall(r"spec(?:\.[A-Za-z]+)+", text)}
    assert len(named) > 10
    assert sorted(field for field in named - OF_OTHERS if not has(schema, field.split("."))) == []


def has(schema: Object, path: list[str]) -> bool:
    """Whether a schema has a field."""
    if not path:
        return True
    fields = schema.get("properties") or {}
    if path[0] in fields:
        return has(fields[path[0]], path[1:])
    return "additionalProperties" in schema


def test_a_service_of_another_version_is_believed_unless_it_names_a_setting() -> None:
    assert repair("not-known-here", "Wait.") == "Wait."
    assert repair("not-known-here", "Give --ca FILE.") == ""
    assert repair("not-known-here", "Set UPGRAPH_CA.") == ""
    assert repair("not-known-here") == ""
    assert repair("registry-untrusted", "Give --ca FILE.") == REPAIRS["registry-untrusted"]
    assert repair("oci-manifest", "") != ""


OWN = re.compile(r"-n NAMESPACE|deployment/NAME|app=NAME|get updateservice NAME|NAME-route")
"""What an UpdateService knows of its own in a command."""
REPAIRED = sorted({repair(one.reference, one.remedy) for one in PROBLEMS})


@pytest.mark.parametrize("remedy", [one for one in REPAIRED if OWN.search(one)])
def test_commands_about_the_update_service_itself_can_be_pasted(remedy: str) -> None:
    condition = Condition("Degraded", status=True, reason="Any", message=remedy)
    told = with_names(condition, Names("harbour", "sample")).message
    assert not OWN.search(told)
    assert "-n harbour" in told
