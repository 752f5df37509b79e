"""Measures of reading a registry: time beside a bare client, bytes of layers, memory of all processes."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

import msgspec

from benchmarks.bare import Taken
from benchmarks.catalogue import BrokenMeasurementError
from benchmarks.generate import ALL_REPOSITORY, AMD64_REPOSITORY, Content, tag_of
from benchmarks.machine import pairs_by_turns
from benchmarks.processes import PeakMemory, output_of
from benchmarks.proxy import counting_proxy
from benchmarks.result import Bench, Row
from benchmarks.serve import Setup, generated_registry, service, setup_for
from benchmarks.storage import RepositoryStorage
from upgraph.oci import Image, parse_manifest
from upgraph.testing.real_registry import RealRegistry

BARE_SECONDS = 300.0
COLD_RATIO = 1.4
RESCRAPE_RATIO = 1.2
RESCRAPE_INTERVAL = 5.0
"""Seconds between two scrapes; the bare client is through twice in them."""
LAYER_SHARE = 0.2
MEMORY_BYTES = 250 * 10**6


def cold_scrape(bench: Bench) -> Sequence[Row]:
    """A first scrape, each with an empty state directory."""
    made = bench.content
    with generated_registry(made) as registry:
        starts: list[float] = []

        def ours() -> float:
            state = bench.directory("state")
            with service(
                setup_for(registry, AMD64_REPOSITORY, graph_data=made.graph_data, state=state)
            ) as running:
                starts.append(running.wait_ready())
                return running.wait_scraped().seconds

        pairs = pairs_by_turns(ours, lambda: _bare(registry, len(made.amd64) * 3 + 1), bench.rounds)
    low, high = pairs.spread
    return [
        Row(
            measure=f"cold scrape, {len(made.amd64):,} releases",
            ours=f"{median(pairs.ours):.1f} s (start to first answer: {median(starts):.1f} s)",
            beside=f"bare client, manifests, configs, 16 KiB ranges: {median(pairs.theirs):.1f} s",
            result=f"{pairs.ratio:.2f} times ({low:.2f} to {high:.2f})",
            goal=f"at most {COLD_RATIO:g}",
            reached=pairs.ratio <= COLD_RATIO,
        )
    ]


def rescrape(bench: Bench) -> Sequence[Row]:
    """A scrape of what has not changed since the last one."""
    made = bench.content
    with generated_registry(made) as registry:
        state = bench.directory("state")
        setup = setup_for(registry, AMD64_REPOSITORY, graph_data=made.graph_data, state=state)
        with service(replace(setup, scrape_interval=RESCRAPE_INTERVAL)) as running:
            running.wait_ready()
            running.wait_scraped()
            pairs = pairs_by_turns(
                running.next_scrape,
                lambda: _bare(registry, len(made.amd64) + 1, "--manifests-only"),
                bench.rounds,
            )
    low, high = pairs.spread
    return [
        Row(
            measure=f"unchanged rescrape, {len(made.amd64):,} releases",
            ours=f"{median(pairs.ours):.1f} s",
            beside=f"bare client, manifests only: {median(pairs.theirs):.1f} s",
            result=f"{pairs.ratio:.2f} times ({low:.2f} to {high:.2f})",
            goal=f"at most {RESCRAPE_RATIO:g}",
            reached=pairs.ratio <= RESCRAPE_RATIO,
        )
    ]


def layer_bytes(bench: Bench) -> Sequence[Row]:
    """Everything that comes from the registry in a cold scrape, set against the size of the layers."""
    made = bench.content
    with generated_registry(made) as registry, counting_proxy(registry.port) as proxy:
        direct = setup_for(
            registry, AMD64_REPOSITORY, graph_data=made.graph_data, state=bench.directory("state")
        )
        through = f"docker://127.0.0.1:{proxy.port}/{AMD64_REPOSITORY}"
        with service(Setup(through, direct.graph_data, direct.state, direct.ca)) as running:
            running.wait_ready()
            running.wait_scraped()
        received = proxy.received_bytes
    size = sum(_release_layers(made))
    if not received:
        raise BrokenMeasurementError("nothing went through the proxy")
    return [
        Row(
            measure=f"bytes received in that scrape: TLS, manifests, configurations and layers, {len(made.amd64):,} releases",
            ours=f"{received / 1e6:,.1f} MB",
            beside=f"release layers: {size / 1e6:,.1f} MB",
            result=f"{received / size:.1%}",
            goal=f"at most {LAYER_SHARE:.0%}, of layers alone",
            reached=received <= LAYER_SHARE * size,
        )
    ]


def memory(bench: Bench) -> Sequence[Row]:
    """Peak memory of all our processes in a cold scrape and the build after it."""
    made = bench.content
    with generated_registry(made) as registry:
        setup = setup_for(
            registry, ALL_REPOSITORY, graph_data=made.graph_data, state=bench.directory("state")
        )
        with service(setup) as running, PeakMemory(running.pid) as peak:
            running.wait_ready()
            seconds = running.wait_scraped().seconds
    return [
        Row(
            measure=f"peak memory of all processes, cold scrape of {made.tags:,} tags ({seconds:.1f} s) and build",
            ours=f"{peak.proportional_bytes / 1e6:.0f} MB (PSS), {peak.resident_bytes / 1e6:.0f} MB (RSS)",
            beside="Cincinnati: 387 MB (RSS, measured elsewhere)",
            result=f"{peak.proportional_bytes / 1e6:.0f} MB",
            goal=f"at most {MEMORY_BYTES / 1e6:.0f} MB",
            reached=peak.proportional_bytes <= MEMORY_BYTES,
        )
    ]


def _release_layers(made: Content) -> Iterator[int]:
    """Size in bytes of each release layer."""
    storage = RepositoryStorage(made.storage, AMD64_REPOSITORY)
    for release in made.amd64:
        image = parse_manifest(storage.tagged(tag_of(release.version.text, release.arch)), "")
        if isinstance(image, Image):
            yield image.layers[-1].size


def _bare(registry: RealRegistry, requests: int, *options: str) -> float:
    """Seconds that the bare client takes."""
    command = [sys.executable, "-m", "benchmarks.bare", *options]
    command += [f"https://127.0.0.1:{registry.port}/v2/{AMD64_REPOSITORY}", str(_certificate(registry))]
    taken = msgspec.json.decode(output_of(command, seconds=BARE_SECONDS), type=Taken)
    if taken.requests != requests:
        raise BrokenMeasurementError(f"the bare client made {taken.requests} requests, expected {requests}")
    return taken.seconds


def _certificate(registry: RealRegistry) -> Path:
    if registry.certificates is None:
        raise BrokenMeasurementError("the registry has no TLS")
    return registry.certificates.certificate
