"""One value for credentials, trust and proxies, and no secret of any of them to be seen."""

import json
import logging
from pathlib import Path

import pytest

from upgraph.errors import RemoteError, UserError
from upgraph.oci import Access, RegistryClient, Repository
from upgraph.testing.certificates import Certificates
from upgraph.testing.proxy import SimulatedProxy
from upgraph.testing.registry import Login, SimulatedRegistry

SECRET = "do-not-show-this"


def auth_file(directory: Path, *hosts: str) -> Path:
    path = directory / "auth.json"
    path.write_text(json.dumps({"auths": {host: {"username": "me", "password": SECRET} for host in hosts}}))
    return path


async def test_a_file_that_is_named_ends_the_search(tmp_path: Path) -> None:
    named = auth_file(tmp_path, "a.example")
    (tmp_path / "containers").mkdir()
    auth_file(tmp_path / "containers", "b.example")
    environment = {"XDG_RUNTIME_DIR": str(tmp_path)}
    assert await Access.of(environment).credentials.find("b.example", "x") is not None
    assert await Access.of(environment, authfile=named).credentials.find("b.example", "x") is None
    assert await Access.of(environment, search=False).credentials.find("b.example", "x") is None


def test_what_is_odd_about_each_part_is_found(tmp_path: Path) -> None:
    (tmp_path / "containers").mkdir()
    (tmp_path / "containers/auth.json").write_text("{")
    access = Access.of(
        {
            "XDG_RUNTIME_DIR": str(tmp_path),
            "SSL_CERT_FILE": str(tmp_path / "gone"),
            "HTTPS_PROXY": "proxy.example",
            "NO_PROXY": "10.0.0.0/99",
        }
    )
    assert [one.reference for one in access.findings] == [
        "oci-auth-file",
        "oci-system-trust",
        "proxy-exemption",
    ]


@pytest.mark.parametrize(
    "environment",
    [{"REGISTRY_AUTH_FILE": "/gone"}, {"HTTPS_PROXY": "socks5://proxy.example"}],
    ids=["file", "proxy"],
)
def test_what_cannot_be_used_is_refused(environment: dict[str, str]) -> None:
    with pytest.raises(UserError):
        Access.of(environment)


def test_its_text_form_has_no_secret(tmp_path: Path, certificates: Certificates) -> None:
    file = auth_file(tmp_path, "a.example")
    environment = {"HTTPS_PROXY": f"http://me:{SECRET}@proxy.example:3128", "TOKEN": SECRET}
    access = Access.of(environment, authfile=file, ca=[certificates.certificate])
    assert SECRET not in repr(access)
    assert str(file) in repr(access)


@pytest.mark.parametrize("scheme", ["basic", "bearer"])
@pytest.mark.parametrize("password", [SECRET, "other"], ids=["accepted", "refused"])
async def test_the_log_of_all_libraries_has_no_secret(
    tmp_path: Path,
    registry: SimulatedRegistry,
    caplog: pytest.LogCaptureFixture,
    scheme: str,
    password: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    registry.login = Login("basic" if scheme == "basic" else "bearer", "me", password)
    said: list[object] = []
    async with SimulatedProxy() as proxy:
        proxy.names["registry.example:5000"] = int(registry.repository.host.rpartition(":")[2])
        repository = Repository("registry.example:5000", registry.path, "http")
        through = {"HTTP_PROXY": proxy.url.replace("//", f"//me:{SECRET}@")}
        access = Access.of(through, authfile=auth_file(tmp_path, repository.host))
        async with RegistryClient(repository, access=access) as client:
            try:
                await client.tags()
            except RemoteError as error:
                said += [error, error.__cause__, error.__context__]
    assert len(said) == (0 if password == SECRET else 3)
    assert proxy.asked
    text = caplog.text + "".join(map(str, said))
    assert SECRET not in text
    assert "token-1" not in text
