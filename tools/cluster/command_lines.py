"""How each program of a control plane is called. All listen on the loopback of the cluster but the API server."""

from dataclasses import dataclass
from pathlib import Path

from tools.cluster.build import STAGES, Programs
from tools.cluster.credentials import Credentials
from tools.cluster.network import Addresses
from tools.cluster.nodes import LABEL, SIMULATED

_LOCAL = "127.0.0.1"
_ETCD = f"http://{_LOCAL}:2379"
_ETCD_PEER = f"http://{_LOCAL}:2380"
LEASE_SECONDS = 12
"""Of a simulated node, which renews it four times as often."""
LOST_SECONDS = 16
"""When a node that says nothing is taken for lost; Kubernetes waits 50 unless it is told."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the command lines are made of."""

    folder: Path
    """For the files of the cluster."""
    programs: Programs
    addresses: Addresses
    credentials: Credentials

    @property
    def audit_policy(self) -> Path:
        """The file that says what the API server keeps of requests."""
        return self.folder / "audit-policy.json"

    @property
    def audit_log(self) -> Path:
        """Where it keeps that."""
        return self.folder / "logs" / "audit.jsonl"

    def program(self, name: str) -> str:
        """The program that is called."""
        return str(self.programs.folder / name)


def etcd(plan: Plan) -> list[str]:
    """The store; its content is worth nothing after the cluster, so it does not wait for the disk."""
    return [
        plan.program("etcd"),
        f"--data-dir={plan.folder / 'etcd'}",
        f"--listen-client-urls={_ETCD}",
        f"--advertise-client-urls={_ETCD}",
        f"--listen-peer-urls={_ETCD_PEER}",
        f"--initial-advertise-peer-urls={_ETCD_PEER}",
        f"--initial-cluster=default={_ETCD_PEER}",
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def api_server(plan: Plan) -> list[str]:
    """The API server, with the rules of access that a production cluster has."""
    secret = plan.credentials
    return [
        plan.program("kube-apiserver"),
        f"--etcd-servers={_ETCD}",
        f"--advertise-address={plan.addresses.cluster}",
        f"--service-cluster-ip-range={plan.addresses.services}",
        f"--tls-cert-file={secret.serving.certificate}",
        f"--tls-private-key-file={secret.serving.key}",
        f"--cert-dir={plan.folder}",
        f"--client-ca-file={secret.authority.certificate}",
        # Nobody logs in by these, but controllers complain every minute where they are not told.
        f"--requestheader-client-ca-file={secret.authority.certificate}",
        "--requestheader-allowed-names=aggregator",
        "--requestheader-username-headers=X-Remote-User",
        f"--token-auth-file={secret.tokens}",
        f"--service-account-key-file={secret.accounts.certificate}",
        f"--service-account-signing-key-file={secret.accounts.key}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--audit-policy-file={plan.audit_policy}",
        f"--audit-log-path={plan.audit_log}",
        "--audit-log-mode=blocking",
        "--authorization-mode=RBAC",
        # PodNodeSelector lets a namespace choose between nodes that run pods and those that pretend to. The other
        # one is switched on in OpenShift: without the right to finalizers nobody sets an owner that blocks.
        "--enable-admission-plugins=PodNodeSelector,OwnerReferencesPermissionEnforcement",
        "--profiling=false",
    ]


def controller_manager(plan: Plan) -> list[str]:
    """What makes pods of Deployments, collects garbage, empties namespaces, and much more."""
    secret = plan.credentials
    return [
        *_with_kubeconfig(plan, "kube-controller-manager"),
        "--use-service-account-credentials",
        f"--service-account-private-key-file={secret.accounts.key}",
        f"--root-ca-file={secret.authority.certificate}",
        f"--cluster-signing-cert-file={secret.authority.certificate}",
        f"--cluster-signing-key-file={secret.authority.key}",
        "--node-monitor-period=2s",
        f"--node-monitor-grace-period={LOST_SECONDS}s",
    ]


def scheduler(plan: Plan) -> list[str]:
    """What gives pods their nodes."""
    return _with_kubeconfig(plan, "kube-scheduler")


def _with_kubeconfig(plan: Plan, name: str) -> list[str]:
    kubeconfig = plan.credentials.kubeconfig_of(name)
    return [
        plan.program(name),
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        f"--bind-address={_LOCAL}",
        "--leader-elect=false",
    ]


def kwok(plan: Plan) -> list[str]:
    """What pretends to be the kubelet of simulated nodes."""
    return [
        plan.program("kwok"),
        f"--kubeconfig={plan.credentials.kubeconfig_of('kwok')}",
        f"--config={plan.programs.folder / STAGES}",
        f"--manage-nodes-with-label-selector={LABEL}={SIMULATED}",
        f"--node-lease-duration-seconds={LEASE_SECONDS}",
        f"--node-ip={_LOCAL}",
        f"--cidr={plan.addresses.simulated_pods}",
        f"--server-address={_LOCAL}:10247",
        "--v=WARN",
    ]


CONTROLLERS = {
    "kube-controller-manager": controller_manager,
    "kube-scheduler": scheduler,
    "kwok": kwok,
}
"""Programs that act on objects, by name; a cluster may lack some."""
