"""Verifying signatures of releases, beside a loop of bare calls of gpgv over the same files."""

import asyncio
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from time import perf_counter

from benchmarks.catalogue import BrokenMeasurementError
from benchmarks.result import Bench, Row
from upgraph.oci import Digest
from upgraph.signing import (
    Candidate,
    Collection,
    Gpgv,
    MemoryStore,
    VerifiedDigest,
    Verifier,
    examine,
    parse_keyring,
)
from upgraph.testing.gpg_home import GpgHome
from upgraph.testing.signature_judge import release_message

MESSAGES = 1_000
QUICK_MESSAGES = 100
MOST = 1.0
"""Time that verifying may take, as a share of the time of bare calls one after the other."""


def signatures(bench: Bench) -> Sequence[Row]:
    """Seconds for verifying signatures of many releases, each with one of its own."""
    number = QUICK_MESSAGES if bench.quick else MESSAGES
    directory = bench.directory("signatures")
    with GpgHome() as home:
        ring = home.make_key("releases", algorithm="rsa3072")
        messages = _made(home, number)
    (directory / "ring.gpg").write_bytes(ring)
    for at, message in enumerate(messages.values()):
        (directory / f"{at}.sig").write_bytes(message)
    ours = median(asyncio.run(_verified(ring, messages)) for _ in range(bench.rounds))
    bare = median(_bare(directory, number) for _ in range(bench.rounds))
    return [
        Row(
            measure=f"verifying signatures of {number:,} releases",
            ours=f"{ours:.2f} s, {ours / number * 1e3:.1f} ms each",
            beside=f"bare calls of gpgv one after the other: {bare:.2f} s",
            result=f"{ours / bare:.2f} of the time",
            goal=f"at most {MOST:g}",
            reached=ours / bare <= MOST,
        )
    ]


def _made(home: GpgHome, number: int) -> dict[Digest, bytes]:
    digests = (Digest(f"sha256:{at:064x}") for at in range(number))
    return {digest: home.sign(release_message(digest), "releases") for digest in digests}


async def _verified(ring: bytes, messages: dict[Digest, bytes]) -> float:
    store = MemoryStore(
        Collection("bench", {digest: [Candidate("bench", one)] for digest, one in messages.items()})
    )
    started = perf_counter()
    with Gpgv(os.environ) as judge:
        outcomes = await examine(Verifier([parse_keyring(ring, "ring")], judge), messages, [store])
    seconds = perf_counter() - started
    if not all(isinstance(one, VerifiedDigest) for one in outcomes.values()):
        raise BrokenMeasurementError("a good signature was refused")
    return seconds


def _bare(directory: Path, number: int) -> float:
    ring = str(directory / "ring.gpg")
    started = perf_counter()
    for at in range(number):
        output = directory / "content"
        command = [
            "gpgv",
            "--homedir",
            str(directory),
            "--keyring",
            ring,
            "--output",
            str(output),
            f"{at}.sig",
        ]
        done = subprocess.run(command, cwd=directory, capture_output=True, check=False, timeout=60)
        if done.returncode:
            raise BrokenMeasurementError(f"gpgv refused a good signature: {done.stderr!r}")
    return perf_counter() - started
