"""Versions that every reader of a release accepts: clusters, the scraper of Cincinnati, and tags of images.

The readers differ. :class:`~upgraph.graph.Version` takes what the scraper takes, for which a number with leading
zeros is a text; a cluster refuses it (blang/semver). A build part is lost in the graph, where it names the
architecture, and cannot stand in a tag.
"""

from upgraph.errors import DataError
from upgraph.graph import Version


def strict_fault(text: str) -> str | None:
    """Why a reader would not accept a version; None if all do."""
    try:
        version = Version.parse(text)
    except DataError as error:
        return error.seen
    if version.text != text:
        return f"{text!r} has white space around it"
    if version.build:
        return f"{text!r} has a build part (+{version.build}), which the architecture replaces in graphs"
    for part in version.pre.split("."):
        if part.isdigit() and part != "0" and part.startswith("0"):
            return f"{text!r} has a number with leading zeros ({part}), which clusters refuse"
    return None
