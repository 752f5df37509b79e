"""The configuration of the service: every setting once, with its meaning.

Values come, strongest first, from flags, from ``UPGRAPH_...`` variables, from configuration files (a later
one beats an earlier one) and from defaults. Nothing is contacted by default: a service without sources is
an error.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import msgspec

from upgraph.service.setting import (
    a_path,
    between,
    one_of,
    optional_path,
    optional_seconds,
    optional_text,
    seconds,
    setting,
    settings,
    settings_of,
    share,
    switch,
    text,
)
from upgraph.syntax.signature_names import ARCHIVE_ENDINGS, MANIFEST_ENDINGS

REGISTRY_SCHEMES = ("docker://", "docker+http://")
"""How the name of a source begins that is a repository of a registry."""
DISK_SCHEMES = ("oci:", "oci-archive:", "dir:")
"""How the name of a source begins that holds images on a disk."""
SCRAPE_SCHEME = "scrape:"
"""How the name of a source begins that is a saved scrape."""
SCRAPE_ENDING = ".json"
"""How the path of a saved scrape ends where it is given without the scheme."""
_ELSEWHERE = r"[a-z+-]+:"
_SCRAPE_TIMEOUT: float | None = 1800.0
_CHECK_INTERVAL: float | None = 10.0
_LISTEN: str | None = "127.0.0.1:8081"


def prefix_of(value: str) -> str:
    """A path prefix in any spelling of its slashes: empty, or with a slash in front and none behind."""
    stripped = value.strip().strip("/")
    return f"/{stripped}" if stripped else ""


def address(value: str) -> tuple[str, int]:
    """``host:port``, ``[ipv6]:port`` or ``:port`` for all addresses; port 0 takes a free one."""
    host, colon, port = value.strip().rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65_535:
        raise ValueError("an address such as 0.0.0.0:8081, [::]:8081 or :8081 is expected")
    if host.startswith("[") != host.endswith("]") or (":" in host and not host.startswith("[")):
        raise ValueError("an IPv6 address must stand in brackets, as in [::]:8081")
    return host.strip("[]") or "::", int(port)


def image_path(value: str) -> str:
    """A path inside a container image, from its root."""
    stripped = value.strip()
    if not stripped.startswith("/") or ".." in stripped.split("/"):
        raise ValueError(
            "a path such as /var/lib/cincinnati-graph-data, from the root of the image, is expected"
        )
    return stripped


def saved_scrape(source: str) -> Path | None:
    """The file of the saved scrape that a source of releases names; none if it names something else."""
    if source.startswith(SCRAPE_SCHEME):
        return Path(source.removeprefix(SCRAPE_SCHEME))
    is_path = source.endswith(SCRAPE_ENDING) and not re.match(r"[a-z+-]+:", source)
    return Path(source) if is_path else None


def _optional_address(value: str) -> str | None:
    return _listen(value) if value.strip() else None


def _listen(value: str) -> str:
    address(value)
    return value.strip()


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """What an administrator decides about the service."""

    releases: tuple[str, ...] = settings(
        text,
        "Where release images are: docker://HOST[:PORT]/REPOSITORY for a registry, docker+http://... for one"
        " without TLS, oci:PATH or oci-archive:PATH for an OCI layout or its tar file, dir:PATH for what skopeo"
        " writes into directories, scrape:FILE (or FILE.json) for a saved scrape. Can be given several times.",
        metavar="SOURCE",
    )
    mirrors: tuple[str, ...] = settings(
        text,
        "Files that name mirrors of registries: a registries.conf, or mirror sets of OpenShift (IDMS, ITMS,"
        " ICSP). Releases of docker:// sources are read there, and keep their names. A changed file counts without a"
        " restart. Can be given several times.",
        metavar="FILE",
    )
    graph_data: str | None = setting(
        None,
        optional_text,
        "Where the graph data is: a directory or a .tar.gz file, which are watched; git:PATH[#REVISION] for a"
        " commit of a repository on this machine; https://HOST/PATH.git[#REVISION], git+https://..., ssh://... or"
        " USER@HOST:PATH for one elsewhere; the http or https URL of a tarball;"
        " docker://HOST[:PORT]/REPOSITORY[:TAG] or ...@DIGEST for an image in a registry,"
        " oci:PATH[:TAG] in a layout, dir:PATH as skopeo writes it, oci-archive:PATH[:TAG] in an archive.",
        metavar="SOURCE",
    )
    graph_data_path: str = setting(
        "/var/lib/cincinnati-graph-data",
        image_path,
        "Where in a container image the graph data is. The default is what the documentation of the OpenShift Update"
        " Service says.",
        metavar="PATH",
    )
    bundle: Path | None = setting(
        None,
        optional_path,
        "A site bundle, directory or .tar, which holds releases, graph data and signatures: all that is served."
        " It is read again when it is replaced.",
        metavar="BUNDLE",
    )
    payload_repository: str | None = setting(
        None,
        optional_text,
        "HOST[:PORT]/REPOSITORY that clusters are told to pull releases from. Without it, the registry that"
        " the releases are read from; needed when they are read from somewhere else.",
        metavar="REPOSITORY",
    )
    signatures: str | None = setting(
        None,
        optional_text,
        "Where signatures of releases are. Those of a directory are served under /signatures: sha256=HEX/signature-1"
        " or sha256/HEX/signature-1; a file that is added is served at once. Where signatures are required also the"
        " http or https address of a store, an archive, ConfigMap manifests, or an image that"
        " `upgraph signatures push` made.",
        metavar="SOURCE",
    )
    require_signatures: tuple[Path, ...] = settings(
        a_path,
        "Public keys that are trusted: releases without a valid signature by them are left out. Implies"
        " --verify-layers. The signatures are those of --signatures and of the bundle. Of several keyrings every one"
        " must have signed. Can be given several times.",
        metavar="KEYRING",
    )
    require_graph_data_signature: tuple[Path, ...] = settings(
        a_path,
        "Public keys that are trusted: graph data of an image without a valid signature by them is refused, and the"
        " last good set stays. The signatures are those of --signatures. Of several keyrings every one must have"
        " signed. Can be given several times.",
        metavar="KEYRING",
    )
    signature_policy: str = setting(
        "strict",
        one_of("strict", "cluster"),
        "Which signatures count where they are required: strict takes no expired key, no SHA-1 and no date in the"
        " future; cluster takes what the Cluster Version Operator takes.",
        metavar="WORD",
        choices=("strict", "cluster"),
    )
    promoted: tuple[Path, ...] = settings(
        a_path,
        "Lists of promoted versions: only updates into these are offered. A list has one version a line, or a pattern"
        " such as 4.18.*; it is read again when it changes. A version counts if one of the lists names it. Can be given"
        " several times.",
        metavar="FILE",
    )
    upstream: str | None = setting(
        None,
        optional_text,
        "URL of the /graph of a graph builder, whose graph is served instead of one built here.",
        metavar="URL",
    )
    ca: tuple[Path, ...] = settings(
        a_path,
        "Certificates that are trusted beside those of the system: a PEM file, a directory or a mounted ConfigMap."
        " Can be given several times.",
        metavar="FILE|DIR",
    )
    authfile: Path | None = setting(
        None,
        optional_path,
        "Credentials of registries, as docker, podman and pull secrets have them: the file, or the directory that a"
        " secret is mounted to.",
        metavar="FILE|DIR",
    )
    authfile_search: bool = setting(
        True,  # noqa: FBT003 - the default comes first for every setting
        switch,
        "Without --authfile, look for credentials where podman, skopeo, oc and docker keep theirs. If switched off,"
        " requests are anonymous.",
        metavar="",
    )
    listen: str | None = setting(
        _LISTEN, _listen, "Address on which clusters are answered.", metavar="HOST:PORT"
    )
    tls_cert: Path | None = setting(
        None,
        optional_path,
        "PEM file with the certificate chain of the service: its answers then go over TLS, those of the status"
        " port never. A replaced file is used without a restart.",
        metavar="FILE",
    )
    tls_key: Path | None = setting(
        None,
        optional_path,
        "PEM file with the private key of --tls-cert, without a password.",
        metavar="FILE",
    )
    serving_processes: int = setting(
        1,
        between(1, 64),
        "Processes that answer clusters. More than one uses more processors, which TLS needs at thousands of "
        "connections a second; each takes about 30 MB.",
        metavar="NUMBER",
    )
    status_listen: str = setting(
        "127.0.0.1:9081", _listen, "Address of probes, metrics and status.", metavar="HOST:PORT"
    )
    builder_listen: str | None = setting(
        None,
        _optional_address,
        "Address on which the unfiltered graph is served to policy engines, as a graph builder does.",
        metavar="HOST:PORT",
    )
    graph_data_listen: str | None = setting(
        None, _optional_address, "Address on which the graph data alone is served.", metavar="HOST:PORT"
    )
    path_prefix: str = setting(
        "/api/upgrades_info", prefix_of, "What stands before the paths of all answers.", metavar="PATH"
    )
    mandatory_parameters: tuple[str, ...] = settings(
        text,
        "Query parameters without which a request is refused, separated by commas. Can be given several times.",
        metavar="NAMES",
        is_joined=True,
    )
    state_dir: Path | None = setting(
        None,
        optional_path,
        "Directory that keeps the last good graph and what is known of images over a restart. Without it all is"
        " kept in memory.",
        metavar="DIR",
    )
    siblings: tuple[str, ...] = settings(
        _listen,
        "HOST:PORT of the status ports of other replicas; a name may stand for several, as a headless Service"
        " does. A replica that starts without a graph takes the last good one of them, until it has its own.",
        metavar="HOST:PORT",
        is_joined=True,
    )
    scrape_interval: float = setting(
        300.0, seconds, "Time between the end of a scrape and the start of the next.", metavar="TIME"
    )
    registry_check_interval: float | None = setting(
        _CHECK_INTERVAL,
        optional_seconds,
        "Time between two small requests to each registry with releases, between scrapes. A failure is told by the status,"
        " and brings a scrape forward; so does its end, within --scrape-interval at most once for each of the two. off: no"
        " requests.",
        metavar="TIME",
    )
    scrape_timeout: float | None = setting(
        _SCRAPE_TIMEOUT,
        optional_seconds,
        "Time after which a scrape is given up; what it found is kept.",
        metavar="TIME",
    )
    concurrency: int = setting(32, between(1, 256), "Requests to a registry at once.", metavar="NUMBER")
    verify_layers: bool = setting(
        False,  # noqa: FBT003 - the default comes first for every setting
        switch,
        "Read the layer with the release metadata whole, once, and check it against its digest.",
        metavar="",
    )
    shrink_limit: float = setting(
        0.5,
        share,
        "Share of the known tags that may vanish from a listing at once; what exceeds it is held back. 1 accepts"
        " any listing.",
        metavar="SHARE",
    )
    block_precedence: str = setting(
        "block-wins",
        one_of("block-wins", "cincinnati"),
        "What becomes of an update that is blocked outright and conditional at once: block-wins does not offer it,"
        " cincinnati offers it with its risks, as Cincinnati does.",
        metavar="WORD",
        choices=("block-wins", "cincinnati"),
    )
    max_stale: float | None = setting(
        None,
        optional_seconds,
        "Age of the graph above which the service is not ready. Answers go on. Off by default.",
        metavar="TIME",
    )
    log_format: str = setting(
        "text", one_of("text", "json"), "Form of the log.", metavar="FORMAT", choices=("text", "json")
    )
    log_level: str = setting(
        "info",
        one_of("debug", "info", "warning", "error"),
        "Least grave lines that are logged.",
        metavar="LEVEL",
        choices=("debug", "info", "warning", "error"),
    )

    @property
    def served_signatures(self) -> Path | None:
        """The directory whose signatures are served; None if they are none or elsewhere."""
        named = self.signatures
        if named is None or re.match(_ELSEWHERE, named) or named.endswith(MANIFEST_ENDINGS + ARCHIVE_ENDINGS):
            return None
        return Path(named).expanduser()

    @property
    def wants_whole_layers(self) -> bool:
        """Whether the metadata of releases has to be proven to be that of their digest."""
        return self.verify_layers or bool(self.require_signatures)


SETTINGS = settings_of(Configuration)
"""The settings by the name of their field."""


def to_json(configuration: Configuration) -> bytes:
    """A configuration as one process hands it to another."""
    return msgspec.json.encode(configuration, enc_hook=str)


def from_json(content: bytes) -> Configuration:
    """The configuration that :func:`to_json` wrote.

    Raises:
        msgspec.DecodeError: it did not.
    """
    return msgspec.json.decode(content, type=Configuration, dec_hook=lambda kind, value: kind(value))
