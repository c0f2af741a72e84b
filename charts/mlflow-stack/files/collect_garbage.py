"""Removes for good what people have deleted: `mlflow gc`, with the database's password out of its arguments.

Artifacts are deleted through the tracking server, MLFLOW_TRACKING_URI, as MLflow wants it where a server
proxies them; where that asks for users, by its administrator.
"""

import os

import authorities
import database
import verdict
from mlflow.cli import gc


def main() -> None:
    """Collect what has been deleted for longer than GARBAGE_OLDER_THAN."""
    verdict.begin()
    authorities.trust()
    address = database.address().render_as_string(hide_password=False)
    age = os.environ["GARBAGE_OLDER_THAN"]
    gc.main(args=["--backend-store-uri", address, "--older-than", age], standalone_mode=False)
    verdict.succeed(f"Removed what was deleted more than {age} ago")


if __name__ == "__main__":
    main()
