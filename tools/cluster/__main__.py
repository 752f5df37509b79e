"""``make cluster``: a cluster for as long as a developer wants one."""

import argparse
import os
import shutil
import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from tools.cluster import build, control_plane
from tools.cluster.network import NetworkError
from tools.cluster.processes import ProcessError

_READY = """
The cluster is ready: Kubernetes {version}, with {apis}.

  export KUBECONFIG={kubeconfig}
  {kubectl} get nodes

Pods are pretended, by kwok. Inside its network this machine is {host}; logs are in {logs}.
Ctrl-C ends it.
"""
_NOT_ROOT = """\
Not root: the cluster gets a user namespace of its own, and its network is seen from there alone. In another shell:

  nsenter --preserve-credentials --user --net --target {pid}
"""


def _alone_if_not_root() -> None:
    """Go on as root of a user namespace where we are not root: networks can be made there."""
    if os.geteuid() == 0:
        return
    again = f'ip link set lo up && exec "{sys.executable}" -m tools.cluster "$@"'
    print(_NOT_ROOT.format(pid=os.getpid()), flush=True)
    os.execvp(
        "unshare", ["unshare", "--user", "--map-root-user", "--net", "sh", "-c", again, "sh", *sys.argv[1:]]
    )


def _serve(folder: Path, programs: build.Programs, apis: tuple[str, ...]) -> None:
    with control_plane.running(folder, programs, apis=apis) as cluster:
        said = _READY.format(
            version=cluster.client.get("/version")["gitVersion"],
            apis=f"the APIs of {' and '.join(apis)}" if apis else "no APIs beside its own",
            kubeconfig=cluster.kubeconfig,
            kubectl=programs.folder / "kubectl",
            host=cluster.addresses.host,
            logs=cluster.folder / "logs",
        )
        with suppress(KeyboardInterrupt):
            print(said, flush=True)
            signal.pause()
        print("ending ...", flush=True)


def main() -> int:
    """Build what is not built, start, wait for Ctrl-C, clean up."""
    parser = argparse.ArgumentParser(prog="make cluster", description=__doc__)
    parser.add_argument(
        "--plain", action="store_true", help="Kubernetes alone, without the APIs of OpenShift"
    )
    options = parser.parse_args()
    _alone_if_not_root()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    apis = control_plane.PLAIN if options.plain else control_plane.OPENSHIFT
    folder = Path(tempfile.mkdtemp(prefix="upgraph-cluster-"))
    try:
        programs = build.find(os.environ)
        print(*programs.complain(), sep="\n", end="\n" if programs.missing else "")
        _serve(folder / "cluster", programs, apis)
    except (build.BuildError, NetworkError, ProcessError, TimeoutError, RuntimeError) as error:
        print(f"{error}\nThe logs are in {folder}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("ended before it was ready", file=sys.stderr)
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
