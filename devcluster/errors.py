"""The error of this package: one line that names the cure."""


class DevclusterError(Exception):
    """A foreseeable failure; the message is one complete line for the user."""
