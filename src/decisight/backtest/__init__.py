"""Recorded, labelled clips watched with the rules of a site, before anybody relies on them.

The rules of one site or of two are run over the same pictures, and so is the decision on each picture alone: the base
line that a rule over several pictures has to beat.
"""

from __future__ import annotations

from decisight.backtest.clips import ClipFolder, LabelledClip, camera_of, find_clips
from decisight.backtest.comparing import RULE, Difference, Verdict
from decisight.backtest.contenders import SINGLE, Contender, WatchedCamera, WatchedView
from decisight.backtest.planning import ClipPlan, plan_clip
from decisight.backtest.results import STATE_COLUMNS, Backtest, state_rows, summed_up, target_text
from decisight.backtest.running import ClipRun, LineRun, Track, watch_clip

__all__ = [
    "RULE",
    "SINGLE",
    "STATE_COLUMNS",
    "Backtest",
    "ClipFolder",
    "ClipPlan",
    "ClipRun",
    "Contender",
    "Difference",
    "LabelledClip",
    "LineRun",
    "Track",
    "Verdict",
    "WatchedCamera",
    "WatchedView",
    "camera_of",
    "find_clips",
    "plan_clip",
    "state_rows",
    "summed_up",
    "target_text",
    "watch_clip",
]
