"""What can go wrong, as one tree.

::

    DecisightError
    ├── UsageError            an argument or option that cannot be used as given
    │   └── SiteError             a site file that says what cannot be done; names the line and the key
    ├── ImageError            a picture that cannot be read or is not one
    ├── DataError             a dataset that cannot be read, or has too little in it
    ├── ModelError            a model that cannot be used
    │   ├── NotAModelError        the file is not a Decisight model, or is damaged
    │   ├── NewerFormatError      it was written by a newer Decisight
    │   └── UnsafeModelError      it holds what a model file must not hold
    ├── LabelError            labels or groups that the model does not know
    ├── SourceError           a source of pictures that cannot be opened, or is gone
    ├── StoreError            a store that cannot be opened, read or written
    │   └── StoreInUseError       another process writes it
    ├── OutputError           a result that cannot be written where it was asked for
    └── MissingPartError      a part or optional library that is not installed

Every message says what was wrong, where, and what would be right; the command line prints it after ``error:``
and ends with a non-zero status, without a traceback.
"""

from __future__ import annotations

__all__ = [
    "DataError",
    "DecisightError",
    "ImageError",
    "LabelError",
    "MissingPartError",
    "ModelError",
    "NewerFormatError",
    "NotAModelError",
    "OutputError",
    "SiteError",
    "SourceError",
    "StoreError",
    "StoreInUseError",
    "UnsafeModelError",
    "UsageError",
]


class DecisightError(Exception):
    """The root: whatever Decisight raises on purpose.

    Args:
        message: what was wrong, and where.
        hint: what would be right, or what to do; shown on a line of its own.
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class UsageError(DecisightError):
    """An argument or option that cannot be used as given."""


class SiteError(UsageError):
    """A site file that cannot be read, or says what cannot be done."""


class ImageError(DecisightError):
    """A picture that cannot be read, is empty, truncated, absurdly large, or not a picture at all."""


class DataError(DecisightError):
    """A dataset that cannot be read, contradicts itself, or has too little in it."""


class ModelError(DecisightError):
    """A model that cannot be used."""


class NotAModelError(ModelError):
    """The file is not a Decisight model, or is damaged."""


class NewerFormatError(ModelError):
    """The model file was written in a format newer than this version reads."""


class UnsafeModelError(ModelError):
    """The model file holds external data, foreign operators, or tensors of absurd size."""


class LabelError(DecisightError):
    """Labels or groups that the model does not know."""


class SourceError(DecisightError):
    """A source of pictures that cannot be opened, has nothing in it, or is gone."""


class StoreError(DecisightError):
    """A store that cannot be opened, read or written, or is in use by another process.

    Args:
        message: see :class:`DecisightError`.
        hint: see :class:`DecisightError`.
        passing: whether the same may work later: the database is locked, the disk is full, the connection is lost.
        away: whether the server is not there, or not yet, as after a machine was started.
    """

    def __init__(self, message: str, *, hint: str | None = None, passing: bool = False, away: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.passing = passing
        self.away = away


class StoreInUseError(StoreError):
    """A store that another process is writing; any number may read it meanwhile."""


class OutputError(DecisightError):
    """A result that cannot be written where it was asked for."""


class MissingPartError(DecisightError):
    """A part that is not registered, or whose optional library is not installed."""
