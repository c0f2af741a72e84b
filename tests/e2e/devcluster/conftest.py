"""These stories are about the provider `node`: they are collected where that is what runs."""

import os

from devcluster.choice import choose_provider

_provider = choose_provider(os.environ.get("DAVIT_TEST_PROVIDER", "auto"), os.environ.get("DAVIT_CONTEXT"))
collect_ignore_glob = [] if _provider == "node" else ["test_*.py"]
