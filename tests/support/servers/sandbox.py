"""Command prefixes that run a program with private mounts or with a memory limit.

Private mounts need a mount namespace, which root may create, and other users within a user namespace.
"""

import os

_NAMESPACE = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]


def with_mounts(script: str, *arguments: str) -> list[str]:
    """Return a prefix that runs shell lines in a private mount namespace first; their arguments start at `$1`."""
    count = len(arguments)
    return [*_NAMESPACE, "sh", "-ec", f'{script}\nshift {count}; exec "$@"', "sh", *arguments]


def with_memory(mebibytes: int) -> list[str]:
    """Return a prefix that limits the address space."""
    return ["prlimit", f"--as={mebibytes << 20}"]
