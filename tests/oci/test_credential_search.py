"""Where credentials are looked for, in which files, and what is said about it."""

import base64
import json
from pathlib import Path

import pytest

from upgraph.errors import UserError
from upgraph.oci import Credentials
from upgraph.oci.credentials.lookup import search_places

SECRET = "do-not-show-this"
HOST = "q.example"


def auths(user: str, key: str = HOST) -> str:
    return json.dumps({"auths": {key: {"auth": base64.b64encode(f"{user}:{SECRET}".encode()).decode()}}})


def write(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path / "home"), "XDG_RUNTIME_DIR": str(tmp_path / "run")}


async def user(credentials: Credentials, path: str = "a/b") -> str | None:
    login = await credentials.find(HOST, path)
    return None if login is None else login.username


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        (
            {"HOME": "/h"},
            [
                "/run/containers/7/auth.json",
                "/h/.config/containers/auth.json",
                "/h/.docker/config.json",
                "/h/.dockercfg",
            ],
        ),
        (
            {
                "REGISTRY_AUTH_FILE": "/f",
                "XDG_RUNTIME_DIR": "/r",
                "XDG_CONFIG_HOME": "/c",
                "DOCKER_CONFIG": "/d",
                "HOME": "/h",
            },
            ["/f", "/r/containers/auth.json", "/c/containers/auth.json", "/d/config.json", "/h/.dockercfg"],
        ),
        ({}, ["/run/containers/7/auth.json"]),
    ],
    ids=["defaults", "all-variables", "nothing-set"],
)
def test_places_are_those_of_podman_and_docker_in_their_order(
    environment: dict[str, str], expected: list[str]
) -> None:
    assert [str(place.path) for place in search_places(environment, 7)] == expected


async def test_the_first_file_with_a_login_wins_and_files_are_not_merged(
    environment: dict[str, str], tmp_path: Path
) -> None:
    write(tmp_path / "run/containers/auth.json", auths("runtime", "other.example"))
    write(tmp_path / "home/.config/containers/auth.json", auths("podman"))
    write(tmp_path / "home/.docker/config.json", auths("docker", f"{HOST}/a/b"))
    assert await user(Credentials.search(environment)) == "podman"


async def test_a_login_that_appears_later_is_found(environment: dict[str, str], tmp_path: Path) -> None:
    credentials = Credentials.search(environment)
    assert await user(credentials) is None
    file = write(tmp_path / "home/.docker/config.json", auths("docker"))
    assert await user(credentials) == "docker"
    file.unlink()
    assert await user(credentials) is None
    assert credentials.findings == ()


async def test_a_broken_file_that_was_only_found_is_passed_over_with_a_finding(
    environment: dict[str, str], tmp_path: Path
) -> None:
    broken = write(tmp_path / "run/containers/auth.json", "{")
    write(tmp_path / "home/.docker/config.json", auths("docker"))
    credentials = Credentials.search(environment)
    assert await user(credentials) == "docker"
    assert [(one.reference, one.severity.name) for one in credentials.findings] == [
        ("oci-auth-file", "WARNING")
    ]
    assert str(broken) in credentials.findings[0].seen


@pytest.mark.parametrize("content", [None, "{"], ids=["absent", "broken"])
def test_a_file_that_the_variable_names_must_be_usable(
    environment: dict[str, str], tmp_path: Path, content: str | None
) -> None:
    named = tmp_path / "named.json"
    if content is not None:
        named.write_text(content)
    with pytest.raises(UserError, match=r"named\.json"):
        Credentials.search(environment | {"REGISTRY_AUTH_FILE": str(named)})


async def test_a_lookup_tells_which_files_were_looked_at_and_what_came_of_it(
    environment: dict[str, str], tmp_path: Path
) -> None:
    write(tmp_path / "run/containers/auth.json", auths("runtime", "other.example"))
    docker = write(tmp_path / "home/.docker/config.json", auths("docker", f"{HOST}/a"))
    found = await Credentials.search(environment).lookup(HOST, "a/b")
    assert (found.file, found.login and found.login.key) == (docker, f"{HOST}/a")
    assert [one.outcome for one in found.looked_at] == [
        "none of its 1 logins is for q.example/a/b or above",
        "not there",
        "key 'q.example/a'",
    ]
    assert SECRET not in repr(found) + str(found) + "".join(map(str, found.looked_at))


async def test_a_lookup_without_a_match_names_the_files(environment: dict[str, str], tmp_path: Path) -> None:
    docker = tmp_path / "home/.docker/config.json"
    credentials = Credentials.search(environment)
    absent = str(await credentials.lookup(HOST, "a"))
    assert "none of these is there" in absent
    assert str(docker) in absent
    write(docker, auths("me", "other.example"))
    assert str(await credentials.lookup(HOST, "a")) == f"no login, as no key of {docker} matches"


async def test_without_any_place_a_lookup_says_so() -> None:
    found = await Credentials.anonymous().lookup(HOST, "a")
    assert str(found) == "no login, as no file with credentials is configured"


@pytest.mark.parametrize("name", [".dockerconfigjson", "config.json", "auth.json"])
async def test_the_directory_of_a_mounted_secret_may_be_given(tmp_path: Path, name: str) -> None:
    write(tmp_path / name, auths("me"))
    assert await user(Credentials.load(tmp_path)) == "me"


async def test_a_mounted_secret_that_is_swapped_is_read_again(tmp_path: Path) -> None:
    for generation in ("one", "two"):
        write(tmp_path / f"..{generation}" / ".dockerconfigjson", auths(generation))
    (tmp_path / "..data").symlink_to("..one")
    (tmp_path / ".dockerconfigjson").symlink_to("..data/.dockerconfigjson")
    credentials = Credentials.load(tmp_path)
    assert await user(credentials) == "one"
    (tmp_path / "..new").symlink_to("..two")
    (tmp_path / "..new").rename(tmp_path / "..data")
    assert await user(credentials) == "two"


def test_a_directory_without_a_known_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"directory without a file named \.dockerconfigjson"):
        Credentials.load(tmp_path)


async def test_the_old_form_has_its_keys_at_the_top(tmp_path: Path) -> None:
    content = json.dumps(json.loads(auths("me", f"https://{HOST}/v1/"))["auths"])
    assert await user(Credentials.load(write(tmp_path / ".dockercfg", content))) == "me"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("auth.json", "{}"),
        ("auth.json", '{"auths": {}}'),
        ("auth.json", '{"auths": null}'),
        ("auth.json", '{"auths": {"q.example": null}}'),
        ("config.json", '{"psFormat": "table"}'),
    ],
)
async def test_a_file_without_logins_is_in_order(tmp_path: Path, name: str, content: str) -> None:
    assert await user(Credentials.load(write(tmp_path / name, content))) is None
