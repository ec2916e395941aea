"""Draws ``docs/images/report.png``: the page that ``decisight evaluate --report`` writes, of rendered pictures.

python docs/draw_report.py        # needs Playwright, and Chromium as /usr/bin/chromium or under another usual name
"""

from __future__ import annotations

import contextlib
import io
import shutil
import tempfile
from pathlib import Path

from PIL import Image

from decisight.cli import main as decisight
from decisight.sources.rendered import write_dataset

__all__ = ["main"]

IMAGE = Path(__file__).resolve().parent / "images/report.png"
SIZE = (900, 760)
GAP = 16
COLOURS = 160
"""So many are enough for a page with a few pictures, and keep the file small."""
SHOWN = ("#guide", "#gallery-1")
"""Where the page is looked at."""
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def main() -> None:
    """Write the picture anew."""
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, NAMES)))
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), sync_playwright() as playwright:
        write_dataset(Path("gate"), pictures=240)
        for command in (
            ["train", "gate", "-o", "gate.onnx", "--no-cache"],
            ["evaluate", "gate.onnx", "gate", "--report", "."],
        ):
            with contextlib.redirect_stdout(io.StringIO()):
                status = decisight(command)
            if status != 0:
                raise SystemExit(f"decisight {' '.join(command)} failed")
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": SIZE[0], "height": SIZE[1]})
        page.goto(Path("report.html").resolve().as_uri())
        image = Image.new("RGB", (len(SHOWN) * (SIZE[0] + GAP) - GAP, SIZE[1]), "white")
        for at, place in enumerate(SHOWN):
            page.evaluate("place => document.querySelector(place).scrollIntoView({behavior: 'instant'})", place)
            image.paste(Image.open(io.BytesIO(page.screenshot())), (at * (SIZE[0] + GAP), 0))
        browser.close()
    image.quantize(COLOURS).save(IMAGE, optimize=True)
    print(f"written: {IMAGE}")  # noqa: T201 - it is a script


if __name__ == "__main__":
    main()
