"""The process that answers carries nothing that only building needs, and a check no more than it needs."""

import subprocess
import sys

import pytest

ONLY_FOR_BUILDING = {"aiohttp", "cryptography", "httpx2", "lightkube", "re2", "sqlite3", "yaml", "zstandard"}


@pytest.mark.parametrize("module", ["upgraph.service.running", "upgraph.cli.serve"])
def test_the_serving_process_loads_nothing_of_the_building_one(module: str) -> None:
    # It starts faster and holds less memory, and a fault of those libraries cannot reach the answers.
    probe = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", probe], check=True, capture_output=True, text=True).stdout
    assert not ONLY_FOR_BUILDING & set(loaded.split())


def test_checking_graph_data_loads_nothing_for_tables_clusters_and_other_signatures() -> None:
    # Editors and commits wait for it.
    probe = "import sys, upgraph.cli.graph_data; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", probe], check=True, capture_output=True, text=True).stdout
    assert not {"cryptography", "httpx2", "lightkube", "prometheus_client", "rich"} & set(loaded.split())
