"""Chromium without a screen, inside the network of the cluster: it opens pages by the names of Services."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Error, Page, Response, ViewportSize, sync_playwright
from support.cluster.network import ClusterNetwork

from devcluster.images.debian import install_missing

SIZE: ViewportSize = {"width": 1280, "height": 720}
_MILLISECONDS = 120_000


@contextmanager
def chromium(network: ClusterNetwork, folder: Path) -> Iterator[Browser]:
    """Debian's Chromium, installed if it is missing; the folder gets the program that starts it in there."""
    install_missing({"chromium": "chromium"})
    launcher = folder / "chromium"
    launcher.write_text(f'#!/bin/sh\nexec {shlex.join(network.inside("chromium"))} "$@"\n')
    launcher.chmod(0o755)
    with sync_playwright() as driver:
        # Its sandbox refuses to run as root, which the network needs; it opens our own pages only.
        yield driver.chromium.launch(executable_path=launcher, args=["--no-sandbox"], timeout=_MILLISECONDS)


@contextmanager
def new_page(browser: Browser) -> Iterator[tuple[Page, list[str]]]:
    """An empty page, and what servers have refused it so far: status and URL."""
    refused: list[str] = []

    def note(response: Response) -> None:
        if response.status >= 400:
            refused.append(f"{response.status} {response.url}")

    page = browser.new_page(viewport=SIZE)
    page.set_default_timeout(_MILLISECONDS)
    page.on("response", note)
    try:
        yield page, refused
    finally:
        page.close()


def visit(page: Page, url: str, *, tries: int = 5) -> None:
    """Open a URL. Chromium lets go of what it loads whenever a pod's interface comes or goes beside it: then again."""
    try:
        page.goto(url)
    except Error as error:
        if "ERR_NETWORK_CHANGED" not in error.message or tries == 1:
            raise
        visit(page, url, tries=tries - 1)
