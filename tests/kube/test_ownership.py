"""It is known to whom an object belongs, and what belongs to another one is named."""

from upgraph.kube.objects import Key, Kind, Object
from upgraph.kube.ownership import controller_of, controller_uid, foreign_controller

OWNER: Object = {"kind": "Harbour", "name": "north", "uid": "u-1", "controller": True}


def owned(*references: Object) -> Object:
    return {"kind": "Service", "metadata": {"namespace": "n", "name": "a", "ownerReferences": [*references]}}


def test_the_controller_of_an_object_is_known() -> None:
    child = owned({**OWNER, "uid": "u-2", "controller": False}, OWNER)
    assert controller_of(child) == OWNER
    assert controller_uid(child) == ("u-1",)
    assert foreign_controller(child, "u-1") == ""


def test_an_owner_that_is_no_controller_does_not_count() -> None:
    child = owned({**OWNER, "controller": False})
    assert (controller_of(child), controller_uid(child), foreign_controller(child, "u-2")) == (None, (), "")


def test_what_another_one_controls_is_named() -> None:
    child = owned(OWNER)
    assert foreign_controller(child, "u-2") == "Harbour north (uid u-1)"


def test_what_belongs_to_nobody_has_no_foreign_controller() -> None:
    assert foreign_controller({"metadata": {"name": "a"}}, "u-1") == ""


def test_kinds_and_keys_are_written_as_kubectl_takes_them() -> None:
    assert str(Kind("apps", "v1", "Deployment", "deployments")) == "deployments.apps"
    assert (Kind("", "v1", "Pod", "pods").api_version, str(Kind("", "v1", "Pod", "pods"))) == ("v1", "pods")
    assert (str(Key("n", "a")), str(Key("", "a"))) == ("n/a", "a")
