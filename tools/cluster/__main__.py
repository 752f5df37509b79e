"""``make cluster``: a cluster for as long as a developer wants one."""

import argparse
import os
import shutil
import signal
import sys
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path

from tools.cluster import build, control_plane, nodes
from tools.cluster.network import NetworkError
from tools.cluster.node.launching import Setup, real_nodes
from tools.cluster.processes import ProcessError

_READY = """
The cluster is ready: Kubernetes {version}, with {apis}.

  export KUBECONFIG={kubeconfig}
  {kubectl} get nodes

{pods}
Inside its network this machine is {host}; logs are in {logs}.
Ctrl-C ends it.
"""
_PRETENDED = "Pods are pretended, by kwok."
_REAL = """\
Pods run, on {nodes}; what they have printed is in {logs}. A namespace has its pods pretended where it is told so:
  kubectl annotate namespace NAME {choice}={label}={simulated}"""
NODES = {"real-a": "a", "real-b": "b"}
"""Nodes that run pods, and their zones."""
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


def _serve(folder: Path, programs: build.Programs, options: argparse.Namespace) -> None:
    apis = control_plane.PLAIN if options.plain else control_plane.OPENSHIFT
    with ExitStack() as stack:
        cluster = stack.enter_context(control_plane.running(folder, programs, apis=apis))
        pods = _PRETENDED
        if options.real_nodes:
            started = stack.enter_context(real_nodes(cluster, _setup(options)))
            pods = _REAL.format(
                nodes=" and ".join(NODES),
                logs=started.directory / "logs",
                choice=nodes.CHOICE,
                label=nodes.LABEL,
                simulated=nodes.SIMULATED,
            )
        said = _READY.format(
            version=cluster.client.get("/version")["gitVersion"],
            apis=f"the APIs of {' and '.join(apis)}" if apis else "no APIs beside its own",
            kubeconfig=cluster.kubeconfig,
            kubectl=programs.folder / "kubectl",
            pods=pods,
            host=cluster.addresses.host,
            logs=cluster.folder / "logs",
        )
        with suppress(KeyboardInterrupt):
            print(said, flush=True)
            signal.pause()
        print("ending ...", flush=True)


def _setup(options: argparse.Namespace) -> Setup:
    return Setup(
        nodes=[f"{name}={zone}" for name, zone in NODES.items()],
        authorities=[file.resolve() for file in options.registry_ca],
        without_tls=options.registry_without_tls,
        logins=None if options.logins is None else options.logins.resolve(),
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make cluster", description=__doc__)
    parser.add_argument(
        "--plain", action="store_true", help="Kubernetes alone, without the APIs of OpenShift"
    )
    real = parser.add_argument_group("pods that run")
    real.add_argument(
        "--real-nodes", action="store_true", help="nodes that run pods, beside those that pretend; needs root"
    )
    real.add_argument(
        "--registry-ca",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="authorities of registries that the nodes trust; may be repeated",
    )
    real.add_argument(
        "--registry-without-tls",
        action="append",
        default=[],
        metavar="HOST:PORT",
        help="a registry that speaks plain HTTP; may be repeated",
    )
    real.add_argument(
        "--logins", type=Path, metavar="FILE", help="logins of the nodes, as a pull secret has them"
    )
    options = parser.parse_args()
    if options.real_nodes and os.geteuid():
        parser.error("--real-nodes needs root")
    return options


def main() -> int:
    """Build what is not built, start, wait for Ctrl-C, clean up."""
    options = _options()
    _alone_if_not_root()
    # Whoever is started in the background by a script is given an ear that is closed to SIGINT.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    folder = Path(tempfile.mkdtemp(prefix="upgraph-cluster-"))
    try:
        programs = build.find(os.environ)
        print(*programs.complain(), sep="\n", end="\n" if programs.missing else "")
        _serve(folder / "cluster", programs, options)
    except (build.BuildError, NetworkError, ProcessError, TimeoutError, RuntimeError) as error:
        print(f"{error}\nThe logs are in {folder}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("ended before it was ready", file=sys.stderr)
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
