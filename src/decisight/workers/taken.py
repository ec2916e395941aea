"""What a camera hands over to be stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from decisight.pipeline import Step

if TYPE_CHECKING:
    from decisight.store import EvidencePicture

__all__ = ["Taken"]


class Taken(NamedTuple):
    """What a camera has decided on one picture.

    Args:
        camera: its name.
        step: what its pipeline gave.
        checkpoint: what it is in the middle of by then.
        time: of the camera by then, in seconds since 1970.
        pictures: that are kept of events.
        skipped: how many pictures the source passed over before this one, since it could not keep up.
    """

    camera: str
    step: Step
    checkpoint: Mapping[str, Any]
    time: float
    pictures: Sequence[EvidencePicture] = ()
    skipped: int = 0
