"""A tar archive of an OCI layout as a destination of images.

A layout is written beside it first, in ``FILE.partial``, in parallel and in any order. At the clean end it
becomes the archive: members sorted, without times and owners, so the same images give the same file. Each
blob is removed as soon as the archive has it, so little more space is needed than the archive takes.
If the copy ends in another way ``FILE.partial`` stays, and the next copy to the same file goes on with it.
"""

import asyncio
import os
import shutil
import tarfile
from pathlib import Path
from types import TracebackType

from upgraph.errors import UserError
from upgraph.errors.problems import oci as problems
from upgraph.oci.disk.layout_destination import LayoutDestination
from upgraph.oci.images.digest import Digest
from upgraph.oci.images.source import Manifest


class ArchiveDestination(LayoutDestination):
    """An OCI archive. The file appears, whole, at the clean end of the ``async with`` block.

    Args:
        path: the file.
        replace: whether a file that is there may be replaced.

    Raises:
        UserError: there is a file, and it may not be replaced.
    """

    def __init__(self, path: Path, *, replace: bool = False) -> None:
        if path.exists() and not replace:
            seen = f"oci-archive:{path} is there already and has {path.stat().st_size} bytes"
            raise UserError(problems.ARCHIVE_EXISTS, seen)
        self._file = path
        self._staging = path.with_name(f"{path.name}.partial")
        super().__init__(self._staging, f"oci-archive:{path}")
        self._is_clean = False
        self._has_images = False

    async def put_tag(self, tag: str, manifest: Manifest) -> None:
        """See :meth:`ImageDestination.put_tag`."""
        await super().put_tag(tag, manifest)
        self._has_images = True

    async def tagged(self, tag: str) -> Digest | None:
        """See :meth:`ImageDestination.tagged`. Tags of a copy that broke off are not those of this one."""
        return await super().tagged(tag) if self._has_images else None

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_clean = kind is None
        await self.close()

    async def close(self) -> None:
        """Make the archive, if the block has ended well and there is an image."""
        is_clean, self._is_clean = self._is_clean, False
        try:
            if is_clean and self._has_images:
                with self._translated():
                    self._save()
                    await asyncio.to_thread(self._pack)
        finally:
            await super().close()

    def _take_possession(self) -> None:
        super()._take_possession()
        (self._staging / "index.json").unlink(missing_ok=True)

    def _pack(self) -> None:
        unfinished = self._file.with_name(f".{self._file.name}.{os.getpid()}")
        try:
            with tarfile.open(unfinished, "w", format=tarfile.PAX_FORMAT) as archive:
                for name in ("oci-layout", "index.json"):
                    _add(archive, self._staging / name, name)
                for digest in sorted(self.held):
                    place = self._place(digest)
                    _add(archive, place, str(place.relative_to(self._staging)))
                    place.unlink()
            unfinished.replace(self._file)
            shutil.rmtree(self._staging)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise


def _add(archive: tarfile.TarFile, file: Path, name: str) -> None:
    member = tarfile.TarInfo(name)
    member.size = file.stat().st_size
    with file.open("rb") as content:
        archive.addfile(member, content)
