"""One person's place among the pictures that are labelled: which comes next, what the keys do, how far it is."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

from decisight.collecting.groups import Group
from decisight.collecting.labelling import Labelling
from decisight.types import NONE_OF_THEM

__all__ = ["ACTIONS", "MOST_AT_ONCE", "Action", "Choice", "Desk", "Order", "Progress", "Show"]

_KEYS = "123456789qwetyiopasdfhjklzcvbnm"
"""Of labels, in their order; without those of actions. A label beyond has no key."""
MOST_AT_ONCE = 60
"""Pictures of a source that are shown at once."""
_RECENT = 40
"""By so many steps it is told how long the rest will take."""
_BREAK = 30.0
"""Seconds between two steps that count at most: whoever takes longer was away."""


class Action(StrEnum):
    """What a key does that is no label's."""

    NEXT = "next"
    BACK = "back"
    ACCEPT = "accept"
    UNDO = "undo"
    EXCLUDE = "exclude"
    REPEAT = "repeat"
    RUN = "run"
    NONE = "none"


ACTIONS = {
    "arrowright": Action.NEXT,
    " ": Action.NEXT,
    "arrowleft": Action.BACK,
    "backspace": Action.BACK,
    "enter": Action.ACCEPT,
    "u": Action.UNDO,
    "x": Action.EXCLUDE,
    "r": Action.REPEAT,
    "g": Action.RUN,
    "0": Action.NONE,
}
"""By the browser's name of the key, in small letters."""


class Show(StrEnum):
    """Which pictures are gone through; or those with one label, which is said besides."""

    OPEN = "open"
    ALL = "all"
    EXCLUDED = "excluded"
    DISAGREE = "disagree"
    LABEL = "label"


class Order(StrEnum):
    """Which comes first."""

    TABLE = "table"
    UNSURE = "unsure"


class Choice(NamedTuple):
    """A label that may be chosen, and its key; empty where there are more labels than keys."""

    key: str
    group: Group
    label: str


class Progress(NamedTuple):
    """How far it is: pictures with all their labels, those left out, all of them, and seconds left where known."""

    labelled: int
    excluded: int
    total: int
    seconds: float | None


@dataclass(slots=True)
class Desk:
    """One person's place. What is gone through stays as it is when labels change, so that one may go back.

    Args:
        labelling: the pictures.
        clock: seconds that pass.
        show: which pictures.
        label: the group and the label, where those with one label are shown.
        order: which comes first.
    """

    labelling: Labelling
    clock: Callable[[], float]
    show: Show = Show.OPEN
    label: tuple[str, str] | None = None
    order: Order = Order.TABLE
    rows: list[int] = field(default_factory=list)
    """What is gone through."""
    at: int = 0
    """Where in it."""
    grid: bool = False
    """Whether all pictures of a source are shown at once."""
    picked: set[int] = field(default_factory=set)
    """Which of these a key labels."""
    _reading: int = 0
    """Of which reading of the table the numbers of rows are."""
    _steps: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=_RECENT))

    def __post_init__(self) -> None:
        self.look()

    # --- where one is ------------------------------------------------------------------------------------------------

    @property
    def row(self) -> int | None:
        """The picture that is looked at; ``None``: there is none, or it is the end."""
        return self.rows[self.at] if self.at < len(self.rows) else None

    def run(self) -> list[int]:
        """The pictures that are shown at once with the one that is looked at: those of its source, part by part."""
        if self.row is None:
            return []
        rows = self.labelling.run(self.row)
        begin = rows.index(self.row) // MOST_AT_ONCE * MOST_AT_ONCE
        return [row for row in rows[begin : begin + MOST_AT_ONCE] if self.labelling.readable(row)]

    def look(self, show: Show | None = None, label: tuple[str, str] | None = None, order: Order | None = None) -> None:
        """Begin anew with the pictures that are wanted: by default with those as before."""
        if show is not None:
            self.show, self.label = show, label
        self._reading = self.labelling.reading
        self.order = order or self.order
        self.rows = self._ordered([row for row in self.labelling.pictures if self._wanted(row)])
        self.at = 0
        while self._pass_over():
            pass
        self._pick()

    def renew(self) -> bool:
        """Begin anew where the table was read again, in another window: its rows have other numbers now.

        Returns:
            Whether it was.
        """
        if self._reading == self.labelling.reading:
            return False
        self.look()
        return True

    def go(self, row: int) -> None:
        """Go to a picture, which is among those that are gone through, or is put there."""
        if row not in self.rows:
            self.rows.insert(self.at, row)
        self.at = self.rows.index(row)
        self._pick()

    def step(self, by: int = 1) -> None:
        """Go on, or back; at once over all of a source where they are shown together."""
        here = set(self.run()) if self.grid else set()
        self._move(by, here)
        while self._pass_over():
            # What came after it stands in its place now.
            self._move(0 if by > 0 else by, here)
        self._pick()

    def reorder(self) -> None:
        """Put what is still to come in order anew: the model has looked at more of it."""
        self.rows[self.at + 1 :] = self._ordered(self.rows[self.at + 1 :])

    def upcoming(self, count: int) -> list[int]:
        """The next ones, to be loaded while this one is looked at."""
        first, found = self.at + 1, list[int]()
        while len(found) < count and first + len(found) < len(self.rows):
            row = self.rows[first + len(found)]
            if self.labelling.readable(row):
                found.append(row)
            else:
                self.rows.remove(row)
        return found

    def progress(self) -> Progress:
        """How far it is."""
        of = self.labelling
        excluded = sum(map(of.excluded, of.pictures))
        done = sum(map(of.done, of.pictures))
        left = len(of.pictures) - done
        return Progress(done - excluded, excluded, len(of.pictures), self._seconds(left))

    # --- what is done ------------------------------------------------------------------------------------------------

    def choices(self) -> list[Choice]:
        """All labels, with their keys."""
        found = [(group, label) for group in self.labelling.groups for label in group.labels]
        keys = [*_KEYS, *[""] * max(0, len(found) - len(_KEYS))]
        return [Choice(key, group, label) for key, (group, label) in zip(keys, found, strict=False)]

    def press(self, key: str, *, control: bool = False) -> bool:
        """Do what a key is for.

        Args:
            key: as the browser names it.
            control: whether the control key was held as well.

        Returns:
            Whether it is for anything.

        Raises:
            OutputError: it cannot be written; all is as before.
        """
        key = key.lower()
        if control:
            return key == "z" and self.do(Action.UNDO)
        if key in ACTIONS:
            return self.do(ACTIONS[key])
        for choice in self.choices():
            if key and choice.key == key:
                self.choose(choice.group.name, choice.label)
                return True
        return False

    def choose(self, group: str, label: str) -> None:
        """Give what is looked at a label, and go on where nothing is left to be said of it."""
        rows = [] if self.renew() else self.targets()
        if not rows:
            return
        self.labelling.choose(rows, group, label)
        self._done(len(rows))
        # Of independent labels there may be another one: one goes on by hand.
        if all(one.kind == "exclusive" for one in self.labelling.groups):
            self._go_on(rows)

    def do(self, action: Action) -> bool:
        """Do something else; false where there is nothing that it could be done to."""
        if self.renew():
            return True
        match action:
            case Action.NEXT:
                self.step()
            case Action.BACK:
                self.step(-1)
            case Action.RUN:
                self.grid = not self.grid
                self._pick()
            case Action.UNDO:
                return self._undo()
            case _:
                return self._of_rows(action)
        return True

    def _of_rows(self, action: Action) -> bool:
        rows = self.targets()
        if not rows:
            return False
        if action is Action.ACCEPT:
            accepted = [self.labelling.accept(row) for row in rows]
            if any(accepted):
                self._done(sum(accepted))
                self._go_on(rows)
            else:
                self.step()
        elif action is Action.NONE:
            independent = [group for group in self.labelling.groups if group.kind == "independent"]
            for group in independent:
                self.labelling.choose(rows, group.name, NONE_OF_THEM)
            return bool(independent)
        elif action is Action.REPEAT:
            if not self.labelling.repeat(rows):
                return False
            self._done(len(rows))
            self._go_on(rows)
        else:
            self.labelling.exclude(rows)
            self._done(len(rows))
            self._go_on(rows)
        return True

    def _undo(self) -> bool:
        row = self.labelling.undo()
        if row is None:
            return False
        if self._steps:
            self._steps.pop()
        self.go(row)
        return True

    def targets(self) -> list[int]:
        """The pictures that a key labels."""
        if self.row is None:
            return []
        return [row for row in self.run() if row in self.picked] if self.grid else [self.row]

    def toggle(self, row: int) -> None:
        """Pick a picture of those shown at once, or leave it."""
        if not self.renew():
            self.picked ^= {row}

    # --- how ---------------------------------------------------------------------------------------------------------

    def _go_on(self, rows: list[int]) -> None:
        if self.labelling.conflict or not all(map(self.labelling.done, rows)):
            return
        if self.grid and not all(map(self.labelling.done, self.run())):
            self._pick()
            return
        self.step()
        # What was labelled meanwhile, as a whole source at once, need not be looked at again.
        while self.show is Show.OPEN and self.row is not None and self.labelling.done(self.row):
            self.step()

    def _move(self, by: int, here: set[int]) -> None:
        self.at = max(0, min(self.at + by, len(self.rows)))
        while self.row in here and 0 < self.at < len(self.rows):
            self.at += 1 if by >= 0 else -1

    def _pass_over(self) -> bool:
        """Take the picture that is looked at out of those that are gone through if it cannot be read."""
        if self.row is None or self.labelling.readable(self.row):
            return False
        del self.rows[self.at]
        return True

    def _pick(self) -> None:
        run = self.run() if self.grid else []
        self.picked = {row for row in run if not self.labelling.done(row)} or set(run)

    def _wanted(self, row: int) -> bool:
        of = self.labelling
        match self.show:
            case Show.OPEN:
                return not of.done(row)
            case Show.EXCLUDED:
                return of.excluded(row)
            case Show.DISAGREE:
                return not of.excluded(row) and of.disagrees(row)
            case Show.LABEL:
                return self.label is not None and self.label[1] in of.chosen(row, self.label[0])
        return True

    def _ordered(self, rows: list[int]) -> list[int]:
        if self.order is Order.TABLE:
            return sorted(rows)
        unsure = {row: self.labelling.uncertainty(row) for row in rows}
        # What the model has not looked at comes after what it has.
        return sorted(rows, key=lambda row: (-1.0 if (u := unsure[row]) is None else u, -row), reverse=True)

    def _done(self, count: int) -> None:
        self._steps.append((self.clock(), count))

    def _seconds(self, left: int) -> float | None:
        steps = list(self._steps)
        if len(steps) < 5 or not left:
            return None
        spent = sum(min(later - earlier, _BREAK) for (earlier, _), (later, _) in pairwise(steps))
        return left * spent / sum(count for _, count in steps[1:])
