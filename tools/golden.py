"""Compares what the code makes with a file of the repository, so that a review sees every change of it as a difference.

``GOLDEN=write`` in the environment writes the files instead; then the difference is in git.
"""

import difflib
import os
from pathlib import Path

VARIABLE = "GOLDEN"


def difference(file: Path, made: str) -> str:
    """How ``made`` differs from the file, as a unified difference with the way to accept it; empty where it does not."""
    if os.environ.get(VARIABLE) == "write":
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(made)
    kept = file.read_text() if file.exists() else ""
    if kept == made:
        return ""
    lines = difflib.unified_diff(
        kept.splitlines(), made.splitlines(), f"{file.name} as kept", "as made", lineterm=""
    )
    return "\n".join([f"{VARIABLE}=write accepts this:", *lines])
