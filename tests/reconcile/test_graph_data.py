"""Whatever a registry says of a graph-data image, there is an answer or a fault."""

from collections.abc import AsyncIterator

import pytest

from upgraph.oci import OCI_CONFIG, OCI_MANIFEST, Access, Descriptor, ImageName
from upgraph.oci.images.documents import image_document
from upgraph.operator.graph_data import MAX_CONFIG_BYTES, look
from upgraph.testing.registry import SimulatedRegistry


@pytest.fixture
async def registry() -> AsyncIterator[SimulatedRegistry]:
    async with SimulatedRegistry("graph-data") as running:
        yield running


@pytest.mark.parametrize(
    ("configuration", "told"),
    [
        (b"[" * 100_000, "is not valid"),
        (b'{"config": {"Cmd": "/copier"}}', "is not valid"),
        (b"\xff", "is not valid"),
        (b" " * (MAX_CONFIG_BYTES + 1), f"has {MAX_CONFIG_BYTES + 1} bytes"),
    ],
    ids=["nested without end", "of another form", "no text", "too large"],
)
async def test_a_configuration_that_cannot_be_read_is_told(
    registry: SimulatedRegistry, configuration: bytes, told: str
) -> None:
    config = Descriptor(OCI_CONFIG, registry.add(configuration), len(configuration))
    registry.add(image_document(config, [], OCI_MANIFEST), tag="latest")
    looked = await look(ImageName(registry.repository, "latest"), Access())
    assert looked.fault is not None
    assert told in looked.fault.seen
