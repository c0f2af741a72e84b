"""The inference server: one MLflow model over HTTP, in a pod or on a laptop."""

from importlib import metadata

__version__ = metadata.version("davit")
