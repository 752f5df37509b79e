"""Everything that outgoing connections need beside an address: credentials, trust and proxies.

One value is made where a process begins, from its settings and its environment, and is given to whatever
connects: registries, downloads, diagnosis. So no part of the program has rules of its own, and nothing
below reads the environment.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from upgraph.errors import Finding
from upgraph.oci.credentials.lookup import Credentials
from upgraph.oci.http.downloads import Downloads
from upgraph.oci.http.proxies import Proxies
from upgraph.oci.trust.trusted import Trust


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach others. By default anonymous, with the authorities of the system, without proxies."""

    credentials: Credentials = field(default_factory=Credentials.anonymous)
    trust: Trust = field(default_factory=Trust)
    proxies: Proxies = field(default_factory=Proxies)

    @classmethod
    def of(
        cls,
        environment: Mapping[str, str],
        *,
        authfile: Path | None = None,
        search: bool = True,
        ca: Sequence[Path] = (),
    ) -> "Access":
        """What settings and environment say.

        Args:
            environment: variables of the process; helpers of credentials get them too.
            authfile: the file with credentials, or the directory that a secret was mounted to.
            search: whether, without ``authfile``, credentials are looked for where podman and docker keep them.
            ca: files and directories of certificates that are trusted beside those of the system.

        Raises:
            UserError: a file or a variable cannot be used.
        """
        if authfile is not None:
            credentials = Credentials.load(authfile, environment)
        else:
            credentials = Credentials.search(environment) if search else Credentials.anonymous()
        return cls(credentials, Trust(ca, environment), Proxies.of(environment))

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong now, although connections can be made."""
        return (*self.credentials.findings, *self.trust.findings, *self.proxies.findings)

    def fingerprint(self) -> str:
        """A text that is another one once a file of credentials or of certificates is. Cheap, never failing."""
        return repr((self.credentials.state(), self.trust.state()))

    def session(self, *, concurrency: int = 1) -> Downloads:
        """Opens connections for plain downloads, which are no images. An async context manager.

        Args:
            concurrency: most requests at a time.
        """
        return Downloads(self.trust, self.proxies, concurrency=concurrency)
