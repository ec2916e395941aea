"""What a back-test is summed up to: names, JSON, the table of states, and the text."""

from __future__ import annotations

import json
from typing import Any

import pytest

from decisight.backtest import STATE_COLUMNS, Backtest, Contender, state_rows, summed_up, target_text, watch_clip
from decisight.backtest.report import report, verdict_text
from decisight.models.classifier import Classifier

from .conftest import MakeContender, plan

LETTERS = "bbbbbbbbbbbbbbbdbbbbdddddddddddddddd"
ROWS = ((0.0, 2.0, None, "class", "cat"), (2.0, 3.6, None, "class", "dog"))


def tried(*sites: Contender, letters: str = LETTERS, rows: tuple[Any, ...] = ROWS) -> Backtest:
    return summed_up(sites, [watch_clip(plan(letters, *rows), sites)])


def test_one_site_is_held_against_each_picture_alone(contender: MakeContender, small: Classifier) -> None:
    found = tried(contender("site", small, {"policy": "majority_vote:2/3"}))
    assert found.policies == ("single", "site")
    assert (found.verdict.policy, found.verdict.against) == ("site", "single")
    values = found.to_json()
    json.dumps(values, allow_nan=False)
    single, site = values["policies"]["single"], values["policies"]["site"]
    assert (single["excess_flips"], single["false_events"], single["missed"]) == (2, 1, 0)
    assert (site["excess_flips"], site["false_events"], site["missed"]) == (0, 0, 0)
    assert single["frame_accuracy"] == pytest.approx(35 / 36)
    assert single["frame_accuracy_off_edges"] == 1.0  # the wrong picture lies 0.5 s before the change
    assert site["median_delay_seconds"] == pytest.approx(0.1)
    assert site["coverage"] == 1.0
    assert single["excess_flips_per_hour"] == pytest.approx(2 / (3.5 / 3600))
    (clip,) = values["clips"]
    assert (clip["clip"], clip["camera"], clip["pictures"], clip["unreadable"]) == ("gate.mp4", "gate", 36, 0)
    assert clip["lines"][0]["policies"]["single"] == single
    assert values["settings"]["site"][0]["policies"]["class"]["type"] == "majority_vote"


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({}, ("single", "old", "new")),
        ({"thresholds": {"cat": 0.99999}}, ("single", "old", "single (new)", "new")),
        ({"fps": 5.0}, ("single", "old", "single (new)", "new")),
        ({"quiet": ["dog"]}, ("single", "old", "single (new)", "new")),
    ],
)
def test_the_base_line_of_another_site_is_there_if_it_is_another(
    contender: MakeContender, small: Classifier, settings: dict[str, Any], names: tuple[str, ...]
) -> None:
    policy = {"type": "majority_vote", "thresholds": settings.get("thresholds", {})}
    camera = {"fps": settings["fps"]} if "fps" in settings else {}
    watch = {"policy": policy, "quiet": settings.get("quiet", [])}
    found = tried(
        contender("old", small, {"policy": "threshold"}),
        contender("new", small, watch, single="single (new)", **camera),
    )
    assert found.policies == tuple(found.figures) == names
    assert (found.verdict.policy, found.verdict.against) == ("old", "new")


def test_the_table_of_states_has_a_row_for_each_picture_and_policy(contender: MakeContender, small: Classifier) -> None:
    found = tried(
        contender("site", small, {"policy": "consecutive:2"}), letters="bxd", rows=((0.0, 0.15, None, "class", "cat"),)
    )
    rows = [dict(zip(STATE_COLUMNS, row, strict=True)) for row in state_rows(found)]
    assert [(row["time"], row["truth"], row["policy"], row["state"], row["reason"]) for row in rows] == [
        (0.0, "cat", "single", "cat", "accepted"),
        (0.1, "cat", "single", "unknown", "cannot_judge"),
        (0.2, "", "single", "dog", "accepted"),
        (0.0, "cat", "site", "unknown", "abstained"),
        (0.1, "cat", "site", "unknown", "cannot_judge"),
        (0.2, "", "site", "unknown", "abstained"),
    ]
    assert {row["region"] for row in rows} == {""}
    assert rows[0]["confidence"] == pytest.approx(0.9997, abs=1e-3)


def test_sets_of_labels_are_written_as_tables_have_them() -> None:
    assert [target_text(t) for t in (None, "a", frozenset({"b", "a"}), frozenset[str]())] == ["", "a", "a|b", "-"]


def test_the_text_has_every_policy_every_clip_and_the_verdict(contender: MakeContender, small: Classifier) -> None:
    text = report(tried(contender("site", small, {"policy": "majority_vote:2/3"})), width=100)
    assert text.startswith(
        "1 clip, 1 state line (a label group of a region of a clip), 36 labelled pictures in 0.1 min"
    )
    head = next(line for line in text.splitlines() if "single" in line)
    assert head.split() == ["single", "site"]
    by_clip = [line.split() for line in text.splitlines() if line.startswith("gate.mp4, class ")]
    assert by_clip == [
        ["gate.mp4,", "class", "single", "97.2", "%", "100.0", "%", "2", "0", "of", "1", "1", "of", "4", "0.0", "s"]
    ]
    assert "site is not worse than single, as far as 2 stretches can tell." in text
    assert "Worse is:" in text


def test_what_is_worse_is_named(contender: MakeContender, small: Classifier) -> None:
    rows = tuple((at * 2.0, at * 2.0 + 2.0, None, "class", "cat" if at % 2 == 0 else "dog") for at in range(8))
    letters = ("b" * 20 + "d" * 20) * 4
    never = {"policy": {"type": "threshold", "default_threshold": 1.0}}
    found = tried(
        contender("strict", small, never),
        contender("plain", small, {"policy": "threshold"}, single="single (plain)"),
        letters=letters,
        rows=rows,
    )
    text = verdict_text(found.verdict)
    assert "strict is worse than plain in the share of right pictures off the edges (0.0 % beside 100.0 %)" in text
    assert "missed changes (7 beside 0)" in text
    assert found.to_json()["verdict"]["not_worse"] is False


def test_without_any_change_nothing_can_be_told(contender: MakeContender, small: Classifier) -> None:
    found = tried(contender("site", small, {"policy": "threshold"}), letters="bbb", rows=ROWS[:1])
    assert "too little to tell" in verdict_text(found.verdict)
    assert "-" in report(found)
