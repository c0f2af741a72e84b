"""Removes deleted runs and experiments for good: `mlflow gc`, with the password kept out of its arguments.

Artifacts are deleted through the tracking server, MLFLOW_TRACKING_URI, as MLflow requires where a server
proxies them; where MLflow has users, as its administrator.
"""

import os

import ca_certificates
import database
import termination
from mlflow.cli import gc


def main() -> None:
    """Remove what was deleted longer ago than GARBAGE_OLDER_THAN."""
    termination.begin()
    ca_certificates.trust()
    address = database.address().render_as_string(hide_password=False)
    age = os.environ["GARBAGE_OLDER_THAN"]
    gc.main(args=["--backend-store-uri", address, "--older-than", age], standalone_mode=False)
    termination.succeed(f"Removed what was deleted more than {age} ago")


if __name__ == "__main__":
    main()
