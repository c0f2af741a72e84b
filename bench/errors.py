"""What ends a measurement with one line."""


class BenchFailed(Exception):
    """The measurement cannot go on, or would not be true; the message says why and what to do."""
