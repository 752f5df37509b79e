"""Graph data of every kind of image reaches pods that really run: copied by the image itself, or read by the service."""

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cluster.walk.conftest import GRAPH_DATA, VERSIONS, Site
from tests.image.conftest import shell_image
from tools.image import native
from upgraph.graphdata.runnable import DATA_OF_SERVICE

REPOSITORY = "openshift/graph-data"
ARCHITECTURE = f"--arch={native().name}"


def with_the_copier(site: Site, _: Path) -> str:
    """An image of our own that copies itself."""
    site.pack("copier", "--runnable", ARCHITECTURE)
    return f"{site.mirror.repository(REPOSITORY).name}:copier"


def with_a_shell(site: Site, folder: Path) -> str:
    """An image on a base, as the documentation makes it: its shell copies."""
    site.pack("based", f"--base=oci:{shell_image(folder, start={})}:shell", ARCHITECTURE)
    return f"{site.mirror.repository(REPOSITORY).name}:based"


def without_data(site: Site, folder: Path) -> str:
    """An image that has no data in any layer: it makes them when it is started."""
    lines = [f"cd {DATA_OF_SERVICE}"]
    for path, text in GRAPH_DATA.items():
        lines += [f"mkdir -p {Path(path).parent}", f"printf %s {shlex.quote(text)} > {path}"]
    layout = shell_image(folder, start={"Cmd": ["/bin/sh", "-ec", "\n".join(lines)]})
    site.mirror.push(layout, "shell", "openshift/made-graph-data")
    return f"{site.mirror.repository('openshift/made-graph-data').name}:shell"


@pytest.mark.parametrize(
    "made", [with_the_copier, with_a_shell, without_data], ids=lambda made: made.__name__
)
def test_an_image_that_copies_is_run_before_the_service(
    operated: Site, tmp_path: Path, made: Callable[[Site, Path], str]
) -> None:
    operated.create("copied", graphDataImage=made(operated, tmp_path))
    assert operated.versions(operated.uri("copied")) == set(VERSIONS)
    # What the cluster is configured with may have come to the operator one by one, each with other pods.
    operated.settled("copied")
    (pod,) = operated.pods("copied")
    (started,) = pod["spec"]["initContainers"]
    assert started["image"].partition("@")[2] == operated.status("copied")["graphData"]["digest"]


def test_an_image_of_data_alone_is_read_by_the_service(operated: Site) -> None:
    operated.create("bare")
    assert operated.versions(operated.uri("bare")) == set(VERSIONS)
    operated.settled("bare")
    (pod,) = operated.pods("bare")
    assert "initContainers" not in pod["spec"]
    digest = operated.status("bare")["graphData"]["digest"]
    named = f"--graph-data=docker://{operated.mirror.repository(REPOSITORY).name}@{digest}"
    assert named in pod["spec"]["containers"][0]["args"]


def test_an_image_that_copies_nothing_is_told_in_its_own_words(operated: Site, tmp_path: Path) -> None:
    operated.create("broken")
    uri = operated.uri("broken")
    says = ["/bin/sh", "-c", "echo the sheet anchor is lost >&2; exit 3"]
    operated.mirror.push(shell_image(tmp_path, start={"Cmd": says}), "shell", "openshift/lost-graph-data")
    lost = f"{operated.mirror.repository('openshift/lost-graph-data').name}:shell"
    with operated.asking(uri) as clients:
        operated.patch("broken", graphDataImage=lost)
        operated.until(
            lambda: "anchor is lost" in operated.condition("GraphDataReady", "broken").get("message", ""),
            "what the container has said",
        )
        operated.patch("broken", graphDataImage=f"{operated.mirror.repository(REPOSITORY).name}:latest")
        operated.settled("broken")
    assert clients.unanswered == []
