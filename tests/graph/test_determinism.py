"""Equal inputs give equal bytes: in every process, whatever its hash seed."""

import hashlib
import os
import subprocess
import sys

import pytest

PROGRAM = """
import hashlib, random, sys
from upgraph.graph import Encoder, build, select
from upgraph.testing.sample_graphs import GraphBench, block, graph_data, risk

bench = GraphBench()
for arch in ("amd64", "arm64", "s390x"):
    names = [f"4.{minor}.{patch}" for minor in range(8, 11) for patch in range(8)]
    for place, name in enumerate(names):
        bench.release(f"{name}+{arch}", *names[:place], labels={"next.add": "4.10.7,x", "release.channels": "b-1,a-2"})
bench.release("4.8.0+amd64", digest="sha256:rival")
bench.release("4.8.1+amd64", "4.10.7")
random.Random(int(sys.argv[1])).shuffle(bench.releases)
channels = {f"{kind}-4.{minor}": names for kind in ("stable", "fast", "eus") for minor in (8, 9, 10)}
rules = [risk(f"4.10.{n}", f"[.]{n % 3}[+]", f"R{n % 4}") for n in range(8)]
rules += [risk(f"4.10.{n}", "4.9", f"S{n % 2}") for n in range(8)] + [block("4.9.3", "4.8")]
built = build(bench.releases, graph_data(*rules, channels=channels))
encoder = Encoder()
parts = [encoder.for_builder_clients(built.graph), repr([str(f) for f in built.findings]).encode()]
parts += [encoder.for_clients(select(built.graph, c, a)) for c in built.graph.channels for a in built.graph.arches]
print(hashlib.sha256(b"".join(parts)).hexdigest(), len(parts), len(built.findings))
"""


def _run(seed: int) -> str:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, str(seed)],
        env={**os.environ, "PYTHONHASHSEED": str(seed)},
        capture_output=True,
        text=True,
        check=True,
        timeout=180,
    ).stdout


@pytest.fixture(scope="module")
def first() -> str:
    return _run(0)


@pytest.mark.parametrize("seed", [1, 42, 4_000_000_000])
def test_another_hash_seed_and_another_order_of_releases_give_the_same_bytes(first: str, seed: int) -> None:
    assert _run(seed) == first


def test_the_compared_answers_are_many_and_not_empty(first: str) -> None:
    digest, parts, findings = first.split()
    assert digest != hashlib.sha256(b"").hexdigest()
    assert (int(parts), int(findings) > 0) == (2 + 11 * 3, True)
