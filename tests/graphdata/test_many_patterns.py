"""Many patterns at once match what each of them matches alone."""

from hypothesis import given
from hypothesis import strategies as st

from upgraph.graph import Pattern
from upgraph.graph.pattern_set import matched

PATTERNS = st.sampled_from(
    [
        "",
        ".*",
        "4.18.*",
        "4[.]18[.].*",
        "^4[.](17|18)[.][0-9]+[+].*$",
        "[+]arm64$",
        "1",
        "rc",
        "^$",
        "[^0-9]x",
    ]
)
VERSIONS = st.builds(
    "4.{}.{}{}+{}".format,
    st.integers(0, 30),
    st.integers(0, 30),
    st.sampled_from(["", "-rc.1"]),
    st.sampled_from(["amd64", "arm64"]),
)


@given(st.lists(PATTERNS, max_size=8), st.lists(VERSIONS, max_size=8))
def test_together_is_the_same_as_alone(texts: list[str], versions: list[str]) -> None:
    patterns = [Pattern.compile(text) for text in texts]
    together = matched(patterns, versions)
    for pattern in patterns:
        alone = {place for place, version in enumerate(versions) if pattern.matches(version)}
        assert together[pattern] == alone
