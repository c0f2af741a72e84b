"""Configures the CA certificates of a client: the public ones, and *.crt in CA_CERTIFICATES_FOLDER.

One list for all: a client that follows presigned URLs talks to MLflow and to the store, whose certificates
may be signed by different CAs.
"""

import os
from pathlib import Path

import certifi

BUNDLE = Path("/tmp/ca-certificates.pem")  # noqa: S108 - a volume of the pod's own


def trust() -> None:
    """Configure the libraries of this process; clients in other programs trust the public CAs only."""
    folder = os.environ.get("CA_CERTIFICATES_FOLDER")
    own = sorted(Path(folder).glob("*.crt")) if folder else []
    if own:
        BUNDLE.write_text("\n".join(path.read_text() for path in (Path(certifi.where()), *own)))
        os.environ["REQUESTS_CA_BUNDLE"] = os.environ["SSL_CERT_FILE"] = str(BUNDLE)
