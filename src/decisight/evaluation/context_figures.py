"""What the centre and the border of pictures are worth to a model: figures, and what they mean in plain words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from decisight.evaluation.paired import PairedDifference

__all__ = ["ContextCheck", "GroupContext"]

_WORTH_KNOWING = 0.05
"""A fall in accuracy that is taken for none: where the interval reaches no further down, a model is acquitted."""


@dataclass(frozen=True, slots=True)
class GroupContext:
    """What the centre and the border are worth to one group.

    Args:
        group: its name.
        n: how many pictures were looked at.
        sources: how many sources they come from.
        border_blurred: accuracy as they are (``a``) and with everything but the centre blurred (``b``).
        centre_blurred: accuracy as they are and with everything but the border blurred.
        beyond_commonest: accuracy of always saying what is true most often (``a``), and from the border alone (``b``).
        truth_border_blurred: as ``border_blurred``, of the mean confidence in what is true.
        truth_centre_blurred: as ``centre_blurred``, of the same.
        recalls: by label that some picture has: with the border blurred, and with the centre blurred.
        support: by label, how many pictures have it.
    """

    group: str
    n: int
    sources: int
    border_blurred: PairedDifference
    centre_blurred: PairedDifference
    beyond_commonest: PairedDifference
    truth_border_blurred: PairedDifference
    truth_centre_blurred: PairedDifference
    recalls: dict[str, tuple[PairedDifference, PairedDifference]]
    support: dict[str, int]

    @property
    def needs_border(self) -> bool:
        """Whether it is right less often without the border, by more than chance would have it."""
        return self.border_blurred.high < 0.0

    @property
    def tells_from_border(self) -> bool:
        """Whether the border alone tells it more than which label is the commonest, by more than chance would."""
        return self.beyond_commonest.low > 0.0

    @property
    def looks_at_background(self) -> bool | None:
        """Whether it uses what is around the centre: the background, or a subject that reaches there.

        ``None`` where these pictures are too few to tell.
        """
        if self.needs_border or self.tells_from_border:
            return True
        return None if self.border_blurred.low < -_WORTH_KNOWING else False

    @property
    def sentences(self) -> list[str]:
        """What was found and what it means, in plain words: the verdict first."""
        verdict = _VERDICTS[self.needs_border, self.tells_from_border, self.looks_at_background]
        return [verdict, *_figures(self), *_lost(self)]

    def to_json(self) -> dict[str, Any]:
        """All of it as plain values."""
        figures = {
            name: getattr(self, name).to_json()
            for name in (
                "border_blurred",
                "centre_blurred",
                "beyond_commonest",
                "truth_border_blurred",
                "truth_centre_blurred",
            )
        }
        return {
            "n": self.n,
            "sources": self.sources,
            **figures,
            "per_class": {
                label: {
                    "support": self.support[label],
                    "border_blurred": border.to_json(),
                    "centre_blurred": centre.to_json(),
                }
                for label, (border, centre) in self.recalls.items()
            },
            "looks_at_background": self.looks_at_background,
            "sentences": self.sentences,
        }


@dataclass(frozen=True, slots=True)
class ContextCheck:
    """Whether a model looks at the background, group by group.

    Args:
        groups: those that have pictures with a known label, in the task's order.
        pictures: how many were looked at, each three times.
        of: how many there were to choose from.
        seed: by which they were chosen.
    """

    groups: tuple[GroupContext, ...]
    pictures: int
    of: int
    seed: int

    def to_json(self) -> dict[str, Any]:
        """All of it as plain values, groups by their name."""
        groups = {group.group: group.to_json() for group in self.groups}
        return {"pictures": self.pictures, "of": self.of, "seed": self.seed, "groups": groups}


_AROUND = "the background or what reaches there of the subject"
_VERDICTS: dict[tuple[bool, bool, bool | None], str] = {
    (True, True, True): f"It uses what is around the centre, {_AROUND}: it is right less often without it, and better "
    "than chance with nothing else.",
    (True, False, True): f"It uses what is around the centre, {_AROUND}: it is right less often without it.",
    (False, True, True): "It can do without what is around the centre, and yet is better than chance with nothing "
    f"else: it knows {_AROUND}.",
    (False, False, False): "There is no sign that it looks at the background: without what is around the centre it "
    f"loses {100.0 * _WORTH_KNOWING:.0f} points of accuracy at most, and with nothing else it is not surely better "
    "than chance.",
    (False, False, None): "These pictures are too few to tell whether it looks at the background.",
}


def _figures(found: GroupContext) -> list[str]:
    border, alone, commonest = found.border_blurred, found.centre_blurred, found.beyond_commonest
    return [
        f"As they are, it is right in {_share(border.a)} of {found.n} pictures; with the border blurred in "
        f"{_share(border.b)} ({_gap(border)}), with the centre blurred in {_share(alone.b)} ({_gap(alone)}).",
        f"Always saying what is true most often would be right in {_share(commonest.a)}; the border alone gains "
        f"{_gap(commonest)} on that.",
    ]


def _lost(found: GroupContext) -> list[str]:
    """The label that most is lost of without the border, where chance does not explain it."""
    falls = {label: border for label, (border, _) in found.recalls.items() if border.high < 0.0}
    if not falls or not found.needs_border:
        return []
    label = min(falls, key=lambda name: falls[name].value)
    fall = falls[label]
    return [
        f"Without the border, of {found.support[label]} pictures with {label} it recognises {_share(fall.b)} instead "
        f"of {_share(fall.a)} ({_gap(fall)})."
    ]


def _share(value: float) -> str:
    return f"{100.0 * value:.1f} %"


def _gap(difference: PairedDifference) -> str:
    value, low, high = (100.0 * number for number in (difference.value, difference.low, difference.high))
    return f"{value:+.1f} points, {low:+.1f} to {high:+.1f}"
