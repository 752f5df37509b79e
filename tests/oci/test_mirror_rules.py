"""Which places a repository is read at: the rules of registries.conf, and of the mirror sets of OpenShift."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upgraph.errors import UserError
from upgraph.oci import Repository, read_mirrors
from upgraph.oci.mirrors.files import parse_mirror_sets, parse_registries_conf
from upgraph.oci.mirrors.rules import Mirror, Mirrors, Pull, Rule

RELEASES = "quay.example/openshift-release-dev/ocp-release"


def places(rules: list[Rule], name: str = RELEASES, wanted: Pull = Pull.TAGS) -> list[str]:
    """The names of the places; the ways to ask one are joined by ``|``."""
    found = Mirrors(rules).places(Repository.parse(f"docker://{name}"), wanted=wanted)
    return ["|".join(map(str, place.repositories)) for place in found]


def conf(text: str) -> list[Rule]:
    return parse_registries_conf(text.encode(), "registries.conf")


def sets(text: str) -> list[Rule]:
    return parse_mirror_sets(text.encode(), "sets.yaml")


def registry(prefix: str, *mirrors: str, more: str = "") -> str:
    tables = "".join(f'[[registry.mirror]]\nlocation = "{mirror}"\n' for mirror in mirrors)
    return f'[[registry]]\nprefix = "{prefix}"\nlocation = "{prefix}"\n{more}\n{tables}'


MIRRORED = "docker://mirror.example/a/ocp-release"
SOURCE = f"docker://{RELEASES}"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param(registry("other.example", "m.example"), [SOURCE], id="another-host"),
        pytest.param(
            registry("quay.example/openshift-release-dev", "mirror.example/a"),
            [MIRRORED, SOURCE],
            id="name-space",
        ),
        pytest.param(
            registry(RELEASES, "mirror.example/a/ocp-release/"), [MIRRORED, SOURCE], id="repository"
        ),
        pytest.param(
            registry("quay.example", "mirror.example/quay", "second.example:5000"),
            [
                "docker://mirror.example/quay/openshift-release-dev/ocp-release",
                "docker://second.example:5000/openshift-release-dev/ocp-release",
                SOURCE,
            ],
            id="host-and-two-mirrors",
        ),
        pytest.param(
            registry("quay.example", "m.example") + registry(RELEASES, "mirror.example/a/ocp-release"),
            [MIRRORED, SOURCE],
            id="the-longest-prefix-wins",
        ),
        pytest.param(registry("quay.example/openshift", "m.example"), [SOURCE], id="half-a-name"),
        pytest.param(
            registry("*.example", "mirror.example/all"),
            ["docker://mirror.example/all/openshift-release-dev/ocp-release", SOURCE],
            id="wildcard",
        ),
        pytest.param('[[registry]]\nprefix = "*.quay.example"\n', [SOURCE], id="wildcard-is-not-the-domain"),
        pytest.param(
            registry("quay.example", "mirror.example/a", more="blocked = true"),
            ["docker://mirror.example/a/openshift-release-dev/ocp-release"],
            id="blocked",
        ),
        pytest.param(
            registry("quay.example", "bad.example", "good.example")
            + registry("bad.example", more="blocked = true"),
            ["docker://good.example/openshift-release-dev/ocp-release", SOURCE],
            id="a-mirror-that-is-blocked-itself",
        ),
        pytest.param(
            '[[registry]]\nprefix = "quay.example"\nlocation = "other.example/q"\n',
            ["docker://other.example/q/openshift-release-dev/ocp-release"],
            id="another-location",
        ),
        pytest.param(
            registry("quay.example", "m.example").replace('m.example"', 'm.example"\ninsecure = true'),
            [
                (
                    "docker://m.example/openshift-release-dev/ocp-release"
                    "|docker+http://m.example/openshift-release-dev/ocp-release"
                ),
                SOURCE,
            ],
            id="insecure-mirror",
        ),
        pytest.param(
            registry("quay.example", more="insecure = true"),
            [f"{SOURCE}|docker+http://{RELEASES}"],
            id="insecure-source",
        ),
        pytest.param(registry("quay.example", "quay.example"), [SOURCE], id="its-own-mirror"),
        pytest.param(
            'unqualified-search-registries = ["a"]\n[aliases]\n"a" = "b/c"\n', [SOURCE], id="short-names"
        ),
        pytest.param(registry(f"{RELEASES}:latest", "m.example/a:b"), [SOURCE], id="one-image"),
    ],
)
def test_registries_conf_says_where_to_read(text: str, found: list[str]) -> None:
    assert places(conf(text)) == found


@pytest.mark.parametrize(
    ("wanted", "first"),
    [(Pull.TAGS, "tags.example"), (Pull.DIGESTS, "digests.example")],
    ids=["tags", "digests"],
)
def test_mirrors_that_engines_use_for_what_is_wanted_come_first(wanted: Pull, first: str) -> None:
    text = registry("quay.example", "digests.example", "tags.example")
    text = text.replace('digests.example"', 'digests.example"\npull-from-mirror = "digest-only"')
    text = text.replace('tags.example"', 'tags.example"\npull-from-mirror = "tag-only"')
    found = places(conf(text), wanted=wanted)
    assert len(found) == 3
    assert first in found[0]
    assert found[2] == SOURCE


def test_a_source_that_is_named_without_tls_is_asked_without_it() -> None:
    rules = conf(registry("quay.example", "m.example"))
    found = Mirrors(rules).places(Repository.parse("docker+http://quay.example/a"))
    assert [str(place.repositories[0]) for place in found] == [
        "docker://m.example/a",
        "docker+http://quay.example/a",
    ]


def test_mirror_by_digest_only_concerns_all_mirrors() -> None:
    (rule,) = conf(registry("quay.example", "m.example", more="mirror-by-digest-only = true"))
    assert rule.mirrors == (Mirror("m.example", Pull.DIGESTS),)


IDMS = """\
---
apiVersion: config.openshift.io/v1
kind: ImageDigestMirrorSet
metadata:
  name: idms-release-0
spec:
  imageDigestMirrors:
  - mirrors:
    - mirror.example/a/ocp-release
    source: quay.example/openshift-release-dev/ocp-release
    mirrorSourcePolicy: {policy}
"""
ITMS = IDMS.replace("Digest", "Tag").replace("mirror.example/a/", "tags.example/a/")
ICSP = """\
apiVersion: operator.openshift.io/v1alpha1
kind: ImageContentSourcePolicy
metadata: {name: icsp}
spec:
  repositoryDigestMirrors:
  - {source: quay.example/openshift-release-dev, mirrors: [mirror.example/a]}
"""
TAGGED = "docker://tags.example/a/ocp-release"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param(IDMS.format(policy="AllowContactingSource"), [MIRRORED, SOURCE], id="digests"),
        pytest.param(IDMS.format(policy="NeverContactSource"), [MIRRORED], id="never-the-source"),
        pytest.param(
            (IDMS + ITMS.replace("imageTag", "imageTag")).format(policy=""),
            [TAGGED, MIRRORED, SOURCE],
            id="both",
        ),
        pytest.param(ICSP, [MIRRORED, SOURCE], id="policy-of-old"),
        pytest.param(f"a: b\n---\n{ICSP}---\n---\nkind: ConfigMap\n", [MIRRORED, SOURCE], id="among-others"),
        pytest.param("kind: List\nitems:\n- " + ICSP.replace("\n", "\n  "), [MIRRORED, SOURCE], id="list"),
        pytest.param(
            '{"apiVersion": "config.openshift.io/v1", "kind": "ImageDigestMirrorSet", "spec": {"imageDigestMirrors":'
            f' [{{"source": "{RELEASES}", "mirrors": ["mirror.example/a/ocp-release"]}}]}}}}',
            [MIRRORED, SOURCE],
            id="json",
        ),
    ],
)
def test_mirror_sets_say_where_to_read(text: str, found: list[str]) -> None:
    assert places(sets(text)) == found


def test_several_rules_of_one_source_give_all_their_mirrors_in_their_order() -> None:
    first = IDMS.format(policy="")
    second = first.replace("mirror.example/a/", "mirror.example/b/")
    assert places(sets(first + second + first)) == [
        MIRRORED,
        "docker://mirror.example/b/ocp-release",
        SOURCE,
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[registry]]\n", "without prefix and location"),
        ('[[registry]]\nprefix = "a.example"\n', "no location"),
        ("[[registry]]\nlocation = 7\n", "$.registry[0].location"),
        ("[[registry]\n", "is no TOML"),
        ("[registries.search]\nregistries = []\n", "version 1"),
        (
            registry("a.example", "b.example", more="mirror-by-digest-only = true")
            + 'pull-from-mirror = "all"',
            "beside",
        ),
        (registry("a.example", "b.example") + 'pull-from-mirror = "some"', "some"),
    ],
    ids=["nothing", "no-location", "number", "no-toml", "version-1", "twice-said", "unknown-word"],
)
def test_a_registries_conf_that_is_not_understood_is_refused(text: str, said: str) -> None:
    with pytest.raises(UserError) as refused:
        conf(text)
    assert refused.value.reference == "oci-mirrors"
    assert said in refused.value.seen


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: b\na: c\n", "line 2"),
        (ICSP.replace("v1alpha1", "v2"), "'operator.openshift.io/v2'"),
        (ICSP.replace("source:", "sauce:"), "`source`"),
        (ICSP.replace("[mirror.example/a]", "mirror.example/a"), "mirrors"),
        (IDMS.format(policy="Sometimes"), "Sometimes"),
        (ICSP.replace("spec:", "other:"), "`spec`"),
    ],
    ids=["repeated-key", "version", "no-source", "no-list", "policy", "no-spec"],
)
def test_a_mirror_set_that_is_not_understood_is_refused(text: str, said: str) -> None:
    with pytest.raises(UserError) as refused:
        sets(text)
    assert refused.value.reference == "oci-mirrors"
    assert said in refused.value.seen


def test_rules_that_contradict_each_other_are_refused_with_their_files() -> None:
    never = parse_mirror_sets(IDMS.format(policy="NeverContactSource").encode(), "never.yaml")
    allow = parse_mirror_sets(IDMS.format(policy="AllowContactingSource").encode(), "allow.yaml")
    with pytest.raises(UserError, match=r"blocked is True in never\.yaml, False in allow\.yaml"):
        Mirrors([*never, *allow])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (registry("quay.example", more="blocked = true"), "blocked and has no mirror"),
        (registry("quay.example", "http://m.example"), "must have no scheme"),
        (registry("quay.example", "m"), "write the full name"),
    ],
    ids=["blocked-without-mirror", "with-a-scheme", "short-name"],
)
def test_a_repository_that_cannot_be_read_anywhere_is_refused(text: str, said: str) -> None:
    with pytest.raises(UserError) as refused:
        places(conf(text))
    assert refused.value.reference == "oci-mirrors"
    assert said in refused.value.seen


def test_files_are_told_apart_by_their_names(tmp_path: Path) -> None:
    (tmp_path / "registries.conf").write_text(
        registry("quay.example/openshift-release-dev", "second.example")
    )
    (tmp_path / "idms.yaml").write_text(ICSP)
    found = read_mirrors([tmp_path / "idms.yaml", tmp_path / "registries.conf"]).places(
        Repository.parse(SOURCE)
    )
    assert [str(place.repositories[0]) for place in found] == [
        "docker://second.example/ocp-release",
        MIRRORED,
        SOURCE,
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "No such file"), (b"kind: ConfigMap\n", "names no mirrors"), (b"#" * 4_200_000, "has more than")],
    ids=["absent", "other-kind", "large"],
)
def test_a_file_without_mirrors_is_refused(tmp_path: Path, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / "idms.yaml").write_bytes(content)
    with pytest.raises(UserError, match=said):
        read_mirrors([tmp_path / "idms.yaml"])


hosts = st.sampled_from(["a.example", "b.example", "c.a.example"])
names = st.builds("/".join, st.tuples(hosts, st.sampled_from(["x", "x/y", "x-y", "xx/y"])))
prefixes = names | hosts | st.just("*.example") | st.just("*.a.example")
rules = st.builds(
    Rule,
    prefix=prefixes,
    file=st.just("f"),
    mirrors=st.lists(st.builds(Mirror, names, st.sampled_from(Pull), st.booleans()), max_size=3).map(tuple),
)


@given(st.lists(rules, max_size=4), names, st.sampled_from([Pull.TAGS, Pull.DIGESTS]))
def test_the_source_is_among_the_places_and_none_stands_twice(
    given_rules: list[Rule], name: str, wanted: Pull
) -> None:
    found = Mirrors(given_rules).places(Repository.parse(f"docker://{name}"), wanted=wanted)
    listed = [place.repositories[0].name for place in found]
    assert len(set(listed)) == len(listed)
    assert name in listed


@given(st.lists(rules, max_size=4), names)
def test_a_rule_holds_for_whole_parts_of_a_name_alone(given_rules: list[Rule], name: str) -> None:
    for rule in given_rules:
        rest = rule.rest_of(name)
        if rest is not None:
            assert name.endswith(rest)
            assert rest[:1] in {"", "/", ":"}
            assert rest[:1] != ":" or rule.prefix.startswith("*.")


@given(st.lists(rules, max_size=4), names)
def test_the_same_rules_again_change_nothing(given_rules: list[Rule], name: str) -> None:
    repository = Repository.parse(f"docker://{name}")
    once, twice = Mirrors(given_rules), Mirrors([*given_rules, *given_rules])
    assert once.places(repository) == twice.places(repository)


@given(st.binary(max_size=60) | st.text("[]registry=\"'\n.{}: -", max_size=60).map(str.encode))
def test_any_bytes_are_rules_or_refused(content: bytes) -> None:
    for parse in (parse_registries_conf, parse_mirror_sets):
        try:
            found = parse(content, "file")
        except UserError:
            continue
        assert all(rule.prefix for rule in found)
