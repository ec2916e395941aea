"""A model's suggestions for pictures that are labelled, worked out while somebody labels."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from decisight.collecting.labelling import Labelling
from decisight.errors import DecisightError, ImageError

if TYPE_CHECKING:
    from decisight.models.classifier import Classifier

__all__ = ["Suggesting"]


class Suggesting:
    """A model that looks at all pictures, on a thread of its own.

    Args:
        labelling: the pictures; what is suggested is put there.
        model: the classifier.
    """

    def __init__(self, labelling: Labelling, model: Classifier) -> None:
        self._labelling = labelling
        self._model = model
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.looked_at = 0
        self.error: str | None = None
        """Why it has stopped before its time."""

    @property
    def name(self) -> str:
        """Of the model."""
        return self._model.name

    @property
    def working(self) -> bool:
        """Whether there are pictures that it has not looked at."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Begin."""
        # Those that somebody has yet to label come first. By name: the table may be read again meanwhile.
        of = self._labelling
        pictures = [(of.name(row), of.path(row)) for row in sorted(of.pictures, key=of.done)]
        self._thread = threading.Thread(target=self._work, args=[pictures], name="suggestions", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _work(self, pictures: Sequence[tuple[str, Path]]) -> None:
        paths = self._until_stopped([path for _, path in pictures])
        try:
            for (name, _), prediction in zip(pictures, self._model.predict_stream(paths), strict=False):
                if not isinstance(prediction, ImageError):
                    groups = prediction.task.groups
                    self._labelling.suggestions[name] = {
                        group.name: dict(zip(group.labels, confidences, strict=True))
                        for group, confidences in zip(groups, prediction.confidences, strict=True)
                    }
                self.looked_at += 1
        except DecisightError as error:
            self.error = error.message

    def _until_stopped(self, paths: Sequence[Path]) -> Iterator[Path]:
        for path in paths:
            if self._stop.is_set():
                return
            yield path
