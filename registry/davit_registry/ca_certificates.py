"""CA certificates to trust. Apart from the HTTP client, whose import takes longer than a small download."""

import os
import ssl
import sys
import tempfile
from functools import lru_cache

import certifi

from davit_registry.errors import InvalidReference


def create_ssl_context(*ca_files: str) -> ssl.SSLContext:
    """Trust the system's CA certificates, and those of PEM files.

    The system's are those of `SSL_CERT_FILE` or `SSL_CERT_DIR`, else Mozilla's.

    Raises:
        InvalidReference: A file cannot be read, or holds no certificate.
    """
    if not any(ca_files):
        return _system_context()
    context = _create_system_context()
    for file in filter(None, ca_files):
        try:
            context.load_verify_locations(file)
        except OSError as error:  # what ssl raises is one, too
            raise InvalidReference(
                f"the file of CA certificates {file} cannot be used",
                reason="InvalidCaBundle",
                cure="give a readable PEM file with at least one certificate",
            ) from error
    return context


@lru_cache(maxsize=4)
def write_ca_file(certificates: str) -> str:
    """Write the system's CA certificates and these to a file that lasts as long as the process.

    CA certificates are public, so they can travel in an environment variable. Clients want a file, but a
    container may have nowhere to write one: it is kept in memory where the system can do that.

    Args:
        certificates: In PEM format, as `DAVIT_CA_CERTIFICATES` has them; empty when there are none.

    Returns:
        The path; empty when there are none.

    Raises:
        InvalidReference: The text holds no certificate.
    """
    if not certificates.strip():
        return ""
    try:
        ssl.create_default_context(cadata=certificates)
    except (ssl.SSLError, ValueError) as error:
        raise InvalidReference(
            "DAVIT_CA_CERTIFICATES holds no certificates that can be read",
            reason="InvalidCaCertificates",
            cure="give CA certificates in PEM format: -----BEGIN CERTIFICATE-----",
        ) from error
    system = _system_context().get_ca_certs(binary_form=True)
    return _keep("\n".join([*map(ssl.DER_cert_to_PEM_cert, system), certificates]))


@lru_cache(maxsize=1)
def _system_context() -> ssl.SSLContext:
    """Read the files once: they hold a hundred certificates, and every client needs them."""
    return _create_system_context()


def _create_system_context() -> ssl.SSLContext:
    """Choose the files as httpx does."""
    if file := os.environ.get("SSL_CERT_FILE"):
        return ssl.create_default_context(cafile=file)
    if folder := os.environ.get("SSL_CERT_DIR"):
        return ssl.create_default_context(capath=folder)
    return ssl.create_default_context(cafile=certifi.where())


def _keep(content: str) -> str:
    if sys.platform == "linux":
        descriptor = os.memfd_create("ca-certificates")
        path = f"/proc/self/fd/{descriptor}"
    else:
        descriptor, path = tempfile.mkstemp(suffix=".pem")
    with os.fdopen(descriptor, "w", closefd=False) as file:
        file.write(content)
    return path
