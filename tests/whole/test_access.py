"""Credentials, certificates and proxies as a site gives them: in files, mounts and variables of the process."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.whole.conftest import VERSIONS, GraphDataPlace, Running, Starter, until
from upgraph.testing.certificates import Certificates, make_certificates
from upgraph.testing.proxy import SimulatedProxy
from upgraph.testing.real_registry import PASSWORD, USERNAME, RealRegistry, real_registry
from upgraph.testing.registry import SimulatedRegistry

REPOSITORY = "ocp/release"
SOON = ("--scrape-interval", "1s")


@pytest.fixture
def registry(
    tmp_path_factory: pytest.TempPathFactory, layout: Path, certificates: Certificates
) -> Iterator[RealRegistry]:
    storage = tmp_path_factory.mktemp("storage")
    with ExitStack() as stack:
        running = stack.enter_context(real_registry(storage, certificates=certificates, login=True))
        running.push(layout, f"{VERSIONS[0]}-x86_64", REPOSITORY)
        yield running


def reference(service: Running) -> str:
    """Why it is not ready."""
    why = service.state()["reason"]
    return str(why["reference"]) if isinstance(why, dict) else ""


def sources(registry: RealRegistry, graph_data: GraphDataPlace) -> tuple[object, ...]:
    name = registry.repository(REPOSITORY).name
    return ("--releases", f"docker://{name}", "--graph-data", graph_data.path, *SOON)


def test_a_site_needs_no_flag_for_what_its_tools_already_know(
    start: Starter,
    registry: RealRegistry,
    graph_data: GraphDataPlace,
    auth_file: Callable[[str], Path],
    certificates: Certificates,
) -> None:
    known = auth_file(f"127.0.0.1:{registry.port}")
    service = start.serve(
        *sources(registry, graph_data),
        REGISTRY_AUTH_FILE=str(known),
        SSL_CERT_FILE=str(certificates.certificate),
    )
    assert set(service.answered().nodes) == {VERSIONS[0]}
    assert PASSWORD not in service.text


def test_certificate_and_password_are_put_right_without_a_restart(
    start: Starter,
    registry: RealRegistry,
    graph_data: GraphDataPlace,
    certificates: Certificates,
    tmp_path: Path,
) -> None:
    mount = tmp_path / "mount"
    for directory in ("ca", "..wrong", "..right"):
        (mount / directory).mkdir(parents=True)
    wrong = make_certificates(mount / "..wrong")
    (mount / "..wrong/updateservice-registry").write_text(wrong.certificate.read_text())
    (mount / "..right/updateservice-registry").write_text(certificates.certificate.read_text())
    (mount / "ca/..data").symlink_to("../..wrong")
    (mount / "ca/updateservice-registry").symlink_to("..data/updateservice-registry")
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / ".dockerconfigjson").write_text('{"auths": {}}')

    service = start.serve(*sources(registry, graph_data), "--ca", mount / "ca", "--authfile", secret)
    until(lambda: reference(service) == "registry-untrusted", what="the certificate to be refused")
    (mount / "ca/..new").symlink_to("../..right")
    (mount / "ca/..new").rename(mount / "ca/..data")
    until(lambda: reference(service) == "registry-unauthorized", what="the login to be refused")
    login = {f"127.0.0.1:{registry.port}": {"username": USERNAME, "password": PASSWORD}}
    (secret / ".dockerconfigjson").write_text(json.dumps({"auths": login}))
    assert set(service.answered().nodes) == {VERSIONS[0]}


@pytest.mark.parametrize("rotated", ["auth.json", "ca.pem"], ids=["login", "authority"])
def test_what_is_rotated_is_used_at_once(
    start: Starter,
    registry: RealRegistry,
    graph_data: GraphDataPlace,
    certificates: Certificates,
    layout: Path,
    *,
    tmp_path: Path,
    rotated: str,
) -> None:
    login, authority = tmp_path / "auth.json", tmp_path / "ca.pem"
    user = {f"127.0.0.1:{registry.port}": {"username": USERNAME, "password": PASSWORD}}
    login.write_text(json.dumps({"auths": user}))
    authority.write_text(certificates.certificate.read_text())
    access = ("--ca", authority, "--authfile", login, "--scrape-interval", "1h")
    service = start.serve(*sources(registry, graph_data), *access)
    assert set(service.answered().nodes) == {VERSIONS[0]}
    registry.push(layout, f"{VERSIONS[1]}-x86_64", REPOSITORY)
    file = tmp_path / rotated
    file.write_text(file.read_text() + "\n")
    assert set(service.answered(lambda graph: len(graph.nodes) > 1).nodes) == set(VERSIONS[:2])


async def test_a_registry_that_only_the_proxy_reaches_is_read_through_it(
    start: Starter, graph_data: GraphDataPlace, layout: Path, tmp_path: Path
) -> None:
    made = make_certificates(tmp_path, names="DNS:registry.example")
    async with SimulatedProxy() as proxy, SimulatedRegistry(tls=made.server_context()) as simulated:
        simulated.load(layout)
        proxy.names["registry.example:5000"] = int(simulated.repository.host.rpartition(":")[2])
        source = f"docker://registry.example:5000/{simulated.path}"
        flags = ("--releases", source, "--graph-data", graph_data.path, "--ca", made.certificate, *SOON)
        service = start.serve(*flags, HTTPS_PROXY=proxy.url, NO_PROXY="other.example")
        graph = await asyncio.to_thread(service.answered)
    assert set(graph.nodes) == set(VERSIONS)
    assert {one.target for one in proxy.asked} == {"registry.example:5000"}


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"HTTPS_PROXY": "socks5://me:s3cret@proxy.example"}, r"(proxies of the kind 'socks5')"),
        ({"REGISTRY_AUTH_FILE": "/gone/auth.json"}, r"(/gone/auth\.json: No such file)"),
    ],
    ids=["proxy", "auth-file"],
)
def test_a_variable_that_cannot_be_used_ends_the_program_at_start(
    start: Starter, graph_data: GraphDataPlace, variables: dict[str, str], said: str
) -> None:
    flags = ("--releases", "docker://registry.example/ocp/release", "--graph-data", graph_data.path)
    service = start.serve(*flags, wrapper=(), **variables)
    assert service.process.wait(180) == 2
    assert service.said(said)
    assert "s3cret" not in service.text


def test_what_is_odd_about_the_environment_is_told_beside_the_graph(
    start: Starter, layout: Path, graph_data: GraphDataPlace, tmp_path: Path
) -> None:
    (tmp_path / "containers").mkdir()
    (tmp_path / "containers/auth.json").write_text("{")
    flags = ("--releases", f"oci:{layout}", "--payload-repository", "registry.example/ocp/release")
    shown = start(
        "upgraph", "graph", "show", *flags, "--graph-data", graph_data.path,
        XDG_RUNTIME_DIR=str(tmp_path), HTTPS_PROXY="proxy.example:3128", NO_PROXY="https://a.example",
    )  # fmt: skip
    assert shown.process.wait(180) == 0
    assert "[oci-auth-file]" in shown.text
    assert "the entry 'https://a.example' of NO_PROXY can never match [proxy-exemption]" in shown.text
