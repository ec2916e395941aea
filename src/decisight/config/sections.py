"""What stands in a site file, section by section."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, Literal, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

__all__ = [
    "DEFAULT_FPS",
    "CameraSection",
    "ChainSection",
    "ConcealSection",
    "EvidenceSection",
    "LimitSection",
    "ModelSection",
    "RegionSection",
    "RetentionSection",
    "SiteSection",
    "WatchSection",
    "inherited",
]

_S = TypeVar("_S", bound=BaseModel)

DEFAULT_FPS = 5.0
"""Pictures a second that are looked at, where nobody says."""


def _text(value: Any, example: str) -> Any:
    """Refuse what is no text.

    Raises:
        ValueError: it is none; says what would be right, after "it should be".
    """
    if not isinstance(value, str):
        raise ValueError(f"a text such as {example}")
    return value


Age = Annotated[
    str,
    BeforeValidator(partial(_text, example="30d")),
    Field(title="Age", description="How long: 30d, 12h, 90s.", examples=["30d"]),
]
Number = Annotated[float, Field(strict=True)]
"""Neither a text nor a truth value that could pass for one."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class ModelSection(_Section):
    """A model file, and what runs it."""

    path: str
    """The model file, relative to the site file."""
    runtime: str | None = Field(default=None, examples=["openvino:bf16"])
    """What computes, as NAME or NAME:PRECISION; by default the fastest that is installed."""


class RegionSection(_Section):
    """Where in a camera's picture to look."""

    polygon: list[tuple[Number, Number]] = Field(min_length=3, max_length=1000)
    """Corners [x, y] as shares of width and height, 0 to 1; with ``reference`` in pixels."""
    mask: bool = Field(default=True, strict=True)
    """Whether what lies in the polygon's rectangle but outside the polygon is painted over."""


class WatchSection(_Section):
    """A model that looks at a region, and the rule that decides."""

    region: str | None = None
    """The name of a region of the camera; all of the picture where there is none."""
    model: str | None = None
    """The name of a model; may be left out where the site has only one."""
    group: str | None = None
    """The label group that is decided on; by default all groups of the model, each by this policy."""
    policy: dict[str, Any] | str | None = None
    """The rule: its type and settings, or in short as majority_vote:3/5."""
    quiet: list[str] = Field(default_factory=list, examples=[["empty"]])
    """Labels that open no event."""


class ConcealSection(_Section):
    """What is made unrecognisable in evidence pictures before anything is written."""

    what: Literal["faces", "all"] = "faces"
    """``faces``: those that are found, which is not all of them; ``all``: the whole picture."""
    how: Literal["pixelate", "blur"] = "pixelate"
    """``pixelate`` or ``blur``."""


class EvidenceSection(_Section):
    """Which pictures are kept of an event."""

    keep: list[Literal["crop", "frame"]] = ["crop", "frame"]
    """``crop``: what the model saw; ``frame``: all of the picture. An empty list: none."""
    quality: int = Field(default=85, ge=1, le=100, strict=True)
    """Of the JPEG files."""
    conceal: ConcealSection | None = None
    """What is made unrecognisable first."""


class CameraSection(_Section):
    """One camera: where its pictures come from, and what is watched in them."""

    source: dict[str, Any] = Field(repr=False)
    """Where the pictures come from: a type, and the settings of that source."""
    fps: Number | None = Field(default=DEFAULT_FPS, gt=0, le=1000)
    """Pictures a second that are looked at, at most; null: all. Of a folder all, unless it is said."""
    reference: str | None = Field(default=None, examples=["1920x1080"])
    """The corners of regions are pixels, measured on a picture of this size."""
    regions: dict[str, RegionSection] = Field(default_factory=dict)
    """Where to look, by name."""
    gates: list[dict[str, Any]] | None = None
    """What looks at each picture first. By default: size, brightness, sharpness, frozen."""
    watch: list[WatchSection] = Field(default_factory=list, min_length=1)
    """What is watched; left out while pictures are still being collected for the first model."""
    evidence: EvidenceSection | None = None
    """Which pictures are kept of its events, where it is otherwise than at the site: what is left out is the site's."""


class LimitSection(_Section):
    """How long something is kept, and how much of it."""

    age: Age | None = None
    """What is older is dropped."""
    size: Annotated[str, BeforeValidator(partial(_text, example="20GB"))] | None = Field(
        default=None, examples=["20GB"]
    )
    """Beyond this the oldest is dropped: 500MB, 20GB."""


_DEFAULT, _THIRTY_DAYS = "default", "30d"


def _thirty_days() -> dict[str, str | LimitSection]:
    return {_DEFAULT: _THIRTY_DAYS}


def _may_be_null(schema: dict[str, Any]) -> None:
    """Say that the default may be switched off, and nothing else."""
    limit = schema["additionalProperties"]
    schema["patternProperties"] = {f"^{_DEFAULT}$": {"anyOf": [*limit["anyOf"], {"type": "null"}]}}


class RetentionSection(_Section):
    """How long what is kept."""

    readings: Age | LimitSection = "30d"
    """Confidences and decisions, in whole segments of the chain."""
    events: Age | LimitSection | None = None
    """Events themselves; by default they are kept for good."""
    evidence: dict[str, Age | LimitSection] = Field(default_factory=_thirty_days, json_schema_extra=_may_be_null)
    """Pictures of events, by the outcome that somebody gave the event: confirmed, false_alarm, ...; ``default`` for all
    others, which is 30d where it is not said, and ``null`` where they are kept for good."""

    @field_validator("evidence", mode="before")
    @classmethod
    def _with_default(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        limits = {_DEFAULT: _THIRTY_DAYS, **value}
        return {outcome: limit for outcome, limit in limits.items() if limit is not None or outcome != _DEFAULT}


class ChainSection(_Section):
    """What makes alterations of the store show."""

    key: str | None = None
    """The file with the key, made where there is none; by default beside the store. Whoever can read it can forge."""
    heads: str | None = None
    """A file to which the heads of the chains are appended, best on another machine: with it a cut tail shows."""


class SiteSection(_Section):
    """One site: its models, its cameras, and what is kept."""

    site: str
    """The name of the site."""
    timezone: str = "UTC"
    """In which times are shown to people, for example Europe/Berlin."""
    store: str | None = None
    """Where everything is kept: sqlite:///plant-7.db, or postgresql+psycopg://user@host/name; by default in SQLite,
    beside the site file and named as it is."""
    models: dict[str, ModelSection] = Field(default_factory=dict, min_length=1)
    """The models, by the names that cameras use; left out while there is none yet."""
    cameras: dict[str, CameraSection] = Field(min_length=1)
    """The cameras, by name."""
    evidence: EvidenceSection = EvidenceSection()
    """Which pictures are kept of events."""
    evidence_folder: str | None = None
    """Where; by default a folder beside the store."""
    sinks: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Where events are reported to, by name: each a type, and the settings of that sink."""
    retention: RetentionSection = RetentionSection()
    """How long readings, events and pictures are kept."""
    chain: ChainSection = ChainSection()
    """How alterations of the store are made to show."""

    @field_validator("timezone")
    @classmethod
    def _is_timezone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (OSError, ValueError) as error:  # ZoneInfoNotFoundError is a KeyError of its own
            raise ValueError("the name of a time zone, such as Europe/Berlin") from error
        except KeyError as error:
            raise ValueError("a time zone that this system knows, such as Europe/Berlin") from error
        return value


def inherited(own: _S, general: _S) -> _S:
    """A section, with what it does not name as another one says; so in the sections within.

    Args:
        own: the section.
        general: the other one.
    """
    values = {}
    for name in own.model_fields_set:
        value, other = getattr(own, name), getattr(general, name)
        within = isinstance(value, BaseModel) and isinstance(other, BaseModel)
        values[name] = inherited(value, other) if within else value
    return general.model_copy(update=values)
