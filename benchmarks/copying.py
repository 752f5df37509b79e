"""Copying releases from one registry to another, beside skopeo doing the same."""

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from benchmarks.catalogue import BrokenMeasurementError
from benchmarks.generate import AMD64_REPOSITORY, tag_of
from benchmarks.machine import pairs_by_turns
from benchmarks.processes import output_of
from benchmarks.result import Bench, Row
from benchmarks.serve import generated_registry
from upgraph.testing.real_registry import RealRegistry, program, real_registry

RELEASES = 500
QUICK_RELEASES = 20
COPY_SECONDS = 1800.0
COPY_RATIO = 1.0


def copy(bench: Bench) -> Sequence[Row]:
    """Releases into an empty registry without TLS, out of the generated one with it."""
    made = bench.content
    wanted = QUICK_RELEASES if bench.quick else RELEASES
    tags = [tag_of(release.version.text, release.arch) for release in made.amd64[:wanted]]
    with generated_registry(made) as source:
        pairs = pairs_by_turns(
            lambda: _into_empty(bench, lambda target: _ours(bench, source, target, tags)),
            lambda: _into_empty(bench, lambda target: _skopeo(bench, source, target, tags)),
            bench.rounds,
        )
    low, high = pairs.spread
    return [
        Row(
            measure=f"copy of {len(tags):,} releases between registries",
            ours=f"{median(pairs.ours):.1f} s",
            beside=f"skopeo sync: {median(pairs.theirs):.1f} s",
            result=f"{pairs.ratio:.2f} times ({low:.2f} to {high:.2f})",
            goal=f"at most {COPY_RATIO:g}",
            reached=pairs.ratio <= COPY_RATIO,
        )
    ]


def _into_empty(bench: Bench, copied: Callable[[RealRegistry], Path]) -> float:
    """Seconds that a copy takes, whose storage is looked at afterwards."""
    directory = bench.directory("copied")
    with real_registry(directory) as target:
        started = time.perf_counter()
        place = copied(target)
        seconds = time.perf_counter() - started
    if not (directory / "data/docker/registry/v2/repositories" / place / "_manifests/tags").is_dir():
        raise BrokenMeasurementError(f"nothing was copied to {place}")
    return seconds


def _ours(bench: Bench, source: RealRegistry, target: RealRegistry, tags: Sequence[str]) -> Path:
    listed = bench.directory("list") / "images"
    place = Path("copied") / Path(AMD64_REPOSITORY).name
    read, written = source.repository(AMD64_REPOSITORY), target.repository(str(place))
    listed.write_text("".join(f"{read}:{tag} {written}\n" for tag in tags))
    command = [
        Path(sys.executable).with_name("upgraph"),
        "image",
        "copy",
        "--from-file",
        listed,
        "-o",
        "json",
    ]
    if source.certificates is not None:
        command += ["--ca", source.certificates.certificate]
    output_of([str(part) for part in command], seconds=COPY_SECONDS)
    return place


def _skopeo(bench: Bench, source: RealRegistry, target: RealRegistry, tags: Sequence[str]) -> Path:
    listed = bench.directory("list") / "images.yaml"
    shown = ", ".join(f'"{tag}"' for tag in tags)
    listed.write_text(
        f'"127.0.0.1:{source.port}":\n  tls-verify: false\n  images: {{"{AMD64_REPOSITORY}": [{shown}]}}\n'
    )
    command = [program("skopeo"), "--insecure-policy", "sync", "--all", "--preserve-digests", "--src=yaml"]
    command += ["--dest=docker", "--dest-tls-verify=false", str(listed), f"127.0.0.1:{target.port}/copied"]
    output_of(command, seconds=COPY_SECONDS)
    return Path("copied") / Path(AMD64_REPOSITORY).name
