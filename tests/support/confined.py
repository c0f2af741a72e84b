"""Programs that start another one with mounts of its own, or with less memory; no trace is left.

Mounts need a namespace of their own, which root may make, and elsewhere anybody with a user namespace.
"""

import os

_NAMESPACE = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]


def with_mounts(script: str, *arguments: str) -> list[str]:
    """To be put before a command: shell lines that mount things, with arguments from `$1` on."""
    count = len(arguments)
    return [*_NAMESPACE, "sh", "-ec", f'{script}\nshift {count}; exec "$@"', "sh", *arguments]


def with_memory(mebibytes: int) -> list[str]:
    """To be put before a command: a limit on its address space."""
    return ["prlimit", f"--as={mebibytes << 20}"]
