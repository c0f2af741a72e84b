"""Which tests may run at the same time, in several processes of one session: `pytest -n 3 --dist loadfile`.

Tests of one group run in one process, in the order in which they were collected. A group is a file, but for the
groups below. Groups are begun in the order in which they were collected.
"""

# The first that begins a test's identifier names its group.
_GROUPS = {
    "tests/e2e/devcluster/": "the cluster that is damaged",
    # What happens to one operator and one MLflow. The tests of a server that is short of something need a quiet
    # machine: they come in between the stories, when the tests without a cluster have ended.
    "tests/e2e/": "the cluster",
    "tests/pressure/": "the cluster",
    # The pages show what the guides have left.
    "tests/stack/test_guides.py": "the guides",
    "tests/stack/test_user_interface.py": "the guides",
}

# Each of their tests has a namespace and releases of its own.
_SINGLY = ("tests/stack/test_backends.py",)


def group_of(identifier: str) -> str:
    """The group of a test."""
    if identifier.startswith(_SINGLY):
        return identifier
    named = (group for start, group in _GROUPS.items() if identifier.startswith(start))
    return next(named, identifier.partition("::")[0])
