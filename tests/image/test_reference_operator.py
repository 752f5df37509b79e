"""The pod that the OpenShift Update Service Operator makes, with the configuration that it writes.

The texts and mounts are those of its ``controllers/new.go``; only the address of the registry is ours.
"""

import base64
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.image.conftest import Command, Container, Pod, Volume, until
from upgraph.oci import LayoutWriter
from upgraph.payload import ReleaseContent, add_release
from upgraph.testing.answers import read_answer
from upgraph.testing.certificates import Certificates, make_certificates
from upgraph.testing.real_registry import PASSWORD, USERNAME, RealRegistry, real_registry

REPOSITORY = "ocp/release"
VERSIONS = ("4.1.0", "4.1.1", "4.1.2")
GB_TOML = """\
verbosity = "vvv"

[service]
pause_secs = 300
address = "::"
port = 8080

[status]
address = "::"
port = 9080

[[plugin_settings]]
name = "release-scrape-dockerv2"
registry = "{registry}"
repository = "{repository}"
fetch_concurrency = 16
credentials_path = "/var/lib/cincinnati/registry-credentials/.dockerconfigjson"

[[plugin_settings]]
name = "openshift-secondary-metadata-parse"
data_directory = "/var/lib/cincinnati/graph-data"

[[plugin_settings]]
name = "edge-add-remove"
"""
ENVIRONMENT = {
    "ADDRESS": "::",
    "PE_LOG_VERBOSITY": "vv",
    "PE_MANDATORY_CLIENT_PARAMETERS": "channel",
    "PE_STATUS_ADDRESS": "::",
    "RUST_BACKTRACE": "0",
    "UPSTREAM": "http://localhost:8080/v1/graph",
}
ENGINE_ARGUMENTS = (
    "-$(PE_LOG_VERBOSITY)",
    *("--service.address", "$(ADDRESS)"),
    *("--service.mandatory_client_parameters", "$(PE_MANDATORY_CLIENT_PARAMETERS)"),
    *("--service.path_prefix", "/api/upgrades_info"),
    *("--service.port", "8081"),
    *("--status.address", "$(PE_STATUS_ADDRESS)"),
    *("--status.port", "9081"),
    *("--upstream.cincinnati.url", "$(UPSTREAM)"),
)
GRAPH = "http://localhost:8081/api/upgrades_info/graph"


def projected(folder: Path, files: dict[str, str]) -> Path:
    """A ConfigMap or Secret as a kubelet mounts it: links to files in a folder that is replaced as one."""
    content = folder / "..2026_01_01_00_00_00.1234567890"
    content.mkdir(parents=True)
    (folder / "..data").symlink_to(content.name)
    for name, text in files.items():
        (content / name).write_text(text)
        (folder / name).symlink_to(f"..data/{name}")
    return folder


def expanded(arguments: tuple[str, ...]) -> list[str]:
    """Arguments with ``$(NAME)`` replaced, as Kubernetes does it."""
    return [re.sub(r"\$\((\w+)\)", lambda found: ENVIRONMENT[found[1]], text) for text in arguments]


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return make_certificates(tmp_path)


@pytest.fixture
def registry(pod: Pod, tmp_path: Path, certificates: Certificates) -> Iterator[RealRegistry]:
    """A registry of the site with releases, a private authority and a login."""
    layout = tmp_path / "layout"
    with LayoutWriter(layout) as writer:
        for at, version in enumerate(VERSIONS):
            add_release(writer, ReleaseContent(version, previous=VERSIONS[:at]), "amd64", f"{version}-x86_64")
    storage = tmp_path / "storage"
    storage.mkdir()
    with real_registry(storage, certificates=certificates, login=True, wrapper=pod.network) as running:
        for version in VERSIONS:
            running.push(layout, f"{version}-x86_64", REPOSITORY)
        yield running


@pytest.fixture
def graph_data(tmp_path: Path) -> Path:
    """The volume that the init container has filled, as the user of the pod."""
    folder = tmp_path / "graph-data"
    (folder / "channels").mkdir(parents=True)
    (folder / "blocked-edges").mkdir()
    (folder / "raw").mkdir()
    (folder / "raw" / "metadata.json").write_text("{}\n")
    (folder / "version").write_text("1.1.0\n")
    listed = "".join(f"- {version}\n" for version in VERSIONS)
    (folder / "channels" / "stable-4.1.yaml").write_text(f"name: stable-4.1\nversions:\n{listed}")
    (folder / "blocked-edges" / "4.1.1.yaml").write_text("to: 4.1.1\nfrom: 4[.]1[.]0\n")
    for path in (folder, *folder.rglob("*")):
        os.chown(path, 1000650000, 0)
    return folder


@dataclass(frozen=True)
class OperatorPod:
    """The two containers of the operator's Deployment."""

    builder: Container
    engine: Container
    payloads: str
    """Where the releases are pulled from."""


@pytest.fixture
def operator_pod(
    pod: Pod, registry: RealRegistry, graph_data: Path, certificates: Certificates, tmp_path: Path
) -> OperatorPod:
    name = registry.repository(REPOSITORY).name
    host = name.partition("/")[0]
    toml = GB_TOML.format(registry=host, repository=REPOSITORY)
    auth = base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()
    secret = json.dumps({"auths": {"quay.example": {"auth": "eDp5"}, host: {"auth": auth}}})
    authority = certificates.certificate.read_text()
    other = tmp_path / "proxy-authority"
    other.mkdir()
    proxies = make_certificates(other, names="DNS:proxy.example").certificate.read_text()
    trust = "/etc/pki/ca-trust/extracted"
    config = tmp_path / "config"
    volumes = (
        Volume(projected(config / "gb", {"gb.toml": toml}), "/etc/configs"),
        Volume(graph_data, "/var/lib/cincinnati/graph-data", writable=True),
        Volume(
            projected(config / "secret", {".dockerconfigjson": secret}),
            "/var/lib/cincinnati/registry-credentials",
        ),
        Volume(projected(config / "trusted", {"tls-ca-bundle.pem": authority}), f"{trust}/pem"),
        Volume(projected(config / "cluster", {"ca-bundle.crt": proxies * 2}), f"{trust}/cluster-ca"),
    )
    builder = Command(
        ["/usr/bin/graph-builder", "-c", "/etc/configs/gb.toml"], {"RUST_BACKTRACE": "0"}, volumes
    )
    engine = Command(["/usr/bin/policy-engine", *expanded(ENGINE_ARGUMENTS)], ENVIRONMENT)
    return OperatorPod(pod.run("graph-builder", builder), pod.run("policy-engine", engine), name)


@pytest.fixture
def answering(pod: Pod, operator_pod: OperatorPod) -> OperatorPod:
    """The same, once clusters get answers."""
    until(
        lambda: pod.curl(f"{GRAPH}?channel=stable-4.1").status == 200,
        what=lambda: f"an answer: {operator_pod.builder.text} {operator_pod.engine.text}",
    )
    return operator_pod


def test_clusters_are_answered_from_the_registry_of_the_site(pod: Pod, answering: OperatorPod) -> None:
    graph = read_answer(pod.curl(f"{GRAPH}?channel=stable-4.1&arch=amd64").body.encode())
    assert set(graph.nodes) == set(VERSIONS)
    assert graph.edges == {("4.1.0", "4.1.2"), ("4.1.1", "4.1.2")}
    assert {node["payload"].partition("@")[0] for node in graph.nodes.values()} == {answering.payloads}


def test_a_request_without_a_channel_is_refused(pod: Pod, answering: OperatorPod) -> None:
    assert pod.curl(GRAPH).status == 400


def test_the_probes_of_the_operator_succeed(pod: Pod, answering: OperatorPod) -> None:
    for probe in ("9080/liveness", "9080/readiness", "9081/livez", "9081/readyz"):
        assert pod.curl(f"http://localhost:{probe}").status == 200, probe


def test_the_pod_stops_when_it_is_told_to_and_has_said_no_secret(answering: OperatorPod) -> None:
    for container in (answering.engine, answering.builder):
        assert container.stop() == 0
        assert "Traceback" not in container.text
        assert PASSWORD not in container.text
