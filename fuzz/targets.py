"""What outsiders can send, and the parsers that meet it: each takes any bytes and gives a value or a typed error.

The same targets serve the fuzzers (``make fuzz``) and the property tests, so that a fault that a fuzzer finds
is a test as soon as its input is written down. The seeds come from our own generators and writers: a fuzzer
that had to invent a tar archive or a manifest would never get past its first bytes.
"""

import base64
import contextlib
import gzip
import io
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from upgraph.errors import DataError, UpgraphError
from upgraph.graph import decode
from upgraph.graph.pattern import Pattern
from upgraph.graph.version import Version
from upgraph.graphdata import yaml
from upgraph.graphdata.channels import read_channel
from upgraph.graphdata.files import Files
from upgraph.graphdata.metadata import read_raw_metadata, read_schema
from upgraph.graphdata.rules import read_rule
from upgraph.graphdata.tarball import read_tarball, write_tarball
from upgraph.oci import Descriptor, Repository, digest_of
from upgraph.oci.credentials.auth_file import read_auth_file
from upgraph.oci.images import manifest as manifests
from upgraph.oci.images.digest import parse_digest
from upgraph.oci.images.listing import next_link
from upgraph.oci.images.reference import parse_pull_spec_repository
from upgraph.oci.registry.challenge import parse_challenges
from upgraph.payload import (
    Component,
    ImageReferences,
    ReleaseContent,
    parse_metadata,
    parse_references,
    release_layer,
)
from upgraph.payload.contents import Collector
from upgraph.payload.manifests import read_manifest
from upgraph.payload.probe import Budget, MetadataProbe, Patience
from upgraph.payload.references import references_document
from upgraph.payload.whole_layer import WholeLayer
from upgraph.service.answering import negotiation
from upgraph.service.answering.message import RefusalError
from upgraph.service.answering.query import read_query
from upgraph.service.snapshot import Coding
from upgraph.signing import read_keyrings, store_archive
from upgraph.signing.collecting import collect_archive
from upgraph.signing.message import parse_claim
from upgraph.signing.verdict import read_status

EXPECTED = (UpgraphError, RefusalError)
"""What a parser may raise: everything else ends a build or a request with a stack trace."""

_DIGEST = "sha256:" + "a" * 64
_MANIFEST_TYPES = (
    manifests.OCI_MANIFEST,
    manifests.OCI_INDEX,
    manifests.DOCKER_MANIFEST,
    manifests.DOCKER_MANIFEST_LIST,
    "",
)
_CHUNK_BYTES = 700
"""Odd on purpose: headers of archives fall apart between chunks."""


@dataclass(frozen=True, slots=True)
class Target:
    """A parser, and inputs that it accepts."""

    parse: Callable[[bytes], object]
    """Raises nothing but ``EXPECTED``."""
    seeds: Sequence[bytes]


def survives(target: Target, content: bytes) -> bool:
    """Whether the content is accepted; false if it is refused with an expected error."""
    try:
        target.parse(content)
    except EXPECTED:
        return False
    return True


def _text(content: bytes) -> str:
    # Headers and queries reach us as Latin-1, which has a character for every byte.
    return content.decode("latin-1")


def _manifest(content: bytes) -> object:
    for media_type in _MANIFEST_TYPES:
        with contextlib.suppress(UpgraphError):
            manifests.parse_manifest(content, media_type)
    return manifests.parse_manifest(content, "")


def _layer(content: bytes) -> object:
    probe = MetadataProbe(Budget(Patience.LONG, layers=1))
    for start in range(0, len(content), _CHUNK_BYTES):
        if not probe.feed(content[start : start + _CHUNK_BYTES]):
            break
    return probe.result()


def _archive(content: bytes) -> object:
    """The same in gzip, so that the fuzzer changes the archive and not its compression."""
    return _layer(gzip.compress(content, compresslevel=1, mtime=0))


def _release_files(content: bytes) -> object:
    layer = gzip.compress(content, compresslevel=1, mtime=0)
    collector = Collector()
    reader = WholeLayer(Descriptor(manifests.OCI_LAYER_GZIP, digest_of(layer), len(layer)), collector)
    reader.feed(layer)
    reader.check()
    return collector.files


def _release_manifest(content: bytes) -> object:
    objects, findings = read_manifest("fuzz.yaml", content)
    if findings:
        raise DataError(findings[0].problem, findings[0].seen)
    return objects


def _tarball(content: bytes) -> object:
    return read_tarball(io.BytesIO(gzip.compress(content, compresslevel=1, mtime=0)), "fuzz")


def _pattern(content: bytes) -> object:
    pattern = Pattern.compile(content.decode(errors="replace"))
    return pattern.matches("4.17.3+amd64")


def _raw_metadata(content: bytes) -> object:
    with contextlib.suppress(UpgraphError):
        read_schema(content)
    return read_raw_metadata(content)


def _query(content: bytes) -> object:
    return read_query(_text(content), frozenset({"channel"})).checked()


def _negotiation(content: bytes) -> object:
    field = _text(content)
    negotiation.coding(field, frozenset(Coding))
    return negotiation.media_type(field, (negotiation.JSON, negotiation.CINCINNATI_V1))


def _challenges(content: bytes) -> object:
    return parse_challenges(_text(content).split("\n"))


def _link(content: bytes) -> object:
    # Its caller turns a ValueError into a broken listing, with the source in the message.
    with contextlib.suppress(ValueError):
        return next_link(_text(content))
    return None


def _references(content: bytes) -> object:
    text = content.decode(errors="replace")
    with contextlib.suppress(UpgraphError):
        parse_digest(text)
    with contextlib.suppress(UpgraphError):
        parse_pull_spec_repository(text)
    return Repository.parse(text)


def _credentials(content: bytes) -> object:
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(content)
        return read_auth_file(Path(file.name)).login("registry.example:5000", "ocp/release")


def _signatures(content: bytes) -> object:
    return collect_archive(io.BytesIO(content), "signatures.tar")


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _manifest_seeds() -> Iterator[bytes]:
    layer = {"mediaType": manifests.OCI_LAYER_GZIP, "digest": _DIGEST, "size": 10}
    config = {"mediaType": manifests.OCI_CONFIG, "digest": _DIGEST, "size": 2}
    image = {"schemaVersion": 2, "config": config, "layers": [layer, layer]}
    yield _json({**image, "mediaType": manifests.OCI_MANIFEST})
    yield _json({**image, "mediaType": manifests.DOCKER_MANIFEST})
    platform = {"architecture": "arm64", "os": "linux", "variant": "v8"}
    entry = {"mediaType": manifests.OCI_MANIFEST, "digest": _DIGEST, "size": 7, "platform": platform}
    yield _json({"schemaVersion": 2, "mediaType": manifests.OCI_INDEX, "manifests": [entry, entry]})
    yield _json({"schemaVersion": 2, "mediaType": manifests.DOCKER_MANIFEST_LIST, "manifests": [entry]})
    yield _json({"schemaVersion": 1, "name": "a", "fsLayers": [], "history": [{"v1Compatibility": "{}"}]})


def _release() -> bytes:
    return release_layer(
        ReleaseContent("4.17.3", previous=("4.17.1", "4.17.2"), metadata={"url": "https://a"})
    )


_METADATA = _json(
    {
        "kind": "cincinnati-metadata-v0",
        "version": "4.17.3",
        "previous": ["4.17.1", "4.16.9"],
        "next": [],
        "metadata": {
            "url": "https://example/errata",
            "io.openshift.upgrades.graph.previous.remove": "4.17.1",
        },
    }
)
_COMPONENTS = references_document(
    ImageReferences("4.17.3", (Component("cli", f"r.example/cli@{_DIGEST}", {"note": "a=b,c=d"}),)),
    "2026-01-01T00:00:00Z",
)
_OBJECTS = (
    b"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a, namespace: b}\n"
    b"spec:\n  template:\n    spec:\n      containers:\n      - image: r.example/a:1\n"
    b'---\n{"apiVersion": "v1", "kind": "A", "metadata": {"name": "a"}}\n'
)
_BLOCK = b"to: 4.17.3\nfrom: 4[.]16[.].*\n"
_RISK = (
    b"to: 4.17.3\nfrom: .*\nurl: https://example/1\nname: Known\nmessage: |-\n  Something breaks.\n"
    b"matchingRules:\n- type: PromQL\n  promql:\n    promql: |\n      group(up) or 0 * group(up)\n- type: Always\n"
)
_CHANNEL = b"name: stable-4.17\nfeeder: {name: fast-4.17, delay: P1W}\nversions:\n- 4.17.1\n- 4.17.2+amd64\n- 4.17.3\n"
_ANCHORS = b"a: &a [1, 'two', \"\\x33\"]\nb: *a\nc: !!str 4\n? d\n: |\n  text\n---\n"
_GRAPH = _json(
    {
        "version": 1,
        "nodes": [
            {"version": "4.17.1", "payload": f"r/a@{_DIGEST}", "metadata": {"a": "b"}},
            {"version": "4.17.2", "payload": f"r/a@{_DIGEST}", "metadata": {}},
        ],
        "edges": [[0, 1]],
        "conditionalEdges": [
            {
                "edges": [{"from": "4.17.1", "to": "4.17.2"}],
                "risks": [
                    {"url": "u", "name": "N", "message": "m", "matchingRules": [{"type": "Always"}]},
                    {
                        "url": "u",
                        "name": "P",
                        "message": "m",
                        "matchingRules": [{"type": "PromQL", "promql": {"promql": "up"}}],
                    },
                ],
            }
        ],
    }
)
_GRAPH_DATA: Files = {
    "version": b"1.1.0\n",
    "channels/stable-4.17.yaml": _CHANNEL,
    "blocked-edges/4.17.3.yaml": _BLOCK,
    "raw/metadata.json": b'{"4.17.3": {"a": "b"}}',
}
_AUTH = base64.b64encode(b"sailor:anchor").decode()
_LOGINS = _json(
    {
        "auths": {
            "registry.example:5000/ocp": {"auth": _AUTH},
            "https://registry.example:5000/v1/": {"identitytoken": "t", "auth": _AUTH},
            "other": {"username": "a", "password": "b"},
        },
        "credHelpers": {"x": "y"},
    }
)
_BEARER = b'Bearer realm="https://a.example/token",service="b",scope="repository:c:pull", Basic realm="d\\"e"'
_KEY = b"\x99\x00\x0c\x04\x5e\x00\x00\x00\x01\x00\x08\xff\x00\x01\x03" + b"\xb4\x05alice"
_ARMOURED_KEY = (
    b"-----BEGIN PGP PUBLIC KEY BLOCK-----\nComment: x\n\n"
    + base64.b64encode(_KEY)
    + b"\n-----END PGP PUBLIC KEY BLOCK-----\n"
)
_KEY_MAP = b"apiVersion: v1\nkind: ConfigMap\ndata:\n  verifier-public-key-a: |\n" + b"".join(
    b"    " + line for line in _ARMOURED_KEY.splitlines(keepends=True)
)
_CLAIM = _json(
    {
        "critical": {
            "type": "atomic container signature",
            "image": {"docker-manifest-digest": _DIGEST},
            "identity": {"docker-reference": "a.example/b:c"},
        },
        "optional": {"creator": "d", "timestamp": 1},
    }
)
_STATUS = (
    b"[GNUPG:] NEWSIG\n[GNUPG:] GOODSIG A b\n[GNUPG:] PLAINTEXT 62 1 \n"
    b"[GNUPG:] VALIDSIG A 2026-01-01 1700000000 0 4 0 1 8 00 A\n"
)

TARGETS: dict[str, Target] = {
    "archive": Target(_archive, [gzip.decompress(_release())]),
    "challenge": Target(_challenges, [_BEARER, b"Negotiate\nBasic realm=x"]),
    "channel": Target(lambda content: read_channel("c.yaml", content), [_CHANNEL]),
    "credentials": Target(_credentials, [_LOGINS]),
    "claim": Target(lambda content: parse_claim(content, rest="ignored"), [_CLAIM, _CLAIM + b" {}"]),
    "graph": Target(decode, [_GRAPH]),
    "keyring": Target(lambda content: read_keyrings(content, "ring"), [_KEY, _ARMOURED_KEY, _KEY_MAP]),
    "layer": Target(_layer, [_release()]),
    "link": Target(_link, [b'</v2/a/tags/list?last=b&n=9>; rel="next"']),
    "manifest": Target(_manifest, list(_manifest_seeds())),
    "metadata": Target(parse_metadata, [_METADATA]),
    "negotiation": Target(
        _negotiation,
        [b"application/json;q=0.5, application/*;q=.2, */*", b"gzip;q=1.0, zstd, identity;q=0, *;q=0.1"],
    ),
    "pattern": Target(_pattern, [b"4[.]16[.](1|2|\\d+)-rc[^.]*$", b"(?P<n>a)\\pL{2}"]),
    "query": Target(
        _query, [b"channel=stable-4.17&arch=amd64&id=a-b&version=4.17.1", b"channel=a%2Bb+c&channel=%ff"]
    ),
    "raw-metadata": Target(_raw_metadata, [b'{"4.17.3": {"a": "b"}}', b"1.2.0\n"]),
    "reference": Target(
        _references,
        [
            b"docker://registry.example:5000/ocp/release",
            b"docker+http://[::1]:80/a",
            _DIGEST.encode(),
            b"q.io/a/b",
        ],
    ),
    "release-components": Target(parse_references, [_COMPONENTS]),
    "release-files": Target(_release_files, [gzip.decompress(_release())]),
    "release-manifest": Target(_release_manifest, [_OBJECTS]),
    "signatures": Target(_signatures, [store_archive({parse_digest(_DIGEST): [b"\x88"]}, compressed=False)]),
    "status": Target(lambda content: read_status(content, 0), [_STATUS]),
    "rule": Target(lambda content: read_rule("r.yaml", content), [_BLOCK, _RISK]),
    "tarball": Target(_tarball, [gzip.decompress(write_tarball(_GRAPH_DATA))]),
    "version": Target(
        lambda content: Version.parse(content.decode(errors="replace")),
        [b"4.17.3", b"4.18.0-ec.2+arm64", b"4.20.0-0.okd-scos-2025-01-01-000000"],
    ),
    "yaml": Target(yaml.parse, [_CHANNEL, _RISK, _ANCHORS]),
}
