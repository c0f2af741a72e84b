"""The host of a URL, and nothing else of it: user, password, path and query may each be a credential."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

UNNAMED = "a host that is not shown"
_HOST = re.compile(r"[a-z0-9][a-z0-9.-]*\Z")


def host_of(url: str) -> str:
    """Return the host in lower case; a description where part of a credential could be mistaken for it."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return UNNAMED
    # A password with an unescaped / or # ends the host too early; the @ is then found behind it.
    misread = "@" in parts.path + parts.query + parts.fragment
    return UNNAMED if misread or not _HOST.match(host) else host
