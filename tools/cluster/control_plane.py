"""A real control plane for development and tests: etcd, API server, controllers, scheduler, simulated nodes.

No container engine and nothing of the machine is needed but root, util-linux and iproute2. Each one has a network
and a process tree of its own (``network.py``, ``supervisor.py``), so any number runs side by side. It is ready in
about ten seconds and takes half a gigabyte. Whoever starts it ends it; if they are killed, it ends by itself.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from tools.cluster import audit, command_lines, network, nodes
from tools.cluster.build import ROOT, Programs
from tools.cluster.client import ApiError, Client, Object
from tools.cluster.command_lines import Plan
from tools.cluster.credentials import make_credentials, make_ingress_certificate
from tools.cluster.network import Addresses
from tools.cluster.processes import Processes, namespaces
from tools.cluster.waiting import until

APIS = Path(__file__).parent / "apis"
"""One folder for each platform: ``crds.yaml``, and ``objects.yaml`` of what is there on every such platform."""
OPENSHIFT = ("openshift", "gateway")
"""The APIs of OpenShift that matter here; the Gateway API is part of it."""
PLAIN = ()
"""Kubernetes without anything."""
NODES = ("simulated-a", "simulated-b")
"""Simulated nodes of every cluster, in two zones."""
DOMAIN = "apps.example"
"""Routes get hosts below it."""
KUBECTL_SECONDS = 120
"""Longest time for one command of kubectl."""
TOKEN_SECONDS = 4 * 3600
"""How long a token of a service account is valid."""

_ROUTES_CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/routes.route.openshift.io"
_NO_CONSTRAINTS = "required scc/none"
"""What is complained of where a pod asks for constraints that do not admit it."""

T = TypeVar("T")


@dataclass(frozen=True)
class ControlPlane:
    """A running control plane."""

    plan: Plan
    processes: Processes

    @property
    def folder(self) -> Path:
        """All its files; those of ``logs`` say what happened."""
        return self.plan.folder

    @property
    def addresses(self) -> Addresses:
        """Where it is reached, and where this machine is reached from it."""
        return self.plan.addresses

    @property
    def kubeconfig(self) -> Path:
        """Of an administrator."""
        return self.plan.credentials.kubeconfig_of("admin")

    @property
    def client(self) -> Client:
        """An administrator."""
        return Client.of(self.kubeconfig)

    @property
    def ingress_authority(self) -> Path:
        """The certificate that has signed those of Routes, on OpenShift."""
        return self.folder / "ingress" / "authority.crt"

    @property
    def enter(self) -> tuple[str, ...]:
        """What comes before a command that belongs to the network of the cluster, but ends on its own."""
        return network.enter(self.processes.pid)

    def kubectl(self, *arguments: str, stdin: str = "", kubeconfig: Path | None = None) -> str:
        """Run kubectl; gives what it prints.

        Args:
            arguments: what follows the name of the program.
            stdin: what ``-f -`` reads.
            kubeconfig: who asks; an administrator unless it is said.

        Raises:
            RuntimeError: it failed; the text is what it complained of.
        """
        command = [self.plan.program("kubectl"), f"--kubeconfig={kubeconfig or self.kubeconfig}", *arguments]
        done = subprocess.run(
            command, input=stdin, capture_output=True, text=True, check=False, env=self._environment,
            timeout=KUBECTL_SECONDS,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def kubeconfig_for(self, namespace: str, service_account: str) -> Path:
        """A kubeconfig with a fresh token of a service account.

        Raises:
            ApiError: there is no such account.
        """
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{service_account}/token"
        wanted = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest"}
        made = self.client.create(path, {**wanted, "spec": {"expirationSeconds": TOKEN_SECONDS}})
        return self.plan.credentials.kubeconfig(f"{namespace}-{service_account}", made["status"]["token"])

    def requests(self, namespace: str, service_account: str) -> list[audit.Request]:
        """All that a service account has asked of the API server so far."""
        return list(
            audit.requests(self.plan.audit_log, f"system:serviceaccount:{namespace}:{service_account}")
        )

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        """Start a program in the network of the cluster.

        It ends with the cluster, before the control plane does. Its log is ``logs/NAME.log`` in the folder of the
        cluster. It gets PATH, HOME, the KUBECONFIG of an administrator and what is given here, nothing else.

        Raises:
            ProcessError: it cannot be started.
        """
        self.processes.start(name, command, {**self._environment, **(environment or {})})

    def stop(self, name: str, *, seconds: float | None = None) -> int:
        """End a program of the cluster, ``kube-apiserver`` for example; 0 seconds kill it. Gives its exit status.

        Raises:
            ProcessError: there is none of this name.
        """
        return self.processes.stop(name) if seconds is None else self.processes.stop(name, seconds)

    def start_api_server(self) -> None:
        """Start the API server, also one that was stopped, and wait until it is ready, with all that was installed.

        Raises:
            ProcessError: a program of the cluster has ended.
            TimeoutError: it is not ready in time.
        """
        self.start("kube-apiserver", command_lines.api_server(self.plan))
        self.wait(self.client.is_ready, what="the API server")
        if self.client.find(_ROUTES_CRD):
            self.wait_for_policies()

    def wait_for_policies(self) -> None:
        """Wait until Routes get their hosts and pods their users. The policies learn of kinds with a delay, also after a
        restart.

        Raises:
            ProcessError: a program of the cluster has ended.
            TimeoutError: they do not come into force in time.
        """
        self.wait(partial(_named_host, self.client), what="the policy that names the hosts of Routes")
        self.wait(partial(_refuses_pods, self.client), what="the policies that give pods their users")

    def wait(self, look: Callable[[], T], *, what: str) -> T:
        """Wait until there is something to see, as long as all programs run.

        Raises:
            ProcessError: a program of the cluster has ended.
            TimeoutError: nothing was seen in time.
        """

        def see() -> T:
            self.processes.check()
            return look()

        return until(see, what=what)

    def install(self, apis: Sequence[str]) -> None:
        """Add APIs: names of folders in ``APIS``.

        Raises:
            RuntimeError: kubectl failed.
        """
        for api in apis:
            folder = APIS / api
            self.kubectl("apply", "--server-side", "-f", str(folder / "crds.yaml"))
            self.kubectl(
                "wait", "--for=condition=Established", "--timeout=60s", "-f", str(folder / "crds.yaml")
            )
            if (folder / "objects.yaml").exists():
                self.wait(partial(self._apply, folder / "objects.yaml"), what=f"the objects of {api}")

    def _apply(self, manifest: Path) -> bool:
        """Apply; an API that was just established may be unknown for a moment."""
        try:
            self.kubectl("apply", "--server-side", "-f", str(manifest))
        except RuntimeError as error:
            if "no matches for kind" in str(error) or "could not find the requested resource" in str(error):
                return False
            raise
        return True

    @property
    def _environment(self) -> dict[str, str]:
        """Nothing of the person who starts it, above all no proxy."""
        return {"PATH": os.environ["PATH"], "HOME": str(self.folder), "KUBECONFIG": str(self.kubeconfig)}


@contextmanager
def running(folder: Path, programs: Programs, *, apis: Sequence[str] = OPENSHIFT) -> Iterator[ControlPlane]:
    """A control plane for as long as the context lasts.

    Args:
        folder: for its files, which stay; it is made.
        programs: what is started; see :func:`tools.cluster.build.find`.
        apis: what is there beside Kubernetes: ``OPENSHIFT`` or ``PLAIN``.

    Raises:
        NetworkError: no network can be made.
        ProcessError: no namespaces can be made, or a program ended; the text holds its last words.
        TimeoutError: something did not come up in time.
    """
    logs = folder / "logs"
    logs.mkdir(parents=True)
    folder.chmod(0o700)
    with (
        namespaces(logs) as processes,
        network.joined(processes.pid) as addresses,
        # Before the network goes: who loses it does not end in peace.
        closing(processes),
    ):
        place = folder / "credentials"
        place.mkdir()
        credentials = make_credentials(
            place, server=str(addresses.cluster), also=[str(addresses.services[1])]
        )
        cluster = ControlPlane(Plan(folder, programs, addresses, credentials), processes)
        cluster.plan.audit_policy.write_text(json.dumps(audit.POLICY))
        cluster.start("etcd", command_lines.etcd(cluster.plan))
        cluster.start_api_server()
        _start_controllers(cluster)
        cluster.install(apis)
        if "openshift" in apis:
            _start_router(cluster)
        _wait_for_controllers(cluster)
        yield cluster


def _start_controllers(cluster: ControlPlane) -> None:
    for name, command in command_lines.CONTROLLERS.items():
        if cluster.plan.programs.find(name):
            cluster.start(name, command(cluster.plan))
    for name, zone in zip(NODES, "ab", strict=True):
        cluster.client.create("/api/v1/nodes", nodes.simulated_node(name, zone=zone))


def _start_router(cluster: ControlPlane) -> None:
    """Start the router, and wait until all policies are in force."""
    authority, shown = make_ingress_certificate(cluster.folder / "ingress", domain=DOMAIN)
    content = {"metadata": {"name": "default-ingress-cert"}, "data": {"ca-bundle.crt": authority.read_text()}}
    cluster.client.create("/api/v1/namespaces/openshift-config-managed/configmaps", content)
    command = [sys.executable, "-m", "tools.cluster.router"]
    certificate = [f"--certificate={shown.certificate}", f"--key={shown.key}"]
    cluster.start("router", [*command, *certificate], {"PYTHONPATH": str(ROOT)})
    cluster.wait_for_policies()


def _named_host(client: Client) -> str:
    """The host that a Route would get, which takes all policies for Routes; empty while one of them is not in force."""
    probe = {"metadata": {"name": "probe"}, "spec": {"to": {"kind": "Service", "name": "probe"}}}
    route: Object = {"apiVersion": "route.openshift.io/v1", "kind": "Route", **probe}
    try:
        made = client.create("/apis/route.openshift.io/v1/namespaces/default/routes?dryRun=All", route)
    except ApiError as error:
        # 404 and 503: the kind is not known yet; 429: its storage is not ready.
        if error.status in {404, 429, 503}:
            return ""
        raise
    return str(made["spec"].get("host", ""))


def _refuses_pods(client: Client) -> bool:
    """Whether a pod is refused by the constraints, of which it was told first which of them admit it."""
    annotations = {"openshift.io/required-scc": "none"}
    probe = {"metadata": {"name": "probe", "annotations": annotations}}
    containers = [{"name": "probe", "image": "registry.example/probe"}]
    pod: Object = {"apiVersion": "v1", "kind": "Pod", **probe, "spec": {"containers": containers}}
    try:
        client.create("/api/v1/namespaces/openshift-config/pods?dryRun=All", pod)
    except ApiError as error:
        return _NO_CONSTRAINTS in str(error)
    return False


def _wait_for_controllers(cluster: ControlPlane) -> None:
    """Wait for what each controller brings last, as far as there is one."""
    client, programs = cluster.client, cluster.plan.programs

    if programs.find("kube-controller-manager"):
        account = "/api/v1/namespaces/default/serviceaccounts/default"
        cluster.wait(partial(client.find, account), what="the service account of the namespace default")
    if programs.find("kwok"):
        for name in NODES:
            cluster.wait(partial(_is_ready, client, name), what=f"node {name}")


def _is_ready(client: Client, node: str) -> bool:
    return nodes.is_ready(client.get(f"/api/v1/nodes/{node}"))
