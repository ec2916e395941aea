"""Eight cameras on two cores for twenty minutes, and a hundred cameras, by ``decisight watch`` as people run it.

    python benchmarks/watch.py [--minutes 20] [--short 2] [--parts limit,streams,cameras] [--json results/watch.json]

- *limit*: how many pictures a second can be decoded, and how many computed, each alone on all cores; and so how many
  regions a second could be classified at most, at so many decoded pictures for each one that is judged.
- *streams*: eight cameras of 1280 x 720 in H.264 at 15 pictures a second, of which ten are judged: files that are
  played in real time, and RTSP over TCP from GStreamer's server, which runs beside on the same cores. In either
  runtime. One of them, RTSP with OpenVINO, for ``--minutes``, to see whether memory grows; the others for ``--short``.
  And the files as fast as they can be read, which says what could be done at most.
- *cameras*: a hundred cameras at one picture in five seconds, by snapshots over HTTP, and by the key frames of RTSP.

The bars: 80 regions a second with OpenVINO and 40 with ONNX Runtime, decoding included; the 95th percentile from a
picture's arrival to its decision below 300 ms; no queue that grows; memory flat (the slope is told). What was measured
is read from the health that the watch itself writes, and from ``/proc``. The first part of a run, in which models are
loaded and cameras begin, does not count.

The clip is a rendered gate with a sensor's noise, two megabits a second. So far this runs on Linux only.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from _footprint import memory_of
from _machine import machine
from _streams import FPS, make_clip, repeated, rtsp_server, snapshot_server
from decisight.compute import threads as granted_threads
from decisight.models.classifier import CHUNK, Classifier, load
from decisight.sources.rendered.shift import GATE_REGION, NOBODY

HERE = Path(__file__).resolve().parent
STREAMS, JUDGED = 8, 10.0
CAMERAS, EVERY = 100, 5.0
LEAST_RATE = {"openvino": 80.0, "onnxruntime": 40.0}
MOST_LATENCY = 0.3
MOST_SLOPE = 20.0
"""MB an hour: what is less cannot be told from the noise of twenty minutes."""
WARM = 20.0
"""Seconds of a run that do not count."""
CLIP = 20.0
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Sample:
    """One look at a running watch.

    Args:
        seconds: since it was started.
        cpu: seconds that it has computed so far.
        resident: memory in MB.
        health: what it says of itself.
    """

    seconds: float
    cpu: float
    resident: float
    health: Mapping[str, Any]


@dataclass(frozen=True)
class Run:
    """What one run has shown, after the first part.

    Args:
        seconds: that count.
        regions_a_second: classified.
        skipped_a_second: pictures that were passed over.
        latency: from a picture's arrival to its decision, in seconds, by percentile.
        longest_queue: of what was decided and not yet taken in to be stored.
        cpus: that the watch has kept busy.
        server_cpus: that the server beside has kept busy.
        memory: resident, at the end, in MB.
        slope: of memory, in MB an hour, over the second half.
        slope_error: of that, one standard error.
        stop: seconds from the signal to the end.
    """

    seconds: float
    regions_a_second: float
    skipped_a_second: float
    latency: Mapping[str, float]
    longest_queue: int
    cpus: float
    server_cpus: float | None
    memory: float
    slope: float
    slope_error: float
    stop: float


def cpu_seconds(pid: int) -> float:
    """What a process and its children that have ended have computed."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS


def site(sources: Sequence[Mapping[str, Any]], model: Path, runtime: str, fps: float) -> str:
    """A site file, as JSON, which is YAML."""
    corners = [list(corner) for corner in GATE_REGION.polygon]
    cameras = {
        f"camera-{number:03d}": {
            "source": dict(source),
            "fps": fps,
            "regions": {GATE_REGION.name: {"polygon": corners}},
            "watch": [{"region": GATE_REGION.name, "quiet": [NOBODY]}],
        }
        for number, source in enumerate(sources, 1)
    }
    models = {"shift": {"path": str(model), "runtime": runtime}}
    return json.dumps({"site": "benchmark", "models": models, "cameras": cameras})


@contextlib.contextmanager
def watched(text: str, folder: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A watch of a site at work, and the file with its health."""
    folder.mkdir(parents=True)
    (folder / "site.yaml").write_text(text, "utf-8")
    health = folder / "health.json"
    command = [sys.executable, "-m", "decisight", "watch", str(folder / "site.yaml"), "--health", str(health)]
    with (
        (folder / "output.txt").open("w") as output,
        subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, text=True) as process,
    ):
        try:
            yield process, health
        finally:
            process.kill()


def sampled(process: subprocess.Popen[str], health: Path, seconds: float, begun: float) -> Iterator[Sample]:
    """Looks at a running watch, about once a second, until it ends or the time is over."""
    while process.poll() is None and time.monotonic() - begun < seconds:
        time.sleep(1.0)
        memory = memory_of(process.pid)
        if memory is None or not health.exists():
            continue
        now = time.monotonic() - begun
        yield Sample(now, cpu_seconds(process.pid), memory[0] / 1000, json.loads(health.read_text("utf-8")))


def run(text: str, folder: Path, seconds: float, server: int | None = None) -> Run:
    """Watch a site for so long, then end it as its user would.

    Args:
        text: of the site file.
        folder: to be made, for its store.
        seconds: at most; recordings may end before.
        server: the process that sends what is watched.

    Raises:
        SystemExit: it did not come to work, or did not end well.
    """
    begun, cpu_of_server = time.monotonic(), []
    with watched(text, folder) as (process, health):
        samples = []
        for sample in sampled(process, health, seconds, begun):
            samples.append(sample)
            if server is not None:
                cpu_of_server.append((sample.seconds, cpu_seconds(server)))
        signalled = time.monotonic()
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        status = process.wait(60)
        stop = time.monotonic() - signalled
    counting = [sample for sample in samples if sample.seconds >= min(WARM, seconds / 3)]
    if status != 0 or len(counting) < 2:
        raise SystemExit(f"the watch ended with {status}: {(folder / 'output.txt').read_text('utf-8')[-2000:]}")
    spent = [value for at, value in cpu_of_server if at >= counting[0].seconds]
    lasted = counting[-1].seconds - counting[0].seconds
    slope, error = slope_of([(s.seconds / 3600, s.resident) for s in counting[len(counting) // 2 :]])
    return Run(
        seconds=lasted,
        regions_a_second=grown(counting, lambda camera: camera["readings"].get("reading", 0)),
        skipped_a_second=grown(counting, lambda camera: camera["skipped"]),
        latency=latencies(counting),
        longest_queue=max(s.health["store"]["waiting"] for s in counting),
        cpus=(counting[-1].cpu - counting[0].cpu) / lasted,
        server_cpus=(spent[-1] - spent[0]) / lasted if spent else None,
        memory=counting[-1].resident,
        slope=slope,
        slope_error=error,
        stop=stop,
    )


def grown(samples: Sequence[Sample], count: Callable[[Mapping[str, Any]], int]) -> float:
    """By how much a count of all cameras together has grown a second, by the clock of the health itself."""
    first, last = samples[0].health, samples[-1].health
    counts = [sum(count(camera) for camera in health["cameras"]) for health in (first, last)]
    return (counts[1] - counts[0]) / max(last["running"] - first["running"], 1e-9)


def latencies(samples: Sequence[Sample]) -> dict[str, float]:
    """Of all decisions: the share within the bar; and of the 95th percentiles that cameras told, median and worst."""
    from decisight.workers.health import LATENCY_BOUNDS

    first, last = (
        np.sum([camera["latency"]["counts"] for camera in one.health["cameras"]], axis=0)
        for one in (samples[0], samples[-1])
    )
    counts = last - first
    within = counts[: LATENCY_BOUNDS.index(MOST_LATENCY) + 1].sum() / max(1, counts.sum())
    told = [camera["latency"]["p95"] for one in samples for camera in one.health["cameras"]]
    known = [value for value in told if value is not None]
    half = [c["latency"]["p50"] for c in samples[-1].health["cameras"] if c["latency"]["p50"] is not None]
    return {
        "share_within_bar": float(within),
        "median": statistics.median(half),
        "p95_median": statistics.median(known),
        "p95_worst": max(known),
    }


def slope_of(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Least squares through points: the slope, and its standard error."""
    x, y = np.array(points).T
    x = x - x.mean()
    slope = float(x @ y / (x @ x))
    left = y - y.mean() - slope * x
    return slope, float(np.sqrt(left @ left / max(1, len(x) - 2) / (x @ x)))


def rate_of(work: Callable[[], int], seconds: float = 6.0) -> float:
    """How often a second something can be done by as many threads as there are."""
    count = granted_threads().count

    def again() -> float:
        begun, done = time.perf_counter(), 0
        while time.perf_counter() - begun < seconds:
            done += work()
        return done / (time.perf_counter() - begun)

    with ThreadPoolExecutor(count) as pool:
        return sum(future.result() for future in [pool.submit(again) for _ in range(count)])


def limits(clip: Path, model: Path) -> dict[str, Any]:
    """What decoding and the network allow, each alone."""
    import av

    def decode() -> int:
        with av.open(str(clip)) as container:
            video = container.streams.video[0]
            video.thread_type = "NONE"
            return sum(1 for _ in container.decode(video))

    found: dict[str, Any] = {"decoded": rate_of(decode), "runtimes": {}}
    for runtime in LEAST_RATE:
        network: Classifier = load(model, runtime=runtime)
        squares = np.random.default_rng(1).integers(0, 256, (CHUNK, 224, 224, 3), np.uint8)

        def forward(network: Classifier = network, squares: Any = squares) -> int:
            return len(network.predict_prepared(squares, threads=1))

        forward()
        rate = rate_of(forward)
        most = 1.0 / (FPS / JUDGED / found["decoded"] + 1.0 / rate)
        found["runtimes"][runtime] = {"forward": rate, "most": most, "runtime": str(network.runtime)}
    return found


def streams(clip: Path, model: Path, folder: Path, minutes: float, short: float) -> dict[str, Any]:
    """Eight cameras, in every way."""
    found: dict[str, Any] = {}
    longest = 60.0 * max(minutes, short) + 120.0
    long = folder / "long.mp4"
    repeated(clip, long, longest)
    for runtime in LEAST_RATE:
        files = [{"type": "video", "path": str(long), "start": f"2026-01-01T0{n}:00:00Z"} for n in range(STREAMS)]
        real = site([{**file, "realtime": True} for file in files], model, runtime, JUDGED)
        found[f"files, {runtime}"] = told(f"files, {runtime}", run(real, folder / f"files-{runtime}", 60 * short))
        flat_out = site(files, model, runtime, JUDGED)
        found[f"flat out, {runtime}"] = told(f"flat out, {runtime}", run(flat_out, folder / f"flat-{runtime}", 60.0))
        with rtsp_server(long) as (url, server):
            cameras = site([{"type": "camera", "url": url}] * STREAMS, model, runtime, JUDGED)
            seconds = 60 * (minutes if runtime == "openvino" else short)
            found[f"rtsp, {runtime}"] = told(
                f"rtsp, {runtime}", run(cameras, folder / f"rtsp-{runtime}", seconds, server)
            )
    return found


def many(clip: Path, model: Path, folder: Path, short: float) -> dict[str, Any]:
    """A hundred cameras, each at one picture in five seconds."""
    found: dict[str, Any] = {}
    fps, runtime = 1.0 / EVERY, "openvino"
    with snapshot_server(clip, folder / "pictures") as (url, server):
        for count in (1, CAMERAS):
            text = site([{"type": "snapshot", "url": url, "every": f"{EVERY:g}s"}] * count, model, runtime, fps)
            name = f"{count} by snapshots"
            found[name] = told(name, run(text, folder / f"snapshots-{count}", 60 * short, server))
    long = folder / "key-frames.mp4"
    repeated(clip, long, 60 * short + 60)
    with rtsp_server(long) as (url, server):
        for count in (1, CAMERAS):
            text = site([{"type": "camera", "url": url}] * count, model, runtime, fps)
            name = f"{count} by key frames"
            found[name] = told(name, run(text, folder / f"key-frames-{count}", 60 * short, server))
    return found


def told(name: str, run: Run) -> dict[str, Any]:
    """Print what a run has shown."""
    latency = run.latency
    print(
        f"{name:24} {run.regions_a_second:6.1f} regions/s, {run.skipped_a_second:5.1f} skipped/s; decision after "
        f"{1000 * latency['median']:.0f} ms, p95 {1000 * latency['p95_median']:.0f} (worst "
        f"{1000 * latency['p95_worst']:.0f}) ms, {100 * latency['share_within_bar']:.2f} % within the bar; queue "
        f"{run.longest_queue}; {run.cpus:.2f} CPUs"
        + ("" if run.server_cpus is None else f" (and the server {run.server_cpus:.2f})")
        + f"; {run.memory:.0f} MB, {run.slope:+.1f} +- {run.slope_error:.1f} MB/h; {run.seconds:.0f} s counted, "
        f"ended in {run.stop:.1f} s",
        flush=True,
    )
    return asdict(run)


def trained(folder: Path) -> Path:
    """A model of the gate, by the project's trainer, at its defaults."""
    from decisight.data.reading import read_dataset
    from decisight.models.model_file import write_model
    from decisight.sources.rendered.clips import write_labelled_frames
    from decisight.sources.rendered.shift import Shift
    from decisight.training.cache import FeatureCache
    from decisight.training.train import TrainOptions, train

    write_labelled_frames(folder / "frames", [Shift(seed, trouble=0.2) for seed in range(2, 6)], 30.0, 1.5)
    options = TrainOptions(name="shift", regions=(GATE_REGION,))
    with FeatureCache(None) as cache:
        data = read_dataset(folder / "frames", groups=["role"])
        made = train(data, options, cache=cache, progress=lambda *_: None, threads=granted_threads().count)
    path = folder / "shift.onnx"
    write_model(path, made.model)
    return path


def verdicts(found: Mapping[str, Any]) -> dict[str, bool]:
    """Which bars are kept."""
    kept = {}
    for runtime, least in LEAST_RATE.items():
        for way in ("files", "rtsp"):
            one = found.get("streams", {}).get(f"{way}, {runtime}")
            if one is None:
                continue
            kept[f"{way}, {runtime}: rate"] = one["regions_a_second"] >= least
            kept[f"{way}, {runtime}: latency"] = one["latency"]["share_within_bar"] >= 0.95
            if one["seconds"] >= 600:
                kept[f"{way}, {runtime}: memory"] = one["slope"] <= MOST_SLOPE
    return kept


def main() -> int:
    """Measure, print and write; 1 where a bar is not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=20.0, help="of the long run")
    parser.add_argument("--short", type=float, default=2.0, help="minutes of the others")
    parser.add_argument("--parts", default="limit,streams,cameras", help="which of them, by commas")
    parser.add_argument("--json", type=Path, default=HERE / "results" / "watch.json")
    options = parser.parse_args()
    found: dict[str, Any] = {"machine": machine(), "streams_at_once": STREAMS, "judged": JUDGED, "fps": FPS}
    if options.json.exists():
        found = {**json.loads(options.json.read_text("utf-8")), **found}
    with tempfile.TemporaryDirectory(prefix="decisight-watch-") as name:
        folder = Path(name)
        clip, model = folder / "clip.mp4", trained(folder)
        make_clip(clip, CLIP)
        parts = options.parts.split(",")
        if "limit" in parts:
            found["limit"] = limits(clip, model)
            print(json.dumps(found["limit"], indent=1), flush=True)
        if "streams" in parts:
            found["streams"] = streams(clip, model, folder, options.minutes, options.short)
        if "cameras" in parts:
            found["cameras"] = many(clip, model, folder, options.short)
    found["kept"] = verdicts(found)
    options.json.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    for bar, kept in found["kept"].items():
        print(f"{bar}: {'kept' if kept else 'NOT KEPT'}")
    return 0 if all(found["kept"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
