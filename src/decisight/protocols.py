"""The extension points: what a part of each kind must be able to do. Read this first.

Adding a part is adding one file: a frozen dataclass under its registry's ``register("name")``; its fields are its
configuration. See ``docs/extending.md``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from decisight.types import Decision, EventChange, Frame, Position, Reading, Task, Tick, Verdict

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["Fold", "FrameSource", "Gate", "GateKeeper", "Policy", "Sink", "SourceFacts"]


class Fold(Protocol):
    """A policy at work on one label group of one sequence: a pure fold over stored values.

    No clock, no I/O, no chance: the same state and the same reading give the same result to the bit, so any decision
    can be derived again later, without the model. To the bit means on one platform and one build of Python: logarithms,
    exponentials and powers are those of the platform's C library, and another may round the last digit otherwise.

    A state is made of JSON values alone (lists, numbers, texts, null); it may be written down at any moment and taken
    up again, by :func:`json.dumps` and :func:`json.loads`. It says which rule it belongs to, and no other takes it.
    """

    @property
    def fewest(self) -> int:
        """The fewest judged readings after which it may accept a label."""

    def initial(self) -> Any:
        """The state before the first reading."""

    def step(self, state: Any, item: Reading | Tick) -> tuple[Any, Decision]:
        """The state after one more reading, or after time has passed without one, and what is decided by then.

        Raises:
            LabelError: the reading has other labels than the fold was made for.
            UsageError: the policy counts in seconds and the reading has no time; or the state belongs to another rule:
                another policy, other settings, another group, other labels or another order of them, another version.
        """

    def explain(self, state: Any) -> str:
        """Why it decided so by this state, in one line: what was counted, and what was needed.

        Raises:
            UsageError: the state belongs to another rule.
        """

    def settled(self, state: Any) -> bool:
        """Whether time alone changes nothing any more: every tick before the next reading gives the same decision.

        Nor does it matter to what is decided later whether there were such ticks: so none need be stored. Where a fold
        does not have this method, time is let pass for as long as it lasts.

        Raises:
            UsageError: the state belongs to another rule.
        """

    def refuses(self, item: Reading | Tick) -> bool:
        """Whether a picture is less familiar to the model than the rule asks for, so that it speaks for nothing.

        Such are counted. Where a fold does not have this method, none is.

        Raises:
            UsageError: a familiarity is asked for, and the reading has a prediction without any.
        """


class Policy(Protocol):
    """From readings to decisions: a rule with its settings, for any task that has the labels it names."""

    name: ClassVar[str]
    """What it is registered under, and so the ``type`` of its sections."""

    shorthand: ClassVar[str]
    """How the command line may write its main settings after the name, for example ``REQUIRED/WINDOW``.

    A class method ``from_shorthand(text)`` reads it, and gives a value for each setting that it says.
    """

    @property
    def fallback(self) -> str:
        """The state where no label is accepted."""

    def fold(self, task: Task, group: str) -> Fold:
        """This rule for one label group.

        Raises:
            LabelError: it has a setting for a label that the task does not have, or there is no such group.
            UsageError: a setting cannot be used.
        """

    def to_section(self, task: Task) -> dict[str, Any]:
        """This rule as the one section of a configuration that says it, of JSON values.

        ``type``, and every setting, those at their defaults too; however they were given, they are written in one way:
        spans as a number of images or as seconds, what is by label as ``group:label``. Equal rules give equal sections,
        and the section builds the same rule again.

        Args:
            task: whose labels the settings name.

        Raises:
            LabelError: it has a setting for a label that the task does not have.
            UsageError: a setting cannot be used.
        """


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What is known of a source once it has been opened.

    Args:
        title: one line for people, without any password: ``clips/gate.mp4, 480x270, 12.5 pictures/s, 15.0 s``.
        identity: a text that is another one where the source is: a position of one is nothing to the other.
        size: width and height of its pictures in pixels, where they all have one.
        origin: the time of position 0, in seconds since 1970, of a recording; ``None`` where there is none.
        seconds: how long a recording is; ``None`` where it has no end, or nobody knows.
        notes: what people should know before they rely on it, one line each.
    """

    title: str
    identity: str
    size: tuple[int, int] | None = None
    origin: float | None = None
    seconds: float | None = None
    notes: tuple[str, ...] = ()


class FrameSource(Protocol):
    """Where pictures come from. It is only what is configured: nothing is opened before it is asked for.

    A recording that may have got more since it was watched to its end has an attribute ``grows`` that is true: it is
    opened again then, after the last position. A live source may say by ``lag`` how many seconds a picture may take to
    arrive (2 where it does not). What :meth:`open` gives may have a method ``close`` that any thread may call, and that
    lets who waits for a frame find that there are no more; without it a stop waits for the next frame.

    A source whose pictures are there already may have a method ``frame_at(seconds)``: the one that is seen at a moment,
    from the first, or with ``None`` the one to be shown first. Else that is looked for from the beginning.

    Of a live source, frames are asked for one by one, when the one before has been decided on. One that gets its
    pictures by itself keeps only the newest meanwhile, and counts the others in :attr:`Frame.skipped`. What it gives
    may have a method ``next_within(seconds)``: the next frame, or ``None`` where none has come by then; it raises
    ``StopIteration`` where there are no more. Without it, a thread of its own waits for them. Its :meth:`facts` do not
    wait for a camera, which may be off just then: that it cannot be reached is told by frames with a cause, at once and
    now and then as long as it lasts, while it goes on trying.
    """

    name: ClassVar[str]
    """What it is registered under, and so the ``type`` of its sections."""

    @property
    def live(self) -> bool:
        """Whether its pictures come as time passes: then the wall clock ticks between them, else their own times do."""

    def facts(self) -> SourceFacts:
        """Open it, look, and close it again.

        Raises:
            SourceError: it cannot be opened, or there is no picture in it.
        """

    def open(
        self, *, after: Position | None = None, fps: float | None = None
    ) -> AbstractContextManager[Iterator[Frame]]:
        """Its frames, in order.

        What cannot be read comes as a frame with its cause, and the rest goes on.

        Args:
            after: the position of the last frame that is known: the first one given is the one after it. By default
                from the beginning.
            fps: at most so many pictures a second; by default all.

        Raises:
            SourceError: it cannot be opened; or, while frames are taken, it is gone for good.
        """


class GateKeeper(Protocol):
    """A gate at work on one region of one camera; it remembers earlier pictures."""

    def judge(self, crop: npt.NDArray[np.uint8], time: float) -> Verdict | None:
        """Why a picture is not to be classified; ``None``: it may be.

        Args:
            crop: uint8 (H, W, 3), what of the frame lies in the region, not yet brought to a size.
            time: of the frame, in seconds; it may go back where a clock was set.
        """

    def state(self) -> Any:
        """What :meth:`Gate.keeper` needs to go on from here: a JSON value, small, since it is asked for often.

        ``None``: it remembers nothing, or nothing that matters. A gate that asks whether a picture can be judged goes
        on from its state as if it had never been stopped. One that saves may begin anew: then a picture is classified
        that it would have passed over.
        """


class Gate(Protocol):
    """What looks at a picture before it is classified: whether it can be judged, and whether it need be.

    Those that ask whether it need be come last, so that they see only pictures that can be judged: what they let
    through is classified. One with an attribute ``whole`` that is true is given all of the picture instead of what lies
    in the region; unless it saves, it is asked once for every picture, whatever the other gates say, and what it says
    is said of all regions.

    One that needs files opens none when it is made. It has a method ``check()`` that does, and raises a
    :class:`~decisight.errors.UsageError`; and ``to_section()``, its settings as JSON values, with the digest of what is
    in a file in place of its path: so that decisions can be told apart by what decided.
    """

    name: ClassVar[str]
    """What it is registered under, and so the ``type`` of its sections."""

    saves: ClassVar[bool]
    """Whether its verdicts are that a picture says the same as the last one classified."""

    def keeper(self, state: Any = None) -> GateKeeper:
        """One at work.

        Args:
            state: what :meth:`GateKeeper.state` gave, also after :func:`json.dumps` and :func:`json.loads`; one that is
                not understood, as it is another version's, is passed over. By default it has seen nothing yet.
        """


class Sink(Protocol):
    """Where events are reported to. A change may come twice, after a crash: it is taken once, by its key."""

    name: ClassVar[str]
    """What it is registered under, and so the ``type`` of its sections."""

    def write(self, change: EventChange) -> None:
        """Report a change; it must be safe there when this returns.

        Raises:
            OutputError: it cannot be reported now; it is tried again later.
        """

    def close(self) -> None:
        """Let go of what was opened; nothing more is written."""
