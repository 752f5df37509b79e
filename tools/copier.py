"""Compile the copier of graph-data images for every architecture, and put it into the package.

``make copier`` calls this, and so does every build of a wheel. The compiler is Zig as its Python package brings it:
one download, pinned by the lock, that compiles for all architectures with a C library of its own, so the bytes do
not depend on the machine. Where the package is built without Zig it is built without the copier, and only
``graph-data pack --runnable`` lacks it; what was compiled of another source or in another way is never taken.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import metadata, util
from pathlib import Path
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parent.parent
PLACE = Path("src/upgraph/graphdata/runnable")
SOURCE = "copier.c"
STAMP = "copier.made-of"
"""Beside the programs: a digest of all that decides their bytes."""
TARGETS = {
    "amd64": "x86_64-linux-musl",
    "arm64": "aarch64-linux-musl",
    "ppc64le": "powerpc64le-linux-musl",
    "s390x": "s390x-linux-musl",
}
"""What Zig calls each architecture of an image."""
FLAGS = ("-mcpu=baseline", "-std=c11", "-Os", "-static", "-s", "-Wl,--build-id=none")
WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Werror")
COMPILE_SECONDS = 900
"""Longest time for one architecture; the first time, the C library is compiled as well."""


def zig_version() -> str | None:
    """The version of Zig that Python finds here; None if there is none."""
    return metadata.version("ziglang") if util.find_spec("ziglang") else None


def programs(place: Path) -> Iterator[Path]:
    """Where the program for each architecture lies."""
    return (place / f"copier-{architecture}" for architecture in TARGETS)


def made_of(source: bytes, version: str) -> str:
    """A digest of everything that decides the bytes of the programs."""
    parts = [version, *FLAGS, *TARGETS.values(), hashlib.sha256(source).hexdigest()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest() + f" zig {version}\n"


def is_current(place: Path) -> bool:
    """Whether all programs are there and were made of this source in this way, with any version of Zig."""
    stamp = place / STAMP
    if not stamp.exists() or not all(program.exists() for program in programs(place)):
        return False
    stated = stamp.read_text()
    return stated == made_of((place / SOURCE).read_bytes(), stated.rpartition(" ")[2].strip())


def compile_all(place: Path, version: str) -> None:
    """Compile for every architecture, and say of what.

    Raises:
        subprocess.CalledProcessError: it does not compile.
    """
    stamp = place / STAMP
    stamp.unlink(missing_ok=True)
    print(f"compiling for {', '.join(TARGETS)} with zig {version}", file=sys.stderr, flush=True)
    # The compiler uses one core for most of the time.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(partial(_compile, place / SOURCE), TARGETS.values(), programs(place)))
    stamp.write_text(made_of((place / SOURCE).read_bytes(), version))


def _compile(source: Path, target: str, program: Path) -> None:
    with tempfile.TemporaryDirectory(dir=program.parent, prefix=".copier-") as folder:
        made = Path(folder, "copier").resolve()
        command = [sys.executable, "-m", "ziglang", "cc", f"--target={target}", *FLAGS, *WARNINGS]
        # Named as seen from its own folder, so that no path of this machine can get into the program.
        subprocess.run(
            [*command, "-o", str(made), source.name],
            check=True,
            cwd=source.parent,
            timeout=COMPILE_SECONDS,
        )
        made.replace(program)


class CopierHook(BuildHookInterface[BuilderConfig]):
    """Takes the programs into a wheel, and compiles them before if that can be done and was not."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """See hatchling. An editable installation uses what ``make copier`` has made."""
        if version == "editable":
            return
        place = Path(self.root) / PLACE
        zig = zig_version()
        if zig and not is_current(place):
            compile_all(place, zig)
        if is_current(place):
            build_data["artifacts"] += [f"{PLACE}/{program.name}" for program in programs(place)]
        else:
            self.app.display_warning("built without the copier of graph-data images: there is no Zig here")


def main() -> None:
    """Compile, unless that was done.

    Raises:
        SystemExit: there is no Zig.
    """
    version = zig_version()
    if is_current(ROOT / PLACE):
        return
    if version is None:
        sys.exit("Zig is not there: run `make copier`")
    compile_all(ROOT / PLACE, version)


if __name__ == "__main__":
    main()
