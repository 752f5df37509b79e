"""What any cluster has to do for us, simulated or real: checks for :class:`upgraph.kube.Cluster`.

Each takes a connection and a Secret that is there for the check, of type ``kubernetes.io/dockerconfigjson`` and with the
key ``.dockerconfigjson``; other keys are neither needed nor harmed.
"""

from collections.abc import Callable

from upgraph.errors import Problem, RemoteError
from upgraph.errors.problems import kube as problems
from upgraph.kube import Cluster

KEY = ".dockerconfigjson"
FIRST = b'{"auths":{"first.example":{"auth":"YTpi"}}}'
SECOND = b'{"auths":{"second.example":{"auth":"YTpi"}}}'


def check_a_change_is_read_back(cluster: Cluster, namespace: str, name: str) -> None:
    """What was written is what is read, under another version, and all else stays."""
    before = cluster.secret(namespace, name)
    content = SECOND if before.data[KEY] != SECOND else FIRST
    changed = cluster.change_secret(before, KEY, content)
    now = cluster.secret(namespace, name)
    assert now.data == {**before.data, KEY: content}
    assert now.version == changed.version != before.version
    assert now.type == before.type == "kubernetes.io/dockerconfigjson"


def check_the_second_of_two_writers_is_refused(cluster: Cluster, namespace: str, name: str) -> None:
    """Whoever read before the other one wrote does not overwrite that."""
    read = cluster.secret(namespace, name)
    content = SECOND if read.data[KEY] != SECOND else FIRST
    cluster.change_secret(read, KEY, content)
    assert _refused(lambda: cluster.change_secret(read, KEY, b"{}")) == (problems.KUBE_CONFLICT, 409)
    assert cluster.secret(namespace, name).data[KEY] == content


def check_what_is_not_there_is_named(cluster: Cluster, namespace: str, name: str) -> None:
    """A Secret that is not there is an error of its own."""
    absent = f"{name}-absent"
    assert _refused(lambda: cluster.secret(namespace, absent)) == (problems.KUBE_NOT_FOUND, 404)


def check_an_invalid_value_is_refused(cluster: Cluster, namespace: str, name: str) -> None:
    """The cluster takes no pull secret that is not JSON, and keeps what it has."""
    before = cluster.secret(namespace, name)
    assert _refused(lambda: cluster.change_secret(before, KEY, b"no json")) == (problems.KUBE_REFUSED, 422)
    assert cluster.secret(namespace, name) == before


def _refused(action: Callable[[], object]) -> tuple[Problem, int | None]:
    try:
        action()
    except RemoteError as error:
        return error.problem, error.status
    raise AssertionError("it was not refused")


CHECKS = (
    check_a_change_is_read_back,
    check_the_second_of_two_writers_is_refused,
    check_what_is_not_there_is_named,
    check_an_invalid_value_is_refused,
)
