"""What the certificate of the service says, taken from what TLS clients get of it.

The ssl module does not tell what it has loaded. So a client in this process shakes hands with the server
side in memory: a millisecond, and what is seen is what clusters see.
"""

import ssl
from functools import lru_cache

from upgraph.syntax.certificate import Certificate, offered_chain

ENDING_SECONDS = 14 * 24 * 3600.0
"""Seconds before its end from which a certificate is reported: time to replace it within working days."""
_MAX_ROUNDS = 8
"""Exchanges after which a handshake in memory is given up; two are enough for TLS 1.3, three for 1.2."""


@lru_cache(maxsize=8)
def shown_by(context: ssl.SSLContext) -> Certificate | None:
    """The certificate that a server with this context shows; None if that cannot be found out.

    A context is never changed after it was made, so what was seen of it is remembered.
    """
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(to_server, to_client, server_side=True)
    client = _accepting().wrap_bio(to_client, to_server)
    for _ in range(_MAX_ROUNDS):
        is_client_done, is_server_done = _shakes(client), _shakes(server)
        if is_client_done and is_server_done:
            chain = offered_chain(client)
            return chain[0] if chain else None
    return None


def _shakes(side: ssl.SSLObject) -> bool:
    try:
        side.do_handshake()
    except ssl.SSLError:
        # It waits for the other side, or the two do not come together, which the bound on rounds ends.
        return False
    return True


def _accepting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
