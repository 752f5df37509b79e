"""On OpenShift everything runs as the user that the cluster gives to it, and asks for none."""

import json
from pathlib import Path
from typing import Any

from tests.cluster.walk.conftest import Site
from upgraph.operator.installation.parameters import OPERATOR

OF_THE_CLUSTER = {"openshift.io/scc": "restricted-v2"}
"""The annotation of pods that got their user from the cluster."""


def user_and_group(site: Site) -> tuple[int, int]:
    """The first user and group of the namespace, which its pods get."""
    found = json.loads(site.oc("get", "namespace", site.namespace, "-o", "json"))["metadata"]["annotations"]
    both = (found[f"openshift.io/sa.scc.{name}"] for name in ("uid-range", "supplemental-groups"))
    user, group = (int(one.partition("/")[0]) for one in both)
    return user, group


def contexts(spec: Any) -> list[dict[str, Any]]:
    """Everything in a pod, or in its template, that may name a user or a group."""
    containers = [*spec["containers"], *spec.get("initContainers", [])]
    return [one.get("securityContext") or {} for one in (spec, *containers)]


def users_of_processes(mark: bytes) -> set[int]:
    """The users of the processes that have a text among their arguments or their variables."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            said = [(process / name).read_bytes().split(b"\0") for name in ("cmdline", "environ")]
            if any(mark in words for words in said):
                found.add((process / "status").stat().st_uid)
        except OSError:
            # It has ended meanwhile.
            continue
    return found


def test_operator_and_service_run_as_the_user_that_the_cluster_gives(operated: Site) -> None:
    operated.create("service", replicas=2)
    operated.uri()
    operated.settled()
    user, group = user_and_group(operated)
    for name in (OPERATOR, "service"):
        asked = contexts(operated.get("deployment", name)["spec"]["template"]["spec"])
        assert not [one for one in asked if {"runAsUser", "runAsGroup", "fsGroup"} & one.keys()]
    operators = operated.get("pods", f"--selector=app.kubernetes.io/name={OPERATOR}")["items"]
    services = operated.pods()
    assert (len(operators), len(services)) == (1, 2)
    for pod in (*operators, *services):
        assert OF_THE_CLUSTER.items() <= pod["metadata"]["annotations"].items()
        of_pod, *of_containers = contexts(pod["spec"])
        assert of_pod["fsGroup"] == group
        assert {one["runAsUser"] for one in of_containers} == {user}
    assert users_of_processes(f"POD_NAMESPACE={operated.namespace}".encode()) == {user}
    siblings = f"--siblings=service-siblings.{operated.namespace}.svc:9081"
    assert users_of_processes(siblings.encode()) == {user}
