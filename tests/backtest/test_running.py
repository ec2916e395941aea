"""Clips watched: the same as the policies alone would decide, and each picture classified once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from decisight.backtest import Contender, LabelledClip, plan_clip, watch_clip
from decisight.backtest.running import single_of
from decisight.errors import DataError, SourceError, UsageError
from decisight.models.classifier import Classifier
from decisight.policies.parsing import parse_policy
from decisight.types import Reason, Target

from .conftest import MakeContender, plan


def states(run: Any, name: str, region: str | None = None, group: str = "class") -> str:
    """The states of a policy by their first letters; ``.`` is the fall-back."""
    (line,) = [line for line in run.lines if (line.region, line.group) == (region, group)]
    return "".join("." if state is None else str(state)[0] for state in line.tracks[name].watched.line.states)


def test_policy_and_single_decide_on_the_same_pictures(contender: MakeContender, small: Classifier) -> None:
    site = contender("site", small, {"policy": "majority_vote:2/3"})
    run = watch_clip(plan("bbbbdbddd", (0.0, 0.45, None, "class", "cat"), (0.6, 0.9, None, "class", "dog")), [site])
    assert states(run, "single") == "ccccdcddd"
    assert states(run, "site") == ".cccccddd"
    (line,) = run.lines
    made = line.tracks["site"].watched.line
    assert made.truth == ("cat",) * 5 + (None,) + ("dog",) * 3
    assert made.times == pytest.approx([at / 10 for at in range(9)])
    assert (run.pictures, run.unreadable, run.cause) == (9, 0, None)


def test_a_damaged_picture_cannot_be_judged_and_counts_as_such(contender: MakeContender, small: Classifier) -> None:
    site = contender("site", small, {"policy": "majority_vote:2/3"})
    run = watch_clip(plan("bbxbb", (0.0, 1.0, None, "class", "cat")), [site])
    assert states(run, "single") == "cc.cc"
    assert states(run, "site") == ".cccc"
    track = run.lines[0].tracks["single"]
    assert track.decisions[2].reason is Reason.CANNOT_JUDGE
    assert track.watched.judged == (True, True, False, True, True)
    assert (run.unreadable, run.cause) == (1, "the recording is damaged here")


def test_the_gates_of_the_site_look_first(contender: MakeContender, small: Classifier) -> None:
    site = contender("site", small, {"policy": "threshold"}, gates=[{"type": "brightness"}])
    run = watch_clip(plan("bbd", (0.0, 1.0, None, "class", "cat")), [site])
    assert run.lines[0].tracks["site"].watched.judged == (False, False, False)
    assert run.unreadable == 0


def test_regions_and_groups_each_have_a_line(contender: MakeContender, gear: Classifier) -> None:
    site = contender(
        "site",
        gear,
        {"region": "left", "group": "helmet", "policy": "threshold", "quiet": ["worn"]},
        {"region": "right", "policy": "consecutive:2"},
    )
    extras: Target = frozenset({"gloves"})
    run = watch_clip(
        plan(
            "bbd",
            (0.0, 0.2, "left", "helmet", "worn"),
            (0.0, 0.2, "right", "extras", extras),
            (0.0, 0.2, "right", "vest", "missing"),
        ),
        [site],
    )
    assert [(line.region, line.group) for line in run.lines] == [
        ("left", "helmet"),
        ("right", "extras"),
        ("right", "vest"),
    ]
    assert states(run, "site", "left", "helmet") == "wwm"
    assert run.lines[0].tracks["site"].watched.quiet == run.lines[0].tracks["single"].watched.quiet == {"worn"}
    assert run.lines[1].tracks["single"].watched.line.states == (extras, extras, frozenset({"goggles"}))
    assert run.lines[1].tracks["site"].watched.line.states == (None, extras, extras)
    assert states(run, "site", "right", "vest") == ".mm"


@pytest.fixture
def classified(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many crops each call has classified."""
    counts: list[int] = []
    original = Classifier.predict_prepared

    def counting(self: Classifier, squares: np.ndarray, **options: Any) -> Any:
        counts.append(len(squares))
        return original(self, squares, **options)

    monkeypatch.setattr(Classifier, "predict_prepared", counting)
    return counts


@pytest.mark.parametrize(
    ("other", "pictures"),
    [
        ({}, 6),  # another policy sees the same
        ({"gates": [{"type": "size"}]}, 12),
        ({"fps": 5.0}, 9),
        ({"region": "left"}, 12),
    ],
)
def test_what_two_sites_see_alike_is_classified_once(
    contender: MakeContender, small: Classifier, classified: list[int], other: dict[str, Any], pictures: int
) -> None:
    settings = dict(other)
    region = settings.pop("region", None)
    truth = (0.0, 1.0, None, "class", "cat")
    watch = [{"policy": "majority_vote:2/3"}, *([{"region": region, "policy": "threshold"}] if region else [])]
    sites = [
        contender("old", small, {"policy": "consecutive:2"}),
        contender("new", small, *watch, single="single (new)", **settings),
    ]
    run = watch_clip(plan("bbbddd", truth), sites)
    assert sum(classified) == pictures
    assert states(run, "old") == ".cccdd"
    alone = watch_clip(plan("bbbddd", truth), sites[1:])
    assert states(alone, "new") == states(run, "new")


@pytest.mark.parametrize("letters", ["b" * 5 + "d" * 7, "bxd" * 9])
@pytest.mark.parametrize("policy", ["majority_vote:3/1s", "weighted_average:4", "sequential_test:0.05"])
def test_shared_readings_decide_as_a_run_of_their_own(
    contender: MakeContender, small: Classifier, letters: str, policy: str
) -> None:
    truth = (0.0, 9.0, None, "class", "cat")
    old, new = contender("old", small, {"policy": "threshold"}), contender("new", small, {"policy": policy}, single="s")
    together = watch_clip(plan(letters, truth), [old, new]).lines[0].tracks["new"]
    assert together == watch_clip(plan(letters, truth), [new]).lines[0].tracks["new"]


def test_progress_is_told_in_seconds_and_never_goes_back(contender: MakeContender, small: Classifier) -> None:
    told: list[float] = []
    sites = [contender(str(fps), small, {"policy": "threshold"}, single=str(-fps), fps=fps) for fps in (10.0, 5.0)]
    watch_clip(plan("bbbb", (0.0, 1.0, None, "class", "cat")), sites, progress=told.append)
    assert told == sorted(told) == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4, 0.6])


@pytest.mark.parametrize(
    ("policy", "settings", "single"),
    [
        ("majority_vote:3/5", {"thresholds": {"cat": 0.8}, "fallback": "?"}, {"thresholds": {"cat": 0.8}}),
        ("weighted_average:3", {"default_threshold": 0.7, "fallback": "?"}, {"default_threshold": 0.7}),
        ("majority_vote:3/5", {"leave_thresholds": {}, "min_dwell": 4, "gap_tolerance": 2, "fallback": "?"}, {}),
        ("sequential_test:0.01", {"fallback": "?"}, {}),  # it has no thresholds
    ],
)
def test_single_takes_thresholds_and_fall_back_and_nothing_else(
    policy: str, settings: dict[str, Any], single: dict[str, Any]
) -> None:
    assert single_of(parse_policy(policy, settings)) == parse_policy("threshold", {**single, "fallback": "?"})


# --- plans -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def clip(tmp_path: Path) -> Callable[[str], LabelledClip]:
    def make(rows: str, video: bytes = b"") -> LabelledClip:
        (tmp_path / "gate.mp4").write_bytes(video)
        (tmp_path / "gate.csv").write_text("start,end,region,state,group\n" + rows, "utf-8")
        return LabelledClip("gate.mp4", tmp_path / "gate.mp4", tmp_path / "gate.csv")

    return make


def planned(clip: LabelledClip, *sites: Contender) -> None:
    plan_clip(clip, "gate", sites)


def test_both_sites_must_watch_what_is_compared(
    contender: MakeContender, small: Classifier, clip: Callable[[str], LabelledClip]
) -> None:
    old = contender("old", small, {"region": "left", "policy": "threshold"})
    new = contender("new", small, {"region": "right", "policy": "threshold"})
    with pytest.raises(DataError, match=r"gate.csv, line 2: the site 'new' does not decide on the group 'class' in th"):
        planned(clip("0,1,left,cat,\n"), old, new)
    with pytest.raises(DataError, match=r"line 2: the site 'old'"):
        planned(clip("0,1,right,cat,\n"), old, new)


def test_groups_of_one_name_must_be_of_one_kind(
    contender: MakeContender, gear: Classifier, clip: Callable[[str], LabelledClip]
) -> None:
    old = contender("old", gear, {"group": "vest", "policy": "threshold"})
    with pytest.raises(DataError, match="'gloves'"):
        planned(clip("0,1,,gloves,\n"), old)


def test_a_clip_that_is_none_is_refused_before_any_is_watched(
    contender: MakeContender, small: Classifier, clip: Callable[..., LabelledClip]
) -> None:
    site = contender("old", small, {"policy": "threshold"})
    with pytest.raises(SourceError, match=r"gate\.mp4"):
        planned(clip("0,1,,cat,\n", b"no video"), site)


def test_two_models_on_one_group_cannot_be_told_apart(contender: MakeContender, small: Classifier) -> None:
    site = contender("old", small, {"policy": "threshold"})
    camera = site.cameras["gate"]

    class Twice:
        fps = camera.fps
        views = (*camera.views, *camera.views)
        pipeline = camera.pipeline

    with pytest.raises(UsageError, match="two models decide on a group 'class' in all of the picture"):
        Contender("old", "single", {"gate": Twice()}).watched("gate")
