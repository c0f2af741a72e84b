"""Options and fixtures of every test folder."""

import hypothesis
import pytest
from support.golden import Golden

# How long one example takes says nothing on a machine that others use too.
hypothesis.settings.register_profile("davit", deadline=None)
hypothesis.settings.load_profile("davit")


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
