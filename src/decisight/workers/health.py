"""How everything is: each camera, the store, classifying, the process. Plain values, made when somebody asks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

__all__ = [
    "LATENCY_BOUNDS",
    "CameraHealth",
    "CameraState",
    "Health",
    "InferenceHealth",
    "Latencies",
    "SinkHealth",
    "StoreHealth",
]

CameraState = Literal["starting", "watching", "no pictures", "cannot judge", "waiting for the store", "failed", "ended"]
"""How a camera is doing: see :class:`CameraHealth`."""

LATENCY_BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0)
"""Seconds from a picture to its decision, by which they are counted."""


@dataclass(frozen=True, slots=True)
class Latencies:
    """How long decisions took, in seconds.

    Args:
        counts: how many took up to each of :data:`LATENCY_BOUNDS` and more than the one before; last, how many took
            longer than all of them.
        total: of all of them together.
        p50: half of the last 500 took no longer; NaN before the first.
        p95: of the last 500 nineteen out of twenty took no longer.
    """

    counts: tuple[int, ...] = (0,) * (len(LATENCY_BOUNDS) + 1)
    total: float = 0.0
    p50: float = math.nan
    p95: float = math.nan

    @property
    def count(self) -> int:
        """How many decisions there were."""
        return sum(self.counts)


@dataclass(frozen=True, slots=True)
class CameraHealth:
    """How a camera is doing.

    Args:
        name: of the camera.
        state: ``starting``: no picture yet; ``watching``; ``no pictures``: none comes, or none that can be read;
            ``cannot judge``: they come, and for some time none could be judged; ``waiting for the store``: what was
            decided cannot be stored now; ``failed``: it has stopped, for good or until it is started again, or hangs;
            ``ended``: there is nothing more to come.
        cause: why it is not watching, in few words; ``None`` where it is, or has ended.
        live: whether its pictures come as time passes.
        fps: pictures a second that are looked at, over the last seconds.
        wanted_fps: pictures a second that are to be looked at, at most; ``None``: all.
        frames: how many pictures were looked at since the start.
        skipped: how many the source passed over since it could not keep up.
        coverage: the share of the time since the first picture that could be judged, 0..1, over all views; NaN before
            that.
        age: seconds since the last picture came; ``None`` before the first.
        time: of the last picture, as the source says it, in seconds since 1970; ``None`` before the first.
        error: what was the matter the last time that something was, in few words; ``None`` where nothing ever was.
        error_time: when that was, in seconds since 1970.
        restarts: how often it was started again after it had failed.
        latency: from a picture to what is decided on it.
        events_open: how many events are open.
        readings: how many entries of each kind there were: ``reading``, ``repeated``, ``unjudged``, ``tick``.
        not_judged: how many pictures could not be judged, by cause, and how often it was told that there is none.
        unfamiliar: how many pictures a model has looked at that are less familiar to it than a rule asks for.
    """

    name: str
    state: CameraState
    cause: str | None = None
    live: bool = False
    fps: float = 0.0
    wanted_fps: float | None = None
    frames: int = 0
    skipped: int = 0
    coverage: float = math.nan
    age: float | None = None
    time: float | None = None
    error: str | None = None
    error_time: float | None = None
    restarts: int = 0
    latency: Latencies = field(default_factory=Latencies)
    events_open: int = 0
    readings: Mapping[str, int] = field(default_factory=dict)
    not_judged: Mapping[str, int] = field(default_factory=dict)
    unfamiliar: int = 0

    @property
    def well(self) -> bool:
        """Whether nobody need look after it."""
        return self.state in ("watching", "ended")


@dataclass(frozen=True, slots=True)
class SinkHealth:
    """How reporting to a sink goes.

    Args:
        name: of the sink.
        cause: why nothing can be reported now; ``None`` where it can.
        since: from when on, in seconds since 1970.
        waiting: changes of events that it has not been told yet; ``None`` where the store does not say.
    """

    name: str
    cause: str | None = None
    since: float | None = None
    waiting: int | None = None


@dataclass(frozen=True, slots=True)
class StoreHealth:
    """How storing goes.

    Args:
        cause: why nothing can be stored now; ``None`` where it can.
        since: from when on, in seconds since 1970.
        waiting: pictures that were decided on and are not stored yet.
        room: how many may wait before cameras do.
        sinks: what is reported to, by name.
    """

    cause: str | None = None
    since: float | None = None
    waiting: int = 0
    room: int = 0
    sinks: tuple[SinkHealth, ...] = ()


@dataclass(frozen=True, slots=True)
class InferenceHealth:
    """How busy classifying is.

    Args:
        threads: that compute, each on a batch of its own.
        busy: the share of their time that they computed, over the last seconds, 0..1.
        waiting: pictures that no thread has taken yet.
        batches: how many batches there were of each size.
    """

    threads: int = 0
    busy: float = 0.0
    waiting: int = 0
    batches: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Health:
    """How everything is at one moment.

    Args:
        time: of that moment, in seconds since 1970.
        running: seconds since the start.
        cameras: in the order of the site.
        store: where everything is kept.
        inference: who classifies.
        memory: bytes that the process holds in memory; ``None`` where the system does not say.
        ended: whether the watch is over: this is the last that is told of it.
    """

    time: float
    running: float
    cameras: tuple[CameraHealth, ...]
    store: StoreHealth = field(default_factory=StoreHealth)
    inference: InferenceHealth = field(default_factory=InferenceHealth)
    memory: int | None = None
    ended: bool = False

    @property
    def ready(self) -> bool:
        """Whether it is watched, every camera is well, and everything can be stored: nobody need look after it."""
        return not self.ended and self.store.cause is None and all(camera.well for camera in self.cameras)

    def troubles(self) -> list[str]:
        """What somebody should look after, one line each."""
        found = ["the watch has ended"] if self.ended else []
        found += [] if self.store.cause is None else [f"store: {self.store.cause}"]
        found += [f"sink {sink.name}: {sink.cause}" for sink in self.store.sinks if sink.cause is not None]
        return found + [
            f"{camera.name}: {camera.state}{'' if camera.cause is None else f': {camera.cause}'}"
            for camera in self.cameras
            if not camera.well
        ]

    def to_json(self) -> dict[str, Any]:
        """As JSON values; what is not known yet is ``null``."""
        return {"ready": self.ready, **_plain(asdict(self))}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value
