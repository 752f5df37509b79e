"""Names of repositories."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upgraph.errors import UserError
from upgraph.oci import Repository, parse_pull_spec_repository

COMPONENTS = st.from_regex(r"\A[a-z0-9]{1,8}([._-][a-z0-9]{1,8}){0,2}\Z")
HOSTS = st.one_of(
    st.sampled_from(["quay.io", "localhost", "[::1]", "10.0.0.1", "a-b.example.com"]),
    st.builds("{}:{}".format, st.sampled_from(["reg", "quay.io", "[fd00::1]"]), st.integers(1, 65535)),
)


@pytest.mark.parametrize(
    ("text", "name", "url"),
    [
        ("docker://quay.io/a/b", "quay.io/a/b", "https://quay.io"),
        ("docker://quay.io:443/a", "quay.io:443/a", "https://quay.io:443"),
        ("docker+http://reg:5000/a", "reg:5000/a", "http://reg:5000"),
        ("docker+http://reg:80/a", "reg:80/a", "http://reg:80"),
        ("docker://[fd00::1]:5000/a", "[fd00::1]:5000/a", "https://[fd00::1]:5000"),
        ("docker://QUAY.io/a", "quay.io/a", "https://quay.io"),
        ("docker://docker.io/library/a", "docker.io/library/a", "https://registry-1.docker.io"),
    ],
    ids=["host", "port-443-stays", "plain-http", "port-80-stays", "ipv6", "upper-case-host", "docker-hub"],
)
def test_a_repository_keeps_its_name_and_knows_its_address(text: str, name: str, url: str) -> None:
    repository = Repository.parse(text)
    assert (repository.name, repository.url) == (name, url)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("quay.io/a", "must begin with docker://"),
        ("https://quay.io/a", "must begin with docker://"),
        ("docker://quay.io/a:4.18", "must not have a tag: leave out ':4.18'"),
        ("docker://quay.io/a@sha256:00", "must not have a digest"),
        ("docker://user@quay.io/a", "must not have a digest or a user name"),
        ("docker:///a", "the host is missing"),
        ("docker://quay.io", "the path of the repository is missing"),
        ("docker://quay.io/", "the path of the repository is missing"),
        ("docker://quay.io:0/a", "the port '0' is not a number from 1 to 65535"),
        ("docker://quay.io:65536/a", "the port '65536'"),
        ("docker://quay.io:٣/a", "the port '٣'"),
        ("docker://quay.io:/a", "the port ''"),
        ("docker://quay..io/a", "'quay..io' is not a host name"),
        ("docker://[::g]/a", "is not an IPv6 address"),
        ("docker://[::1/a", "is not a"),
        ("docker://[::1]x/a", "may not stand after the bracket"),
        ("docker://reg/a", "add the port ('reg:443')"),
        ("docker://quay.io/Releases", "'Releases' has upper case letters"),
        ("docker://quay.io/a//b", "'' is not a valid part"),
        ("docker://quay.io/../b", "'..' is not a valid part"),
        ("docker://quay.io/a?b", "'a?b' is not a valid part"),
        ("docker://quay.io/" + "a" * 255, "characters; 255 are allowed"),
    ],
)
def test_a_name_that_is_not_valid_is_refused_with_the_reason(text: str, said: str) -> None:
    with pytest.raises(UserError) as refused:
        Repository.parse(text)
    assert said in refused.value.seen


@pytest.mark.parametrize("text", ["docker://user:secret@quay.io/a", "https://user:secret@quay.io/a"])
def test_a_login_in_a_name_is_not_repeated(text: str) -> None:
    with pytest.raises(UserError) as refused:
        Repository.parse(text)
    assert "secret" not in refused.value.seen
    assert "***@quay.io/a" in refused.value.seen


@given(HOSTS, st.lists(COMPONENTS, min_size=1, max_size=4), st.sampled_from(["docker", "docker+http"]))
def test_what_is_printed_can_be_parsed_again(host: str, parts: list[str], scheme: str) -> None:
    text = f"{scheme}://{host}/{'/'.join(parts)}"
    assert str(Repository.parse(text)) == text


@given(st.text())
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        repository = Repository.parse("docker://" + text)
    except UserError:
        return
    assert repository.name == text.partition("/")[0].lower() + "/" + text.partition("/")[2]


def test_a_pull_spec_repository_is_a_bare_name() -> None:
    assert parse_pull_spec_repository("quay.io:8443/ocp/release") == "quay.io:8443/ocp/release"


@pytest.mark.parametrize("text", ["docker://quay.io/a", "quay.io/a:1", "quay.io/a@sha256:00", "quay.io", ""])
def test_a_pull_spec_repository_with_more_or_less_is_refused(text: str) -> None:
    with pytest.raises(UserError):
        parse_pull_spec_repository(text)
