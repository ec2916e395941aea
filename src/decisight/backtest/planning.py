"""A clip and its table, checked before anything is spent on watching it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from decisight.backtest.clips import LabelledClip
from decisight.backtest.contenders import Contender
from decisight.backtest.truth import TruthTable, Watched, read_truth
from decisight.errors import DataError, UsageError
from decisight.files import printable
from decisight.protocols import FrameSource
from decisight.sources import SOURCES
from decisight.types import LabelGroup

__all__ = ["ClipPlan", "plan_clip"]

_START = "1970-01-01T00:00:00Z"
"""When every clip is said to begin: so the time of a picture is seconds since the first."""


@dataclass(frozen=True, slots=True)
class ClipPlan:
    """A clip that can be watched.

    Args:
        clip: which.
        camera: the camera that it is of.
        truth: what is true of it.
        source: its pictures.
        seconds: how long it says it is.
    """

    clip: LabelledClip
    camera: str
    truth: TruthTable
    source: FrameSource
    seconds: float


def plan_clip(clip: LabelledClip, camera: str, contenders: Sequence[Contender]) -> ClipPlan:
    """Look at a clip and its table before anything is spent on watching it.

    Raises:
        DataError: the table is none that can be used, or says what is true where a site does not watch.
        SourceError: the clip cannot be opened.
        UsageError: two models of a site decide on the same.
    """
    of_each = [contender.watched(camera) for contender in contenders]
    truth = read_truth(clip.table, _all_watched(of_each))
    for contender, watched in zip(contenders, of_each, strict=True):
        for region, group in truth.rows:
            if all(one.name != group for one in watched.get(region, ())):
                place = "all of the picture" if region is None else f"the region {region!r}"
                raise DataError(
                    f"{printable(clip.table)}, line {truth.rows[region, group][0].line}: the site {contender.name!r} "
                    f"does not decide on the group {group!r} in {place} of the camera {camera!r}",
                    hint="both sites must watch what is compared: add it to the one, or take the rows out",
                )
    source = SOURCES.build("video", {"path": str(clip.path), "start": _START})
    return ClipPlan(clip, camera, truth, source, source.facts().seconds or 0.0)


def _all_watched(of_each: Sequence[Mapping[str | None, Sequence[LabelGroup]]]) -> Watched:
    """What any of the sites watches: labels that only one of them knows may be true."""
    found: dict[str | None, dict[str, LabelGroup]] = {}
    for watched in of_each:
        for region, groups in watched.items():
            of_region = found.setdefault(region, {})
            for group in groups:
                known = of_region.get(group.name, group)
                if known.kind != group.kind:
                    raise UsageError(
                        f"the label group {group.name!r} is exclusive in one site and independent in the other",
                        hint="compare sites whose models answer the same question",
                    )
                labels = tuple(dict.fromkeys(known.labels + group.labels))
                of_region[group.name] = LabelGroup(group.name, labels, group.kind)
    return {region: tuple(groups.values()) for region, groups in found.items()}
