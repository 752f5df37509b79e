"""Writes signatures in the form that the name of the output asks for."""

import os
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path

from upgraph.errors import Finding, Severity, UserError
from upgraph.errors.problems.service import OUTPUT_UNWRITABLE
from upgraph.errors.problems.signing import SIGNATURES_BEYOND_REACH, SIGNATURES_NONE
from upgraph.oci import Digest
from upgraph.service.plain_file import read_plain, replacing
from upgraph.signing import Signatures, config_map_manifest, store_archive, store_files
from upgraph.signing.address_store import MAX_NUMBER
from upgraph.syntax.signature_names import MAX_SIGNATURE_BYTES, is_file_name

OUTPUT_HELP = (
    "Where to write: ConfigMaps for `oc apply` if it ends in .yaml, a store as an archive if it ends in .tar,"
    " .tar.gz or .tgz, otherwise a store directory, to which signatures are added."
)
CONFIG_MAP_NAME = "release-signatures"

_MANIFESTS = (".yaml", ".yml")
_COMPRESSED = (".tar.gz", ".tgz")


def write_out(signatures: Signatures, out: Path, *, name: str = CONFIG_MAP_NAME) -> tuple[Finding, ...]:
    """Write signatures; gives what clusters will not find there.

    Args:
        signatures: by digest.
        out: says by its ending in which form.
        name: of the first ConfigMap.

    Raises:
        UserError: it cannot be written there, or there is nothing to write.
        DataError: a signature does not fit into a ConfigMap.
    """
    if not any(signatures.values()):
        raise UserError(SIGNATURES_NONE, f"there is no signature to write to {out}")
    if out.name.endswith(_MANIFESTS):
        _write(out, config_map_manifest(signatures, name))
        return ()
    if out.name.endswith((".tar", *_COMPRESSED)):
        _write(out, store_archive(signatures, compressed=out.name.endswith(_COMPRESSED)))
        return _beyond_reach(signatures, out)
    return _beyond_reach(add_to_directory(signatures, out), out)


def place_for_a_part(out: Path) -> Path:
    """Where signatures go that are not all that were wanted: not into a file, which would be replaced as a whole.

    Args:
        out: where all would go.

    Returns:
        The directory itself, since signatures are added to it; otherwise a file beside it that does not exist yet.
    """
    ending = next((one for one in (*_MANIFESTS, ".tar", *_COMPRESSED) if out.name.endswith(one)), None)
    if ending is None:
        return out
    stem = out.name.removesuffix(ending)
    names = (f"{stem}.partial{'' if number == 1 else f'-{number}'}{ending}" for number in count(1))
    return next(place for name in names if not os.path.lexists(place := out.with_name(name)))


def _beyond_reach(signatures: Signatures, out: Path) -> tuple[Finding, ...]:
    return tuple(
        Finding(
            Severity.WARNING,
            SIGNATURES_BEYOND_REACH,
            f"{digest} has {len(found)} signatures; clusters ask for {MAX_NUMBER}",
            str(out),
        )
        for digest, found in sorted(signatures.items())
        if len(found) > MAX_NUMBER
    )


def add_to_directory(signatures: Signatures, out: Path) -> Signatures:
    """Add signatures to a store directory. What is there stays, and what is there already is not added again.

    Returns:
        All signatures that it has now of the releases in question.
    """
    merged = {digest: _merged(out, digest, added) for digest, added in signatures.items()}
    for path, content in store_files(merged).items():
        target = out / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(OUTPUT_UNWRITABLE, f"{out} cannot be written: {error.strerror}") from error
        if not target.exists():
            _write(target, content)
    return merged


def _merged(out: Path, digest: Digest, added: Sequence[bytes]) -> list[bytes]:
    """The signatures that are there, and behind them those that are new."""
    kept = list(_kept(out / digest.replace(":", "=")).values())
    return [*kept, *(one for one in dict.fromkeys(added) if one not in kept)]


def _kept(folder: Path) -> Mapping[int, bytes]:
    """The signatures of one release by their number.

    Raises:
        UserError: there is a gap, which clusters do not look behind, or one cannot be read.
    """
    if not folder.is_dir():
        return {}
    numbers = sorted(
        int(path.name.rpartition("-")[2]) for path in folder.iterdir() if is_file_name(path.name)
    )
    if numbers != list(range(1, len(numbers) + 1)):
        seen = f"{folder} has the signatures {', '.join(map(str, numbers))}; clusters stop at the first gap"
        raise UserError(OUTPUT_UNWRITABLE, seen, remedy="Number the files from 1 without a gap.")
    return {number: _read(folder / f"signature-{number}") for number in numbers}


def _read(path: Path) -> bytes:
    try:
        return read_plain(path, MAX_SIGNATURE_BYTES)
    except OSError as error:
        raise UserError(OUTPUT_UNWRITABLE, f"{path} cannot be read: {error.strerror}") from error


def _write(path: Path, content: bytes) -> None:
    with replacing(path) as file:
        file.write(content)
