"""Whom we trust to be the API server, and the certificate that we show to it.

lightkube writes certificates and private keys of a kubeconfig into temporary files, because Python reads keys from files
alone. Here they are given to it in memory: a key that was never on the disk cannot be left there.
"""

import base64
import binascii
import os
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from lightkube.config.kubeconfig import SingleConfig
from lightkube.config.models import User

from upgraph.errors import UserError
from upgraph.errors.problems.kube import KUBECONFIG


def tls_context(config: SingleConfig) -> ssl.SSLContext:
    """What a connection under a configuration trusts and shows.

    Raises:
        UserError: certificates or the key cannot be used.
    """
    try:
        context = _trusting(config)
        if config.user is not None:
            _show_certificate(context, config, config.user)
    except (OSError, binascii.Error, ValueError) as error:
        # An error of ssl is one of the system too; none of their texts has a value.
        raise UserError(
            KUBECONFIG, f"certificates of the context {config.context_name!r}: {error}"
        ) from error
    return context


def files_of(config: SingleConfig) -> tuple[Path, ...]:
    """The files that :func:`tls_context` reads; what stands in the configuration itself is in none."""
    cluster, user = config.cluster, config.user
    named = [None if cluster.certificate_auth_data else cluster.certificate_auth]
    if user is not None:
        named += [
            None if user.client_cert_data else user.client_cert,
            None if user.client_key_data else user.client_key,
        ]
    return tuple(Path(config.abs_file(Path(one))) for one in named if one)


def _trusting(config: SingleConfig) -> ssl.SSLContext:
    cluster = config.cluster
    if cluster.certificate_auth_data:
        return ssl.create_default_context(cadata=_decoded(cluster.certificate_auth_data).decode("ascii"))
    if cluster.certificate_auth:
        return ssl.create_default_context(cafile=str(config.abs_file(cluster.certificate_auth)))
    context = ssl.create_default_context()
    if cluster.insecure:
        # The administrator has written so into the file, and kubectl does it too.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _show_certificate(context: ssl.SSLContext, config: SingleConfig, user: User) -> None:
    with ExitStack() as files:
        certificate = _file(config, user.client_cert_data, user.client_cert, files)
        key = _file(config, user.client_key_data, user.client_key, files)
        if certificate is not None:
            context.load_cert_chain(certificate, key)


def _file(config: SingleConfig, data: str | None, path: str | None, files: ExitStack) -> str | None:
    if data:
        return files.enter_context(in_memory(_decoded(data)))
    return str(config.abs_file(Path(path))) if path else None


def _decoded(data: str) -> bytes:
    content = base64.b64decode("".join(data.split()), validate=True)
    if not content:
        # Without an authority OpenSSL would trust those of the system.
        raise ValueError("the data are empty")
    return content


@contextmanager
def in_memory(content: bytes) -> Iterator[str]:
    """The name of a file that is on no disk."""
    handle = os.memfd_create("identity", os.MFD_CLOEXEC)
    try:
        with os.fdopen(os.dup(handle), "wb") as file:
            file.write(content)
        yield f"/proc/self/fd/{handle}"
    finally:
        os.close(handle)
