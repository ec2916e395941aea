"""The page for labelling, in a real browser: keys, clicks, and what is on the disk after each of them."""

from __future__ import annotations

import csv
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.browser import Browsing, served

from decisight.cli import main
from decisight.collecting.labelling import Labelling

pytest.importorskip("playwright")
from playwright.sync_api import Page, expect

SECONDS = 30
expect.set_options(timeout=SECONDS * 1000)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Eight pictures of two sources, as they are collected: bright ones and dark ones."""
    place = tmp_path / "collected"
    place.mkdir()
    lines = ["file_name,camera,region,time,source,note"]
    for at in range(8):
        level = 250 if at % 2 else 10
        pixels = np.full((60, 40, 3), level, np.uint8)
        pixels[:10, : 5 * at + 1] = 128
        Image.fromarray(pixels).save(place / f"{at}.jpg")
        lines.append(f"{at}.jpg,gate-1,bay,2026-01-01T00:00:0{at}.000Z,gate-1 {at // 4},n{at}")
    (place / "metadata.csv").write_text("\n".join(lines) + "\n")
    return place


def column(folder: Path, name: str) -> list[str]:
    with (folder / "metadata.csv").open(newline="", encoding="utf-8") as file:
        return [row.get(name, "") for row in csv.DictReader(file)]


def wait(check: Callable[[], bool]) -> None:
    """Until something is so: the page tells the program of a key, and that writes it."""
    deadline = time.monotonic() + SECONDS
    while not check():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


@contextmanager
def shown(
    browsing: Browsing, *arguments: str | Path, size: tuple[int, int] = (1280, 800), complaints: str = ""
) -> Iterator[Page]:
    """The page, closed before the program ends that serves it."""

    def look(said: str) -> None:
        assert said == complaints

    with served("label", *arguments, "--no-browser", check=look) as server:
        page = browsing.open(server.address, size=size)
        yield page
        page.context.close()


def press(page: Page, *keys: str) -> None:
    """Press keys, each once the one before was heard."""
    for key in keys:
        before = page.locator(".dl-page").get_attribute("data-heard")
        page.keyboard.press(key)
        expect(page.locator(".dl-page")).not_to_have_attribute("data-heard", before or "", timeout=SECONDS * 1000)


def told(page: Page, text: str) -> None:
    expect(page.locator(".dl-told")).to_contain_text(text, timeout=SECONDS * 1000)


def test_labelling_with_keys(folder: Path, browsing: Browsing) -> None:
    with shown(browsing, folder, "--groups", "helmet=worn,missing") as page:
        told(page, "0 of 8 labelled")
        expect(page.get_by_role("heading", name="collected")).to_be_visible()
        expect(page.get_by_role("img", name="picture 1 of 8")).to_be_visible()
        assert page.evaluate("document.querySelector('.dl-picture img').naturalWidth") == 40
        press(page, "1", "2", "r")
        told(page, "3 of 8 labelled")
        wait(lambda: column(folder, "helmet")[:4] == ["worn", "missing", "missing", ""])
        press(page, "u", "ArrowLeft")
        expect(page.get_by_role("img", name="picture 2 of 8")).to_be_visible()
        expect(page.get_by_role("button", name="missing")).to_have_attribute("aria-pressed", "true")
        press(page, "1")
        wait(lambda: column(folder, "helmet")[:3] == ["worn", "worn", ""])
        press(page, "ArrowRight", "x")
        told(page, "2 of 7 labelled · 1 left out")
        # All else is as it was.
        assert column(folder, "note") == [f"n{at}" for at in range(8)]
        page.reload()
        told(page, "2 of 7 labelled · 1 left out")
        expect(page.get_by_role("button", name="worn")).to_be_visible()
        expect(page.get_by_role("img", name="picture 1 of 5")).to_be_visible()
    # Again later, in another process.
    with shown(browsing, folder) as page:
        told(page, "2 of 7 labelled · 1 left out")


def test_a_folder_of_bare_pictures(tmp_path: Path, browsing: Browsing) -> None:
    for at in range(2):
        Image.new("RGB", (30, 20), (100 * at, 50, 50)).save(tmp_path / f"a {at} <b>&.png")
    Image.new("RGB", (30, 20)).save(tmp_path / "c.tif")
    for name in ("a.jpg", "b.png"):
        (tmp_path / name).write_bytes(b"half a picture")
    said = "warning: passed over, as they cannot be read: a.jpg, b.png\n"
    with shown(browsing, tmp_path, complaints=said) as page:
        page.get_by_role("textbox", name="helmet=worn,missing").fill("<i>kind</i>=car,<b>bus</b>")
        page.get_by_role("button", name="Begin").click()
        # Those that are no pictures are passed over, and counted.
        told(page, "0 of 3 labelled · 2 cannot be read")
        expect(page.get_by_role("heading", name="<i>kind</i>")).to_be_visible()
        # Keys are letters while somebody writes.
        field = page.get_by_role("textbox", name="Add a label to <i>kind</i>")
        field.fill("car")
        field.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("has the label 'car' already")
        field.fill("12 x")
        field.press("Enter")
        expect(page.get_by_role("button", name="12 x")).to_be_visible()
        press(page, "2", "3")
        # What browsers cannot show is shown all the same.
        expect(page.get_by_role("img", name="picture 3 of 3")).to_be_visible()
        page.wait_for_function("document.querySelector('.dl-picture img').naturalWidth === 30")
        page.get_by_role("button", name="car", exact=True).click()
        expect(page.get_by_role("heading", name="All are labelled.")).to_be_visible()
        wait(lambda: [label for label in column(tmp_path, "<i>kind</i>") if label] == ["<b>bus</b>", "12 x", "car"])
        # After a click the keys are the page's.
        press(page, "u")
        expect(page.get_by_role("img", name="picture 3 of 3")).to_be_visible()


def test_suggestions_of_a_model(folder: Path, small_model: Path, browsing: Browsing) -> None:
    with shown(browsing, folder, "--model", small_model) as page:
        cat = page.get_by_role("button", name=re.compile("^cat .*%$"))
        expect(cat).to_be_visible(timeout=SECONDS * 1000)
        expect(page.get_by_role("combobox", name="In which order")).to_have_value("unsure")
        page.get_by_role("combobox", name="In which order").select_option("table")
        expect(page.locator(".dl-about")).to_contain_text("00:00:00.000Z")
        press(page, "Enter", "Enter", "1")
        # Dark, bright, and one that the model takes for dark.
        wait(lambda: column(folder, "class")[:4] == ["dog", "cat", "cat", ""])
        page.get_by_role("combobox", name="Which pictures").select_option("disagree")
        expect(page.locator(".dl-about")).to_contain_text("00:00:02.000Z")
        expect(page.locator(".dl-about")).to_contain_text("1 of 1")
        page.get_by_role("combobox", name="Which pictures").select_option(label="class: cat")
        expect(page.locator(".dl-about")).to_contain_text("1 of 2")


def test_a_whole_source_at_once(folder: Path, browsing: Browsing) -> None:
    with shown(browsing, folder, "--groups", "helmet=worn,missing", "--groups", "gear*=vest") as page:
        expect(page.get_by_role("button", name="worn")).to_be_visible()
        press(page, "g")
        tiles = page.get_by_role("group", name="Pictures of this source").get_by_role("button")
        expect(tiles).to_have_count(4)
        page.get_by_role("button", name="picture 2", exact=True).click()
        expect(page.get_by_role("button", name="picture 2", exact=True)).to_have_attribute("aria-pressed", "false")
        press(page, "1", "3")
        wait(lambda: column(folder, "helmet") == ["worn", "", "worn", "worn", "", "", "", ""])
        wait(lambda: column(folder, "gear") == ["vest", "", "vest", "vest", "", "", "", ""])
        expect(page.get_by_role("button", name="picture 1, worn, vest")).to_be_visible()
        press(page, "ArrowRight")
        expect(page.locator(".dl-about")).to_contain_text("4 of 4 picked")
        expect(page.locator(".dl-about")).to_contain_text("gate-1 1")


def test_what_is_changed_by_others_meanwhile(folder: Path, browsing: Browsing) -> None:
    with shown(browsing, folder, "--groups", "helmet=worn,missing") as page:
        told(page, "0 of 8 labelled")
        press(page, "1")
        wait(lambda: column(folder, "helmet")[0] == "worn")
        # Collected meanwhile.
        Image.new("RGB", (30, 20)).save(folder / "8.jpg")
        with (folder / "metadata.csv").open("a") as file:
            file.write("8.jpg,gate-1,bay,2026-01-01T00:00:09.000Z,gate-1 9,,\n")
        told(page, "1 of 9 labelled")
        # Changed meanwhile.
        theirs = (folder / "metadata.csv").read_text().replace("n3", "theirs")
        (folder / "metadata.csv").write_text(theirs)
        press(page, "2")
        expect(page.get_by_role("alert")).to_contain_text("was changed by another program")
        assert (folder / "metadata.csv").read_text() == theirs
        page.get_by_role("button", name="Read it again").click()
        expect(page.get_by_role("alert")).to_be_hidden()
        press(page, "2")
        wait(lambda: column(folder, "helmet")[:3] == ["worn", "missing", ""])
        assert "theirs" in column(folder, "note")


def test_it_can_be_used_without_a_mouse_and_read_aloud(folder: Path, browsing: Browsing) -> None:
    with shown(browsing, folder, "--groups", "helmet=worn,missing") as page:
        told(page, "0 of 8 labelled")
        unnamed = page.evaluate(
            """() => [...document.querySelectorAll('button, select, input, a[href]')]
                .filter((e) => !(e.getAttribute('aria-label') || e.textContent || '').trim()).length"""
        )
        assert unnamed == 0
        expect(page.get_by_role("progressbar", name="Labelled")).to_have_attribute("aria-valuenow", "0")
        # A button that was reached by keys is pressed by Enter, and keeps them when the page is drawn anew.
        for _ in range(20):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.dataset.at") == "helmet:missing":
                break
        press(page, "Enter")
        wait(lambda: column(folder, "helmet")[:2] == ["missing", ""])
        page.wait_for_function("document.activeElement.dataset.at === 'helmet:missing'")
        expect(page.get_by_role("status")).to_have_text("picture 2 of 8: not labelled")
        press(page, "Enter")
        wait(lambda: column(folder, "helmet")[:3] == ["missing", "missing", ""])
        page.get_by_role("button", name="Keys").click()
        dialog = page.get_by_role("dialog", name="Keys")
        expect(dialog).to_be_visible()
        page.keyboard.press("1")
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
        assert column(folder, "helmet")[2] == ""
        page.get_by_role("button", name="Light or dark").click()
        page.wait_for_function("document.body.classList.contains('body--dark')")


def test_nothing_is_cut_off(folder: Path, browsing: Browsing) -> None:
    long = "a label with a very long name that somebody has found necessary und noch etwas länger"
    with shown(browsing, folder, "--groups", f"{'long ' * 12}group={long},{'b' * 60}") as page:
        told(page, "0 of 8 labelled")
        much = "1234 of 5678 labelled · 123 left out · 12 cannot be read · 123 min left"
        for width, height in ((1280, 800), (390, 844)):
            page.set_viewport_size({"width": width, "height": height})
            page.evaluate(f"document.querySelector('.dl-told').textContent = '{much}'")
            page.wait_for_function("document.documentElement.scrollWidth <= window.innerWidth")
            clipped = page.evaluate(
                """() => [...document.querySelectorAll('.dl-label, .dl-action, .dl-small, .dl-group h2')]
                    .filter((e) => e.scrollWidth > e.clientWidth + 1).length"""
            )
            assert clipped == 0


def test_what_cannot_be_labelled_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, says in (
        ((folder / "none",), "does not exist"),
        ((folder, "--groups", "time=a"), "a label group cannot be called 'time'"),
        ((folder, "--groups", "a=b", "--groups", "a=c"), "a label group is asked for twice"),
        ((folder, "--model", folder / "metadata.csv"), "cannot be used as a model"),
        ((folder, "--port", "70000"), "less than or equal to 65535"),
    ):
        assert main(["label", *map(str, arguments)]) == 2
        assert says in capsys.readouterr().err
    with Labelling.open(folder):
        assert main(["label", str(folder), "--no-browser"]) == 2
        assert "is being labelled by another process" in capsys.readouterr().err
