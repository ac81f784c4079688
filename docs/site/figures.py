"""The pictures of README and docs, taken from a report: ``make docs-figures``.

It verifies an example and takes sections of its page, in a headless Chromium.  Where fonts are
others, so are the pictures.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

import s2nn_hw
from s2nn_hw import flow
from s2nn_hw.flow.images import images

HERE = Path(__file__).parents[1] / "assets"
EXAMPLE = HERE.parents[1] / "examples" / "mnist-conv"

#: Sections of the page, each a picture.
SECTIONS = ("advice", "network", "timeline", "example", "waveform")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FRAMES = 20
WIDTH = 1000


def main() -> None:
    """Make all of them."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        sys.exit(f"docs-figures: none of {', '.join(BROWSERS)} is on PATH")
    network = s2nn_hw.load(EXAMPLE / "model.s2nn")
    found = images(network, EXAMPLE / "images.npz", frames=FRAMES)
    # The page names the folder that it is of.
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        flow.verify(network, found.frames, "build", labels=found.labels, lanes=4)
        flow.report("build", html="page.html")
        take(browser, Path("page.html").resolve())


def take(browser: str, page: Path) -> None:
    """Pictures of the sections of a page."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        view = opened.new_page(viewport={"width": WIDTH, "height": 800}, color_scheme="light")
        view.goto(page.as_uri())
        for name in SECTIONS:
            view.locator(f"#{name}").screenshot(path=HERE / f"report-{name}.png")
        opened.close()


if __name__ == "__main__":
    main()
