"""Authorities to trust besides the usual ones, given as text.

Certificates of authorities are public, so they can travel in an environment variable. Clients want a file,
but a container may have nowhere to write one: it is kept in memory where the system can do that.
"""

import os
import ssl
import sys
import tempfile
from functools import lru_cache

from davit_registry.errors import InvalidReference
from davit_registry.trust import trust


@lru_cache(maxsize=4)
def authorities_file(certificates: str) -> str:
    """The path of a file with the usual authorities and these; it lasts as long as the process.

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
            cure="give certificates of authorities in PEM format: -----BEGIN CERTIFICATE-----",
        ) from error
    usual = trust().get_ca_certs(binary_form=True)
    return _keep("\n".join([*map(ssl.DER_cert_to_PEM_cert, usual), certificates]))


def _keep(content: str) -> str:
    if sys.platform == "linux":
        descriptor = os.memfd_create("authorities")
        path = f"/proc/self/fd/{descriptor}"
    else:
        descriptor, path = tempfile.mkstemp(suffix=".pem")
    with os.fdopen(descriptor, "w", closefd=False) as file:
        file.write(content)
    return path
