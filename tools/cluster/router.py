"""The router of OpenShift, as small as it can be: who asks for the host of a Route reaches the pods behind it.

Started in the network of a cluster. TLS ends here with the certificate of the Route, or else with that of all hosts below the
domain; reencrypt and passthrough are not known.
"""

import argparse
import os
import ssl
from dataclasses import dataclass
from pathlib import Path

from tools.cluster.client import Client
from tools.cluster.doors import HTTP_PORT, HTTPS_PORT, Backend, Unavailable, open_doors
from tools.cluster.routes import Routes


@dataclass(frozen=True, slots=True)
class Desk:
    """What every connection is judged by."""

    client: Client
    routes: Routes
    context: ssl.SSLContext
    """With the certificate of all hosts."""

    def place(self, host: str, *, port: int) -> Backend | str:
        """What is behind a host, or the URL to which the client is sent.

        Raises:
            Unavailable: no Route has the host, or not for this port.
        """
        route = self.routes.admitted(host)
        if route is None:
            raise Unavailable(f"no Route has the host {host}")
        tls = route["spec"].get("tls")
        if port == HTTP_PORT and tls:
            match tls.get("insecureEdgeTerminationPolicy"):
                case "Redirect":
                    return f"https://{host}"
                case "Allow":
                    pass
                case _:
                    raise Unavailable(f"Route of {host} is for HTTPS alone")
        if port == HTTPS_PORT and not tls:
            raise Unavailable(f"Route of {host} is for HTTP alone")
        wanted = route["spec"].get("port", {}).get("targetPort")
        return Backend(route["metadata"]["namespace"], route["spec"]["to"]["name"], wanted)

    def certificate(self, host: str) -> tuple[str, str] | None:
        """Certificate and key of the Route, if it has them."""
        route = self.routes.admitted(host)
        tls = route["spec"].get("tls", {}) if route else {}
        if not (tls.get("certificate") and tls.get("key")):
            return None
        return tls["certificate"] + "\n" + tls.get("caCertificate", ""), tls["key"]


def main() -> None:
    """Judge Routes and serve them until the end of the cluster."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--certificate", type=Path, required=True, help="of all hosts")
    parser.add_argument("--key", type=Path, required=True)
    options = parser.parse_args()
    client = Client.of(Path(os.environ["KUBECONFIG"]))
    routes = Routes(client)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(options.certificate, options.key)
    open_doors(Desk(client, routes, context))
    routes.follow_always()


if __name__ == "__main__":
    main()
