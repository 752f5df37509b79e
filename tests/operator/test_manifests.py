"""What installs the operator: looked at line by line, as narrow as it can be, and the same each time."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tools.golden import difference
from upgraph.operator.installation.manifests import as_yaml, manifests, removal, warning
from upgraph.operator.installation.parameters import OPERATOR, Flavour, Installation
from upgraph.operator.installation.rights import roles

GOLDEN = Path(__file__).parent / "golden"
IMAGE = "registry.example:5000/upgraph/upgraph:0.1.0"
OPENSHIFT = Installation(image=IMAGE)
KUBERNETES = Installation(image=IMAGE, flavour=Flavour.KUBERNETES, pull_secrets=("registry-login",))
EACH = pytest.mark.parametrize(
    "installation", [pytest.param(OPENSHIFT, id="openshift"), pytest.param(KUBERNETES, id="kubernetes")]
)


def grants(installation: Installation) -> list[tuple[str, str, dict[str, Any]]]:
    """Kind and namespace of each role, with each of its rules."""
    return [
        (one["kind"], one["metadata"].get("namespace", ""), rule)
        for one in roles(installation)
        for rule in one.get("rules", ())
    ]


@EACH
def test_the_manifests_are_those_that_were_looked_at(installation: Installation) -> None:
    # The definition of the resource has a file of its own.
    others = [one for one in manifests(installation) if one["kind"] != "CustomResourceDefinition"]
    assert difference(GOLDEN / f"{installation.flavour}.yaml", as_yaml(others)) == ""


@EACH
def test_the_definition_stands_before_what_needs_it(installation: Installation) -> None:
    kinds = [one["kind"] for one in manifests(installation)]
    assert kinds[:3] == ["Namespace", "CustomResourceDefinition", "ServiceAccount"]
    assert kinds[-1] == "Deployment"


@EACH
def test_no_right_has_a_wildcard(installation: Installation) -> None:
    assert "*" not in as_yaml(roles(installation))


@EACH
def test_secrets_are_read_in_the_own_namespace_and_by_name_elsewhere(installation: Installation) -> None:
    for kind, namespace, rule in grants(installation):
        if "secrets" in rule["resources"]:
            assert kind == "Role"
            assert namespace == installation.namespace or rule["resourceNames"] == ["pull-secret"]


@EACH
def test_what_belongs_to_others_is_only_read(installation: Installation) -> None:
    for _, namespace, rule in grants(installation):
        if namespace != installation.namespace:
            assert set(rule["verbs"]) <= {"get", "list", "watch"}


@EACH
def test_outside_of_the_own_namespace_every_right_but_one_is_by_name(installation: Installation) -> None:
    outside = [rule for _, place, rule in grants(installation) if place != installation.namespace]
    assert [rule["resources"] for rule in outside if "resourceNames" not in rule] == [["gateways"]]


def test_config_maps_with_authorities_are_those_that_were_named() -> None:
    named = Installation(image=IMAGE, ca_config_maps=("site-ca", "another"))
    (rule,) = [
        rule
        for _, place, rule in grants(named)
        if place == "openshift-config" and rule["resources"] == ["configmaps"]
    ]
    assert rule["resourceNames"] == ["another", "site-ca"]


def test_without_a_name_no_config_map_of_the_cluster_is_readable() -> None:
    none = Installation(image=IMAGE, ca_config_maps=("",))
    assert [rule for _, place, rule in grants(none) if place == "openshift-config"] == [
        {
            "apiGroups": [""],
            "resources": ["secrets"],
            "resourceNames": ["pull-secret"],
            "verbs": ["get", "list", "watch"],
        }
    ]


def test_other_clusters_than_openshift_give_no_rights_to_its_configuration() -> None:
    assert "openshift" not in as_yaml(roles(KUBERNETES)).replace("openshift-update-service", "").replace(
        "updateservice.operator.openshift.io", ""
    )


@EACH
def test_the_pod_is_let_in_by_the_restricted_standard(installation: Installation) -> None:
    pod = manifests(installation)[-1]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }


def test_two_installations_share_nothing_but_what_is_the_same_in_both() -> None:
    def made(namespace: str) -> dict[tuple[str, str, str], Any]:
        return {
            (one["kind"], one["metadata"].get("namespace", ""), one["metadata"]["name"]): one
            for one in manifests(Installation(image=IMAGE, namespace=namespace))
        }

    first, second = made("one"), made("two")
    for key in first.keys() & second.keys():
        assert first[key] == second[key]


def named(objects: list[Any]) -> list[tuple[str, str, str]]:
    """Kind, namespace and name of each."""
    return [(one["kind"], one["metadata"].get("namespace", ""), one["metadata"]["name"]) for one in objects]


@EACH
def test_a_removal_names_all_that_is_of_one_installation_and_nothing_that_others_need(
    installation: Installation,
) -> None:
    gone, needed = named(removal(installation)), named(manifests(replace(installation, namespace="other")))
    # Nobody needs to know any more for which platform it was.
    made = [one for flavour in Flavour for one in named(manifests(replace(installation, flavour=flavour)))]
    assert set(gone) == set(made) - set(needed)
    # What stands in the namespace would be gone before it is asked for.
    assert gone[-1] == ("Namespace", "", installation.namespace)


@EACH
def test_a_removal_that_keeps_the_namespace_takes_what_the_operator_has_made_for_itself(
    installation: Installation,
) -> None:
    whole, gone = named(removal(installation)), named(removal(installation, keep_namespace=True))
    assert whole[:-1] == gone[:-1]
    # Last, as whoever may still make a Lease would make it again.
    assert gone[-1] == ("Lease", installation.namespace, OPERATOR)


@pytest.mark.parametrize(
    ("installation", "tool"),
    [pytest.param(OPENSHIFT, "oc", id="openshift"), pytest.param(KUBERNETES, "kubectl", id="kubernetes")],
)
def test_what_is_installed_names_the_removal_of_itself(installation: Installation, tool: str) -> None:
    told = warning(replace(installation, namespace="updates"))
    assert all(line.startswith("# ") for line in told.splitlines())
    options = f"--namespace updates --platform {installation.flavour}"
    assert (
        f" upgraph operator manifests --removal {options} | {tool} delete --ignore-not-found -f -\n" in told
    )
    assert "openshift-update-service" not in told
