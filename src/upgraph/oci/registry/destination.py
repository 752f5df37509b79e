"""A repository of a registry as a destination of images: the writing half of the distribution API.

Every request may be lost with its answer. Those that are made again either do the same once more, or ask
first what became of the last one, so nothing is ever sent twice that has arrived.
"""

from functools import partial

from upgraph.errors import DataError, RemoteError, VerificationError
from upgraph.errors.problems import oci as problems
from upgraph.oci.http.access import Access
from upgraph.oci.http.body import read_capped
from upgraph.oci.http.retry import Retry
from upgraph.oci.http.timing import Timing
from upgraph.oci.images.closing import Closing
from upgraph.oci.images.destination import BlobReader
from upgraph.oci.images.digest import Digest, digest_of, is_digest
from upgraph.oci.images.listing import MAX_LISTED_CHARACTERS, TAG
from upgraph.oci.images.manifest import ACCEPT_MANIFESTS, MAX_MANIFEST_BYTES, Descriptor
from upgraph.oci.images.reference import Repository
from upgraph.oci.images.source import Manifest
from upgraph.oci.registry.authorization import PULL_AND_PUSH
from upgraph.oci.registry.distribution import DEFAULT_CONCURRENCY
from upgraph.oci.registry.neighbours import Neighbours
from upgraph.oci.registry.push_failures import manifest_failure, upload_failure
from upgraph.oci.registry.transport import Transport
from upgraph.oci.registry.turns import Turns
from upgraph.oci.registry.upload import Door, Upload, upload_place

PATIENT = Timing(retry=Retry(attempts=8, ceiling=30.0, longest_asked=300.0))
"""A copy is begun by somebody who wants it done; it waits longer than a service that looks again anyway."""

_EMPTY = {"Content-Length": "0"}
_ACCEPT = {"Accept": ACCEPT_MANIFESTS}
_DIGEST_HEADER = "Docker-Content-Digest"


class RegistryDestination(Closing):
    """One repository of a registry. Nothing is contacted before the first call.

    Args:
        repository: where to write.
        access: credentials, trust and proxies.
        timing: clocks, chance and patience.
        turns: how many requests at a time; shared with others who use the registry.
        neighbours: what the run knows of other repositories.
    """

    def __init__(
        self,
        repository: Repository,
        *,
        access: Access,
        timing: Timing = PATIENT,
        turns: Turns | None = None,
        neighbours: Neighbours | None = None,
    ) -> None:
        self._repository = repository
        self._timing = timing
        self._neighbours = neighbours or Neighbours()
        self._root = f"/v2/{repository.path}"
        self._transport = Transport(
            repository,
            access=access,
            turns=turns or Turns(DEFAULT_CONCURRENCY, timing),
            timing=timing,
            actions=PULL_AND_PUSH,
        )

    @property
    def name(self) -> str:
        """``docker://host[:port]/path``."""
        return str(self._repository)

    async def has_blob(self, blob: Descriptor) -> bool:
        """See :meth:`ImageDestination.has_blob`."""
        found = await self._timing.retried(lambda: self._look_for(blob))
        if found:
            self._neighbours.note(self._repository, blob.digest)
        return found

    async def put_blob(self, blob: Descriptor, read: BlobReader) -> None:
        """See :meth:`ImageDestination.put_blob`. It is mounted from another repository where that is possible."""
        async with self._neighbours.turn(self._repository, blob.digest):
            begin = partial(self._begin, blob)
            location = await self._timing.retried(partial(self._begin_or_mount, blob))
            if location is None:
                return
            door = Door(self._transport, self._timing, self._repository, begin, lambda: self._look_for(blob))
            await Upload(door, blob, read, location).run()
            self._neighbours.note(self._repository, blob.digest)

    async def put_manifest(self, manifest: Manifest) -> None:
        """See :meth:`ImageDestination.put_manifest`."""
        path = self._manifest_path(manifest.digest)
        await self._timing.retried(lambda: self._put(path, manifest))

    async def tagged(self, tag: str) -> Digest | None:
        """See :meth:`ImageDestination.tagged`."""
        path = self._manifest_path(tag)
        return await self._timing.retried(lambda: self._resolve(path))

    async def holds(self, digest: Digest) -> bool:  # noqa: ARG002 - nothing is asked
        """See :meth:`ImageDestination.holds`. A registry refuses a manifest that names what it lacks."""
        return True

    async def put_tag(self, tag: str, manifest: Manifest) -> None:
        """See :meth:`ImageDestination.put_tag`."""
        path = self._manifest_path(tag)
        await self._timing.retried(lambda: self._put(path, manifest))

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.close()

    async def _look_for(self, blob: Descriptor) -> bool:
        response = await self._transport.head(f"{self._root}/blobs/{blob.digest}", {})
        if response.status == 404:
            return False
        if response.status != 200:
            raise await upload_failure(self._transport, response, blob)
        # Another size means that the descriptor is wrong, which sending it will show.
        return response.content_length in {None, blob.size}

    async def _begin(self, blob: Descriptor) -> str:
        path = f"{self._root}/blobs/uploads/"
        async with self._transport.exchange("POST", path, _EMPTY) as response:
            if response.status != 202:
                raise await upload_failure(self._transport, response, blob)
            return upload_place(self._repository, response.headers.get("Location", ""))

    async def _begin_or_mount(self, blob: Descriptor) -> str | None:
        """Where to upload a blob; None: the registry took it from another repository."""
        holder = self._neighbours.holder(self._repository, blob.digest)
        if holder is None:
            return await self._begin(blob)
        self._transport.authorization.include(holder)
        path = f"{self._root}/blobs/uploads/?mount={blob.digest}&from={holder}"
        try:
            async with self._transport.exchange("POST", path, _EMPTY) as response:
                if response.status == 201:
                    return None
                if response.status == 202:
                    return upload_place(self._repository, response.headers.get("Location", ""))
        except RemoteError as error:
            if error.status not in {401, 403}:
                raise
            # Who may not read the other repository may still write to this one.
            self._transport.authorization.exclude_others()
        return await self._begin(blob)

    def _manifest_path(self, reference: str) -> str:
        # The name may be that of a tag in a layout that somebody brought along, where any text can stand.
        if not is_digest(reference) and not TAG.fullmatch(reference):
            seen = f"{self.name}: {reference[:MAX_LISTED_CHARACTERS]!r} cannot be a tag in a registry"
            raise DataError(problems.INVALID_REFERENCE, seen)
        return f"{self._root}/manifests/{reference}"

    async def _put(self, path: str, manifest: Manifest) -> None:
        headers = {"Content-Type": manifest.media_type}
        async with self._transport.exchange("PUT", path, headers, body=manifest.content) as response:
            if response.status not in {200, 201, 202, 204}:
                raise await manifest_failure(self._transport, response, manifest.media_type)
            stated = response.headers.get(_DIGEST_HEADER, manifest.digest)
            if is_digest(stated) and stated != manifest.digest:
                seen = f"{self._transport.what('PUT', path)}: {manifest.digest} was sent, {stated} was stored"
                raise VerificationError(problems.DIGEST_MISMATCH, seen)

    async def _resolve(self, path: str) -> Digest | None:
        response = await self._transport.head(path, _ACCEPT)
        if response.status == 404:
            return None
        stated = response.headers.get(_DIGEST_HEADER, "")
        if response.status == 200 and is_digest(stated):
            return Digest(stated)
        async with self._transport.exchange("GET", path, _ACCEPT) as response:
            if response.status == 404:
                return None
            if response.status != 200:
                raise await self._transport.failure(response)
            what = self._transport.what("GET", path)
            return digest_of(await read_capped(response, MAX_MANIFEST_BYTES, what))
