"""Whether a certificate chain and a key can be shown by a server together.

The router of OpenShift refuses a Route whose pair does not fit, and serves it no more. ``kubectl create secret tls`` looks at
the pair; editors, GitOps and agents that renew certificates do not.
"""

import ssl
from typing import NoReturn

from upgraph.kube.identity import in_memory


def pair_fault(chain: str, key: str) -> str:
    """Why a pair cannot be used; empty if it can.

    Args:
        chain: PEM: the certificate of the server first, then those that issued it.
        key: PEM of its private key.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # How strong keys have to be is for the router to say; here only counts what fits together.
    context.set_ciphers("ALL:@SECLEVEL=0")
    try:
        with in_memory(chain.encode()) as certificates, in_memory(key.encode()) as private:
            context.load_cert_chain(certificates, private, password=_refuse_password)
    except _PasswordError:
        return "has a tls.key that is protected by a password"
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            return "has a tls.key that is not the key of the certificate in tls.crt"
        return "has no certificate chain and key in PEM under tls.crt and tls.key that can be used"
    return ""


class _PasswordError(Exception):
    pass


def _refuse_password() -> NoReturn:
    # Without this the library would ask on the terminal, and wait.
    raise _PasswordError
