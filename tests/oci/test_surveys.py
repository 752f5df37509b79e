"""What belongs to an image that wants to be more than anybody can hold."""

import pytest

from upgraph.errors import DataError
from upgraph.oci import Composition, Descriptor, Manifest, Platform
from upgraph.oci.copying import cargo

CONFIG = {"architecture": "amd64", "os": "linux"}
VARIANTS = [Platform("amd64", variant=f"v{number}") for number in range(30)]


class Counted(Composition):
    """Images of which each reading is counted."""

    asked = 0

    async def manifest(self, reference: str) -> Manifest:
        self.asked += 1
        return await super().manifest(reference)


def nested(levels: int) -> Counted:
    """An index that names an index 30 times, which names another one 30 times, and so on down to one image."""
    made = Counted("nested")
    inner: Descriptor = made.image(config=CONFIG, layers=[])
    for _ in range(levels):
        inner = made.index([(inner, one) for one in VARIANTS])
    made.tag("v1", inner)
    return made


async def test_what_is_named_many_times_is_read_once() -> None:
    images = nested(cargo.MAX_DEPTH)
    found = await cargo.survey(images, "v1")
    assert len(found.manifests) == images.asked == cargo.MAX_DEPTH + 1


async def test_indexes_are_followed_so_deep_and_no_deeper() -> None:
    with pytest.raises(DataError, match="indexes in more than 4 levels"):
        await cargo.survey(nested(cargo.MAX_DEPTH + 1), "v1")


@pytest.mark.parametrize("limit", ["MAX_MANIFESTS", "MAX_MANIFEST_BYTES"])
async def test_more_manifests_than_can_be_held_are_refused(
    limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cargo, limit, 2)
    with pytest.raises(DataError, match="an image has more than"):
        await cargo.survey(nested(2), "v1")
