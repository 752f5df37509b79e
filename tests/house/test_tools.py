"""The scripts behind make: locks without addresses, mirrors of pip handed to uv, the list of packages."""

import pytest

from tools import debian, lock, uv

PIP_LISTING = """\
global.cert='/etc/ca.pem'
global.index-url='https://mirror.example/simple'
install.no-binary='grpcio'
:env:.index-url='https://other.example/simple'
"""
DIGEST = "0" * 64
GOOD_LOCK = f"{lock.header(DIGEST)}aiohttp==3.14.5 ; python_version > '3' \\\n    --hash=sha256:ab\n    # via upgraph\n"


def test_uv_gets_the_mirror_and_certificates_of_pip() -> None:
    found = uv.environment_for_uv(uv.settings_of_pip(PIP_LISTING), {})
    assert found["UV_DEFAULT_INDEX"] == "https://other.example/simple"
    assert found["SSL_CERT_FILE"] == "/etc/ca.pem"


def test_what_is_set_for_uv_wins_over_pip() -> None:
    found = uv.environment_for_uv(
        {"index-url": "https://pip.example"}, {"UV_DEFAULT_INDEX": "https://uv.example"}
    )
    assert found["UV_DEFAULT_INDEX"] == "https://uv.example"


def test_a_folder_of_wheels_that_does_not_exist_is_passed_over() -> None:
    assert "UV_FIND_LINKS" not in uv.environment_for_uv({"find-links": "/no/such/folder"}, {})


def test_uv_downloads_no_interpreter() -> None:
    assert uv.environment_for_uv({}, {})["UV_PYTHON_DOWNLOADS"] == "never"


def test_a_lock_with_pins_and_hashes_is_good() -> None:
    assert lock.faults("a.lock", GOOD_LOCK, DIGEST) == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param(GOOD_LOCK.replace("000", "111", 1), "inputs have changed", id="other inputs"),
        pytest.param(f"{GOOD_LOCK}# from https://mirror.example\n", "names an address", id="address"),
        pytest.param(f"{GOOD_LOCK}click>=8 --hash=sha256:ab\n", "not a pinned version", id="range"),
        pytest.param(f"{GOOD_LOCK}click==8.1\n", "not a pinned version", id="no hash"),
        pytest.param(f"{GOOD_LOCK}--find-links wheels\n", "not a pinned version", id="option"),
    ],
)
def test_a_lock_that_cannot_be_trusted_is_refused(text: str, fault: str) -> None:
    assert [fault in found for found in lock.faults("a.lock", text, DIGEST)] == [True]


def test_every_debian_package_has_a_reason() -> None:
    packages = debian.parse(debian.LIST.read_text())
    assert packages
    assert [package.name for package in packages if not package.reason] == []
