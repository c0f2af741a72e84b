"""The inference server: one MLflow model over HTTP, in a pod or on a laptop."""

__version__ = "0.1.0"
"""As in pyproject.toml, which a test compares: reading the installed metadata would delay every start."""
