"""What installs the operator is printed, and nothing is contacted for it."""

import json
import re
import socket
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.commands.conftest import Command

IMAGE = "registry.example:5000/upgraph/upgraph:0.1.0"


def leading_to(address: str) -> dict[str, Any]:
    """A kubeconfig for an API server at an address."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": address}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
    }


def objects(text: str) -> dict[str, Any]:
    """What was printed, by kind and name; of several in different namespaces the last."""
    return {f"{one['kind']}/{one['metadata']['name']}": one for one in yaml.safe_load_all(text)}


def test_the_manifests_are_printed_for_kubectl(command: Command) -> None:
    done = command("upgraph", "operator", "manifests", "--image", IMAGE)
    made = objects(done.out)
    pod = made["Deployment/upgraph-operator"]["spec"]["template"]["spec"]
    assert pod["containers"][0]["image"] == IMAGE
    assert "CustomResourceDefinition/updateservices.updateservice.operator.openshift.io" in made
    assert done.out == command("upgraph", "operator", "manifests", "--image", IMAGE).out


def test_everything_is_in_the_namespace_that_was_named(command: Command) -> None:
    done = command(
        "upgraph",
        "operator",
        "manifests",
        "--image",
        IMAGE,
        "--namespace",
        "updates",
        "--platform",
        "kubernetes",
    )
    places = {one["metadata"].get("namespace", "updates") for one in yaml.safe_load_all(done.out)}
    assert places == {"updates"}


def test_the_pull_secret_of_the_image_is_named(command: Command) -> None:
    done = command("upgraph", "operator", "manifests", "--image", IMAGE, "--image-pull-secret", "login")
    pod = objects(done.out)["Deployment/upgraph-operator"]["spec"]["template"]["spec"]
    assert pod["imagePullSecrets"] == [{"name": "login"}]


def test_the_definition_alone_needs_no_image(command: Command) -> None:
    (one,) = objects(command("upgraph", "operator", "manifests", "--crd-only").out).values()
    assert one["kind"] == "CustomResourceDefinition"


def test_a_removal_needs_no_image_and_leaves_what_is_shared(command: Command) -> None:
    done = command("upgraph", "operator", "manifests", "--removal", "--namespace", "updates")
    kinds = {one["kind"] for one in yaml.safe_load_all(done.out)}
    assert done.code == 0
    assert {"Deployment", "Role", "ClusterRole", "Namespace"} <= kinds
    assert "CustomResourceDefinition" not in kinds
    assert (
        done.out
        == command(
            "upgraph", "operator", "manifests", "--removal", "--namespace", "updates", "--image", IMAGE
        ).out
    )


@pytest.mark.parametrize("platform", ["openshift", "kubernetes"])
def test_what_is_printed_says_how_this_installation_alone_is_removed(command: Command, platform: str) -> None:
    options = ("--namespace", "updates", "--platform", platform)
    done = command("upgraph", "operator", "manifests", "--image", IMAGE, *options)
    (told,) = re.findall(r"(?m)^# +upgraph (.*) \| ", done.out.partition("---")[0])
    removed = command("upgraph", *told.split())
    assert removed.code == 0
    # Nothing of another installation is named.
    outside = [
        one for one in yaml.safe_load_all(removed.out) if one["metadata"].get("namespace") != "updates"
    ]
    assert {one["metadata"]["name"] for one in outside} == {"upgraph-operator-updates", "updates"}
    assert "Namespace/updates" in objects(removed.out)


def test_a_removal_can_leave_the_namespace(command: Command) -> None:
    done = command("upgraph", "operator", "manifests", "--removal", "--keep-namespace")
    kinds = {one["kind"] for one in yaml.safe_load_all(done.out)}
    assert done.code == 0
    assert {"Deployment", "Lease"} <= kinds
    assert "Namespace" not in kinds


def test_only_a_removal_can_leave_the_namespace(command: Command) -> None:
    done = command("upgraph", "operator", "manifests", "--image", IMAGE, "--keep-namespace")
    assert (done.code, done.out, "belongs to --removal" in done.err) == (2, "", True)


def test_what_is_shared_and_what_is_not_are_not_printed_together(command: Command) -> None:
    done = command("upgraph", "operator", "manifests", "--removal", "--crd-only")
    assert (done.code, done.out) == (2, "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(("--image", "docker://registry.example/a"), "which is no pull spec", id="scheme"),
        pytest.param(("--image", "oci:/srv/layout"), "which is no pull spec", id="no registry"),
        pytest.param(("--image", IMAGE, "--namespace", "Updates"), "the name of a namespace", id="namespace"),
        pytest.param(("--image", IMAGE, "--namespace", "up.dates"), "'up.dates' must be", id="dot"),
        pytest.param(("--image", IMAGE, "--namespace", "a" * 64), "has 64 characters", id="long namespace"),
        pytest.param(("--image", IMAGE, "--namespace", ""), "the name of a namespace", id="no namespace"),
        pytest.param(
            ("--image", IMAGE, "--image-pull-secret", "Login"), "the Secret 'Login' must be", id="Secret"
        ),
        pytest.param(
            ("--image", IMAGE, "--ca-configmap", "a/b"), "the ConfigMap 'a/b' must be", id="ConfigMap"
        ),
        pytest.param(
            ("--image", IMAGE, "--ca-configmap", "a" * 254), "has 254 characters", id="long ConfigMap"
        ),
    ],
)
def test_what_cannot_be_installed_is_refused(command: Command, arguments: tuple[str, ...], said: str) -> None:
    done = command("upgraph", "operator", "manifests", *arguments)
    assert (done.code, done.out) == (2, "")
    assert said in " ".join(done.err.split())
    assert "operator-installation-invalid" in done.err


def test_an_installation_needs_an_image(command: Command) -> None:
    done = command("upgraph", "operator", "manifests")
    assert (done.code, "--image says where nodes pull" in done.err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param((), "neither --operand nor RELATED_IMAGE_OPERAND", id="no image"),
        pytest.param(("--operand", "oci:/srv/layout"), "is no pull spec", id="no registry"),
        pytest.param(("--operand", "docker://registry.example/a"), "is no pull spec", id="scheme"),
    ],
)
def test_an_operator_that_could_make_no_pod_does_not_start(
    command: Command, arguments: tuple[str, ...], said: str
) -> None:
    done = command("upgraph", "operator", "run", *arguments)
    assert (done.code, said in done.err, "operator-setting" in done.err) == (2, True, True)


def test_an_operator_whose_port_is_taken_says_so_and_begins_nothing(command: Command, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as api:
        kubeconfig = tmp_path / "kubeconfig"
        kubeconfig.write_text(json.dumps(leading_to(f"http://127.0.0.1:{api.getsockname()[1]}")))
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        options = ("--operand", IMAGE, "--kubeconfig", kubeconfig, "--status-listen", where)
        done = command("upgraph", "operator", "run", *options)
        api.setblocking(False)  # noqa: FBT003  # the standard library has it so
        with pytest.raises(BlockingIOError):
            api.accept()
    assert done.code == 2
    assert "another process holds the port" in done.err
    assert "listen-failed" in done.err
    assert "Traceback" not in done.err
