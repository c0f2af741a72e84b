"""Options, fixtures and processes of every test folder."""

import os
import time
from typing import Any

import hypothesis
import pytest
from support.cluster.session import begin, end
from support.cluster.side_by_side import group_of
from support.golden import Golden
from xdist.scheduler.loadfile import LoadFileScheduling

# How long one example takes says nothing on a machine that others use too.
hypothesis.settings.register_profile("davit", deadline=None)
hypothesis.settings.load_profile("davit")

# These measure times or await a cluster; the processes of all others give way to them.
STORIES = ("tests/e2e/", "tests/stack/")
PRECEDENCE = (*STORIES, "tests/pressure/")
GIVING_WAY = 5


def pytest_addoption(parser: pytest.Parser):
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write what the tests produce to tests/data/golden instead of comparing; review the diff",
    )


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compares text with tests/data/golden."""
    return Golden(update=request.config.getoption("--update-golden"))


def is_worker(config: pytest.Config) -> bool:
    """Whether this process gets its tests from another one."""
    return hasattr(config, "workerinput")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    if not is_worker(session.config):
        begin()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Removes the clusters when all workers have ended, also after Ctrl-C."""
    if is_worker(session.config):
        return
    if failed := end():
        terminal: Any = session.config.pluginmanager.get_plugin("terminalreporter")
        terminal.write_line(f"not undone: {'; '.join(failed)}", red=True)
        session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED


class SideBySide(LoadFileScheduling):
    """xdist's scheduling by files, with some groups of them."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> SideBySide | None:
    return SideBySide(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.nodeid.startswith(STORIES) and time.time() > float(
        os.environ.get("DAVIT_TEST_BEGIN_UNTIL", "inf")
    ):
        pytest.skip(f"no time was left to begin {item.nodeid}")
    # A worker that begins with the tests without a cluster never gets others.
    if is_worker(item.config) and not item.nodeid.startswith(PRECEDENCE):
        os.setpriority(os.PRIO_PROCESS, 0, max(GIVING_WAY, os.getpriority(os.PRIO_PROCESS, 0)))
