"""What this node reads of a Pod. A field that it does not know is refused with its path.

The names and defaults are those of the API of Kubernetes (core/v1). Fields that are known here but have no effect on
this node are accepted where leaving them out cannot make a test pass that would fail on a real node.
"""

from typing import Any

import msgspec

from upgraph.kube.objects import Object


class NotStartableError(Exception):
    """A container cannot be started now. Where Kubernetes would try again, so does this node.

    Args:
        reason: one word, as ``state.waiting.reason`` shows it.
        message: what is wrong.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class _Part(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    pass


class KeyReference(_Part, frozen=True):
    """One key of a ConfigMap or Secret."""

    key: str
    name: str = ""
    optional: bool = False


class FieldReference(_Part, frozen=True):
    """A field of the pod."""

    field_path: str
    api_version: str = "v1"


class ValueSource(_Part, frozen=True):
    """Where the value of a variable comes from; one of them is there."""

    field_ref: FieldReference | None = None
    config_map_key_ref: KeyReference | None = None
    secret_key_ref: KeyReference | None = None


class Variable(_Part, frozen=True):
    """A variable of the environment."""

    name: str
    value: str = ""
    value_from: ValueSource | None = None


class WholeReference(_Part, frozen=True):
    """All keys of a ConfigMap or Secret."""

    name: str = ""
    optional: bool = False


class VariableSource(_Part, frozen=True):
    """A source of many variables; one of them is there."""

    prefix: str = ""
    config_map_ref: WholeReference | None = None
    secret_ref: WholeReference | None = None


class KeyFile(_Part, frozen=True):
    """One key as a file."""

    key: str
    path: str
    mode: int | None = None


class ConfigMapFiles(_Part, frozen=True):
    """A ConfigMap as files."""

    name: str = ""
    items: tuple[KeyFile, ...] = ()
    default_mode: int = 0o644
    optional: bool = False


class SecretFiles(_Part, frozen=True):
    """A Secret as files."""

    secret_name: str = ""
    items: tuple[KeyFile, ...] = ()
    default_mode: int = 0o644
    optional: bool = False


class FieldFile(_Part, frozen=True):
    """A field of the pod as a file."""

    path: str
    field_ref: FieldReference
    mode: int | None = None


class FieldFiles(_Part, frozen=True):
    """Fields of the pod as files."""

    items: tuple[FieldFile, ...] = ()
    default_mode: int = 0o644


class KeysProjection(_Part, frozen=True):
    """A ConfigMap or Secret among the sources of one volume."""

    name: str = ""
    items: tuple[KeyFile, ...] = ()
    optional: bool = False


class FieldsProjection(_Part, frozen=True):
    """Fields of the pod among the sources of one volume."""

    items: tuple[FieldFile, ...] = ()


class TokenProjection(_Part, frozen=True):
    """A token of the service account as a file."""

    path: str
    audience: str = ""
    expiration_seconds: int = 3600


class Projection(_Part, frozen=True):
    """One source of a projected volume; one of them is there."""

    config_map: KeysProjection | None = None
    secret: KeysProjection | None = None
    downward_api: FieldsProjection | None = msgspec.field(default=None, name="downwardAPI")
    service_account_token: TokenProjection | None = None


class ProjectedFiles(_Part, frozen=True):
    """Several sources as the files of one volume."""

    sources: tuple[Projection, ...] = ()
    default_mode: int = 0o644


class EmptyDirectory(_Part, frozen=True):
    """A directory that lives as long as the pod. Its limit of size is not enforced."""

    medium: str = ""
    size_limit: str | int = ""


class HostDirectory(_Part, frozen=True):
    """A directory of the machine."""

    path: str
    type: str = ""


class ClaimedVolume(_Part, frozen=True):
    """What a PersistentVolumeClaim is bound to."""

    claim_name: str
    read_only: bool = False


class Volume(_Part, frozen=True):
    """A volume of a pod; one of the sources is there."""

    name: str
    config_map: ConfigMapFiles | None = None
    secret: SecretFiles | None = None
    downward_api: FieldFiles | None = msgspec.field(default=None, name="downwardAPI")
    projected: ProjectedFiles | None = None
    empty_dir: EmptyDirectory | None = None
    host_path: HostDirectory | None = None
    persistent_volume_claim: ClaimedVolume | None = None
    ephemeral: Object | None = None


class VolumeMount(_Part, frozen=True):
    """Where a container finds a volume."""

    name: str
    mount_path: str
    sub_path: str = ""
    read_only: bool = False
    recursive_read_only: str = ""


class Capabilities(_Part, frozen=True):
    """Capabilities beside, or not among, those that every container has."""

    add: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()


class SecurityContext(_Part, frozen=True):
    """Rights of a container. Profiles of seccomp, SELinux and AppArmor are not enforced."""

    run_as_user: int | None = None
    run_as_group: int | None = None
    run_as_non_root: bool | None = None
    read_only_root_filesystem: bool = False
    allow_privilege_escalation: bool = True
    capabilities: Capabilities = Capabilities()
    seccomp_profile: dict[str, Any] | None = None
    se_linux_options: dict[str, Any] | None = None
    app_armor_profile: dict[str, Any] | None = None
    privileged: bool = False


class PodSecurityContext(_Part, frozen=True):
    """Rights of all containers of a pod."""

    run_as_user: int | None = None
    run_as_group: int | None = None
    run_as_non_root: bool | None = None
    fs_group: int | None = None
    fs_group_change_policy: str = ""
    supplemental_groups: tuple[int, ...] = ()
    supplemental_groups_policy: str = ""
    seccomp_profile: dict[str, Any] | None = None
    se_linux_options: dict[str, Any] | None = None
    app_armor_profile: dict[str, Any] | None = None


class Header(_Part, frozen=True):
    """A header of a request."""

    name: str
    value: str = ""


class HttpAction(_Part, frozen=True):
    """A request; a status from 200 to 399 is success."""

    port: int | str
    path: str = "/"
    host: str = ""
    scheme: str = "HTTP"
    http_headers: tuple[Header, ...] = ()


class TcpAction(_Part, frozen=True):
    """A connection."""

    port: int | str
    host: str = ""


class ExecAction(_Part, frozen=True):
    """A command inside the container."""

    command: tuple[str, ...] = ()


class SleepAction(_Part, frozen=True):
    """Waiting."""

    seconds: int


class Probe(_Part, frozen=True):
    """A look at a container, again and again. Times are in seconds."""

    http_get: HttpAction | None = None
    tcp_socket: TcpAction | None = None
    exec: ExecAction | None = None
    initial_delay_seconds: int = 0
    period_seconds: int = 10
    timeout_seconds: int = 1
    success_threshold: int = 1
    failure_threshold: int = 3
    termination_grace_period_seconds: int | None = None


class Hook(_Part, frozen=True):
    """What is done before a container is told to end."""

    http_get: HttpAction | None = None
    exec: ExecAction | None = None
    sleep: SleepAction | None = None


class Lifecycle(_Part, frozen=True):
    """Hooks of a container."""

    pre_stop: Hook | None = None


class Port(_Part, frozen=True):
    """A port that a container says it listens on."""

    container_port: int
    name: str = ""
    protocol: str = "TCP"


class Container(_Part, frozen=True):
    """A container of a pod. Requests and limits of resources count for the scheduler alone."""

    name: str
    image: str = ""
    command: tuple[str, ...] | None = None
    args: tuple[str, ...] | None = None
    working_dir: str = ""
    env: tuple[Variable, ...] = ()
    env_from: tuple[VariableSource, ...] = ()
    ports: tuple[Port, ...] = ()
    volume_mounts: tuple[VolumeMount, ...] = ()
    security_context: SecurityContext = SecurityContext()
    startup_probe: Probe | None = None
    readiness_probe: Probe | None = None
    liveness_probe: Probe | None = None
    lifecycle: Lifecycle = Lifecycle()
    image_pull_policy: str = "IfNotPresent"
    termination_message_path: str = "/dev/termination-log"
    termination_message_policy: str = "File"
    resources: dict[str, Any] | None = None

    def port(self, wanted: int | str) -> int:
        """The number of a port that is given by number or name.

        Raises:
            NotStartableError: no port has the name.
        """
        if isinstance(wanted, int):
            return wanted
        for port in self.ports:
            if port.name == wanted:
                return port.container_port
        raise NotStartableError("CreateContainerConfigError", f"no port of {self.name} is named {wanted!r}")


class SecretName(_Part, frozen=True):
    """A Secret in the namespace of the pod."""

    name: str = ""


class PodSpec(msgspec.Struct, frozen=True, rename="camel"):
    """What a pod is to be. What concerns the scheduler is passed over."""

    containers: tuple[Container, ...]
    init_containers: tuple[Container, ...] = ()
    volumes: tuple[Volume, ...] = ()
    restart_policy: str = "Always"
    termination_grace_period_seconds: int = 30
    service_account_name: str = "default"
    security_context: PodSecurityContext = PodSecurityContext()
    image_pull_secrets: tuple[SecretName, ...] = ()
    hostname: str = ""
    subdomain: str = ""
    enable_service_links: bool = True
    host_network: bool = False
    host_pid: bool = msgspec.field(default=False, name="hostPID")
    host_ipc: bool = msgspec.field(default=False, name="hostIPC")
    share_process_namespace: bool = False


def read_spec(pod: Object) -> PodSpec:
    """The specification of a pod.

    Raises:
        NotStartableError: it has something that this node does not know; the message has the path.
    """
    try:
        spec = msgspec.convert(pod["spec"], PodSpec)
    except msgspec.ValidationError as error:
        raise _unknown(f"spec: {error}") from error
    shared = (
        (spec.host_network, "hostNetwork"),
        (spec.host_pid, "hostPID"),
        (spec.host_ipc, "hostIPC"),
        (spec.share_process_namespace, "shareProcessNamespace"),
        (any(one.security_context.privileged for one in spec.containers), "privileged"),
    )
    for is_wanted, name in shared:
        if is_wanted:
            raise _unknown(name)
    return spec


def _unknown(what: str) -> NotStartableError:
    return NotStartableError("CreateContainerConfigError", f"this node for tests does not know {what}")
