"""Install the Debian packages of ``requirements/debian.txt``, or say which are missing and how to.

Packages are installed only where that needs no question: as root, or with a ``sudo`` that asks no
password. Services that come with a package are stopped and disabled again: the tests start their own on
free ports, and nobody who runs tests wants a web server on port 80. Names on the command line take the place
of the list.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

LIST = Path(__file__).resolve().parent.parent / "requirements" / "debian.txt"
QUERY_TIMEOUT_SECONDS = 30
INSTALL_TIMEOUT_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Package:
    """One line of the list."""

    name: str
    unit: str
    """The systemd unit that the package starts, or ``-``."""
    reason: str


def parse(text: str) -> list[Package]:
    """The packages of a list; empty lines and comments are passed over."""
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    return [Package(*line.split(maxsplit=2)) for line in lines]


def is_installed(package: Package) -> bool:
    """Whether dpkg knows the package as installed."""
    answer = subprocess.run(
        ["dpkg-query", "--show", "--showformat=${db:Status-Status}", package.name],
        capture_output=True,
        text=True,
        check=False,
        timeout=QUERY_TIMEOUT_SECONDS,
    )
    return answer.stdout == "installed"


def way_to_root() -> list[str] | None:
    """The words to put before a command so that root runs it; ``None`` where a person has to."""
    if not shutil.which("apt-get"):
        return None
    if os.geteuid() == 0:
        return []
    sudo = ["sudo", "--non-interactive"]
    if shutil.which("sudo") and _run([*sudo, "true"], QUERY_TIMEOUT_SECONDS) == 0:
        return sudo
    return None


def install(packages: list[Package], root: list[str]) -> bool:
    """Install and silence ``packages``; whether all are there afterwards."""
    apt = [*root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
    names = [package.name for package in packages]
    _run([*apt, "update", "--quiet"], INSTALL_TIMEOUT_SECONDS)
    _run([*apt, "install", "--yes", "--quiet", "--no-install-recommends", *names], INSTALL_TIMEOUT_SECONDS)
    if Path("/run/systemd/system").is_dir():
        units = [package.unit for package in packages if package.unit != "-"]
        if units:
            _run([*root, "systemctl", "disable", "--now", *units], INSTALL_TIMEOUT_SECONDS)
    return all(is_installed(package) for package in packages)


def _run(command: list[str], seconds: int) -> int:
    """The exit status of a command that can ask nothing."""
    return subprocess.run(command, check=False, stdin=subprocess.DEVNULL, timeout=seconds).returncode


def main() -> int:
    """Install what is missing; the exit status says whether anything still is."""
    if not shutil.which("dpkg-query"):
        print(f"This is no Debian: the programs of {LIST.name} cannot be installed or checked here.")
        return 1
    wanted = [Package(name, "-", "asked for by name") for name in sys.argv[1:]] or parse(LIST.read_text())
    missing = [package for package in wanted if not is_installed(package)]
    if not missing:
        return 0
    root = way_to_root()
    if root is not None and install(missing, root):
        return 0
    print("These Debian packages are missing:")
    for package in missing:
        print(f"  {package.name:16} {package.reason}")
    print("Install them, then try again:")
    print("  sudo apt-get install --no-install-recommends", *(package.name for package in missing))
    return 1


if __name__ == "__main__":
    sys.exit(main())
