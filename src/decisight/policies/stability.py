"""What keeps a state from flickering: how long it is kept, what it outlives, and when nothing is known any more."""

from __future__ import annotations

from dataclasses import dataclass

from decisight.spans import Span

__all__ = ["Stability"]


@dataclass(frozen=True, slots=True)
class Stability:
    """What keeps a state from flickering.

    Args:
        min_dwell: how long a state, once entered, is kept whatever comes, the fall-back too; 0: not at all.
        gap_tolerance: how long a state outlives what speaks for it, as long as nothing speaks for another; 0: not.
        stale_after: seconds without a judged reading after which nothing is known any more; ``None``: never. It ends
            every state at once, and what came before counts no more.

    Only judged readings speak for a state. Ticks show what time alone has ended, and change no decision at a reading,
    but for this: a state that ended at a tick, since its window, its dwell or its gap in seconds had run out, has been
    shown as ended. It is entered anew (by the thresholds for entering), and not before the dwell of what was shown. A
    gap in seconds ends at the next reading all the same where no tick came; so ticks make a difference only where the
    window or the dwell is in seconds, or where there is a dwell besides a gap in seconds.
    """

    min_dwell: Span
    gap_tolerance: Span
    stale_after: float | None

    @property
    def in_seconds(self) -> bool:
        """Whether it needs the readings' times."""
        return None in (self.min_dwell.images, self.gap_tolerance.images) or self.stale_after is not None

    def bridges(self, images: int, seconds: float) -> bool:
        """Whether a state outlives so many images, and seconds, in which nothing spoke for it."""
        return self.gap_tolerance.images != 0 and self.gap_tolerance.covers(images, seconds)

    def is_over(self, seconds: float) -> bool:
        """Whether a tolerance for gaps that is in seconds has run out after so many."""
        return self.gap_tolerance.seconds is not None and not self.gap_tolerance.covers(0, seconds)

    def too_young(self, images: int, seconds: float) -> bool:
        """Whether a state entered so many images, and seconds, ago must not be left yet."""
        return self.min_dwell.longer_than(images, seconds)
