"""The rules of the node that need no container: environment, users, phases, Services, names, layers."""

import io
import struct
import tarfile
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.cluster.node import dns
from tools.cluster.node.bundle import User, capabilities, user_of
from tools.cluster.node.environment import expanded
from tools.cluster.node.pod_status import Record, Running, State, Terminated, Waiting, phase
from tools.cluster.node.service_table import Address, names, table
from tools.cluster.node.specification import (
    Capabilities,
    Container,
    NotStartableError,
    PodSecurityContext,
    PodSpec,
    SecurityContext,
)
from tools.cluster.node.unpacking import unpack_layer
from tools.cluster.node.volume_files import File, FollowingDirectory
from upgraph.kube.objects import Object
from upgraph.oci import LayerFile, gzipped, tar_layer

WAITING = Waiting("ContainerCreating")
RUNNING = Running("now")
SILENT = SecurityContext()
NOTHING = PodSecurityContext()


@pytest.mark.parametrize(
    ("text", "value"),
    [("$(A)-$(B)", "1-$(B)"), ("$$(A)", "$(A)"), ("$A $", "$A $"), ("$$$(A)", "$1"), ("$(A", "$(A")],
)
def test_only_known_names_are_replaced(text: str, value: str) -> None:
    assert expanded(text, {"A": "1"}) == value


@pytest.mark.parametrize(
    ("own", "pod", "image", "user"),
    [
        (SILENT, NOTHING, "", User(0, 0)),
        (SILENT, NOTHING, "witness", User(1234, 1235)),
        (SILENT, NOTHING, "1001:0", User(1001, 0)),
        (SILENT, NOTHING, "1234:crew", User(1234, 77)),
        (SecurityContext(run_as_user=1234), PodSecurityContext(run_as_user=5), "9:9", User(1234, 1235)),
        (SILENT, PodSecurityContext(run_as_user=5, fs_group=6), "", User(5, 0, (6,))),
        (
            SecurityContext(run_as_group=8),
            PodSecurityContext(supplemental_groups=(3,)),
            "1",
            User(1, 8, (3,)),
        ),
    ],
    ids=["root", "name", "numbers", "group", "container", "pod", "groups"],
)
def test_the_user_is_that_of_the_container_the_pod_or_the_image(
    tmp_path: Path, own: SecurityContext, pod: PodSecurityContext, image: str, user: User
) -> None:
    write_accounts(tmp_path)
    assert user_of(Container("main", security_context=own), pod, image, tmp_path) == user


@pytest.mark.parametrize(
    ("image", "message"),
    [
        ("", "image will run as root"),
        ("0:0", "will run as root"),
        ("witness", r"non-numeric user \(witness\)"),
    ],
)
def test_a_user_that_may_be_root_is_refused(tmp_path: Path, image: str, message: str) -> None:
    write_accounts(tmp_path)
    with pytest.raises(NotStartableError, match=message):
        user_of(Container("main"), PodSecurityContext(run_as_non_root=True), image, tmp_path)


def write_accounts(root: Path) -> None:
    """Files with a user and a group."""
    (root / "etc").mkdir()
    (root / "etc/passwd").write_text("root:x:0:0:::\nwitness:x:1234:1235:::\n")
    (root / "etc/group").write_text("crew:x:77:\n")


def test_only_root_holds_capabilities() -> None:
    wanted = Capabilities(add=("NET_BIND_SERVICE",), drop=("ALL",))
    held = {name: capabilities(wanted, uid) for name, uid in (("root", 0), ("user", 1))}
    assert held["root"]["effective"] == ["CAP_NET_BIND_SERVICE"]
    assert held["user"] == {"bounding": ["CAP_NET_BIND_SERVICE"], "effective": [], "permitted": []}


def ended(code: int) -> Terminated:
    """A container that has ended."""
    return Terminated(code, "", "", "", "")


@pytest.mark.parametrize(
    ("policy", "init", "main", "expected"),
    [
        ("Always", RUNNING, WAITING, "Pending"),
        ("Always", ended(1), WAITING, "Pending"),
        ("Never", ended(1), WAITING, "Failed"),
        ("Always", ended(0), WAITING, "Pending"),
        ("Always", ended(0), RUNNING, "Running"),
        ("Always", ended(0), ended(0), "Running"),
        ("OnFailure", ended(0), ended(0), "Succeeded"),
        ("OnFailure", ended(0), ended(1), "Running"),
        ("Never", ended(0), ended(1), "Failed"),
    ],
)
def test_the_phase_follows_from_the_containers(policy: str, init: State, main: State, expected: str) -> None:
    spec = PodSpec((Container("main"),), (Container("init"),), restart_policy=policy)
    assert phase(spec, {"init": Record(init), "main": Record(main)}) == expected


def service(address: str, *ports: Object) -> Object:
    """A Service ``web`` in ``ns``."""
    return {
        "metadata": {"namespace": "ns", "name": "web"},
        "spec": {"clusterIP": address, "ports": list(ports)},
    }


def endpoints(*found: Object) -> Object:
    """An EndpointSlice of it."""
    labels = {"kubernetes.io/service-name": "web"}
    return {
        "metadata": {"namespace": "ns", "name": "web-1", "labels": labels},
        "ports": [{"name": "http", "port": 8080}],
        "endpoints": list(found),
    }


def endpoint(address: str, **conditions: bool) -> Object:
    """A pod behind it."""
    return {"addresses": [address], "conditions": conditions}


HTTP = {"name": "http", "port": 80}


def test_connections_go_to_ready_pods() -> None:
    behind = endpoints(endpoint("2.2.2.2", ready=True), endpoint("1.1.1.1"), endpoint("3.3.3.3", ready=False))
    found = table([service("10.0.0.1", HTTP)], [behind], None)
    assert found == {Address("10.0.0.1", 80): (Address("1.1.1.1", 8080), Address("2.2.2.2", 8080))}


def test_connections_go_to_ending_pods_where_there_is_no_other() -> None:
    behind = endpoints(endpoint("1.1.1.1", ready=False, serving=True), endpoint("2.2.2.2", ready=False))
    assert table([service("10.0.0.1", HTTP)], [behind], None)[Address("10.0.0.1", 80)] == (
        Address("1.1.1.1", 8080),
    )


def test_the_api_server_is_behind_its_service_where_nobody_says_so() -> None:
    api = {**service("10.0.0.1", {"port": 443}), "metadata": {"namespace": "default", "name": "kubernetes"}}
    assert table([api], [], Address("192.0.2.1", 6443)) == {
        Address("10.0.0.1", 443): (Address("192.0.2.1", 6443),)
    }


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("web.ns.svc.cluster.local", ("10.0.0.1",)),
        ("web.other.svc.cluster.local", None),
        ("web.ns.svc", None),
        ("api.apps.example", ("192.0.2.9",)),
        ("apps.example", None),
        ("registry.example", ("192.0.2.8",)),
    ],
)
def test_names_of_services_and_of_others_are_found(name: str, found: tuple[str, ...] | None) -> None:
    hosts = {"*.apps.example": "192.0.2.9", "registry.example": "192.0.2.8"}
    known = names([service("10.0.0.1", HTTP)], [], domain="cluster.local", hosts=hosts)
    assert known.find(name) == found


def query(name: str, kind: int = 1) -> bytes:
    """A query of a resolver."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack(">HHHHHH", 7, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", kind, 1)


@pytest.mark.parametrize(
    ("name", "kind", "code", "records"),
    [("web", 1, 0, 2), ("WEB", 1, 0, 2), ("web", 28, 0, 0), ("nobody", 1, 3, 0)],
    ids=["addresses", "upper case", "other type", "no name"],
)
def test_a_query_is_answered(name: str, kind: int, code: int, records: int) -> None:
    answer = dns.answer(query(name, kind), {"web": ("1.2.3.4", "5.6.7.8")}.get)
    assert answer is not None
    identifier, flags, _, answers, *_ = struct.unpack_from(">HHHHHH", answer)
    assert (identifier, flags & 0xF, answers) == (7, code, records)


@given(st.binary(max_size=80))
def test_no_packet_breaks_the_dns_server(packet: bytes) -> None:
    answer = dns.answer(packet, lambda _: ("1.2.3.4",) * 100)
    assert answer is None or len(answer) <= dns.MAX_ANSWER_BYTES


@given(st.lists(st.dictionaries(st.sampled_from(["a", "b", "deep/c"]), st.binary(max_size=3)), min_size=1))
def test_a_directory_has_what_was_last_written_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, steps: list[dict[str, bytes]]
) -> None:
    directory = FollowingDirectory(tmp_path_factory.mktemp("volume") / "files", None)
    for step in steps:
        directory.write({path: File(content, 0o644) for path, content in step.items()})
    seen = {path: (directory.path / path).read_bytes() for path in steps[-1]}
    assert seen == steps[-1]
    tops = {path.name for path in directory.path.iterdir() if not path.name.startswith("..")}
    assert tops == {path.partition("/")[0] for path in steps[-1]}


def layer(directory: Path, *files: str) -> Path:
    """A layer with these empty files."""
    path = directory / f"layer-{'-'.join(files).replace('/', '_')}"
    path.write_bytes(gzipped(tar_layer(LayerFile(name, b"") for name in files)))
    return path


def unpacked(directory: Path, layers: Iterable[tuple[str, ...]]) -> list[str]:
    """The files that remain of layers."""
    root = directory / "root"
    root.mkdir()
    for files in layers:
        unpack_layer(layer(directory, *files), root)
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("layers", "left"),
    [
        ([("a", "b"), (".wh.a",)], ["b"]),
        ([("d/a", "d/b"), (".wh.d",)], []),
        ([("d/a", "d/b"), ("d/c", "d/.wh..wh..opq")], ["d/c"]),
        ([("d/a",), (".wh.d", "d/b")], ["d/b"]),
        ([("d/a",), ("d/b", ".wh.d")], ["d/b"]),
        ([("d/a",), ("d",)], ["d"]),
        ([(".wh.a", "b")], ["b"]),
    ],
    ids=["file", "folder", "opaque", "replaced", "replaced before", "file for folder", "nothing there"],
)
def test_whiteouts_take_away_what_lower_layers_have(
    tmp_path: Path, layers: list[tuple[str, ...]], left: list[str]
) -> None:
    assert unpacked(tmp_path, layers) == left


def test_a_layer_writes_nothing_outside_the_image(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        link = tarfile.TarInfo("out")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path / "outside")
        tar.addfile(link)
        tar.addfile(tarfile.TarInfo("out/file"))
    (tmp_path / "layer").write_bytes(stream.getvalue())
    (tmp_path / "root").mkdir()
    (tmp_path / "outside").mkdir()
    with pytest.raises(tarfile.TarError):
        unpack_layer(tmp_path / "layer", tmp_path / "root")
    assert not list((tmp_path / "outside").iterdir())
