"""The page for regions, driven in a real browser: what is drawn with the mouse is what is in the site file."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from tests.browser import Browsing, Served, served

from decisight.config import read_site
from decisight.regions import Region

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

SITE = """\
# The site of the tests
site: plant-7
cameras:
  gate-1:    # by the road
    source: {type: folder, path: pictures, follow: false, fps: 1}  # recorded

    regions:
      bay: {polygon: [[0.1, 0.1], [0.3, 0.1], [0.3, 0.3], [0.1, 0.3]]}   # measured
    watch:
      - {region: bay, model: m}
models: {m: {path: later.onnx}}
"""
FILL = (127, 127, 127)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return write_site(tmp_path)


def write_site(folder: Path, size: tuple[int, int] = (320, 180), text: str = SITE) -> Path:
    """A site with a camera that has shown two pictures."""
    (folder / "pictures").mkdir()
    width, height = size
    for number in range(2):
        x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
        pixels = np.stack([x, y, np.full_like(x, 80 + 100 * number)], axis=2).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"pictures/{number}.png")
    (folder / "site.yaml").write_text(text)
    return folder / "site.yaml"


def picture_of(site: Path, number: int = 1) -> np.ndarray[Any, np.dtype[np.uint8]]:
    with Image.open(site.parent / f"pictures/{number}.png") as image:
        return np.array(image)


class Drawing:
    """A window on the page, and where its picture is."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.svg = page.locator(".dr-svg")
        page.locator(".dr-fit img").wait_for()
        self.wait(lambda: self.page.evaluate("document.querySelector('.dr-fit img').complete"))

    def wait(self, condition: Callable[[], Any]) -> None:
        for _ in range(400):
            if condition():
                return
            self.page.wait_for_timeout(50)
        raise AssertionError("it did not come about")

    def at(self, x: float, y: float) -> tuple[float, float]:
        box = self.svg.bounding_box()
        assert box is not None
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    def click(self, x: float, y: float) -> None:
        self.page.mouse.click(*self.at(x, y))

    def drag(self, one: tuple[float, float], other: tuple[float, float]) -> None:
        self.page.mouse.move(*self.at(*one))
        self.page.mouse.down()
        self.page.mouse.move(*self.at(*other), steps=5)
        self.page.mouse.up()

    def draw(self, *corners: tuple[float, float]) -> None:
        """A polygon, closed by a click on its first corner."""
        self.mode("New polygon")
        for number, corner in enumerate(corners, 1):
            self.click(*corner)
            self.page.locator(".dr-draft circle").nth(number - 1).wait_for()
        before = self.shapes.count()
        self.click(*corners[0])
        self.wait(lambda: self.shapes.count() == before + 1)

    def mode(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def font(self, selector: str) -> str:
        return str(self.page.locator(selector).first.evaluate("(one) => getComputedStyle(one).fontFamily"))

    @property
    def shapes(self) -> Locator:
        return self.page.locator(".dr-shape")

    def name(self, number: int) -> Locator:
        return self.page.get_by_label(f"Name of region {number}")

    def save(self) -> None:
        self.page.get_by_text("not saved yet").wait_for()
        self.page.get_by_role("button", name="Save", exact=True).click()
        self.page.get_by_text("Written to site.yaml").first.wait_for()
        self.wait(lambda: self.page.get_by_text("not saved yet").count() == 0)

    def cut(self, number: int = 1) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """What the page shows as cut out for a region."""
        image = self.page.locator("img[data-cut]").nth(number - 1)
        source = image.evaluate("(one) => one.decode().then(() => one.src)")
        with Image.open(io.BytesIO(self.page.request.get(source).body())) as picture:
            return np.array(picture)


Opened = Callable[..., Drawing]


@contextmanager
def opened(
    browsing: Browsing, site: Path, *more: str, size: tuple[int, int] = (1280, 800)
) -> Iterator[tuple[Drawing, Served]]:
    """The page of the camera; when it ends, its windows may say that it is gone."""
    browsing.forgiven = ["WebSocket", "ERR_CONNECTION"]
    with served("region", site, "gate-1", "--no-browser", *more) as page:
        yield Drawing(browsing.open(page.address, size=size)), page


def regions_of(site: Path) -> dict[str, Region]:
    return read_site(site).regions("gate-1")


@pytest.mark.parametrize(("window", "picture"), [((1280, 800), (320, 180)), ((390, 844), (180, 320))])
def test_what_is_drawn_is_saved(
    tmp_path: Path, browsing: Browsing, window: tuple[int, int], picture: tuple[int, int]
) -> None:
    site = write_site(tmp_path, picture)
    corners = ((0.4, 0.2), (0.8, 0.3), (0.9, 0.8), (0.5, 0.9))
    with opened(browsing, site, size=window) as (drawing, page):
        drawing.draw(*corners)
        drawing.name(2).fill("the gate")
        drawing.page.locator("text", has_text="the gate").wait_for()
        drawing.drag((0.8, 0.3), (0.7, 0.1))
        drawing.save()
        assert drawing.page.evaluate("document.documentElement.scrollWidth") == window[0]
        gate = regions_of(site)["the gate"]
        assert np.allclose(gate.polygon, (corners[0], (0.7, 0.1), *corners[2:]), atol=0.01)
        before, after = SITE.splitlines(), site.read_text().splitlines()
        (line,) = (line for line in after if line not in before)
        assert re.fullmatch(r"      the gate: \{polygon: \[(\[[\d., ]+\](, )?){4}\]\}", line)
        assert [line for line in after if line in before] == before
        # What is cut out is to the pixel what the watcher cuts out.
        assert np.array_equal(drawing.cut(2), gate.cut(picture_of(site), FILL))
        assert np.array_equal(drawing.cut(1), regions_of(site)["bay"].cut(picture_of(site), FILL))
        if window[0] > 1000:
            change_by_keys(drawing, site)
        again = Drawing(browsing.open(page.address, size=window))
        assert again.name(2).input_value() == "the gate"
        assert again.page.get_by_text("saved", exact=True).count() == 1
        assert page.end() == (0, "")


def change_by_keys(drawing: Drawing, site: Path) -> None:
    """Shape, move and mask the region that is in the file already."""
    keys = drawing.page.keyboard
    drawing.click(0.2, 0.2)
    drawing.page.locator(".dr-card.dr-on", has=drawing.name(1)).wait_for()
    corners = drawing.page.locator(".dr-corner")
    drawing.drag((0.2, 0.2), (0.4, 0.4))  # all of it
    drawing.drag((0.4, 0.3), (0.4, 0.2))  # the middle of its upper edge
    drawing.wait(lambda: corners.count() == 5)
    keys.press("ArrowUp")
    keys.press("Shift+ArrowRight")
    drawing.save()
    bay = regions_of(site)["bay"]
    expected = ((0.3, 0.3), (0.4 + 10 / 320, 0.2 - 1 / 180), (0.5, 0.3), (0.5, 0.5), (0.3, 0.5))
    assert np.allclose(bay.polygon, expected, atol=0.005)
    keys.press("Delete")
    drawing.wait(lambda: corners.count() == 4)
    keys.press("Control+z")
    drawing.wait(lambda: corners.count() == 5)
    keys.press("Control+Shift+z")
    drawing.wait(lambda: corners.count() == 4)
    keys.press("Escape")
    drawing.wait(lambda: corners.count() == 0)
    drawing.page.get_by_label("Undo").click()
    drawing.page.get_by_text("saved", exact=True).wait_for()
    drawing.page.get_by_text("mask", exact=True).first.click()
    drawing.save()
    assert not regions_of(site)["bay"].masked
    assert np.array_equal(drawing.cut(), regions_of(site)["bay"].cut(picture_of(site), FILL))


def draw_a_box_and_drop_a_polygon(drawing: Drawing, site: Path) -> None:
    drawing.mode("New polygon")
    drawing.click(0.5, 0.5)
    drawing.click(0.6, 0.5)
    drawing.page.get_by_text("1 more corners").wait_for()
    drawing.page.keyboard.press("Escape")
    drawing.wait(lambda: drawing.page.locator(".dr-draft").count() == 0)
    drawing.mode("New box")
    drawing.drag((0.9, 0.9), (0.6, 0.7))
    drawing.wait(lambda: drawing.shapes.count() == 1)
    drawing.page.get_by_text("Now give it a name").wait_for()
    drawing.mode("New polygon")
    for corner in ((0.5, 0.1), (0.7, 0.1), (0.7, 0.3)):
        drawing.click(*corner)
    drawing.wait(lambda: drawing.page.locator(".dr-draft circle").count() == 3)
    drawing.page.keyboard.press("Enter")
    drawing.wait(lambda: drawing.shapes.count() == 2)
    drawing.save()
    box, triangle = regions_of(site).values()
    assert np.allclose(box.polygon, ((0.6, 0.7), (0.9, 0.7), (0.9, 0.9), (0.6, 0.9)), atol=0.01)
    assert len(triangle.polygon) == 3


def test_the_first_regions_of_a_camera_and_another_picture(tmp_path: Path, browsing: Browsing) -> None:
    text = "site: a\ncameras:\n  gate-1: {source: {type: folder, path: pictures, follow: false, fps: 1}}\n"
    site = write_site(tmp_path, text=text)
    with opened(browsing, site) as (drawing, _):
        drawing.page.get_by_text("No region yet").wait_for()
        draw_a_box_and_drop_a_polygon(drawing, site)
        first = drawing.cut()
        drawing.page.get_by_role("button", name="Another picture").click()
        drawing.page.get_by_text("0.png").wait_for()
        drawing.wait(lambda: not np.array_equal(drawing.cut(), first))
        assert np.array_equal(drawing.cut(), regions_of(site)["region-1"].cut(picture_of(site, 0), FILL))
        drawing.page.get_by_role("button", name="Save as reference picture").click()
        drawing.page.get_by_text(re.compile("Written to .*gate-1-reference.jpg")).wait_for()
        with Image.open(tmp_path / "gate-1-reference.jpg") as reference:
            assert reference.size == (320, 180)
        drawing.page.get_by_role("button", name="Save as reference picture").click()
        drawing.page.get_by_text("is there already").wait_for()
        drawing.page.get_by_role("button", name="Cancel").click()


def test_what_cannot_be_saved_is_told(site: Path, browsing: Browsing) -> None:
    with opened(browsing, site) as (drawing, _):
        save = drawing.page.get_by_role("button", name="Save", exact=True)
        drawing.draw((0.5, 0.5), (0.9, 0.5), (0.5, 0.9), (0.9, 0.9))
        drawing.page.get_by_text("Its edges cross each other").wait_for()
        drawing.name(2).fill("<b>7<b>")
        drawing.page.locator("text", has_text="<b>7<b>").wait_for()
        drawing.name(2).fill("bay")
        drawing.page.get_by_text("two regions are called 'bay'").wait_for()
        assert save.is_disabled()
        drawing.name(2).fill("a/b")
        drawing.wait(lambda: not save.is_disabled())
        save.click()
        drawing.page.get_by_text("the name 'a/b' cannot be used").first.wait_for()
        assert site.read_text() == SITE
        drawing.page.get_by_label("Remove this region").first.click()
        drawing.page.get_by_text("bay is watched").wait_for()
        check_that_an_error_is_seen(drawing.page)
        assert drawing.shapes.count() == 2
        drawing.page.get_by_label("Remove this region").last.click()
        drawing.wait(lambda: drawing.shapes.count() == 1)
        for number, choice in enumerate(("Write my regions", "Take those of the file")):
            drawing.mode("New box")
            drawing.drag((0.5, 0.5), (0.6 + number / 10, 0.7))
            drawing.wait(lambda: drawing.page.get_by_text("not saved yet").count() == 1)
            other = site.read_text() + f"# change {number}\n"
            site.write_text(other)
            drawing.page.get_by_role("button", name="Save", exact=True).click()
            assert drawing.font(".q-dialog .q-card") == drawing.font(".dr-hint")
            drawing.page.get_by_role("button", name=choice).click()
            drawing.page.get_by_text("saved", exact=True).wait_for()
            assert f"# change {number}" in site.read_text()
            assert list(regions_of(site)) == ["bay", "region-1"]
        assert site.read_text() == other


def check_that_an_error_is_seen(page: Page) -> None:
    """There is one, which covers nothing, can be read, and goes when it is closed."""
    said = page.locator(".dr-said")
    box, tools, head = (page.locator(one).bounding_box() for one in (".dr-said", ".dr-tools", ".dr-head"))
    assert box is not None
    assert tools is not None
    assert head is not None
    assert head["y"] + head["height"] <= box["y"]
    assert box["y"] + box["height"] <= tools["y"]
    for dark in ("add", "remove"):
        page.evaluate(f"document.body.classList.{dark}('body--dark')")
        colours = said.evaluate("(one) => [getComputedStyle(one).color, getComputedStyle(one).backgroundColor]")
        one, other = sorted(map(luminance, colours))
        assert (other + 0.05) / (one + 0.05) >= 4.5
    said.get_by_label("Close this message").click()
    said.wait_for(state="hidden")


def luminance(colour: str) -> float:
    """Of a colour of CSS, as WCAG 2.2 has it, 0..1."""
    shares = [int(value) / 255 for value in re.findall(r"\d+", colour)[:3]]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return sum(part * value for part, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_leaving_with_changes_is_warned_of(site: Path, browsing: Browsing) -> None:
    def look(complaints: str) -> None:
        assert complaints == "warning: what was drawn last was not saved: region-1 is new\n"

    asked: list[str] = []
    browsing.forgiven = ["WebSocket", "ERR_CONNECTION"]
    with served("region", site, "--no-browser", check=look) as page:
        drawing = Drawing(browsing.open(page.address))
        drawing.page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
        drawing.page.close(run_before_unload=True)
        drawing = Drawing(browsing.open(page.address))
        drawing.page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
        drawing.draw((0.5, 0.5), (0.9, 0.5), (0.9, 0.9))
        drawing.page.close(run_before_unload=True)
        drawing.wait(lambda: asked)
    assert asked == ["beforeunload"]


def test_a_camera_that_is_away_is_told_and_asked_again(tmp_path: Path, browsing: Browsing) -> None:
    site = tmp_path / "site.yaml"
    site.write_text("site: a\ncameras:\n  gate-1: {source: {type: video, path: later.mp4}}\n")
    browsing.forgiven = ["WebSocket", "ERR_CONNECTION"]
    with served("region", site, "gate-1", "--no-browser") as page:
        window = browsing.open(page.address)
        window.get_by_text("later.mp4: does not exist").first.wait_for()
        window.get_by_role("button", name="Try again").click()
        window.get_by_text("later.mp4: does not exist").first.wait_for()
