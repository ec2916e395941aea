"""The page shows what was found, in a real browser, and nothing in a name or a label becomes markup."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.auditing.conftest import Faulty, colours
from tests.browser import Browsing
from tests.drawn import drawn, save

from decisight.auditing import KINDS, AuditOptions, audit, write_audit_page
from decisight.data.reading import read_dataset
from decisight.errors import OutputError


@pytest.fixture(scope="session")
def page_file(faulty: Faulty, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "audit.html"
    write_audit_page(path, faulty.found)
    return path


def test_it_is_one_file_that_asks_for_nothing(page_file: Path, faulty: Faulty) -> None:
    text = page_file.read_text("utf-8")
    assert "http:" not in text
    assert "https:" not in text
    assert "default-src &#39;none&#39;" in text
    for kind in faulty.found.counts:
        assert f'<section id="{kind}"' in text
        assert KINDS[kind].title in text


@pytest.mark.parametrize("width", [1280, 420])
def test_it_is_shown_in_a_browser(browsing: Browsing, page_file: Path, width: int) -> None:
    browsing.forgiven.append(f"asked for {page_file.as_uri()}")
    page = browsing.open(page_file.as_uri(), size=(width, 900))
    assert page.locator("h1").inner_text().startswith("Audit of")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # Of copies the two are seen side by side.
    pair = page.locator("#copy_across_splits .pair").first.locator("img")
    boxes = [pair.nth(at).bounding_box() for at in range(2)]
    assert boxes[0] is not None
    assert boxes[1] is not None
    assert boxes[0]["y"] == boxes[1]["y"]
    assert boxes[0]["x"] < boxes[1]["x"]
    suspected = page.locator("#suspected_label li").first
    assert "labelled blue" in suspected.inner_text()
    assert "would say red" in suspected.inner_text()
    mistake = page.locator("#mistakes li.card", has_text="test/blue/wrong.png")
    assert mistake.locator(".learnt img").count() == 5
    assert page.evaluate("[...document.images].every((image) => image.complete && image.naturalWidth > 0)")
    page.locator(".contents a", has_text="The same picture in two splits").click()
    assert page.evaluate("location.hash") == "#copy_across_splits"


def test_names_and_labels_are_text(browsing: Browsing, tmp_path: Path) -> None:
    root = colours(tmp_path / "<b>colours", train=2, test=1)
    evil = '<img src=x onerror="document.title=1">'
    (root / "train/red").rename(root / "train" / evil)
    (root / "test/red").rename(root / "test" / evil)
    for name in ("x\N{RIGHT-TO-LEFT OVERRIDE}gpj.png", "'\"><script>document.title=2</script>.png".replace("/", "")):
        save(root / "train" / evil / name, drawn(900, (64, 48)))
        (root / "train/blue" / name).write_bytes((root / "train" / evil / name).read_bytes())
    found = audit(read_dataset(root), AuditOptions(labels=False), threads=2)
    assert found.counts["copy_labelled_differently"] >= 2
    write_audit_page(tmp_path / "audit.html", found)
    address = (tmp_path / "audit.html").as_uri()
    browsing.forgiven.append(f"asked for {address}")
    page = browsing.open(address)
    assert page.title() == "Audit of <b>colours"
    assert page.locator("h1 b").count() == 0
    assert page.locator("img[src=x]").count() == 0
    assert evil in page.locator("#copy_labelled_differently").inner_text()
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in (tmp_path / "audit.html").read_text("utf-8")


def test_a_small_budget_names_what_it_does_not_show(faulty: Faulty, tmp_path: Path) -> None:
    size = write_audit_page(tmp_path / "audit.html", faulty.found, budget=10_000)
    text = (tmp_path / "audit.html").read_text("utf-8")
    assert size < 80_000
    assert "not shown here, to keep the page small" in text
    assert "train/red/exact.png" in text or "test/red/exact.png" in text


def test_of_very_many_findings_some_are_shown_some_named_and_all_counted(faulty: Faulty, tmp_path: Path) -> None:
    (copy,) = faulty.of("copy")
    many = replace(faulty.found, findings=(copy,) * 700, mistakes=())
    write_audit_page(tmp_path / "audit.html", many)
    text = (tmp_path / "audit.html").read_text("utf-8")
    assert "700 warnings" in text
    assert text.count('<li class="card">') == 60
    assert "500 more, by name" in text
    assert "And 140 more, which only the JSON report lists." in text


def test_where_it_cannot_be_written_it_is_said(faulty: Faulty, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="there is no folder"):
        write_audit_page(tmp_path / "nowhere/audit.html", faulty.found)
