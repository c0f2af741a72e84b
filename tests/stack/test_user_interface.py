"""MLflow's pages in a browser, by the host name of the Service: what a data scientist sees of the stack.

`--update-golden` renews the pictures in docs/; otherwise they are taken and thrown away.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from support.cluster.browser import chromium, new_page, visit
from support.stack.guides import Guides, Walks

DOCS = Path(__file__).parents[2] / "docs"
LARGEST = 150_000

# Without authentication MLflow knows no users, and its pages ask all the same.
NO_USERS = "/mlflow/users/current"


@pytest.fixture(scope="module")
def guides(walks: Walks) -> Guides:
    """A stack that two of the guides, at least, have been run against."""
    walks.begin(["3.17"], ["01_experiments.py", "10_registry.py"])
    found = walks.of("3.17")
    found.follow("10_registry.py")
    return found


@pytest.fixture(scope="module")
def browser(guides: Guides, tmp_path_factory) -> Iterator[Browser]:
    with chromium(guides.network, tmp_path_factory.mktemp("chromium")) as started:
        yield started


@pytest.fixture
def page(browser: Browser, guides: Guides) -> Iterator[Page]:
    """MLflow's first page, switched to what is not about language models; no request of it may be refused."""
    with new_page(browser) as (opened, refused):
        visit(opened, guides.stack.url)
        opened.get_by_text("Model training").first.click()
        yield opened
        assert [refusal for refusal in refused if NO_USERS not in refusal] == []


@pytest.fixture
def pictures(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return DOCS if request.config.getoption("--update-golden") else tmp_path


def keep(page: Page, picture: Path) -> None:
    page.screenshot(path=picture, animations="disabled")
    assert picture.stat().st_size < LARGEST


def test_a_run_shows_its_parameters_metrics_tags_and_parent(page: Page, guides: Guides, pictures: Path):
    [run] = guides.stack.tracking.runs("guide 1: experiments", "params.rate = '0.4'")
    experiment = guides.stack.tracking.experiment("guide 1: experiments")["experiment_id"]
    visit(page, f"{guides.stack.url}/#/experiments/{experiment}/runs/{run.id}")
    for text in ("rate 0.4", "Finished", "height", "verdict", "converges", "learning rates", run.id):
        page.get_by_text(text).first.wait_for()
    assert page.get_by_role("row").filter(has_text="0.4").inner_text().split() == ["rate", "0.4"]
    metric, value = page.get_by_role("row").filter(has_text="height").inner_text().split()
    assert (metric, float(value)) == ("height", pytest.approx(run.metrics["height"]))
    keep(page, pictures / "mlflow-run.png")


def test_a_registered_model_shows_its_versions_tags_and_aliases(page: Page, guides: Guides, pictures: Path):
    visit(page, f"{guides.stack.url}/#/models/guide-registry")
    page.get_by_text("Flowers by their measures").wait_for()
    champion = page.get_by_role("row").filter(has_text="champion")
    assert "Version 1" in champion.inner_text()
    assert "The careful one" in champion.inner_text()
    for version, strength in (("1", "0.1"), ("2", "1.0"), ("3", "10.0")):
        row = page.get_by_role("row").filter(has_text=f"Version {version}")
        assert f": {strength}" in row.inner_text()
    keep(page, pictures / "mlflow-model.png")


def test_a_page_can_edit_its_content(page: Page, guides: Guides):
    # Browsers name the page's origin with every change, and MLflow rejects origins that are not configured.
    guides.stack.tracking.post(
        "/registered-models/create", {"name": "of-the-page", "description": "Written by a program"}
    )
    visit(page, f"{guides.stack.url}/#/models/of-the-page")
    page.get_by_text("Edit", exact=True).first.click()
    editor = page.locator("textarea").first
    editor.fill("Changed in a browser")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Changed in a browser").last.wait_for()
    page.get_by_role("button", name="Save").wait_for(state="hidden")
    model = guides.stack.tracking.get("/registered-models/get", name="of-the-page")["registered_model"]
    assert model["description"] == "Changed in a browser"
