"""The configuration of Cincinnati's graph-builder, policy-engine and metadata-helper, translated into ours.

The same keys, defaults and plugin names, so that what the OpenShift Update Service Operator generates is
understood as it is. What has no effect here is named in a warning; what would have to have one and cannot
is refused by name. Flags are stronger than the file, as Cincinnati's documentation says; its programs
do it the other way round. Mandatory parameters of both count together, as there.
"""

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from upgraph.errors import UserError
from upgraph.errors.problems.service import PLUGIN_REFUSED, SETTING_INVALID
from upgraph.service.configuration import Configuration, prefix_of
from upgraph.service.setting import between, seconds

SYSTEM_TRUST = Path("/etc/pki/ca-trust/extracted/")
"""Where graph-builder looks for certificates by default."""
_MAX_CONCURRENCY = 256
_LEVELS = {"": "warning", "v": "info"}
_PREFIX = "io.openshift.upgrades.graph"
_MANDATORY = "service.mandatory_client_parameters"

Table = Mapping[str, Any]
T = TypeVar("T")


@dataclass(slots=True)
class Translation:
    """A configuration of ours, and what had no effect on the way to it."""

    values: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @property
    def configuration(self) -> Configuration:
        """The configuration."""
        return Configuration(**self.values)


@dataclass(frozen=True, slots=True)
class Option:
    """One key of the original: its flag, its default, and what reads it."""

    key: str
    """Dotted key in the file; the flag has the same name unless ``flag`` says otherwise."""
    default: str | None = None
    aliases: tuple[str, ...] = ()
    flag: str | None = None
    has_effect: bool = True

    @property
    def flags(self) -> tuple[str, ...]:
        """Every spelling of the flag."""
        return (f"--{self.flag or self.key}", *(f"--{alias}" for alias in self.aliases))


_EVERY = (
    Option("verbosity"),
    Option("service.path_prefix", ""),
    Option("service.tracing_endpoint", has_effect=False),
    Option("status.address", "127.0.0.1"),
)
_SERVICE = (
    *_EVERY,
    Option(_MANDATORY, ""),
    Option("upstream.method", has_effect=False),
)
_SERVER = (
    Option("service.backlog", has_effect=False),
    Option("service.max_connections", has_effect=False),
    Option("service.max_connection_rate", has_effect=False),
    Option("service.keep_alive", has_effect=False),
    Option("service.client_timeout", has_effect=False),
)
GRAPH_BUILDER_OPTIONS = (
    *_SERVICE,
    Option("service.address", "127.0.0.1", aliases=("address",)),
    Option("service.port", "8080", aliases=("port",)),
    Option("service.public_port", "8090", aliases=("public_port",)),
    Option("service.pause_secs", "300"),
    Option("service.scrape_timeout_secs", flag="service.scrape_timeout"),
    Option("status.port", "9080"),
    Option("upstream.pause_secs", has_effect=False),
    Option("upstream.registry.url", aliases=("registry",), has_effect=False),
    Option("upstream.registry.repository", aliases=("repository",), has_effect=False),
    Option("upstream.registry.credentials_path", aliases=("credentials-file",), has_effect=False),
    Option("upstream.registry.manifestref_key", has_effect=False),
    Option("upstream.registry.fetch_concurrency", has_effect=False),
)
POLICY_ENGINE_OPTIONS = (
    *_SERVICE,
    Option("service.address", "127.0.0.1"),
    Option("service.port", "8081"),
    *_SERVER,
    Option("status.port", "9081"),
    Option("upstream.cincinnati.url", "http://localhost:8080/graph"),
)
METADATA_HELPER_OPTIONS = (
    *_EVERY,
    *_SERVER,
    Option("service.address", "127.0.0.1"),
    Option("service.port", "8082"),
    Option("status.port", "9082"),
    Option("signatures.dir"),
)


def graph_builder(flags: Mapping[str, str], file: Table) -> Translation:
    """The configuration of a graph-builder.

    Args:
        flags: values by dotted key.
        file: the parsed TOML file; empty without one.

    Raises:
        UserError: a value cannot be used, or the plugins are not those that are built in here.
    """
    plugins = file.get("plugin_settings", [])
    reading = _Reading(GRAPH_BUILDER_OPTIONS, flags, _without(file, "plugin_settings"))
    result = reading.result
    result.values |= {
        "listen": None,
        "builder_listen": reading.address("service.address", "service.port"),
        "mandatory_parameters": reading.mandatory_parameters,
        "graph_data_listen": reading.address("service.address", "service.public_port"),
        "scrape_interval": reading.read("service.pause_secs", seconds),
    }
    timeout = reading.get("service.scrape_timeout_secs")
    read_timeout = reading.read("service.scrape_timeout_secs", seconds) if timeout else None
    result.values["scrape_timeout"] = read_timeout
    if not plugins:
        seen = "no [[plugin_settings]]: the default plugins fetch releases and graph data from the internet"
        remedy = f"Configure the plugins {', '.join(_BUILDER_PLUGINS)}, as the operator does."
        raise UserError(PLUGIN_REFUSED, seen, remedy=remedy)
    _plugins(plugins, _BUILDER_PLUGINS, result)
    return result


def policy_engine(flags: Mapping[str, str], file: Table) -> Translation:
    """The configuration of a policy-engine. Arguments and errors as for :func:`graph_builder`."""
    policies = file.get("policy", [])
    reading = _Reading(POLICY_ENGINE_OPTIONS, flags, _without(file, "policy"))
    result = reading.result
    result.values |= {
        "listen": reading.address("service.address", "service.port"),
        "mandatory_parameters": reading.mandatory_parameters,
        "upstream": reading.get("upstream.cincinnati.url"),
        # Cincinnati keeps a graph for 60 seconds and fetches it when somebody asks.
        "scrape_interval": 30.0,
    }
    if policies:
        _plugins(policies, _POLICY_PLUGINS, result)
    return result


def metadata_helper(flags: Mapping[str, str], file: Table) -> Translation:
    """The configuration of a metadata-helper. Arguments and errors as for :func:`graph_builder`."""
    reading = _Reading(METADATA_HELPER_OPTIONS, flags, file)
    directory = reading.get("signatures.dir")
    reading.result.values |= {
        "listen": reading.address("service.address", "service.port"),
        "signatures": directory or None,
    }
    if not directory:
        # The original makes an empty directory of its own, which nobody can put anything into.
        reading.result.warnings.append("signatures.dir is not given: there is no signature to serve")
    return reading.result


class _Reading:
    """Keys of a file and flags, flattened to dotted keys, with what all programs share already read."""

    def __init__(self, options: Sequence[Option], flags: Mapping[str, str], file: Table) -> None:
        self.result = Translation()
        known = {option.key: option for option in options}
        self._values = {option.key: option.default for option in options}
        for key, value in _flat(file):
            if key not in known:
                self.result.warnings.append(f"the key {key} {_not_known(key, known)}")
                continue
            self._values[key] = value
        mandatory = [values[_MANDATORY] for values in (self._values, flags) if values.get(_MANDATORY)]
        self._values |= flags
        if mandatory:
            self._values[_MANDATORY] = ",".join(map(str, mandatory))
        for option in options:
            if not option.has_effect and self._values[option.key] is not None:
                self.result.warnings.append(f"{option.key} has no effect here")
        self.result.values |= {
            "status_listen": self.address("status.address", "status.port"),
            "path_prefix": prefix_of(self.get("service.path_prefix")),
            "log_level": _LEVELS.get(self.get("verbosity"), "debug"),
        }

    def get(self, key: str) -> str:
        """The text of a value; empty where there is none."""
        value = self._values[key]
        return "" if value is None else str(value)

    @property
    def mandatory_parameters(self) -> tuple[str, ...]:
        """The query parameters without which a request is refused."""
        return tuple(dict.fromkeys(_names(self.get(_MANDATORY))))

    def read(self, key: str, read: Callable[[str], T]) -> T:
        """A value, read.

        Raises:
            UserError: it cannot be read.
        """
        try:
            return read(self.get(key))
        except ValueError as error:
            raise UserError(SETTING_INVALID, f"{key} is {self.get(key)!r}, but {error}") from error

    def address(self, host: str, port: str) -> str:
        """``host:port`` of two keys."""
        number = self.read(port, between(0, 65_535))
        name = self.get(host)
        return f"[{name}]:{number}" if ":" in name else f"{name}:{number}"


def _without(table: Table, key: str) -> Table:
    return {name: value for name, value in table.items() if name != key}


def _flat(table: Table, above: str = "") -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        key = f"{above}{name}"
        if isinstance(value, Mapping):
            yield from _flat(value, f"{key}.")
        elif isinstance(value, list):
            yield key, ",".join(map(str, value))
        else:
            yield key, str(value)


def _not_known(key: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(key, list(known), n=1)
    return "is not known and has no effect" + (f"; did you mean {close[0]}?" if close else "")


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _plugins(tables: Sequence[Table], expected: Mapping[str, "_Plugin"], result: Translation) -> None:
    """Translate a chain of plugins, which must be the one that is built in here."""
    if not isinstance(tables, list) or not all(isinstance(table, Mapping) for table in tables):
        raise UserError(SETTING_INVALID, "the plugins must be an array of tables")
    names = [table.get("name") for table in tables]
    for name in names:
        if not isinstance(name, str) or name not in expected:
            seen = f"the plugin {name!r} is not available; these are, in this order: {', '.join(expected)}"
            raise UserError(PLUGIN_REFUSED, seen)
    if names != list(expected):
        seen = f"the plugins are {', '.join(map(str, names))}; only this order is available: {', '.join(expected)}"
        raise UserError(PLUGIN_REFUSED, seen)
    for name, table in zip(expected, tables, strict=True):
        expected[name](_PluginTable(name, _without(table, "name"), result))


class _PluginTable:
    """The settings of one plugin."""

    def __init__(self, name: str, table: Table, result: Translation) -> None:
        self._name = name
        self._left = dict(table)
        self._known: list[str] = []
        self.result = result

    def take(self, key: str, default: str = "") -> str:
        """A setting, which counts as understood."""
        self._known.append(key)
        return str(self._left.pop(key, default))

    def demand(self, key: str, value: object) -> None:
        """A setting that can have one value only here.

        Raises:
            UserError: it has another.
        """
        self._known.append(key)
        given = self._left.pop(key, value)
        if given != value:
            seen = f"{self._name}: {key} is {given!r}; only {value!r} is available"
            raise UserError(PLUGIN_REFUSED, seen)

    def refuse(self, *keys: str) -> None:
        """Settings that would have to have an effect and cannot.

        Raises:
            UserError: one is given.
        """
        for key in keys:
            self._known.append(key)
            if self._left.pop(key, None):
                raise UserError(PLUGIN_REFUSED, f"{self._name}: {key} is not available")

    def ignore_rest(self) -> None:
        """Name the settings that have no effect, here or in the original."""
        self.result.warnings += [
            f"{self._name}: the key {key} {_not_known(key, self._known)}" for key in sorted(self._left)
        ]


_Plugin = Callable[[_PluginTable], None]


def _releases(table: _PluginTable) -> None:
    table.refuse("username", "password")
    table.demand("manifestref_key", f"{_PREFIX}.release.manifestref")
    registry = table.take("registry").rstrip("/")
    repository = table.take("repository").strip("/")
    if not registry or not repository:
        raise UserError(SETTING_INVALID, "release-scrape-dockerv2: registry and repository are needed")
    scheme = "docker+http" if registry.startswith("http://") else "docker"
    host = registry.removeprefix("http://").removeprefix("https://")
    values = table.result.values
    values["releases"] = (f"{scheme}://{host}/{repository}",)
    values["concurrency"] = _concurrency(table.take("fetch_concurrency", "16"))
    credentials = table.take("credentials_path")
    if credentials:
        values["authfile"] = Path(credentials)
    else:
        # The original reads no file that was not named.
        values["authfile_search"] = False
    trust = table.take("root_certificate_dir")
    values["ca"] = (Path(trust),) if trust else _system_trust()
    table.ignore_rest()


def _concurrency(value: str) -> int:
    try:
        number = between(0, 1_000_000)(value)
    except ValueError as error:
        raise UserError(
            SETTING_INVALID, f"release-scrape-dockerv2: fetch_concurrency is {value!r}, but {error}"
        ) from error
    # Cincinnati takes 0 for no limit.
    return min(number or _MAX_CONCURRENCY, _MAX_CONCURRENCY)


def _system_trust() -> tuple[Path, ...]:
    """The default directory of certificates, if there are any in it."""
    patterns = ("*.pem", "*.crt", "*/*.pem", "*/*.crt")
    return (SYSTEM_TRUST,) if any(True for pattern in patterns for _ in SYSTEM_TRUST.glob(pattern)) else ()


def _graph_data(table: _PluginTable) -> None:
    table.demand("key_prefix", _PREFIX)
    directory = table.take("data_directory")
    if not directory:
        raise UserError(SETTING_INVALID, "openshift-secondary-metadata-parse: data_directory is needed")
    table.result.values["graph_data"] = directory
    table.ignore_rest()


def _edges(table: _PluginTable) -> None:
    table.demand("key_prefix", _PREFIX)
    table.demand("remove_all_edges_value", "*")
    table.demand("remove_consumed_metadata", value=False)
    table.demand("include_conditional_edges", value=True)
    table.ignore_rest()


def _fetch(table: _PluginTable) -> None:
    upstream = table.take("upstream")
    if upstream:
        table.result.values["upstream"] = upstream
    table.ignore_rest()


def _channels(table: _PluginTable) -> None:
    table.demand("key_prefix", _PREFIX)
    table.demand("key_suffix", "release.channels")
    table.ignore_rest()


def _arches(table: _PluginTable) -> None:
    table.demand("key_prefix", _PREFIX)
    table.demand("key_suffix", "release.arch")
    table.demand("default_arch", "amd64")
    table.ignore_rest()


_BUILDER_PLUGINS: Mapping[str, _Plugin] = {
    "release-scrape-dockerv2": _releases,
    "openshift-secondary-metadata-parse": _graph_data,
    "edge-add-remove": _edges,
}
_POLICY_PLUGINS: Mapping[str, _Plugin] = {
    "cincinnati-graph-fetch": _fetch,
    "channel-filter": _channels,
    "arch-filter": _arches,
}
