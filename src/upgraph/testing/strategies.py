"""Hypothesis strategies of the domain: versions, patterns, releases with graph data.

Everything is drawn from small pools, so that rules meet releases, channels meet versions and two rules
meet one edge. Values are plain JSON; :mod:`upgraph.testing.plain` makes values of the product of them.
"""

from dataclasses import dataclass

from hypothesis import strategies as st

from upgraph.testing.plain import PlainBlock, PlainConditional, PlainGraphData, PlainRelease, PlainRisk

PREFIX = "io.openshift.upgrades.graph."
ARCHES = ("amd64", "arm64", "s390x", "multi")
BASES = ("4.1.0", "4.1.1", "4.1.10", "4.2.0-rc.1", "4.2.0", "4.2.11", "4.2.11-s390x", "4.10.0")
CHANNELS = ("stable-4.2", "fast-4.2", "stable-4.10", "candidate-4.1", "plain")
PATTERNS = (
    ".*",
    "",
    r"4\.1\..*",
    r"^4[.]1[.]1\+amd64$",
    r"4[.]1[.][0-9]+[+](arm64|s390x)",
    "1.1",
    r"amd64$",
    r"4\.2\.0-rc",
    r"^(4\.1\.(0|1))[+].*$|^4\.2",
    "nothing",
)
"""Unanchored, anchored, on the architecture, on nothing: all mean the same to every engine."""
BROKEN_PATTERN = "4[.](1"


@dataclass(frozen=True, slots=True)
class Platform:
    """Releases and the graph data about them."""

    releases: list[PlainRelease]
    data: PlainGraphData


_identifiers = st.from_regex(r"[0-9A-Za-z]([0-9A-Za-z-]{0,3}[0-9A-Za-z])?", fullmatch=True)
_dotted = st.lists(_identifiers, min_size=1, max_size=3).map(".".join)
_numbers = st.one_of(st.integers(0, 12), st.integers(0, 2**64 - 1)).map(str)


@st.composite
def version_texts(draw: st.DrawFn) -> str:
    """Canonical texts of versions."""
    core = ".".join(draw(_numbers) for _ in range(3))
    pre = draw(st.none() | _dotted)
    build = draw(st.none() | _dotted)
    return core + (f"-{pre}" if pre else "") + (f"+{build}" if build else "")


_PLAIN = ("a", "4", ".", r"\.", r"\+", "-", "_", "^", "$", r"\x34", "#", "&", "{", "(?i)", "(?U)", "(?)")
_CLASSES = (r"\d", r"\w", r"\b", r"\D", r"\W", r"\s", r"\pL", r"\p{Greek}", r"\A", r"\B", r"\z")
_BRACKETS = ("[0-9]", "[^.]", "[[:digit:]]", "[]4]", "[^]4]", "[[]", "[.+]", r"[\d-z]", r"[\d-]")
_SETS = ("[a-z&&[^a]]", "[0-9--4]", "[4~~5]", "[a[b]]", "[&&]")
_ELSEWHERE = (
    r"\Q",
    r"\E",
    r"\C",
    r"\Z",
    r"\<",
    r"\>",
    r"\1",
    r"\0",
    r"\07",
    r"\Q.\E",
    "(?=4)",
    "(?<!4)",
    "(?x)",
)
_GROUPS = ("(?P<n>4)", "(?<n>4)", "(?P<1>4)", "(?s-i:A)", "(?ii)", "(?i-i:4)", "(?i-:4)", "(?-)")
_atoms = st.sampled_from([*_PLAIN, *_CLASSES, *_BRACKETS, *_SETS, *_ELSEWHERE, *_GROUPS])
_repeats = st.sampled_from(["", "", "", "*", "+", "?", "{1,2}", "{2}", "{,2}", "*?", "++", "{0}", "{1,"])
_pieces = st.tuples(_atoms, _repeats).map("".join)


def regexes() -> st.SearchStrategy[str]:
    """Regular expressions, good and bad ones, of what engines read alike and what they do not."""
    sequences = st.lists(_pieces, min_size=1, max_size=4).map("".join)
    return st.recursive(
        sequences,
        lambda inner: st.one_of(
            st.tuples(inner, inner).map("|".join),
            st.tuples(inner, _repeats).map(lambda pair: f"({pair[0]}){pair[1]}"),
            st.tuples(inner, inner).map("".join),
        ),
        max_leaves=3,
    )


_lists_of_versions = st.lists(st.sampled_from(BASES), max_size=3).map(", ".join)
_labels = st.fixed_dictionaries(
    {},
    optional={
        PREFIX + "previous.add": _lists_of_versions,
        PREFIX + "next.add": _lists_of_versions,
        PREFIX + "previous.remove": _lists_of_versions
        | st.sampled_from(["*", " * ", "4.1.0,*", "no version"]),
        PREFIX + "next.remove": _lists_of_versions | st.just("*"),
        PREFIX + "previous.remove_regex": st.sampled_from([*PATTERNS, BROKEN_PATTERN]),
        PREFIX + "release.channels": st.lists(st.sampled_from(CHANNELS), max_size=2).map(" ,".join),
        "release.openshift.io/architecture": st.just("multi"),
        "url": st.sampled_from(["https://example.com/1", "https://example.com/ü"]),
    },
)


@st.composite
def releases(draw: st.DrawFn) -> PlainRelease:
    """Release images of few versions, so that some claim the same one."""
    version = f"{draw(st.sampled_from(BASES))}+{draw(st.sampled_from(ARCHES))}"
    rival = draw(st.sampled_from(["", "", "", "", "", "rival "]))
    digest = f"sha256:{rival}{version}"
    return PlainRelease(
        version=version,
        payload=f"registry.example/release@{digest}",
        digest=digest,
        metadata=draw(st.just({}) | _labels),
        previous=draw(st.lists(st.sampled_from(BASES), max_size=4)),
        next=draw(st.lists(st.sampled_from(BASES), max_size=1)),
    )


_targets = st.one_of(
    st.sampled_from(BASES),
    st.tuples(st.sampled_from(BASES), st.sampled_from(ARCHES)).map("+".join),
)
_risks = st.sampled_from(
    [
        PlainRisk(url="https://example.com/a", name="A", message="a", matchingRules=[{"type": "Always"}]),
        PlainRisk(
            url="https://example.com/b",
            name="B",
            message="b",
            matchingRules=[{"type": "PromQL", "promql": {"promql": "up"}}, {"type": "Always"}],
        ),
        PlainRisk(url="https://example.com/c", name="C", message="b", matchingRules=[]),
    ]
)
_channels = st.fixed_dictionaries(
    {
        "name": st.sampled_from(CHANNELS),
        "versions": st.lists(_targets, max_size=8),
    }
)


@st.composite
def graph_data(draw: st.DrawFn) -> PlainGraphData:
    """Graph data about the releases of :func:`releases`."""
    patterns = st.sampled_from(PATTERNS)
    blocks = st.builds(lambda to, source: PlainBlock({"to": to, "from": source}), _targets, patterns)
    conditional = st.builds(
        lambda to, source, risk: PlainConditional({"to": to, "from": source, "risk": risk}),
        _targets,
        patterns,
        _risks,
    )
    return PlainGraphData(
        channels=draw(st.lists(_channels, max_size=4)),  # type: ignore[arg-type]  # the shape is that of PlainChannel
        blocks=draw(st.lists(blocks, max_size=3)),
        conditional=draw(st.lists(conditional, max_size=5)),
        raw=draw(st.dictionaries(_targets, _labels, max_size=3)),
    )


@st.composite
def platforms(draw: st.DrawFn) -> Platform:
    """Releases of several architectures with graph data that is about them."""
    # Images of one digest are one image, under as many tags as there are.
    images = draw(st.lists(releases(), max_size=12, unique_by=lambda release: release["digest"]))
    tagged_twice = draw(st.lists(st.sampled_from(images), max_size=2)) if images else []
    return Platform([*images, *tagged_twice], draw(graph_data()))
