"""Build the operand image, so that the same commit and the same inputs give the same digest.

All that needs a network is fetched before the build: wheels from the user's package index by the lock, the
base image from a Debian mirror unless one is named. The build itself (``Containerfile``) only lays out files.
Nothing of the target architecture is run, so a machine of one architecture builds for the other.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tools import image_base

ROOT = Path(__file__).resolve().parent.parent
MADE = ROOT / "dist" / "image"
PYTHON = "3.11"
"""The Python of the image; ``Containerfile`` calls it by this name."""
STEP_SECONDS = 1200
"""Longest time for one step."""
_PATH = "PATH=/usr/local/bin:/usr/bin:/bin"


@dataclass(frozen=True, slots=True)
class Architecture:
    """What an architecture is called by those who have to know it."""

    name: str
    """In images, as Go has it."""
    debian: str
    wheels: str
    """uv's name of the platform. glibc 2.28 is the oldest that every wheel of the lock supports."""


ARCHITECTURES = {
    known.name: known
    for known in (
        Architecture("amd64", "amd64", "x86_64-manylinux_2_28"),
        Architecture("arm64", "arm64", "aarch64-manylinux_2_28"),
    )
}
_OF_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True, slots=True)
class Origin:
    """What the image is made of, as its labels and times tell it."""

    version: str
    revision: str
    """The commit, with ``-dirty`` behind it if something is not committed."""
    epoch: int
    """Seconds since 1970; no file of the image is younger, and the image itself is as old."""

    @property
    def created(self) -> str:
        """The time in the form of RFC 3339."""
        return datetime.fromtimestamp(self.epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def origin(root: Path = ROOT, environment: Mapping[str, str] = os.environ) -> Origin:
    """Version, commit and time of the sources; ``SOURCE_DATE_EPOCH`` is stronger than the commit's time."""
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    commit, epoch = _output("git", "-C", str(root), "log", "-1", "--format=%H %ct").split()
    dirty = "-dirty" if _output("git", "-C", str(root), "status", "--porcelain") else ""
    return Origin(project["version"], commit + dirty, int(environment.get("SOURCE_DATE_EPOCH", epoch)))


@dataclass(frozen=True, slots=True)
class Parts:
    """What an image is made of apart from our own code: the only step that needs a network, kept on the disk.

    So the base changes when somebody wants it to (``make clean``), not by the day, and a build without a
    network is possible once this is there.
    """

    architecture: Architecture
    folder: Path = MADE

    @property
    def packages(self) -> Path:
        """The packages of the lock, installed for the architecture."""
        return self.folder / f"packages-{self.architecture.name}"

    @property
    def tar(self) -> Path:
        """The root of our own base image."""
        return self.folder / f"base-{self.architecture.name}.tar"

    def fetch_packages(self) -> None:
        """Install the packages of the lock, unless that was done."""
        lock = ROOT / "requirements" / "run.lock"
        stamp = self.packages.with_suffix(".lock")
        if stamp.exists() and stamp.read_bytes() == lock.read_bytes():
            return
        shutil.rmtree(self.packages, ignore_errors=True)
        _install(self.architecture, self.packages, "--require-hashes", f"--requirements={lock}")
        shutil.copy(lock, stamp)

    def fetch_base(self, mirror: str | None) -> None:
        """Make the root of our own base image, unless that was done by the same rules."""
        rules = Path(image_base.__file__)
        stamp = self.tar.with_suffix(".rules")
        if stamp.exists() and stamp.read_bytes() == rules.read_bytes() and self.tar.exists():
            return
        print(f"fetching the Debian packages of the base image for {self.architecture.name} ...", flush=True)
        image_base.make(self.tar, self.architecture.debian, mirror)
        shutil.copy(rules, stamp)


def prepare(context: Path, parts: Parts, made_of: Origin) -> None:
    """Fill the build context: what is installed, what lays it out, the license. Needs no network."""
    shutil.rmtree(context, ignore_errors=True)
    shutil.copytree(parts.packages, context / "site-packages")
    (context / "licenses").mkdir()
    shutil.copy(ROOT / "LICENSE", context / "licenses" / "LICENSE")
    shutil.copy(ROOT / "tools" / "image_assemble.py", context / "assemble.py")
    with tempfile.TemporaryDirectory() as wheels:
        environment = {**os.environ, "SOURCE_DATE_EPOCH": str(made_of.epoch)}
        build = ("build", "--quiet", "--offline", "--wheel", "--no-build-isolation")
        _uv(*build, f"--python={ROOT}/.venv/bin/python", f"--out-dir={wheels}", environment=environment)
        # By its name, not by its path: the path would be kept in the image.
        own = ("--no-index", f"--find-links={wheels}", f"upgraph=={made_of.version}")
        _install(parts.architecture, context / "site-packages", *own)


def _install(architecture: Architecture, target: Path, *what: str) -> None:
    command = ["pip", "install", "--quiet", "--no-deps", "--only-binary=:all:", "--link-mode=copy"]
    command += [
        f"--target={target}",
        f"--python-version={PYTHON}",
        f"--python-platform={architecture.wheels}",
    ]
    _uv(*command, *what)


def base(parts: Parts) -> str:
    """Make our own base image of its root; gives its identifier, which buildah finds for any architecture."""
    architecture = parts.architecture.name
    name = f"localhost/upgraph-base:{image_base.SUITE}-{architecture}"
    container = _output("buildah", "from", f"--arch={architecture}", "scratch")
    try:
        _run("buildah", "add", "--quiet", container, str(parts.tar), "/")
        _run("buildah", "config", f"--arch={architecture}", f"--env={_PATH}", container)
        _run("buildah", "commit", "--quiet", f"--timestamp={image_base.EPOCH}", container, name)
    finally:
        _run("buildah", "rm", container)
    return _output("buildah", "images", "--quiet", "--no-trunc", name).removeprefix("sha256:")


@dataclass(frozen=True, slots=True)
class Bases:
    """The image that is built on, and the one that the build's only step runs in."""

    final: str
    builder: str


def build(context: Path, architecture: Architecture, bases: Bases, made_of: Origin) -> str:
    """Build the image from a context; gives its name."""
    name = f"localhost/upgraph:{made_of.version}-{architecture.name}"
    command = ["buildah", "build", "--quiet", "--isolation=chroot", "--format=oci", "--no-cache"]
    command += [f"--file={ROOT}/Containerfile", f"--tag={name}", f"--timestamp={made_of.epoch}"]
    command += [f"--arch={architecture.name}", f"--build-arg=BASE_IMAGE={bases.final}"]
    command += [f"--build-arg=BUILDPLATFORM=linux/{native().name}"]
    command += [f"--build-arg=BUILDER_IMAGE={bases.builder}", f"--build-arg=VERSION={made_of.version}"]
    command += [f"--build-arg=REVISION={made_of.revision}", f"--build-arg=CREATED={made_of.created}"]
    _run(*command, str(context))
    return name


def export(name: str, archive: Path) -> str:
    """Write an image as a file that can be carried; gives the digest that a registry will show."""
    archive.unlink(missing_ok=True)
    digest = archive.with_suffix(".digest")
    _run("buildah", "push", "--quiet", f"--digestfile={digest}", name, f"oci-archive:{archive}")
    return digest.read_text().strip()


def _uv(*arguments: str, environment: Mapping[str, str] = os.environ) -> None:
    command = [str(ROOT / ".tools" / "bin" / "python"), str(ROOT / "tools" / "uv.py"), *arguments]
    _run(*command, environment=environment)


def _run(*command: str, environment: Mapping[str, str] = os.environ) -> None:
    """Run a step; what it says goes where our output goes.

    Raises:
        SystemExit: it failed.
    """
    try:
        subprocess.run(
            command, check=True, env=environment, stdout=subprocess.DEVNULL, cwd=ROOT, timeout=STEP_SECONDS
        )
    except FileNotFoundError:
        sys.exit(f"{command[0]} is not installed: run `make deps`")
    except subprocess.CalledProcessError as error:
        sys.exit(f"{command[0]} {command[1]} ended with {error.returncode}")


def _output(*command: str) -> str:
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=STEP_SECONDS)
    return done.stdout.strip()


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--arch", choices=sorted(ARCHITECTURES), default=native().name)
    parser.add_argument("--base", metavar="IMAGE", help="an image with python3.11, in place of our own")
    parser.add_argument("--builder", metavar="IMAGE", help="the same for the architecture of this machine")
    parser.add_argument("--mirror", metavar="MIRROR", help="Debian mirror, for our own base image")
    parser.add_argument("--fetch", action="store_true", help="only fetch what needs a network")
    return parser.parse_args(arguments)


def native() -> Architecture:
    """The architecture of this machine.

    Raises:
        SystemExit: no images can be made here.
    """
    machine = os.uname().machine
    if machine not in _OF_MACHINES:
        sys.exit(f"images are built on {' and '.join(sorted(_OF_MACHINES))} only, and this is {machine}")
    return ARCHITECTURES[_OF_MACHINES[machine]]


def _bases(options: argparse.Namespace, parts: Parts) -> Bases:
    if options.base:
        return Bases(options.base, options.builder or options.base)
    for needed in (parts, Parts(native())):
        needed.fetch_base(options.mirror or None)
    if options.fetch:
        return Bases("", "")
    return Bases(base(parts), options.builder or base(Parts(native())))


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line, build, and say what came out."""
    options = _options(arguments)
    parts = Parts(ARCHITECTURES[options.arch])
    parts.fetch_packages()
    bases = _bases(options, parts)
    if options.fetch:
        return
    made_of = origin()
    context = MADE / f"context-{options.arch}"
    prepare(context, parts, made_of)
    name = build(context, parts.architecture, bases, made_of)
    archive = MADE / f"upgraph-{made_of.version}-{options.arch}.tar"
    digest = export(name, archive)
    print(f"image    {name}\narchive  {archive.relative_to(ROOT)}\ndigest   {digest}")


if __name__ == "__main__":
    main()
