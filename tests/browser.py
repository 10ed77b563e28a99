"""A real headless Chromium that opens pages as people do."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


@contextmanager
def chromium() -> Iterator[Any]:
    """A Playwright browser, the Chromium on the PATH; the test is skipped where there is none."""
    executable = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if executable is None:
        pytest.skip("no chromium on the PATH (apt-get install chromium; `make browser` does it)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


class Visit:
    """A page that is open: `faults` are console errors, exceptions and failed requests so far."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.faults: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda said: said.type == "error" and self.faults.append(said.text))
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("requestfailed", lambda request: self.faults.append(f"failed: {request.url}"))
        page.on("request", lambda request: self.requests.append(request.url))

    def overflow(self) -> int:
        """CSS pixels that the page is wider than its window; what scrolls inside itself may be."""
        root = "document.documentElement"
        return int(self.page.evaluate(f"{root}.scrollWidth - {root}.clientWidth"))


@contextmanager
def visit(
    browser: Any, address: str | Path, *, width: int = 1280, dark: bool = False
) -> Iterator[Visit]:
    """Open a page (a URL, or a file) and wait until its charts are drawn."""
    page = browser.new_page(
        viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light"
    )
    opened = Visit(page)
    try:
        page.goto(address.resolve().as_uri() if isinstance(address, Path) else address)
        page.wait_for_selector("html[data-ready]", state="attached", timeout=30_000)
        yield opened
    finally:
        page.close()
