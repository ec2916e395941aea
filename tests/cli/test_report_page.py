"""``decisight evaluate --report``: one page, opened from disk in a real browser."""

from __future__ import annotations

import csv
import dataclasses
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.browser import Browsing

from decisight.cli import main
from decisight.errors import ModelError, OutputError
from decisight.models.model_file import read_model, seal, write_model
from decisight.types import LabelGroup, Task

from .conftest import Run

CODE = '</script><img src=x onerror="document.title=1">'
HEBREW = "\u05e7\u05e1\u05d3\u05d4 \U0001f9ba"
LONG = "label " + 194 * "w"
LABELS = {"helmet": (CODE, HEBREW), "vest": ("worn", LONG), "extras": ("gloves", "goggles")}
"""What the labels of the model are called that has three groups: what no page may take for anything but text."""

COUNT = 36


@pytest.fixture(scope="module")
def hostile(gear_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose labels are hostile, with a threshold and a promise that it does not keep."""
    import onnx

    file = read_model(gear_model)
    task = Task(tuple(LabelGroup(group.name, LABELS[group.name], group.kind) for group in file.card.task.groups))
    promise = {"kind": "max_error", "threshold": 0.6, "wanted": 0.001, "assurance": 0.95}
    card = dataclasses.replace(
        file.card,
        name="gear <b>",
        task=task,
        thresholds={f"vest:{LONG}": 0.6},
        promises={f"vest:{LONG}": promise},
    )
    path = tmp_path_factory.mktemp("hostile") / "gear.onnx"
    write_model(path, seal(onnx.ModelProto.FromString(file.graph), card))
    return path


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bright and dark pictures of several sizes, every fifth with wrong labels, some of them not known."""
    folder = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(0)
    rows = []
    for at in range(COUNT):
        bright = at % 2 == 0
        pixels = random.integers(0, 60, (40 + at, 60, 3)) + (195 if bright else 0)
        name = f"{at:02} <i>{'é' * (at % 3)}.png"
        Image.fromarray(pixels.astype(np.uint8)).save(folder / name)
        said = bright if at % 5 else not bright
        rows.append(
            {
                "file_name": name,
                "helmet": LABELS["helmet"][0 if said else 1] if at != 3 else "",
                "vest": LABELS["vest"][1 if said else 0],
                "extras": LABELS["extras"][0 if said else 1],
                "source": f"clip {at // 4} \"<u>'",
            }
        )
    with (folder / "metadata.csv").open("w", encoding="utf-8", newline="") as stream:
        table = csv.DictWriter(stream, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return folder


@pytest.fixture(scope="module")
def report(hostile: Path, pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    assert main(["evaluate", str(hostile), str(pictures), "--report", str(folder)]) == 0
    return folder


def opened(browsing: Browsing, report: Path, size: tuple[int, int] = (1280, 800)) -> Any:
    # The page itself is the one file that is asked for.
    address = (report / "report.html").as_uri()
    browsing.forgiven.append(f"asked for {address}")
    return browsing.open(address, size=size)


def shown_text(estimate: dict[str, float | None]) -> str:
    if estimate["value"] is None:
        return "\N{EN DASH}"
    return "{value:.3f} ({low:.3f} to {high:.3f})".format(**estimate)


@pytest.mark.parametrize("size", [(1280, 800), (420, 800)])
def test_it_opens_from_disk_and_fits(browsing: Browsing, report: Path, size: tuple[int, int]) -> None:
    page = opened(browsing, report, size)
    assert page.title() == "How far gear <b> can be trusted"
    wide = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide[0] <= wide[1]
    for picture in page.locator(".gallery img").all():
        assert picture.evaluate("image => image.complete && image.naturalWidth > 0")
    assert page.get_by_text(LONG).count() > 1


def test_its_figures_are_those_of_the_json(browsing: Browsing, report: Path) -> None:
    figures = json.loads((report / "evaluation.json").read_text("utf-8"))
    page = opened(browsing, report)
    for at, (name, group) in enumerate(figures["groups"].items()):
        section = page.locator(f"#group-{at}")
        for figure in ("accuracy", "balanced_accuracy", "macro_f1", "roc_auc", "average_precision", "ece"):
            value = f"{group[figure]['value']:.3f}"
            assert value in section.locator(".tile .value").all_inner_texts(), figure
        rows = section.locator(f"#classes-{at} tbody tr")
        assert rows.count() == len(group["labels"])
        for row, label in zip(rows.all(), group["labels"], strict=True):
            one = group["per_class"][label]
            cells = [text.strip() for text in row.locator("td.number").all_inner_texts()]
            assert cells == [*(shown_text(one[key]) for key in ("precision", "recall", "f1")), str(one["support"])]
            assert row.locator("th").inner_text() == label
        matrix = group["confusion_matrix"]
        for cell in section.locator("button.cell").all():
            row, column, count = (int(cell.get_attribute(f"data-{key}")) for key in ("row", "column", "count"))
            held, said = divmod(column, 2)
            expected = matrix[row][column] if group["kind"] == "exclusive" else matrix[group["labels"][row]][held][said]
            assert count == expected > 0
        sentences = page.locator(".guide").nth(at).locator("li, .note").all_inner_texts()
        assert sentences == figures["guide"][name]["sentences"]
    assert figures["model"]["digest"] in page.locator("#judged").inner_text()


def test_every_cell_opens_its_pictures(browsing: Browsing, report: Path) -> None:
    page = opened(browsing, report)
    viewer = page.locator("#viewer")
    for cell in page.locator("button.cell").all():
        count = int(cell.get_attribute("data-count"))
        cell.click()
        assert viewer.is_visible()
        assert page.locator("#viewer-note").inner_text() == f"{count} picture{'s' if count > 1 else ''}."
        images = viewer.locator("img")
        assert images.count() == count
        assert images.first.evaluate("image => image.naturalWidth > 0")
        page.keyboard.press("Escape")
        assert viewer.is_hidden()
        # Who closes it is where he was before.
        assert cell.evaluate("cell => cell === document.activeElement")


def test_a_cell_opens_what_the_predictions_say(browsing: Browsing, report: Path) -> None:
    with (report / "predictions.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert len({row["source"] for row in rows}) == 9
    wrong = [
        Path(row["image"]).name
        for row in rows
        if row["helmet.actual"] == HEBREW and float(row[f"helmet:{CODE}"]) > float(row[f"helmet:{HEBREW}"])
    ]
    assert len(wrong) == 4
    page = opened(browsing, report)
    page.get_by_role("button", name=f"true {HEBREW}, answered {CODE}").click()
    assert sorted(page.locator("#viewer figcaption .small bdi:first-child").all_inner_texts()) == sorted(wrong)
    assert page.locator("#viewer-title").inner_text() == f"True: {HEBREW}. Answered: {CODE}."


def test_the_matrix_by_keys_alone(browsing: Browsing, report: Path) -> None:
    page = opened(browsing, report)
    cells = page.locator("#cells-0 button.cell")
    cells.nth(0).focus()
    for key, there in (("ArrowRight", 1), ("ArrowDown", 3), ("ArrowLeft", 2), ("ArrowUp", 0), ("ArrowUp", 0)):
        page.keyboard.press(key)
        assert cells.nth(there).evaluate("cell => cell === document.activeElement"), key
    page.keyboard.press("Enter")
    assert page.locator("#viewer").is_visible()
    assert page.locator("#viewer-close").evaluate("button => button === document.activeElement")
    page.keyboard.press("Enter")
    assert page.locator("#viewer").is_hidden()
    shares = page.get_by_role("button", name="% of the row").first
    shares.focus()
    page.keyboard.press("Space")
    assert shares.get_attribute("aria-pressed") == "true"
    assert cells.nth(0).locator(".count").is_hidden()
    assert re.fullmatch(r"\d+ %", cells.nth(0).inner_text())


def test_a_matrix_is_one_stop_of_the_tabulator(browsing: Browsing, report: Path) -> None:
    page = opened(browsing, report)
    cells = page.locator("#cells-0 button.cell")

    def stops() -> list[int]:
        return [at for at, cell in enumerate(cells.all()) if cell.evaluate("cell => cell.tabIndex") == 0]

    assert stops() == [0]
    cells.nth(0).focus()
    page.keyboard.press("ArrowDown")
    assert stops() == [2]
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('#cells-0')") is None
    page.keyboard.press("Shift+Tab")
    assert cells.nth(2).evaluate("cell => cell === document.activeElement")
    # What belongs to the browser is left to it.
    taken = (
        "(key) => !document.activeElement.dispatchEvent("
        "new KeyboardEvent('keydown', {...key, bubbles: true, cancelable: true}))"
    )
    assert page.evaluate(taken, {"key": "ArrowUp"})
    cells.nth(2).focus()
    for modifier in ("altKey", "ctrlKey", "metaKey"):
        assert not page.evaluate(taken, {"key": "ArrowUp", modifier: True})
    assert cells.nth(2).evaluate("cell => cell === document.activeElement")


def test_its_script_leaves_nothing_global(browsing: Browsing, report: Path) -> None:
    page = opened(browsing, report)
    for name in ("data", "viewer", "BATCH", "STEPS", "element"):
        kept = page.evaluate(f"typeof {name} === 'undefined' || {name} instanceof Element")
        assert kept, name


def test_a_narrow_page_folds_what_is_secondary(browsing: Browsing, report: Path) -> None:
    page = opened(browsing, report, (420, 800))
    parts = page.locator("#group-0 details.part")
    assert parts.count() == 4
    assert page.locator("details.part[open]").count() == 0
    assert page.locator("#group-0 .gallery > li:visible").count() == 3
    parts.first.locator("summary").click()
    assert page.locator("#group-0 .charts svg").first.is_visible()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details.part:not([open])").count() == 0
    assert opened(browsing, report).locator("details.part:not([open])").count() == 0


def test_a_threshold_is_told_when_it_rests(browsing: Browsing, report: Path) -> None:
    page = opened(browsing, report)
    panel = page.locator("#group-1 .sweep")
    told = panel.get_by_role("status")
    assert told.text_content() == ""
    panel.locator("input").focus()
    page.keyboard.press("End")
    said = panel.locator(".sweep-said").inner_text()
    assert panel.locator("input").get_attribute("aria-valuetext").startswith("0.999: ")
    panel.locator(".sweep-told", has_text="From a confidence").wait_for(state="attached")
    assert told.text_content() == said
    assert panel.locator("[aria-live]").count() == 0


def test_where_the_model_looked_is_spoken_of_where_it_is_shown(
    run: Run, small_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for label, level in (("cat", 0), ("dog", 255)):
        (tmp_path / "data" / label).mkdir(parents=True)
        Image.new("RGB", (20, 20), (level,) * 3).save(tmp_path / "data" / label / "0.png")
    command = ("evaluate", small_model, tmp_path / "data", "--report", tmp_path / "report")
    assert run(*command).status == 0
    page = (tmp_path / "report" / "report.html").read_text("utf-8")
    assert "Beside each picture: where the model looked." in page
    assert '<p class="soft">Judged on 2 labelled pictures of <bdi>data</bdi>, ' in page

    def refuse(*_: object) -> None:
        raise ModelError("it is not built as others are")

    monkeypatch.setattr("decisight.evaluation.report.where.Explainer", refuse)
    assert run(*command).status == 0
    page = (tmp_path / "report" / "report.html").read_text("utf-8")
    assert "Beside each picture" not in page
    assert "Where the model looked cannot be shown: it is not built as others are." in page


def test_labels_and_sources_open_and_sort(browsing: Browsing, report: Path) -> None:
    figures = json.loads((report / "evaluation.json").read_text("utf-8"))["groups"]["helmet"]
    page = opened(browsing, report)
    table = page.locator("#classes-0")
    table.get_by_role("button", name="pictures", exact=True).click()
    supports = [int(text) for text in table.locator("tbody td:nth-child(5)").all_inner_texts()]
    assert supports == sorted((one["support"] for one in figures["per_class"].values()), reverse=True)
    table.get_by_role("button", name="recall").click()
    assert table.locator("th[aria-sort]").inner_text().startswith("recall")
    table.get_by_role("button", name=f"open the pictures of {HEBREW}").click()
    assert page.locator("#viewer img").count() == figures["per_class"][HEBREW]["support"]
    page.keyboard.press("Escape")
    page.locator("#group-0").get_by_role("button", name="open the pictures of clip 0 \"<u>'").click()
    assert page.locator("#viewer img").count() == 3  # of four, one has no known label


def test_the_threshold_can_be_chosen(browsing: Browsing, report: Path) -> None:
    figures = json.loads((report / "evaluation.json").read_text("utf-8"))
    page = opened(browsing, report)
    panel = page.locator("#group-1 .sweep")
    panel.locator("select").select_option(label=LONG)
    # What holds now is what is shown first, and it is what the figures say.
    assert panel.locator(".sweep-at").inner_text() == "0.60"
    accepted = Counter(state for state in states(report, "vest"))[LONG]
    assert f"{accepted} of the " in panel.locator(".sweep-said").inner_text()
    before = panel.locator(".sweep-said").inner_text()
    panel.locator("input").focus()
    page.keyboard.press("End")
    assert panel.locator(".sweep-at").inner_text() == "0.999"
    after = panel.locator(".sweep-said").inner_text()
    assert after != before
    assert after.startswith("From a confidence of 0.999 on, ")
    chart = panel.locator("svg.sweep-chart")
    box = chart.bounding_box()
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] / 2)
    page.mouse.up()
    assert 0.3 < float(panel.locator(".sweep-at").inner_text()) < 0.6
    page.locator("#group-0 .sweep select").select_option(index=0)
    assert (
        f"of {figures['groups']['helmet']['n']} pictures are decided"
        in page.locator("#group-0 .sweep-said").inner_text()
    )


def states(report: Path, group: str) -> list[str]:
    with (report / "predictions.csv").open(encoding="utf-8") as stream:
        return [row[f"{group}.state"] for row in csv.DictReader(stream)]


def test_mistakes_come_with_where_the_model_looked(browsing: Browsing, report: Path) -> None:
    page = opened(browsing, report)
    gallery = page.locator("#group-0 .gallery > li")
    assert gallery.count() == 8
    assert gallery.locator("img.heat").count() == 8
    sure = [float(re.search(r"with (\d\.\d+)", text)[1]) for text in gallery.locator(".verdict").all_inner_texts()]
    assert sure == sorted(sure, reverse=True)
    assert "evidence" not in gallery.first.locator("img.whole").get_attribute("alt")
    assert gallery.first.locator("img.heat").get_attribute("alt").startswith("Where the model looked: ")


def test_what_the_model_promises_is_held_against_what_it_does(browsing: Browsing, report: Path) -> None:
    rule = opened(browsing, report).locator("#rule")
    assert f"({LONG} 0.6)" in rule.inner_text()
    assert "at most 0.1 %" in rule.inner_text()
    assert "That is clearly more than was promised." in rule.locator(".note.bad").inner_text()


def test_it_says_where_it_looks_at_the_background(browsing: Browsing, report: Path) -> None:
    text = opened(browsing, report).locator("#context").inner_text()
    assert f"{COUNT} of {COUNT} pictures were looked at three times" in text
    assert "only the frame sharp" in text


def test_without_its_script_it_has_all_figures(browsing: Browsing, report: Path) -> None:
    context = browsing.browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((report / "report.html").as_uri())
    assert page.locator("noscript").inner_text().startswith("This page shows its pictures")
    assert page.locator("#group-0 .gallery img").first.is_visible()
    assert page.locator("#cells-0 .cell").count() == 4
    context.close()


def test_a_region_is_what_is_shown(run: Run, small_model: Path, tmp_path: Path) -> None:
    """The left half is bright, so the picture of it is; what lies outside is not on the page."""
    for at in range(4):
        pixels = np.zeros((40, 80, 3), np.uint8)
        pixels[:, :40] = 255 - at
        pixels[:, 40:, 0] = 200
        (tmp_path / "data" / "dog").mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "data" / "dog" / f"{at}.png")
    (tmp_path / "data" / "cat").mkdir()
    Image.fromarray(pixels).save(tmp_path / "data" / "cat" / "4.png")
    half = "half=0,0 0.5,0 0.5,1 0,1"
    result = run("evaluate", small_model, tmp_path / "data", "--region", half, "--report", tmp_path / "report")
    assert result.status == 0
    page = (tmp_path / "report" / "report.html").read_text("utf-8")
    assert len(re.findall(r'class="whole" src="[^"]+" width="40" height="40"', page)) == 4
    assert len(re.findall(r'class="heat" src="[^"]+" width="40" height="40"', page)) == 4
    assert "dog/0.png (half)" in page
    assert "All pictures have the same: 1.6." in page


def test_what_costs_make_of_it_is_said_everywhere(run: Run, small_model: Path, tmp_path: Path) -> None:
    for at in range(6):
        label = "cat" if at < 3 else "dog"
        (tmp_path / "data" / label).mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 20), (255 - at,) * 3 if at < 4 else (at,) * 3).save(
            tmp_path / "data" / label / f"{at}.png"
        )
    costs = tmp_path / "costs.yaml"
    costs.write_text("{dog: {cat: 500}, cat: {dog: 1}}")
    result = run("evaluate", small_model, tmp_path / "data", "--costs", costs, "--report", tmp_path / "report")
    assert result.status == 0
    assert "dearest mistake is to take 'dog' for 'cat' (500)" in " ".join(result.out.split())
    advice = json.loads((tmp_path / "report" / "evaluation.json").read_text())["guide"]["class"]
    assert (advice["recall_of"], advice["precision_of"]) == (["dog"], ["cat"])
    page = (tmp_path / "report" / "report.html").read_text("utf-8")
    assert "recall of &#39;dog&#39;" in page
    assert page.count("look here") == 2
    assert "They decide nothing here" in page
    assert '<td class="number">500</td>' in page
    result = run("evaluate", small_model, tmp_path / "data", "--costs", tmp_path / "none.yaml")
    assert result.status == 2
    assert "none.yaml" in result.err


def test_a_report_into_a_file_is_refused_before_the_work(run: Run, small_model: Path, tmp_path: Path) -> None:
    (tmp_path / "report").write_text("mine")
    result = run("evaluate", small_model, tmp_path, "--report", tmp_path / "report")
    assert result.status == 2
    assert "is a file, not a folder" in result.err
    assert (tmp_path / "report").read_text() == "mine"


def test_standard_output_holds_nothing_but_json(run: Run, small_model: Path, tmp_path: Path) -> None:
    for label in ("cat", "dog"):
        (tmp_path / label).mkdir()
        Image.new("RGB", (20, 20), (255,) * 3).save(tmp_path / label / f"{label}.png")
    result = run("evaluate", small_model, tmp_path, "--json", "-", "--report", tmp_path / "new" / "report")
    assert json.loads(result.out)["pictures"] == 2
    assert sorted(path.name for path in (tmp_path / "new" / "report").iterdir()) == [
        "evaluation.json",
        "predictions.csv",
        "report.html",
    ]


def test_what_fails_leaves_the_report_of_before(
    run: Run, small_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for label in ("cat", "dog"):
        (tmp_path / "data" / label).mkdir(parents=True)
        Image.new("RGB", (20, 20), (255,) * 3).save(tmp_path / "data" / label / f"{label}.png")
    command = ("evaluate", small_model, tmp_path / "data", "--report", tmp_path / "report")
    assert run(*command).status == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "report").iterdir()}

    def full(*_: object, **__: object) -> int:
        raise OutputError("the disk is full")

    monkeypatch.setattr("decisight.evaluation.report.page.write_page", full)
    Image.new("RGB", (20, 20)).save(tmp_path / "data" / "dog" / "another.png")
    assert run(*command).status != 0
    assert {path.name: path.read_bytes() for path in (tmp_path / "report").iterdir()} == before
