"""Whom to trust over TLS. Apart from the HTTP client, whose import takes longer than a small download."""

import os
import ssl
from functools import lru_cache

import certifi

from davit_registry.errors import InvalidReference


def trust(*ca_bundles: str | None) -> ssl.SSLContext:
    """Whom to trust: the usual authorities, and those of PEM files.

    The usual ones are those of `SSL_CERT_FILE` or `SSL_CERT_DIR`, else Mozilla's.

    Raises:
        InvalidReference: A file cannot be read, or holds no certificate.
    """
    if not any(ca_bundles):
        return _usual_trust()
    context = _make_usual_trust()
    for bundle in filter(None, ca_bundles):
        try:
            context.load_verify_locations(bundle)
        except OSError as error:  # what ssl raises is one, too
            raise InvalidReference(
                f"the file of certificates {bundle} cannot be used",
                reason="InvalidCaBundle",
                cure="give a readable PEM file with at least one certificate",
            ) from error
    return context


@lru_cache(maxsize=1)
def _usual_trust() -> ssl.SSLContext:
    """Read once: it is a hundred certificates, and every client wants them."""
    return _make_usual_trust()


def _make_usual_trust() -> ssl.SSLContext:
    """As httpx chooses them."""
    if file := os.environ.get("SSL_CERT_FILE"):
        return ssl.create_default_context(cafile=file)
    if folder := os.environ.get("SSL_CERT_DIR"):
        return ssl.create_default_context(capath=folder)
    return ssl.create_default_context(cafile=certifi.where())
