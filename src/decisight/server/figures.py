"""How a running watch is doing, as Prometheus figures: names and units by its conventions.

https://prometheus.io/docs/practices/naming/
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from decisight.pipeline import EntryKind
from decisight.versions import decisight_version
from decisight.workers.health import LATENCY_BOUNDS, CameraState, Health, Latencies

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric

__all__ = ["HealthCollector", "figures_registry"]

_CAMERA = ("camera",)


@dataclass(frozen=True, slots=True)
class HealthCollector:
    """Asks how everything is whenever somebody reads the figures: nothing is counted twice.

    Args:
        health: says how everything is.
    """

    health: Callable[[], Health]

    def collect(self) -> Iterator[Metric]:
        """The figures of this moment."""
        health = self.health()
        yield _gauge(
            "decisight_build_info", "The version that runs; always 1.", {(decisight_version(),): 1.0}, ("version",)
        )
        yield from _of_cameras(health)
        yield from _of_store(health)
        yield from _of_inference(health)


def figures_registry(health: Callable[[], Health]) -> CollectorRegistry:
    """A registry of its own with these figures, and those of the process where the system tells them."""
    from prometheus_client import CollectorRegistry, ProcessCollector

    registry = CollectorRegistry(auto_describe=False)
    registry.register(HealthCollector(health))
    ProcessCollector(registry=registry)
    return registry


def _of_cameras(health: Health) -> Iterator[Metric]:
    from prometheus_client.core import HistogramMetricFamily

    def each(value: Callable[[Any], float | None]) -> dict[tuple[str, ...], float | None]:
        return {(camera.name,): value(camera) for camera in health.cameras}

    yield _gauge(
        "decisight_camera_up",
        "1 where a camera is watched or has come to its end, 0 where somebody should look after it.",
        each(lambda camera: float(camera.well)),
        _CAMERA,
    )
    states = {
        (camera.name, state): float(camera.state == state)
        for camera in health.cameras
        for state in get_args(CameraState)
    }
    yield _gauge(
        "decisight_camera_state", "1 for the state that a camera is in, 0 for all others.", states, ("camera", "state")
    )
    yield _counter("decisight_frames", "Pictures looked at.", each(lambda camera: camera.frames), _CAMERA)
    yield _counter(
        "decisight_frames_skipped",
        "Pictures that the source passed over since it could not keep up.",
        each(lambda camera: camera.skipped),
        _CAMERA,
    )
    # Also those of which there was none yet: what is not there cannot be asked how much more it has become.
    readings = {
        (camera.name, kind): camera.readings.get(kind, 0) for camera in health.cameras for kind in get_args(EntryKind)
    }
    yield _counter(
        "decisight_readings",
        "What was looked at in all regions: classified (reading), taken to say the same (repeated), could not be "
        "judged (unjudged), no picture (tick).",
        readings,
        ("camera", "kind"),
    )
    yield _counter(
        "decisight_pictures_not_judged",
        "Pictures that could not be judged, by cause; where none come, how often that was told.",
        {(camera.name, cause): number for camera in health.cameras for cause, number in camera.not_judged.items()},
        (*_CAMERA, "cause"),
    )
    yield _counter(
        "decisight_pictures_unfamiliar",
        "Pictures that a model has looked at and that are less familiar to it than a rule asks for.",
        each(lambda camera: camera.unfamiliar),
        _CAMERA,
    )
    yield _gauge(
        "decisight_frames_per_second",
        "Pictures a second that are looked at, over the last seconds.",
        each(lambda camera: camera.fps),
        _CAMERA,
    )
    yield _gauge(
        "decisight_frame_age_seconds",
        "Seconds since the last picture came.",
        each(lambda camera: camera.age),
        _CAMERA,
    )
    yield _gauge(
        "decisight_coverage_ratio",
        "Share of the time since the first picture that could be judged.",
        each(lambda camera: camera.coverage),
        _CAMERA,
    )
    yield _counter(
        "decisight_camera_restarts",
        "How often a camera was started again after it had failed.",
        each(lambda camera: camera.restarts),
        _CAMERA,
    )
    yield _gauge("decisight_events_open", "Events that are open.", each(lambda camera: camera.events_open), _CAMERA)
    latency = HistogramMetricFamily(
        "decisight_decision_latency_seconds", "From a picture to what is decided on it.", labels=_CAMERA
    )
    for camera in health.cameras:
        latency.add_metric([camera.name], _buckets(camera.latency), camera.latency.total)
    yield latency


def _of_store(health: Health) -> Iterator[Metric]:
    store = health.store
    yield _gauge(
        "decisight_store_up", "1 where all can be stored, 0 where nothing can now.", {(): float(store.cause is None)}
    )
    waited = 0.0 if store.since is None else max(0.0, health.time - store.since)
    yield _gauge("decisight_store_waiting_seconds", "For how long nothing could be stored.", {(): waited})
    yield _gauge(
        "decisight_store_queue_frames", "Pictures decided on that are not stored yet.", {(): float(store.waiting)}
    )
    sinks = {(sink.name,): sink for sink in store.sinks}
    yield _gauge(
        "decisight_sink_up",
        "1 where events can be reported to a sink, 0 where nothing can now.",
        {name: float(sink.cause is None) for name, sink in sinks.items()},
        ("sink",),
    )
    yield _gauge(
        "decisight_sink_changes_waiting",
        "Changes of events that a sink has not been told yet.",
        {name: sink.waiting for name, sink in sinks.items()},
        ("sink",),
    )


def _of_inference(health: Health) -> Iterator[Metric]:
    found = health.inference
    yield _gauge("decisight_inference_threads", "Threads that classify.", {(): float(found.threads)})
    yield _gauge(
        "decisight_inference_busy_ratio", "Share of their time that they did, over the last seconds.", {(): found.busy}
    )
    yield _gauge(
        "decisight_inference_queue_regions",
        "Regions of pictures that wait for one of them.",
        {(): float(found.waiting)},
    )
    batches = {(str(size),): number for size, number in sorted(found.batches.items())}
    yield _counter("decisight_inference_batches", "Batches of each size.", batches, ("size",))


def _gauge(name: str, text: str, values: Mapping[Any, float | None], labels: tuple[str, ...] = ()) -> Metric:
    from prometheus_client.core import GaugeMetricFamily

    metric = GaugeMetricFamily(name, text, labels=labels)
    for key, value in values.items():
        if value is not None:
            metric.add_metric(key, value)
    return metric


def _counter(name: str, text: str, values: Mapping[Any, float | None], labels: tuple[str, ...]) -> Metric:
    from prometheus_client.core import CounterMetricFamily

    metric = CounterMetricFamily(name, text, labels=labels)
    for key, value in values.items():
        if value is not None:
            metric.add_metric(key, value)
    return metric


def _buckets(latencies: Latencies) -> list[tuple[str, float]]:
    """By their upper bounds, each with all that is below it."""
    found, below = [], 0
    for bound, count in zip((*LATENCY_BOUNDS, None), latencies.counts, strict=True):
        below += count
        found.append(("+Inf" if bound is None else str(bound), float(below)))
    return found
