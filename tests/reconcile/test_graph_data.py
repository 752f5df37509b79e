"""Whatever a registry says of a graph-data image, there is an answer or a fault."""

import socket
from collections.abc import AsyncIterator

import pytest

from upgraph.oci import OCI_CONFIG, OCI_MANIFEST, Access, Descriptor, ImageName, parse_image_name
from upgraph.oci.images.documents import image_document
from upgraph.operator.observing.graph_data import MAX_CONFIG_BYTES, look
from upgraph.operator.observing.graph_data_watch import GraphDataWish, look_at
from upgraph.operator.observing.private_files import AccessPool, Means
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


async def test_a_registry_that_says_nothing_is_left_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("upgraph.operator.observing.graph_data_watch.LOOK_SECONDS", 0.2)
    with AccessPool() as pool, socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        wish = GraphDataWish(parse_image_name(f"docker+http://{host}/graph-data:1"), Means())
        seen = await look_at(pool, wish, None)
    assert seen.found is None
    assert seen.fault_text.endswith("graph-data:1: no answer in 0.2 s")


async def test_a_fault_that_stands_keeps_nothing_of_what_has_led_to_it() -> None:
    """The frames of a whole look would stay with it, and hundreds of UpdateServices may have the same registry."""
    with socket.create_server(("127.0.0.1", 0)) as gone:
        host = f"127.0.0.1:{gone.getsockname()[1]}"
    with AccessPool() as pool:
        wish = GraphDataWish(parse_image_name(f"docker+http://{host}/graph-data:1"), Means())
        seen = await look_at(pool, wish, None)
    assert seen.fault is not None
    assert (seen.fault.__traceback__, seen.fault.__cause__, seen.fault.__context__) == (None, None, None)
