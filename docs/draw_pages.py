"""Draws ``docs/images/pages.png``: the page for drawing regions, and the page for labelling.

python docs/draw_pages.py        # needs Playwright, and Chromium as /usr/bin/chromium or under another usual name
"""

from __future__ import annotations

import contextlib
import io
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image

__all__ = ["main"]

IMAGE = Path(__file__).resolve().parent / "images/pages.png"
SIZE = (900, 620)
GAP = 16
COLOURS = 128
"""So many are enough for flat pages, and keep the file small."""
SITE = """\
site: gate
cameras:
  gate-1:
    source: {type: rendered, seed: 11, seconds: 120, trouble: 0.2}
    regions:
      gate: {polygon: [[0.12, 0.12], [0.9, 0.06], [0.94, 0.98], [0.06, 0.98]]}
"""
SITE_NAME, CROPS = "site.yaml", "crops"
LABELS = "role=operator,supervisor,visitor,nobody"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@contextlib.contextmanager
def served(folder: Path, *arguments: str) -> Iterator[str]:
    """A page at work, and its address."""
    command = [sys.executable, "-m", "decisight", *arguments, "--no-browser"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603
        try:
            assert process.stdout is not None  # noqa: S101 - for the type checker
            yield next(line.strip() for line in process.stdout if line.startswith("http://"))
        finally:
            process.send_signal(signal.SIGINT)


def photographed(browser: Any, address: str, ready: str, keys: str = "") -> Image.Image:
    """A page as a browser shows it, once something is there, and keys were pressed."""
    page = browser.new_context(viewport={"width": SIZE[0], "height": SIZE[1]}).new_page()
    page.goto(address)
    page.locator(ready).first.wait_for()
    for key in keys.split():
        page.keyboard.press(key)
        page.wait_for_timeout(500)
    page.wait_for_timeout(1500)
    picture = Image.open(io.BytesIO(page.screenshot()))
    page.context.close()
    return picture


def main() -> None:
    """Write the picture anew."""
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, NAMES)))
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        (folder / SITE_NAME).write_text(SITE, "utf-8")
        collect = ["collect", SITE_NAME, "--every", "2s", "--gap", "3s", "-o", CROPS]
        subprocess.run([sys.executable, "-m", "decisight", *collect], cwd=folder, check=True)  # noqa: S603
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        with served(folder, "region", SITE_NAME) as address:
            regions = photographed(browser, address, ".dr-fit img")
        with served(folder, "label", CROPS, "--groups", LABELS) as address:
            labels = photographed(browser, address, ".dl-picture img", keys="4 ArrowRight")
        browser.close()
    both = Image.new("RGB", (2 * SIZE[0] + GAP, SIZE[1]), "white")
    both.paste(regions, (0, 0))
    both.paste(labels, (SIZE[0] + GAP, 0))
    both.quantize(COLOURS).save(IMAGE, optimize=True)
    print(f"written: {IMAGE}")  # noqa: T201 - it is a script


if __name__ == "__main__":
    main()
