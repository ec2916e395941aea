from __future__ import annotations

import base64
import html
import json
import re
from pathlib import Path

import numpy as np
import pytest
from tests.browser import Browsing

from decisight.documents import Thumbnail, Thumbnails, render, write_page
from decisight.errors import OutputError
from decisight.imaging import decode

HOSTILE = '</script><script>document.title = "owned"</script><img src=x onerror="document.title=\'owned\'">'


@pytest.fixture
def template(tmp_path: Path) -> Path:
    path = tmp_path / "some.html"
    path.write_text(
        '{% extends "page.html" %}{% block content %}<p id="said">{{ said }}</p>'
        '<table class="sortable"><thead><tr><th>name</th><th data-first="descending">count</th></tr></thead><tbody>'
        "{% for name, count in rows %}<tr><td>{{ name }}</td><td>{{ count }}</td></tr>{% endfor %}</tbody></table>"
        "{% endblock %}{% block data %}"
        '<script type="application/json" id="data">{{ said | json }}</script>{% endblock %}'
    )
    return path


def test_text_from_outside_stays_text(template: Path) -> None:
    page = render(template, title=HOSTILE, said=HOSTILE, rows=())
    assert HOSTILE not in page
    assert page.count("<script>") == 1  # the page's own
    data = re.search(r'id="data">(.*?)</script>', page)
    assert data is not None
    assert json.loads(data[1]) == HOSTILE


def test_what_is_no_character_is_shown_as_an_escape(template: Path) -> None:
    page = render(template, title="t", said="caf\udce9 \u202eexe.jpg", rows=())
    assert '<p id="said">caf\\xe9 \\u202eexe.jpg</p>' in page


@pytest.mark.parametrize(
    ("share", "digits", "expected"),
    [
        (0.934, 1, "93.4 %"),
        (0.0, 0, "0 %"),
        (0.001, 0, "<1 %"),  # not quite none
        (0.9996, 1, ">99.9 %"),  # not quite all
        (1.0, 1, "100.0 %"),
        (float("nan"), 1, "\N{EN DASH}"),
        (None, 1, "\N{EN DASH}"),
    ],
)
def test_shares_in_per_cent(tmp_path: Path, share: float | None, digits: int, expected: str) -> None:
    path = tmp_path / "share.html"
    path.write_text("{{ share | percent(digits) }}")
    assert html.unescape(render(path, title="", share=share, digits=digits)) == expected


def test_a_page_that_lacks_a_value_is_not_written(template: Path, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="said"):
        write_page(tmp_path / "page.html", template, title="t", rows=())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["some.html"]


def test_a_page_replaces_the_file_only_when_it_is_whole(template: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    written = write_page(page, template, title="t", said="\N{PARTY POPPER}", rows=())
    assert page.stat().st_size == written
    assert "\N{PARTY POPPER}" in page.read_text("utf-8")
    with pytest.raises(OutputError, match="is a folder"):
        write_page(tmp_path, template, title="t", said="", rows=())
    with pytest.raises(OutputError, match="there is no folder"):
        write_page(tmp_path / "no" / "page.html", template, title="t", said="", rows=())


def test_thumbnails_keep_to_their_budget_and_count() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
    one = Thumbnail.made(noise)
    assert (one.width, one.height) == (192, 144)
    content = base64.b64decode(one.uri.removeprefix("data:image/jpeg;base64,"))
    assert decode(content).shape == (144, 192, 3)
    pictures = Thumbnails(int(2.5 * len(one.uri)))
    given = [pictures.of(noise) for _ in range(4)]
    assert [picture is not None for picture in given] == [True, True, False, False]
    assert (pictures.shown, pictures.refused) == (2, 2)
    assert pictures.spent <= pictures.budget


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((20, 10), (10, 20)),  # a small one is not made larger
        ((1, 5000), (192, 1)),  # the thinnest keeps a pixel
        ((1000, 500), (96, 192)),
    ],
)
def test_thumbnails_keep_proportions(shape: tuple[int, int], expected: tuple[int, int]) -> None:
    one = Thumbnail.made(np.zeros((*shape, 3), np.uint8))
    assert (one.width, one.height) == expected


def test_a_browser_sorts_runs_nothing_foreign_and_asks_for_nothing(
    template: Path, tmp_path: Path, browsing: Browsing
) -> None:
    page = tmp_path / "page.html"
    write_page(page, template, title="A page", said=HOSTILE, rows=[("b", 2), ("a", 10), (HOSTILE, 1)])
    # What would be foreign, had escaping been forgotten: the page's policy does not let it run.
    foreign = page.read_text("utf-8").replace("</main>", '</main><script>document.title = "owned"</script>')
    page.write_text(foreign, "utf-8")
    browsing.forgiven += ["asked for file:", "Content Security Policy"]
    shown = browsing.open(page.as_uri())
    assert shown.title() == "A page"
    assert any("Content Security Policy" in complaint for complaint in browsing.complaints)
    assert shown.locator("#said").inner_text() == HOSTILE
    heading = shown.get_by_role("button", name="count")
    heading.focus()
    shown.keyboard.press("Enter")
    assert shown.locator("tbody td:nth-child(2)").all_inner_texts() == ["10", "2", "1"]
    heading.click()
    assert shown.locator("tbody td:nth-child(2)").all_inner_texts() == ["1", "2", "10"]
    assert shown.locator("th[aria-sort=ascending]").count() == 1
