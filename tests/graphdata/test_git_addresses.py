"""How repositories on other machines are named, and what is no name of one."""

import pytest

from upgraph.errors import UserError
from upgraph.graphdata.git_address import local_git, names_remote_git, parse_git_address


@pytest.mark.parametrize(
    ("text", "url", "revision"),
    [
        ("https://git.example/graph-data.git", "https://git.example/graph-data.git", "HEAD"),
        ("https://git.example/graph-data.git/#v7", "https://git.example/graph-data.git/", "v7"),
        ("git+https://git.example:8443/group/graph-data#main", "https://git.example:8443/group/graph-data", "main"),
        ("git:https://git.example/graph-data", "https://git.example/graph-data", "HEAD"),
        ("git+http://git.example/graph-data", "http://git.example/graph-data", "HEAD"),
        ("https://[fd00::1]:8443/graph-data.git", "https://[fd00::1]:8443/graph-data.git", "HEAD"),
        ("ssh://git@git.example:2222/graph-data#release/4.18", "ssh://git@git.example:2222/graph-data", "release/4.18"),
        ("git+ssh://git.example/graph-data", "ssh://git.example/graph-data", "HEAD"),
        ("git@git.example:group/graph-data.git#v7", "git@git.example:group/graph-data.git", "v7"),
        ("git@git.example:/srv/graph-data", "git@git.example:/srv/graph-data", "HEAD"),
    ],
)  # fmt: skip
def test_a_repository_is_named_as_git_names_it_and_its_revision_behind_a_hash(
    text: str, url: str, revision: str
) -> None:
    assert names_remote_git(text)
    address = parse_git_address(text)
    assert (address.url, address.revision) == (url, revision)


@pytest.mark.parametrize(
    "text",
    [
        "https://files.example/graph-data.tar.gz",
        "https://git.example/graph-data.git/archive/main.tar.gz",
        "https://git.example/archive?file=x.git",
        "git:/srv/graph-data.git#stable",
        "/srv/graph-data",
        "./git@host:path",
        "ext::sh -c id",
        "git+ext::sh -c id",
        "--upload-pack=id",
        "-oProxyCommand=id@host:path",
        "git@-oProxyCommand=id:path",
        "git@host:--upload-pack=id",
        "git://git.example/graph-data.git",
    ],
)
def test_anything_else_is_no_repository_elsewhere(text: str) -> None:
    assert not names_remote_git(text)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("git+https://git.example/x#--upload-pack=id", "no name of a branch"),
        ("git+https://git.example/x#main~1", "no name of a branch"),
        ("git@git.example:x#a..b", "no name of a branch"),
        ("ssh://-oProxyCommand=id/x", "names no host"),
        ("ssh://-oProxyCommand=id@git.example/x", "name of the user is not valid"),
        ("ssh://git:secret@git.example/x", "takes no password"),
        ("git+https://git.example/", "names no repository"),
        ("git+https:///x", "names no host"),
        ("git+https://git.example:port/x", "is not valid"),
        ("git+https://git.example/x?token=secret", "has no query"),
        ("git+https://git.example/x y", "characters that no address has"),
    ],
)
def test_an_address_that_could_be_an_option_or_a_mistake_is_refused(text: str, seen: str) -> None:
    assert names_remote_git(text)
    with pytest.raises(UserError, match=seen) as caught:
        parse_git_address(text)
    assert "secret" not in str(caught.value)


def test_a_login_is_kept_apart_from_what_is_shown_and_handed_over() -> None:
    address = parse_git_address("https://user:se%40cret@git.example/x.git#v1")
    assert (address.url, address.login) == ("https://git.example/x.git", "user:se%40cret")
    assert (address.name, "cret" in repr(address)) == ("https://git.example/x.git#v1", False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("file:///srv/graph%20data.git", ("/srv/graph data.git", "HEAD")),
        ("git+file://localhost/srv/graph-data#v7", ("/srv/graph-data", "v7")),
        ("file://elsewhere/srv/graph-data", None),
        ("/srv/graph-data", None),
    ],
)
def test_an_address_of_a_file_names_a_repository_on_this_machine(
    text: str, expected: tuple[str, str] | None
) -> None:
    assert local_git(text) == expected
