"""What a back-test found: figures of every policy, over all clips and clip by clip."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from decisight.backtest.comparing import Verdict, compare_policies
from decisight.backtest.contenders import Contender
from decisight.backtest.running import ClipRun, LineRun, Track
from decisight.evaluation.events import EventFigures, WatchedLine, judge_events
from decisight.types import NONE_OF_THEM, Target

__all__ = ["STATE_COLUMNS", "Backtest", "state_rows", "summed_up", "target_text"]

STATE_COLUMNS = ("clip", "time", "region", "group", "truth", "policy", "state", "confidence", "reason")
"""Of the table of states."""


@dataclass(frozen=True, slots=True)
class Backtest:
    """What a back-test found.

    Args:
        contenders: the sites, that which is judged first.
        policies: the names of the policies: the base line, the site, and where there is another site that one, with its
            own base line only if that is not the same.
        runs: clip by clip.
        figures: of each policy, over all clips.
        verdict: whether the first site's policy is worse than the other's, or than the base line.
    """

    contenders: tuple[Contender, ...]
    policies: tuple[str, ...]
    runs: tuple[ClipRun, ...]
    figures: Mapping[str, EventFigures]
    verdict: Verdict

    def to_json(self) -> dict[str, Any]:
        """``policies``, ``clips``, ``verdict``; plain values, ``None`` for what is undefined."""
        return {
            "policies": {name: figures.to_json() for name, figures in self.figures.items()},
            "verdict": self.verdict.to_json(),
            "clips": [self._clip(run) for run in self.runs],
            "settings": {one.name: _settings(one) for one in self.contenders},
        }

    def _clip(self, run: ClipRun) -> dict[str, Any]:
        return {
            "clip": run.plan.clip.name,
            "camera": run.plan.camera,
            "seconds": run.plan.seconds,
            "pictures": run.pictures,
            "unreadable": run.unreadable,
            "cause": run.cause,
            "lines": [
                {
                    "region": line.region,
                    "group": line.group,
                    "policies": {name: judge_events([line.tracks[name].watched]).to_json() for name in self.policies},
                }
                for line in run.lines
            ],
        }


def summed_up(contenders: Sequence[Contender], runs: Sequence[ClipRun], *, seed: int = 0) -> Backtest:
    """Judge what was decided on clips.

    Args:
        contenders: the sites, that which is judged first.
        runs: the clips.
        seed: of intervals and of the comparison.
    """
    policies = [contenders[0].single, contenders[0].name]
    for other in contenders[1:]:
        if not _agree(runs, contenders[0].single, other.single):
            policies.append(other.single)
        policies.append(other.name)
    lines = {name: _lines(runs, name) for name in policies}
    judged, against = contenders[0].name, contenders[-1].name if len(contenders) > 1 else contenders[0].single
    return Backtest(
        tuple(contenders),
        tuple(policies),
        tuple(runs),
        {name: judge_events(of_policy, seed=seed) for name, of_policy in lines.items()},
        compare_policies(judged, lines[judged], against, lines[against], seed=seed),
    )


def state_rows(backtest: Backtest) -> Iterator[tuple[str | float, ...]]:
    """What each policy decided on each picture, one row a policy: the cells of :data:`STATE_COLUMNS`."""
    for run in backtest.runs:
        for line in run.lines:
            for name in backtest.policies:
                yield from _rows(run, line, name, line.tracks[name])


def _rows(run: ClipRun, line: LineRun, name: str, track: Track) -> Iterator[tuple[str | float, ...]]:
    made = track.watched.line
    for time, truth, decision in zip(made.times, made.truth, track.decisions, strict=True):
        state = decision.state if isinstance(decision.state, str) else target_text(frozenset(decision.state))
        yield (
            run.plan.clip.name,
            round(time, 6),
            line.region or "",
            line.group,
            target_text(truth),
            name,
            state,
            round(decision.confidence, 8),
            decision.reason.value,
        )


def target_text(target: Target) -> str:
    """What is true, as the table of a clip writes it; nothing where it is not known."""
    if target is None:
        return ""
    return target if isinstance(target, str) else "|".join(sorted(target)) or NONE_OF_THEM


def _lines(runs: Sequence[ClipRun], name: str) -> list[WatchedLine]:
    return [line.tracks[name].watched for run in runs for line in run.lines]


def _agree(runs: Sequence[ClipRun], name: str, other: str) -> bool:
    """Whether two policies decided the same on every picture, and would report the same."""
    return _lines(runs, name) == _lines(runs, other)


def _settings(contender: Contender) -> list[dict[str, Any]]:
    """The rules of a site with all their settings, view by view."""
    return [
        {
            "camera": camera,
            "region": None if view.region is None else view.region.name,
            "model": {"name": view.model.name, "digest": view.model.file.graph_digest},
            "fps": setup.fps,
            "policies": {name: policy.to_section(view.model.task) for name, policy in view.policies.items()},
            "quiet": {name: sorted(labels) for name, labels in view.quiet.items() if labels},
        }
        for camera, setup in contender.cameras.items()
        for view in setup.views
    ]
