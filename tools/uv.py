"""Run the project's own uv with the mirror and the certificates that pip is configured for.

uv does not read the configuration of pip, and sites behind a mirror have configured pip. What is set
for uv itself wins. Without any configuration uv decides. A setting that uv does not know is left out;
then uv fails and names what it could not fetch.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".tools" / "bin"
PIP_TIMEOUT_SECONDS = 60

_SAME_MEANING = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "no-index": "UV_NO_INDEX",
    "cert": "SSL_CERT_FILE",
    "trusted-host": "UV_INSECURE_HOST",
}


def settings_of_pip(listing: str) -> dict[str, str]:
    """The settings in the output of ``pip config list``; the environment comes last there and wins."""
    found = {}
    for line in listing.splitlines():
        name, _, value = line.partition("=")
        section, _, key = name.strip().rpartition(".")
        if section in {"global", "install", ":env:"}:
            found[key] = value.strip().strip("'\"").replace("\\n", " ").strip()
    return found


def environment_for_uv(pip: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of uv: what is set already, and what ``pip`` adds to it."""
    added = {_SAME_MEANING[key]: value for key, value in pip.items() if key in _SAME_MEANING and value}
    places = [place for place in pip.get("find-links", "").split() if "://" in place or Path(place).is_dir()]
    if places:
        # uv separates by commas and refuses a directory that does not exist, which pip only warns about.
        added["UV_FIND_LINKS"] = ",".join(places)
    return {"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", **added, **environment}


def main() -> None:
    """Replace this process by uv."""
    listing = subprocess.run(
        [TOOLS / "pip", "config", "list"],
        capture_output=True,
        text=True,
        check=True,
        timeout=PIP_TIMEOUT_SECONDS,
    ).stdout
    environment = environment_for_uv(settings_of_pip(listing), os.environ)
    os.execve(TOOLS / "uv", ["uv", *sys.argv[1:]], environment)


if __name__ == "__main__":
    main()
