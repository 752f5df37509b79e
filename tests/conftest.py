"""What holds for every test: no network but loopback, a home of its own, real data only where it was named."""

import asyncio
import ipaddress
import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import uvloop
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

DATA_VARIABLE = "UPGRAPH_TEST_DATA"
DATA_FOLDERS = ("conformance", "graph-data", "signatures")
DATA_REASON = f"needs real data: {DATA_VARIABLE} is not set"
ROOT_REASON = "needs root: containers are started"
HOW_TO_BE_ROOT = """\
Starting containers and clusters takes the rights of root, so the tests that do it did not run, and this run has failed.
Run `make test ARGS="tests/image tests/cluster"` as root.
"""
PROGRAM_REASON = "needs a program of the control plane that KUBEBUILDER_ASSETS does not have"
HOW_TO_GET_PROGRAMS = """\
KUBEBUILDER_ASSETS is set, so the control plane was made of the programs in that folder, which are not all,
and this run has failed. Unset it, and `make test` builds all of them.
"""
HOW_TO_GET_DATA = f"""\
{DATA_VARIABLE} is not set, so the tests on real graph data did not run. Everything else was tested.
To run them, let {DATA_VARIABLE} name a folder that contains
  graph-data/    a checkout of the public repository openshift/cincinnati-graph-data
  conformance/   one folder a case, from the public repository openshift/cincinnati:
                 cincinnati/src/plugins/internal/graph_builder/openshift_secondary_metadata_parser/test_fixtures/
  signatures/    keyrings/ and signatures/ from the public repository openshift/library-go, pkg/verify/testdata/;
                 graph-data-image/ with hongkliu.asc and signature-3 from openshift/cincinnati
"""

settings.register_profile("default", deadline=None)
settings.register_profile(
    "ci", deadline=None, database=None, derandomize=True, max_examples=300, print_blob=True
)
settings.load_profile("ci" if os.environ.get("CI") else "default")


CLUSTERS = ipaddress.ip_network("198.18.0.0/15")
"""The addresses of clusters that tests start; see ``tools/cluster/network.py``."""


class ForbiddenNetworkError(RuntimeError):
    """A test reached for something that is not this machine."""


def _is_local(host: object) -> bool:
    if host in {None, "", b"", "localhost", b"localhost"}:
        return True
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    # Clusters of tests are joined to this machine by addresses that nothing else has.
    return address.is_loopback or address in CLUSTERS


def _guard(event: str, args: tuple[object, ...]) -> None:
    """Audit hook: unlike a patched method it also sees what the standard library does from C.

    It does not see what uvloop does, nor what child processes do; ``tests/whole/test_contacts.py`` looks at a
    service that runs.
    """
    if not event.startswith("socket."):
        return
    if event in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
        connection, address = args
        if getattr(connection, "family", None) == socket.AF_UNIX or address is None:
            return
        host = address[0] if isinstance(address, tuple) else address
    elif event in {"socket.getaddrinfo", "socket.gethostbyname"}:
        host = args[0]
    else:
        return
    if not _is_local(host):
        raise ForbiddenNetworkError(f"{event} to {host!r}: tests may use loopback and Unix sockets only")


def pytest_configure(config: pytest.Config) -> None:
    """Guard the network from here on, and refuse a data folder that is not one."""
    sys.addaudithook(_guard)
    named = os.environ.get(DATA_VARIABLE)
    if named is None:
        return
    missing = [folder for folder in DATA_FOLDERS if not (Path(named) / folder).is_dir()]
    if missing:
        raise pytest.UsageError(f"{DATA_VARIABLE}={named} has no folder {' and no folder '.join(missing)}")


TOGETHER = ("tests/cluster/", "tests/image/")
"""Folders whose tests share what a run has once: clusters, and the image, which takes a minute to build."""


class _Sharing(LoadScopeScheduling):  # type: ignore[misc]  # ships no types
    """How tests are dealt out to the workers of ``make test``: whole files, and some folders as one."""

    def _split_scope(self, nodeid: str) -> str:
        return TOGETHER[0] if nodeid.startswith(TOGETHER) else nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Let workers take tests from each other only where nothing is shared (a hook of pytest-xdist)."""
    return _Sharing(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let the tests of clusters come last, however the others are shuffled: a control plane is never idle.

    Side by side they come first: nothing else takes one worker as long.
    """
    first = hasattr(config, "workerinput")
    items.sort(key=lambda item: item.nodeid.startswith(TOGETHER), reverse=first)


@pytest.hookimpl(optionalhook=True)
def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Listeners run in the event loop that the service has, everything else in that of the standard library."""
    if not {"serving", "requests"}.isdisjoint(item.path.parts):
        return {"uvloop": uvloop.new_event_loop}
    return {"asyncio": asyncio.new_event_loop}


WHAT_TO_DO = {
    DATA_REASON: HOW_TO_GET_DATA,
    ROOT_REASON: HOW_TO_BE_ROOT,
    PROGRAM_REASON: HOW_TO_GET_PROGRAMS,
}
"""Reasons for which a test is left out, and what the person who runs the tests can do about it."""


def _skipped(reporter: pytest.TerminalReporter) -> tuple[dict[str, int], list[str]]:
    """How many tests were left out for a known reason, and the names of those left out for any other."""
    waiting: dict[str, int] = {}
    others = []
    for report in reporter.stats.get("skipped", []):
        reason = next((known for known in WHAT_TO_DO if known in str(report.longrepr)), None)
        if reason is None:
            others.append(report.nodeid)
        else:
            waiting[reason] = waiting.get(reason, 0) + 1
    return waiting, others


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Leaving tests out is a failure, but for real data, which not everybody has."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if not isinstance(reporter, pytest.TerminalReporter) or session.exitstatus != 0:
        return
    waiting, others = _skipped(reporter)
    if others or waiting.keys() - {DATA_REASON}:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what did not run, and how to make it run."""
    waiting, others = _skipped(terminalreporter)
    for reason, number in waiting.items():
        terminalreporter.section(f"{number} tests not run: {reason}", yellow=True)
        terminalreporter.write(WHAT_TO_DO[reason])
    if others:
        terminalreporter.section("left out without leave: this run has failed", red=True)
        terminalreporter.write("".join(f"{name}\n" for name in others))


@pytest.fixture(scope="session", autouse=True)
def _home_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing of the person who runs the tests is read or written: no credentials, settings, proxies."""
    personal = ("DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "KUBECONFIG", "SSL_CERT_FILE", "SSL_CERT_DIR")
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            ours = name.startswith(("UPGRAPH_", "XDG_")) and name != DATA_VARIABLE
            if ours or name in personal or name.lower().endswith("_proxy"):
                patch.delenv(name)
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        # Without it, tools look below /run, where the logins of the person may be.
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
        yield


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with ``graph-data/``, ``conformance/`` and ``signatures/``."""
    named = os.environ.get(DATA_VARIABLE)
    if named is None:
        pytest.skip(DATA_REASON)
    return Path(named).resolve()
