"""The metadata keys of the graph: the labels by which releases and graph data shape it."""

PREFIX = "io.openshift.upgrades.graph."

MANIFESTREF = PREFIX + "release.manifestref"
"""Digest of the release image's manifest."""
ARCH = PREFIX + "release.arch"
"""Architecture of the release; the only key that clients never see."""
CHANNELS = PREFIX + "release.channels"
"""Comma-separated channels of the release."""
PREVIOUS_ADD = PREFIX + "previous.add"
PREVIOUS_REMOVE = PREFIX + "previous.remove"
PREVIOUS_REMOVE_REGEX = PREFIX + "previous.remove_regex"
NEXT_ADD = PREFIX + "next.add"
NEXT_REMOVE = PREFIX + "next.remove"

RELEASE_ARCHITECTURE = "release.openshift.io/architecture"
"""Set by the release itself; ``multi`` for a multi-architecture release and for each of its shards."""

MULTI = "multi"
REMOVE_ALL = "*"


def items(value: str) -> list[str]:
    """The items of a comma-separated label, without white space around them and without empty ones."""
    return [stripped for item in value.split(",") if (stripped := item.strip())]


def channels_sorted(names: set[str]) -> str:
    """The value of the channels label.

    Cincinnati sorts by the whole name, then stably by what follows the first hyphen, both as plain
    text, so ``4.10`` stands before ``4.9``. Clients show the list in this order.
    """
    return ",".join(sorted(sorted(names), key=lambda name: name.partition("-")[2]))
