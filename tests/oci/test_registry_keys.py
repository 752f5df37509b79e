"""What people write for a registry becomes the key under which its login is kept."""

import pytest

from upgraph.errors import UserError
from upgraph.oci import RegistryKey


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("registry.example", "registry.example"),
        ("registry.example:5000", "registry.example:5000"),
        ("Registry.Example:5000/", "registry.example:5000"),
        ("registry.example:5000/ocp/release", "registry.example:5000/ocp/release"),
        ("docker://registry.example/ocp", "registry.example/ocp"),
        ("https://registry.example", "registry.example"),
        ("localhost:5000", "localhost:5000"),
        ("[::1]:5000", "[::1]:5000"),
        ("docker.io", "docker.io"),
        ("index.docker.io/v1/", "docker.io"),
    ],
)
def test_a_registry_has_one_key(text: str, key: str) -> None:
    parsed = RegistryKey.parse(text)
    assert (str(parsed), parsed.scheme) == (key, "https")


@pytest.mark.parametrize("text", ["docker+http://registry.example:5000", "http://registry.example:5000"])
def test_a_registry_without_tls_is_named_by_its_scheme(text: str) -> None:
    assert RegistryKey.parse(text).repository.url == "http://registry.example:5000"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://",
        "registry",
        "user@registry.example",
        "registry.example/a:tag",
        "registry.example/A",
        "ftp://a.example",
    ],
)
def test_what_is_no_registry_is_refused(text: str) -> None:
    with pytest.raises(UserError) as caught:
        RegistryKey.parse(text)
    assert caught.value.reference == "oci-repository"


def test_a_password_before_the_host_is_not_repeated() -> None:
    with pytest.raises(UserError) as caught:
        RegistryKey.parse("me:do-not-show-this@registry.example")
    assert "do-not-show-this" not in caught.value.seen
