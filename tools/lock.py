"""Write and check the lock files in ``requirements/``.

A lock names no package index: users install from mirrors, and a lock that names an address would reach
for the internet or have to be edited (``docs/adr/0002-lock-without-addresses.md``). The hashes pin the
content; the index is the user's own. The first line of each lock holds a digest of what the lock was made
from, so that a forgotten ``make lock`` is seen without a network.
"""

import argparse
import hashlib
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MINIMUM_AGE = "7 days"
"""How long a release must have been public before it is locked: most bad ones are withdrawn sooner."""

SOURCES = {
    "requirements/dev.lock": ("pyproject.toml", "--group=dev"),
    "requirements/run.lock": ("pyproject.toml", "--constraints=requirements/dev.lock"),
    "requirements/tools.lock": ("requirements/tools.in",),
    "requirements/fuzz.lock": ("requirements/fuzz.in",),
    "requirements/copier.lock": ("requirements/copier.in",),
    "requirements/go.lock": ("requirements/go.in",),
}
"""Each lock with the arguments that make it; the second takes its versions from the first."""

_OPTIONS = (
    "--quiet",
    "--universal",
    "--generate-hashes",
    "--python-version=3.11",
    "--no-header",
    "--no-emit-index-url",
    "--no-emit-find-links",
    f"--exclude-newer={MINIMUM_AGE}",
)
_PINNED = re.compile(r"^[A-Za-z0-9._-]+(\[[a-z0-9,._-]+\])?==\S+")


def digest_of_inputs(root: Path = ROOT) -> str:
    """SHA-256 of everything that decides what a lock contains, apart from the index."""
    tables = tomllib.loads((root / "pyproject.toml").read_text())
    project = tables["project"]
    inputs = [
        tables["build-system"]["requires"],
        project["requires-python"],
        project["dependencies"],
        project.get("optional-dependencies", {}),
        tables["dependency-groups"],
        (root / "requirements" / "tools.in").read_text(),
        (root / "requirements" / "fuzz.in").read_text(),
        (root / "requirements" / "copier.in").read_text(),
        (root / "requirements" / "go.in").read_text(),
    ]
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def header(digest: str) -> str:
    """The first line of a lock that was made from inputs with this digest."""
    return f"# Written by `make lock`. Inputs: sha256:{digest}\n"


def faults(name: str, text: str, digest: str) -> list[str]:
    """What is wrong with the lock ``name`` that contains ``text``."""
    found = []
    if not text.startswith(header(digest)):
        found.append(f"{name}: its inputs have changed since it was written; run `make lock`")
    if "://" in text:
        found.append(f"{name}: it names an address")
    entries = (line for line in text.replace("\\\n", " ").splitlines() if not line.startswith((" ", "#")))
    found += [
        f"{name}: not a pinned version with hashes: {entry[:80]}"
        for entry in entries
        if not _is_pinned(entry)
    ]
    return found


def _is_pinned(entry: str) -> bool:
    return _PINNED.match(entry) is not None and "--hash=sha256:" in entry


def check() -> int:
    """Print every fault of every lock; the exit status says whether there were any."""
    digest = digest_of_inputs()
    found = []
    for name in SOURCES:
        lock = ROOT / name
        found += (
            faults(name, lock.read_text(), digest) if lock.exists() else [f"{name}: missing; run `make lock`"]
        )
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0


def write(*, more: list[str]) -> None:
    """Resolve anew; versions that are locked already stay unless ``more`` says otherwise."""
    for name, source in SOURCES.items():
        command = [sys.executable, "tools/uv.py", "pip", "compile", *_OPTIONS, *more, f"--output-file={name}"]
        subprocess.run([*command, *source], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        lock = ROOT / name
        lock.write_text(header(digest_of_inputs()) + lock.read_text())


def main() -> int:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="only say whether the locks are current")
    options, more = parser.parse_known_args()
    if options.check:
        return check()
    write(more=more)
    return 0


if __name__ == "__main__":
    sys.exit(main())
