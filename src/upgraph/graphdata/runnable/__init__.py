"""The program that makes an image of graph data run without a base image: it copies the data and ends.

It is compiled from ``copier.c`` when the package is built (``tools/copier.py``), for every architecture that update
services run on. A package that was built without the compiler lacks it, and then only this is missing.
"""

from importlib.resources import files

from upgraph.errors import UserError
from upgraph.errors.problems import graphdata as problems

__all__ = ["ARCHITECTURES", "DATA_IN_IMAGE", "DATA_OF_SERVICE", "copier"]

ARCHITECTURES = ("amd64", "arm64", "ppc64le", "s390x")
"""What the copier is compiled for, as images name it."""
DATA_IN_IMAGE = "/var/lib/cincinnati-graph-data"
"""Where the copier reads."""
DATA_OF_SERVICE = "/var/lib/cincinnati/graph-data"
"""Where it writes: the volume that operators mount into the init container, and the service reads."""


def copier(architecture: str) -> bytes:
    """The static program for ``architecture``, to be the entrypoint of an image. It takes no arguments.

    Raises:
        UserError: there is none for this architecture, or the package was built without it.
    """
    if architecture not in ARCHITECTURES:
        seen = f"there is no copier for {architecture[:40]!r}; there is one for {', '.join(ARCHITECTURES)}"
        raise UserError(problems.NO_COPIER, seen)
    try:
        return files(__package__).joinpath(f"copier-{architecture}").read_bytes()
    except FileNotFoundError as error:
        seen = f"this installation has no copier-{architecture}"
        raise UserError(problems.NO_COPIER, seen) from error
