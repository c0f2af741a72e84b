"""The error that ends a measurement."""


class BenchFailed(Exception):
    """The measurement cannot continue or would be wrong; the message says why and what to do."""
