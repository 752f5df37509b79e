"""Credentials from an auth file."""

import base64
import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upgraph.errors import UserError
from upgraph.oci import Credentials
from upgraph.oci.credentials.login import lookup_keys, normal_key

SECRET = "do-not-show-this"


def entry(user: str, password: str = SECRET) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


def write(path: Path, auths: object) -> Path:
    path.write_text(json.dumps({"auths": auths, "HttpHeaders": {}}))
    return path


async def user_of(path: Path, host: str, repository: str) -> str | None:
    login = await Credentials.load(path).find(host, repository)
    return None if login is None else login.username


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "auth.json"


@pytest.mark.parametrize(
    ("repository", "user"),
    [("a/b/c", "deep"), ("a/b", "deep"), ("a/x", "shallow"), ("x", "host"), ("ab/b", "host")],
)
async def test_the_longest_key_above_the_repository_wins(file: Path, repository: str, user: str) -> None:
    write(file, {"q.io": entry("host"), "q.io/a": entry("shallow"), "q.io/a/b": entry("deep")})
    assert await user_of(file, "q.io", repository) == user


@pytest.mark.parametrize(
    ("key", "host"),
    [
        ("https://q.io", "q.io"),
        ("https://q.io/v2/", "q.io"),
        ("http://q.io:5000/v1/", "q.io:5000"),
        ("https://index.docker.io/v1/", "docker.io"),
        ("registry-1.docker.io", "docker.io"),
        ("docker.io", "index.docker.io"),
        ("Q.io", "q.io"),
    ],
)
async def test_old_forms_of_keys_are_understood(file: Path, key: str, host: str) -> None:
    assert await user_of(write(file, {key: entry("me")}), host, "a/b") == "me"


async def test_a_port_is_a_part_of_the_host(file: Path) -> None:
    assert await user_of(write(file, {"q.io": entry("me")}), "q.io:5000", "a") is None


async def test_a_plain_key_stands_before_its_old_form(file: Path) -> None:
    assert (
        await user_of(write(file, {"https://q.io/v1/": entry("old"), "q.io": entry("plain")}), "q.io", "a")
        == "plain"
    )


async def test_a_colon_in_a_password_belongs_to_it(file: Path) -> None:
    login = await Credentials.load(write(file, {"q.io": entry("me", "a:b")})).find("q.io", "a")
    assert login is not None
    assert (login.username, login.password) == ("me", "a:b")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"identitytoken": "t"}, "identity_token"),
        ({"registrytoken": "t"}, "registry_token"),
        (entry("<token>", "t"), "identity_token"),
        ({"username": "me", "password": "t"}, "password"),
    ],
    ids=["identity", "registry", "identity-as-password", "two-fields"],
)
async def test_every_kind_of_entry_is_read(file: Path, given: dict[str, str], field: str) -> None:
    login = await Credentials.load(write(file, {"q.io": given})).find("q.io", "a")
    assert getattr(login, field) == "t"


async def test_an_empty_entry_is_none(file: Path) -> None:
    assert await user_of(write(file, {"q.io": {}, "q.io/a": {"email": "x@y"}}), "q.io", "a") is None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "the file is empty"),
        (" \n", "the file is empty"),
        ("[]", "not valid"),
        ('{"logins": {}}', "no object 'auths' in it, but logins"),
        ('{"kind": "Secret", "data": {}}', "it is a Secret of Kubernetes"),
        (f'{{"auths": {{"q.io": "{SECRET}"}}}}', "not valid"),
        (f'{{"auths": {{"q.io": {{"auth": "{SECRET}"}}}}}}', "auths['q.io'].auth is not base64"),
        ('{"auths": {"q.io": {"auth": "bm8tY29sb24="}}}', "auths['q.io'].auth has no colon"),
        (
            f'{{"auths": {{"q.io": {{"registrytoken": "{SECRET}\\r\\nX: y"}}}}}}',
            "auths['q.io'].registrytoken",
        ),
    ],
)
def test_a_file_that_is_not_valid_is_refused_without_showing_it(file: Path, content: str, said: str) -> None:
    file.write_text(content)
    with pytest.raises(UserError) as refused:
        Credentials.load(file)
    assert str(file) in refused.value.seen
    assert said in refused.value.seen
    assert SECRET not in refused.value.seen


def test_a_file_that_is_not_there_is_refused(file: Path) -> None:
    with pytest.raises(UserError, match="No such file"):
        Credentials.load(file)


async def test_no_file_means_anonymous() -> None:
    assert await Credentials.anonymous().find("q.io", "a") is None


async def test_text_forms_show_no_secret(file: Path) -> None:
    write(file, {"q.io": {**entry("me"), "identitytoken": SECRET, "registrytoken": SECRET}})
    credentials = Credentials.load(file)
    assert SECRET not in repr(credentials) + repr(await credentials.find("q.io", "a"))


async def test_a_changed_file_is_read_again(file: Path) -> None:
    credentials = Credentials.load(write(file, {"q.io": entry("old")}))
    write(file, {"q.io": entry("newer")})
    login = await credentials.find("q.io", "a")
    assert login is not None
    assert login.username == "newer"


@pytest.mark.parametrize(
    "breakage", [lambda f: f.write_text("{"), lambda f: f.unlink()], ids=["half", "gone"]
)
async def test_a_changed_file_that_cannot_be_used_leaves_the_last_good_one(
    file: Path, breakage: object
) -> None:
    credentials = Credentials.load(write(file, {"q.io": entry("old")}))
    assert callable(breakage)
    breakage(file)
    assert await credentials.find("q.io", "a") is not None
    assert credentials.findings


@given(st.lists(st.from_regex(r"\A[a-z0-9]{1,5}\Z"), min_size=1, max_size=6))
def test_lookup_goes_from_the_repository_up_to_the_host(parts: list[str]) -> None:
    keys = list(lookup_keys("q.io:5000", "/".join(parts)))
    assert keys[0] == "q.io:5000/" + "/".join(parts)
    assert keys[-1] == "q.io:5000"
    assert len(keys) == len(parts) + 1
    assert all(long.startswith(short + "/") for long, short in pairwise(keys))


@given(st.from_regex(r"\A[a-z0-9.-]{1,10}(/[a-z0-9]{1,5}){0,3}\Z"))
def test_a_key_in_normal_form_stays_as_it_is(key: str) -> None:
    assert normal_key(normal_key(key)) == normal_key(key)
