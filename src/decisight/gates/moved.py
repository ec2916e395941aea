"""Moved: a camera that was moved, turned, zoomed or covered, so that its regions lie elsewhere."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from decisight.errors import DecisightError, UsageError
from decisight.files import printable
from decisight.gates import GATES
from decisight.spans import MICROSECOND, SpanText, parse_seconds
from decisight.types import Verdict

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from decisight.gates.reference import Reference

__all__ = ["Moved"]

_TOLERANCES = 0.02, 0.1
_BACK = 0.6
"""Of the tolerance: so near it must come to be where it was, or it would come and go at the edge."""
_LONGEST_STEP = 0.5
"""From one look to the next, as a share of ``after``, however far apart their times are."""
_MOVED, _LOST, _SHAPE = (
    Verdict("camera moved"),
    Verdict("view not recognised"),
    Verdict("reference has another shape"),
)
_VERDICTS = {verdict.cause: verdict for verdict in (_MOVED, _LOST, _SHAPE)}


@GATES.register("moved")
@dataclass(frozen=True)
class Moved:
    """Refuse pictures of a camera that does not see any more what a reference picture shows, where it shows it.

    It compares the directions of edges, which stay as they are when the light changes, in overlapping blocks of the
    picture, so that things that move or come and go count in a few of them only. If the edges lie elsewhere, the
    ``camera moved``: it was shifted, turned or zoomed. If they are not to be found, the ``view is not recognised``: the
    lens is covered, the camera looks somewhere else, or it is so dark that nothing is seen. Where day and night look
    different, give a reference for each. It looks at all of the picture, whatever the regions.

    Tell a camera that is out of focus by the gate ``sharpness``: what is blurred lies where it did.

    Args:
        reference: a picture that the camera took as it should hang, or several, of which any may fit; relative to the
            site file.
        tolerance: by how much things may be displaced at the corner that moves most, as a share of the picture's width,
            0.02..0.1. Turning by one degree displaces the corners by 0.01.
        after: how long it must last, for example ``"10s"``, so that a truck that stops before the camera does not
            count; three looks at least. When the view is again as it was, pictures are let through at once.
        every: how often it looks, in the time of the pictures.

    Raises:
        UsageError: a setting is outside its range.
    """

    name: ClassVar[str] = "moved"
    saves: ClassVar[bool] = False
    whole: ClassVar[bool] = True

    reference: str | tuple[str, ...]
    _: KW_ONLY
    tolerance: float = 0.03
    after: SpanText = "10s"
    every: SpanText = "2s"

    def __post_init__(self) -> None:
        if not self._paths or "" in self._paths:
            raise UsageError("moved: reference is empty", hint="name a picture of the camera as it should hang")
        low, high = _TOLERANCES
        if not low <= self.tolerance <= high:
            raise UsageError(
                f"moved: tolerance = {self.tolerance} cannot be used",
                hint=f"give a share of the picture's width, {low} to {high}",
            )
        parse_seconds(self.after, "after")
        parse_seconds(self.every, "every")

    @property
    def _paths(self) -> tuple[str, ...]:
        return (self.reference,) if isinstance(self.reference, str) else self.reference

    def check(self) -> None:
        """Read the references.

        Raises:
            UsageError: one cannot be read, or is of no use.
        """
        self._references()

    def check_size(self, width: int, height: int) -> None:
        """See that the references have the shape of the pictures.

        Args:
            width: of the pictures, in pixels.
            height: of the pictures.

        Raises:
            UsageError: one has another, or cannot be read.
        """
        for path, reference in zip(self._paths, self._references(), strict=True):
            if not reference.has_shape(width, height):
                raise UsageError(
                    f"moved: reference: {printable(path)} has another shape than the pictures of {width}x{height}",
                    hint="take another of the camera, as it gives them now: decisight frame SITE CAMERA",
                )

    def to_section(self) -> dict[str, Any]:
        """What decides: its settings, and of the references what they show, wherever they lie.

        Raises:
            UsageError: one cannot be read.
        """
        from decisight.imaging import content_digest, read_bytes

        try:
            digests = [content_digest(read_bytes(path)) for path in self._paths]
        except DecisightError as error:
            raise UsageError(f"moved: reference: {error.message}", hint=error.hint) from error
        return {
            "type": self.name,
            "reference": digests,
            "tolerance": self.tolerance,
            "after": self.after,
            "every": self.every,
        }

    def keeper(self, state: Any = None) -> MovedKeeper:
        """One at work; see :class:`~decisight.protocols.Gate`.

        Raises:
            UsageError: a reference cannot be read, or is of no use.
        """
        return MovedKeeper(
            self._references(),
            self.tolerance,
            parse_seconds(self.after, "after"),
            parse_seconds(self.every, "every"),
            state,
        )

    def _references(self) -> tuple[Reference, ...]:
        from decisight.gates.reference import read_reference

        try:
            return tuple(read_reference(path) for path in self._paths)
        except UsageError as error:
            raise UsageError(f"moved: reference: {error.message}", hint=error.hint) from error


class MovedKeeper:
    """Remembers what it found at its last look, when that was, and for how long the view has not been the reference's.

    Args:
        references: any of which may fit.
        tolerance: as a share of the picture's width.
        after: in seconds.
        every: in seconds.
        state: what :meth:`state` gave of one before.
    """

    def __init__(
        self, references: tuple[Reference, ...], tolerance: float, after: float, every: float, state: Any = None
    ) -> None:
        self._references = references
        self._tolerance = tolerance
        self._after = after
        self._every = every
        self._time: float | None = None
        """Of the last look."""
        self._lasted: float | None = None
        """For how many seconds it has not been the reference's view; ``None``: it is."""
        self._verdict: Verdict | None = None
        match state:
            case {
                "version": 1,
                "time": int() | float() as time,
                "lasted": None | int() | float() as lasted,
                "cause": None | str() as cause,
            } if cause is None or cause in _VERDICTS:
                self._time = float(time)
                self._lasted = None if lasted is None else float(lasted)
                self._verdict = None if cause is None else _VERDICTS[cause]

    def judge(self, crop: npt.NDArray[np.uint8], time: float) -> Verdict | None:
        """``camera moved``, ``view not recognised``, or nothing; see :class:`~decisight.protocols.GateKeeper`.

        Args:
            crop: all of the picture.
            time: of the frame, in seconds.
        """
        step = 0.0 if self._time is None else time - self._time
        if self._time is None or not 0.0 <= step < self._every - MICROSECOND:
            self._verdict = self._look(crop, step)
            self._time = time
        return self._verdict

    def state(self) -> Any:
        """Of its last look the time and the verdict, and for how many seconds the view has been another."""
        if self._time is None:
            return None
        cause = None if self._verdict is None else self._verdict.cause
        return {"version": 1, "time": self._time, "lasted": self._lasted, "cause": cause}

    def _look(self, picture: npt.NDArray[np.uint8], step: float) -> Verdict | None:
        from decisight.gates.reference import Sighting, sighting

        found = sighting(self._references, picture, self._tolerance * (1.0 if self._verdict is None else _BACK))
        if found is Sighting.SAME:
            self._lasted = None
            return None
        if found is Sighting.OTHER_SHAPE:
            # That is settled by the picture's size: there is nothing to wait for.
            return _SHAPE
        if self._lasted is None:
            self._lasted = 0.0
        else:
            self._lasted += min(max(step, 0.0), _LONGEST_STEP * self._after)
        if self._lasted < self._after - MICROSECOND:
            return None
        return _MOVED if found is Sighting.ELSEWHERE else _LOST
