"""The entry of one registry is changed in a file with credentials, and all that is not it stays."""

import json
from pathlib import Path

import pytest

from upgraph.errors import UserError
from upgraph.oci import AuthDocument, difference, shown
from upgraph.oci.credentials.login import Login

PLACE = Path("auth.json")
LOGIN = Login("registry.example:5000", "mirror", "do-not-show-this")
CLOUD = '{"auths":{"cloud.example":{"auth":"YTpi","email":"me@harbour.example"}},"experimental":{"b":1.50,"a":[]}}'


def document(text: str, path: Path = PLACE) -> AuthDocument:
    return AuthDocument.of(path, text.encode())


def test_an_entry_is_added_and_every_other_byte_stays() -> None:
    changed = document(CLOUD).with_login(LOGIN)
    entry = ',"registry.example:5000":{"auth":"bWlycm9yOmRvLW5vdC1zaG93LXRoaXM="}'
    before, after = CLOUD.split("}},", 1)
    assert changed.text == f"{before}}}{entry}}},{after}"
    assert changed.logins[LOGIN.key] == LOGIN


def test_an_entry_is_replaced_as_a_whole() -> None:
    old = '{"auths": {"registry.example:5000": {"auth": "YTpi", "email": "x"}, "z": {"auth": "YTpi"}}}'
    entries = document(old).with_login(LOGIN).entries
    assert entries == {"registry.example:5000": {"auth": LOGIN.basic[6:]}, "z": {"auth": "YTpi"}}
    assert list(entries) == ["registry.example:5000", "z"]


@pytest.mark.parametrize(
    "spelling", ["registry.example:5000", "https://registry.example:5000/v1/", "Registry.Example:5000"]
)
def test_an_entry_goes_in_whatever_spelling(spelling: str) -> None:
    text = json.dumps({"auths": {spelling: {"auth": "YTpi"}, "other.example": {"auth": "YTpi"}}})
    assert list(document(text).without("registry.example:5000").entries) == ["other.example"]


def test_the_login_of_a_path_is_not_that_of_its_host() -> None:
    text = json.dumps({"auths": {"a.example/b": {"auth": "YTpi"}, "a.example": {"auth": "YTpi"}}})
    assert list(document(text).without("a.example").entries) == ["a.example/b"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty; a file without logins is {}"),
        (b"  \n", "the file is empty"),
        (b"[]", "not valid"),
        (b"{", "not valid"),
        (b'{"auths": {"a": {"auth": "???"}}}', "is not base64 of text"),
        (b'{"auths": {}, "auths": {}}', "two members are called 'auths'"),
        (b'{"auths": {"a.example": {}, "a.example": {}}}', "two members are called 'a.example'"),
        (b'{"kind": "Secret", "data": {}}', "it is a Secret of Kubernetes"),
        (b'{"a.example": {"auth": "YTpi"}}', "the form of .dockercfg"),
        (b'\xff{"auths": {}}', "not text in UTF-8"),
    ],
    ids=[
        "empty",
        "blank",
        "list",
        "cut off",
        "no base64",
        "auths twice",
        "key twice",
        "secret",
        "old form",
        "no text",
    ],
)
def test_what_is_no_usable_file_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(UserError, match=r"auth\.json: ") as caught:
        AuthDocument.of(PLACE, content)
    assert said in caught.value.seen
    assert caught.value.reference == "oci-auth-file"


def test_the_settings_of_the_docker_client_get_their_first_login() -> None:
    changed = document('{"detachKeys": "ctrl-x"}', Path("config.json")).with_login(LOGIN)
    assert json.loads(changed.text).keys() == {"detachKeys", "auths"}


def test_no_text_form_has_a_secret() -> None:
    text = repr(document(CLOUD).with_login(LOGIN))
    assert "do-not-show-this" not in text
    assert LOGIN.basic[6:] not in text


def test_a_difference_names_hosts_and_users_alone() -> None:
    before = document(CLOUD)
    after = before.with_login(LOGIN).without("cloud.example")
    assert [str(one) for one in difference(before, after)] == [
        "- cloud.example  user 'a'",
        "+ registry.example:5000  user 'mirror'",
    ]


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"auth": "YTpj"}, "user 'a', another secret"),
        ({"auth": "eDpi"}, "user 'a' -> user 'x'"),
        ({"identitytoken": "t"}, "user 'a' -> (identity token)"),
        ({"username": "a", "password": "b"}, "user 'a', the same login in another form"),
    ],
    ids=["password", "user", "kind", "form"],
)
def test_a_changed_entry_says_what_changes(entry: dict[str, str], words: str) -> None:
    before = document('{"auths": {"a.example": {"auth": "YTpi"}}}')
    (one,) = difference(before, before.with_entry("a.example", entry))
    assert str(one) == f"~ a.example  {words}"


def test_the_same_logins_are_no_difference() -> None:
    assert difference(document(CLOUD), document(CLOUD.replace(":", ": "))) == ()


def test_members_of_others_that_would_go_are_told() -> None:
    after = document('{"auths":{"cloud.example":{"auth":"YTpi","email":"me@harbour.example"}}}')
    assert [str(one) for one in difference(document(CLOUD), after)] == ["- experimental  (no login)"]


def test_every_key_is_shown_with_its_kind() -> None:
    text = json.dumps({
        "auths": {
            "b.example": {"auth": "YTpi"},
            "a.example": {"identitytoken": "t"},
            "c.example": {"registrytoken": "t"},
            "d.example": {},
        },
        "credHelpers": {"e.example": "anchor"},
    })  # fmt: skip
    assert [(one.registry, one.user, one.login) for one in shown(document(text))] == [
        ("b.example", "a", "password"),
        ("a.example", "", "identity token"),
        ("c.example", "", "registry token"),
        ("d.example", "", "nothing"),
        ("e.example", "anchor", "helper"),
    ]
