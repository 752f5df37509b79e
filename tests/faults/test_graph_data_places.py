"""Places of graph data beyond the machine that fail while another place stands in for them."""

import io
import tarfile
from collections.abc import AsyncIterator

import pytest

from tests.faults.conftest import Row, Site, check_survives, in_one_process
from upgraph.oci import OCI_LAYER_GZIP, LayoutWriter
from upgraph.testing.registry import Fault, SimulatedRegistry

NAME = "quay.example/fleet/graph-data"
TAG = "v1"
MIRROR = "first/graph-data"


def image(site: Site) -> dict[str, object]:
    """The graph data of a site as an image; gives the settings by which it is read."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.add(site.graph_data.path, "data")
    with LayoutWriter(site.directory / "image") as layout:
        layer = layout.blob(packed.getvalue(), OCI_LAYER_GZIP)
        layout.image(config={"architecture": "amd64", "os": "linux"}, layers=[layer], tag=TAG)
    return {"graph_data": f"docker://{NAME}:{TAG}", "graph_data_path": "/data"}


@pytest.fixture
async def mirrors(site: Site) -> AsyncIterator[tuple[SimulatedRegistry, ...]]:
    """Two mirrors of an image with the graph data of the site, which reads it from the first."""
    site.settings.update(image(site))
    async with SimulatedRegistry(MIRROR) as first, SimulatedRegistry("second/graph-data") as second:
        places = ""
        for registry in (first, second):
            registry.load(site.directory / "image")
            places += f'[[registry.mirror]]\nlocation = "{registry.repository.name}"\ninsecure = true\n'
        conf = site.directory / "registries.conf"
        conf.write_text(f'[[registry]]\nlocation = "{NAME}"\nblocked = true\n{places}')
        site.settings["mirrors"] = (str(conf),)
        yield first, second


async def test_a_mirror_that_fails_is_named_while_another_place_stands_in(
    site: Site, mirrors: tuple[SimulatedRegistry, ...]
) -> None:
    async def refuse(_: Site) -> None:
        mirrors[0].faults.append(Fault("manifest", times=1000, status=403))

    async def obey(_: Site) -> None:
        mirrors[0].faults.clear()

    row = Row(
        name="mirror",
        fault="The first mirror of an image with graph data refuses it.",
        make=refuse,
        mend=obey,
        reference="mirror-failed",
        seen=rf"docker://{NAME} was read from .*, because .*/{MIRROR} failed",
        heals="The next round in which the first mirror answers.",
    )
    async with in_one_process(site):
        await check_survives(site, row)
        # What another place gave is a good reading.
        assert [report.get("fault") for report in (await site.state())["sources"]] == [None, None]
