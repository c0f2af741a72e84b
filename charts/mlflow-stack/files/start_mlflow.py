"""Runs `mlflow` with the given arguments; the database password is in its environment, not among them."""

import os
import sys

import database
import users


def main() -> None:
    """Replace this process, so that signals reach MLflow itself."""
    os.environ["MLFLOW_BACKEND_STORE_URI"] = database.address().render_as_string(hide_password=False)
    if users.enabled():
        users.write_configuration()
    os.execvp("mlflow", ["mlflow", *sys.argv[1:]])  # noqa: S606 - no shell is needed


if __name__ == "__main__":
    main()
