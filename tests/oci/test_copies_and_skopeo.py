"""What we write is read by skopeo, and what skopeo writes is read by us, with the same digests."""

import itertools
import json
import subprocess
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from upgraph.oci import (
    Access,
    ArchiveSource,
    Credentials,
    Descriptor,
    LayoutSource,
    Neighbours,
    Order,
    RegistryClient,
    RegistryDestination,
    Repository,
    Trust,
    copy_image,
    publish,
)
from upgraph.testing.certificates import Certificates
from upgraph.testing.image_source import Sample
from upgraph.testing.real_registry import PASSWORD, USERNAME, RealRegistry, program, skopeo_copy

TAG = "4.18.1-multi"
_PATHS = (f"skopeo/{number}" for number in itertools.count())


@pytest.fixture
def access(guarded_registry: RealRegistry, certificates: Certificates, tmp_path: Path) -> Access:
    auth = tmp_path / "auth.json"
    login = f'{{"username": "{USERNAME}", "password": "{PASSWORD}"}}'
    auth.write_text(f'{{"auths": {{"127.0.0.1:{guarded_registry.port}": {login}}}}}')
    return Access(Credentials.load(auth), Trust([certificates.certificate]))


@pytest.fixture
def repository(guarded_registry: RealRegistry) -> Repository:
    return guarded_registry.repository(next(_PATHS))


def digest_by_skopeo(name: str) -> str:
    command = [program("skopeo"), "inspect", "--tls-verify=false", f"--creds={USERNAME}:{PASSWORD}"]
    done = subprocess.run([*command, name], capture_output=True, text=True, check=True, timeout=180)
    return str(json.loads(done.stdout)["Digest"])


async def test_skopeo_reads_the_registry_that_we_wrote_to(
    layout: Path, sample: Sample, repository: Repository, access: Access, tmp_path: Path
) -> None:
    await publish(LayoutSource(layout), TAG, f"{repository}:v1", access)
    assert digest_by_skopeo(f"docker://{repository.name}:v1") == sample.digests[TAG]
    skopeo_copy(
        f"docker://{repository.name}:v1", f"dir:{tmp_path / 'whole'}", [f"--src-creds={USERNAME}:{PASSWORD}"]
    )


@pytest.mark.parametrize("scheme", ["oci", "oci-archive"])
async def test_skopeo_reads_the_disk_that_we_wrote_to(
    layout: Path, sample: Sample, tmp_path: Path, scheme: str
) -> None:
    where = f"{scheme}:{tmp_path / 'made'}:v1"
    await publish(LayoutSource(layout), TAG, where, Access())
    skopeo_copy(where, f"oci:{tmp_path / 'read'}:v1")
    assert await LayoutSource(tmp_path / "read").resolve("v1") == sample.digests[TAG]


async def test_we_copy_what_skopeo_pushed(
    guarded_registry: RealRegistry, sample: Sample, access: Access, tmp_path: Path
) -> None:
    # The fixture fills it with skopeo.
    async with RegistryClient(guarded_registry.repository("releases/ocp"), access=access) as source:
        await publish(source, TAG, f"oci-archive:{tmp_path / 'made.tar'}:v1", access)
    assert await ArchiveSource(tmp_path / "made.tar").resolve("v1") == sample.digests[TAG]


async def test_we_copy_the_archive_that_skopeo_wrote(
    layout: Path, sample: Sample, repository: Repository, access: Access, tmp_path: Path
) -> None:
    skopeo_copy(f"oci:{layout}:{TAG}", f"oci-archive:{tmp_path / 'made.tar'}:v1")
    digest = await publish(ArchiveSource(tmp_path / "made.tar"), "v1", f"{repository}:v1", access)
    assert digest == sample.digests[TAG] == digest_by_skopeo(f"docker://{repository.name}:v1")


async def test_skopeo_adds_to_a_layout_of_ours_and_we_to_one_of_skopeo(
    layout: Path, sample: Sample, tmp_path: Path
) -> None:
    made = tmp_path / "made"
    await publish(LayoutSource(layout), TAG, f"oci:{made}:ours", Access())
    skopeo_copy(f"oci:{layout}:4.18.1-x86_64", f"oci:{made}:theirs")
    await publish(LayoutSource(layout), "latest", f"oci:{made}:ours-again", Access())
    source = LayoutSource(made)
    assert await source.tags() == ["ours", "ours-again", "theirs"]
    assert await source.resolve("theirs") == sample.digests["4.18.1-x86_64"]


async def test_a_blob_crosses_between_repositories_of_one_registry_without_being_sent(
    guarded_registry: RealRegistry, layout: Path, repository: Repository, access: Access
) -> None:
    neighbours, other = Neighbours(), guarded_registry.repository(next(_PATHS))
    opened = [RegistryDestination(one, access=access, neighbours=neighbours) for one in (repository, other)]
    source = _Counting(layout)
    async with opened[0], opened[1]:
        await copy_image(Order(source, TAG, opened[0], "v1"))
        before = source.reads
        await copy_image(Order(source, TAG, opened[1], "v1"))
    assert before > 0
    assert source.reads == before


class _Counting(LayoutSource):
    reads = 0

    def read(self, blob: Descriptor, start: int = 0) -> AsyncGenerator[bytes, None]:
        self.reads += 1
        return super().read(blob, start)
