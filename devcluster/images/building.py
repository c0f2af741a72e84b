"""Code that the engines share: the certificate bundle, and running a build with a log file."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from devcluster.errors import DevclusterError
from devcluster.images.catalog import Image

_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
_BUILD_SECONDS = 30 * 60
_LAST_LINES = 15


def certificate_secret(environment: Mapping[str, str] | None = None) -> list[str]:
    """Return arguments that mount this machine's CA bundle into a build but not into the image."""
    environment = os.environ if environment is None else environment
    places = (environment.get("SSL_CERT_FILE", ""), *_BUNDLES)
    bundle = next((place for place in places if place and Path(place).is_file()), None)
    return ["--secret", f"id=ca,src={bundle}"] if bundle else []


def run_build(command: list[str], image: Image, log: Path) -> None:
    """Run a build with low priority and write its output to a log.

    Raises:
        DevclusterError: It failed or took longer than half an hour.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    try:
        with log.open("w") as output:
            ended = subprocess.run(
                ["nice", "-n", "10", *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=_BUILD_SECONDS,
                check=False,
            )
    except subprocess.TimeoutExpired:
        raise DevclusterError(f"the image {image.name} took more than 30 minutes; see {log}") from None
    if ended.returncode != 0:
        last = "\n".join(log.read_text(errors="replace").strip().splitlines()[-_LAST_LINES:])
        raise DevclusterError(f"the image {image.name} could not be built; the complete log is {log}\n{last}")
