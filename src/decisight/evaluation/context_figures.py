"""What the centre and the border of pictures are worth to a model: figures, and what they mean in plain words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from decisight.evaluation.paired import PairedDifference

__all__ = ["ContextCheck", "GroupContext"]

_WORTH_KNOWING, _OF_GAIN = 0.05, 0.25
"""A fall in accuracy that is taken for none, and the share that it may be of what the model knows beyond the commonest
answer: where the interval reaches no further down, a model is acquitted."""


@dataclass(frozen=True, slots=True)
class GroupContext:
    """What the centre and the border are worth to one group.

    Args:
        group: its name.
        exclusive: whether it is; if not, accuracy is the share of its labels that it is right about.
        n: how many pictures were looked at.
        sources: how many sources they come from.
        border_blurred: accuracy as they are (``a``) and with everything but the centre blurred (``b``).
        centre_blurred: accuracy as they are and with everything but the border blurred.
        over_commonest: accuracy of always saying what is true most often (``a``), and of the model as they are (``b``).
        beyond_commonest: accuracy of always saying what is true most often (``a``), and from the border alone (``b``).
        truth_border_blurred: as ``border_blurred``, of the mean confidence in what is true.
        truth_centre_blurred: as ``centre_blurred``, of the same.
        recalls: by label that some picture has: with the border blurred, and with the centre blurred.
        support: by label, how many pictures have it.
    """

    group: str
    exclusive: bool
    n: int
    sources: int
    border_blurred: PairedDifference
    centre_blurred: PairedDifference
    over_commonest: PairedDifference
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

        ``None`` where these pictures are too few to tell, or the model is not surely better than the commonest answer:
        what knows nothing loses nothing.
        """
        if self.needs_border or self.tells_from_border:
            return True
        return False if self.knows_something and self.border_blurred.low >= -self.margin else None

    @property
    def knows_something(self) -> bool:
        """Whether it is right more often than by always saying what is true most often, by more than chance would."""
        return self.over_commonest.low > 0.0

    @property
    def margin(self) -> float:
        """The fall in accuracy that is taken for none, 0 to 0.05."""
        return min(_WORTH_KNOWING, _OF_GAIN * max(0.0, self.over_commonest.value))

    @property
    def sentences(self) -> list[str]:
        """What was found and what it means, in plain words: the verdict first."""
        return [_verdict(self), *_figures(self), *_lost(self)]

    def to_json(self) -> dict[str, Any]:
        """All of it as plain values."""
        figures = {
            name: getattr(self, name).to_json()
            for name in (
                "border_blurred",
                "centre_blurred",
                "over_commonest",
                "beyond_commonest",
                "truth_border_blurred",
                "truth_centre_blurred",
            )
        }
        return {
            "n": self.n,
            "sources": self.sources,
            "accuracy_of": "pictures" if self.exclusive else "labels",
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


def _verdict(found: GroupContext) -> str:
    if found.needs_border:
        and_more = ", and better than the commonest answer with nothing else" if found.tells_from_border else ""
        return f"It uses what is around the centre, {_AROUND}: it is right less often without it{and_more}."
    if found.tells_from_border:
        alone = round(100.0 * found.centre_blurred.b)
        return f"With only the frame sharp it is still right in {alone} of 100: part of what it knows sits there."
    if found.over_commonest.value <= 0.0:
        return (
            "Whether it looks at the background cannot be told: on these pictures it is no better than always saying "
            "what is true most often."
        )
    if found.looks_at_background is None:
        return "These pictures are too few to tell whether it looks at the background."
    lost = max(0.0, -100.0 * found.border_blurred.low)
    return (
        "There is no sign that it looks at the background: without what is around the centre it loses "
        f"{lost:.1f} points of accuracy at most (up to {100.0 * found.margin:.1f} are taken for none), and with "
        "nothing else it is not surely better than the commonest answer."
    )


def _figures(found: GroupContext) -> list[str]:
    border, alone, commonest = found.border_blurred, found.centre_blurred, found.beyond_commonest
    of = f"{found.n} pictures" if found.exclusive else f"the labels of {found.n} pictures"
    return [
        f"As they are, it is right in {_share(border.a)} of {of}; with the border blurred in "
        f"{_share(border.b)} ({_gap(border)}), with the centre blurred in {_share(alone.b)} ({_gap(alone)}).",
        f"Always saying what is true most often would be right in {_share(commonest.a)}; as they are, it gains "
        f"{_gap(found.over_commonest)} on that, and the border alone {_gap(commonest)}.",
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
