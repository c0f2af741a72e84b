"""What can go wrong, said in one line that names the cure."""


class DevclusterError(Exception):
    """A foreseeable failure; the message is one complete line for a person."""
