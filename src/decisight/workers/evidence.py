"""Pictures of events, as they are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from decisight.imaging import Pixels
    from decisight.pipeline import Seen
    from decisight.store import EvidencePicture

__all__ = ["Evidence"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Which pictures are kept of an event, and how.

    Args:
        crop: what the model saw.
        frame: all of the picture.
        quality: of the JPEG files, 1..100.
        conceal: what is made unrecognisable before anything is written: ``faces``, ``all``, or nothing.
        how: ``pixelate`` or ``blur``.
    """

    crop: bool = False
    frame: bool = False
    quality: int = 85
    conceal: Literal["faces", "all"] | None = None
    how: Literal["pixelate", "blur"] = "pixelate"

    def pictures(self, seen: Sequence[Seen]) -> list[EvidencePicture]:
        """The pictures that are kept of events that were opened, as JPEG files.

        Raises:
            MissingPartError: faces are to be made unrecognisable, and what finds them is not installed.
        """
        from decisight.store import EvidencePicture

        found = []
        encoded: dict[int, bytes] = {}
        for event, frame, crop in seen:
            for what, wanted, pixels in (("crop", self.crop, crop), ("frame", self.frame, frame)):
                if not wanted:
                    continue
                # A picture that opened several events is encoded once.
                if id(pixels) not in encoded:
                    encoded[id(pixels)] = self._encoded(pixels)
                found.append(EvidencePicture(event.event_id, what, event.start_time, encoded[id(pixels)]))
        return found

    def _encoded(self, pixels: Pixels) -> bytes:
        from decisight.imaging import encode_jpeg
        from decisight.imaging.concealing import conceal

        if self.conceal is not None:
            pixels = conceal(pixels, self.how, self.conceal)
        return encode_jpeg(pixels, quality=self.quality)
