"""A picture of one of the project's pages, as README.md and the documentation show it.

    python benchmarks/page_picture.py RUN/report.html docs/run.png --hide Result --no-tables

takes the page as a browser shows it, light, 1280 pixels wide. It needs Playwright, which the extra
`dev` has, and a Chromium on the PATH (`make browser`).
"""

from __future__ import annotations

import argparse
import io
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from product_length.errors import UserError
from product_length.writing import write_whole

WIDTH = 1280


def take_picture(
    page: Path, picture: Path, *, height: int, hide: Sequence[str] = (), tables: bool = True
) -> None:
    """Write a PNG, at most `height` pixels high, of a page without the sections named in `hide`.

    `tables`: whether tables are shown. Raises UserError without a browser.
    """
    from PIL import Image
    from playwright.sync_api import sync_playwright

    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if found is None:
        raise UserError("a picture of a page needs a Chromium on the PATH: make browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        try:
            opened = browser.new_page(viewport={"width": WIDTH, "height": 900})
            opened.goto(page.resolve().as_uri())
            opened.wait_for_selector("html[data-ready]", state="attached")
            for title in hide:
                opened.locator("section", has=opened.get_by_role("heading", name=title)).evaluate(
                    "section => section.remove()"
                )
            if not tables:
                opened.evaluate(
                    "document.querySelectorAll('figure.table').forEach((one) => one.remove())"
                )
            bottom = opened.evaluate(
                "Math.ceil(document.querySelector('main').getBoundingClientRect().bottom)"
            )
            shown = {"x": 0, "y": 0, "width": WIDTH, "height": min(height, bottom)}
            png = opened.screenshot(full_page=True, clip=shown)
        finally:
            browser.close()
    image = Image.open(io.BytesIO(png)).convert("RGB")
    write_whole(picture, lambda path: image.save(path, "PNG", optimize=True))


def main() -> int:
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    made.add_argument("page", type=Path)
    made.add_argument("picture", type=Path)
    made.add_argument("--height", type=int, default=1900, help="in pixels, at most")
    made.add_argument("--hide", nargs="*", default=[], metavar="SECTION", help="by its title")
    made.add_argument("--no-tables", action="store_true")
    options = made.parse_args()
    try:
        take_picture(
            options.page,
            options.picture,
            height=options.height,
            hide=options.hide,
            tables=not options.no_tables,
        )
    except UserError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
