"""Whom a client of this release trusts: the public authorities, and those that AUTHORITIES holds as *.crt.

One list for all: a client that follows presigned URLs talks to MLflow and to the store, and each of the two
may have its certificate from anybody.
"""

import os
from pathlib import Path

import certifi

LIST = Path("/tmp/authorities.pem")  # noqa: S108 - a volume of the pod's own


def trust() -> None:
    """Tell the libraries of this process; those of other clients trust the public ones alone."""
    own = sorted(Path(os.environ["AUTHORITIES"]).glob("*.crt")) if "AUTHORITIES" in os.environ else []
    if own:
        LIST.write_text("\n".join(path.read_text() for path in (Path(certifi.where()), *own)))
        os.environ["REQUESTS_CA_BUNDLE"] = os.environ["SSL_CERT_FILE"] = str(LIST)
