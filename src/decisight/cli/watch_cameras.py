"""Cameras opened, watched until they end or are told to, and what is said of it at the end."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from decisight.cli.console import terminal, warn
from decisight.cli.fallbacks import warn_of_fallbacks
from decisight.cli.promised import warn_of_costs, warn_of_promises_over_several
from decisight.cli.regions import warn_of_whole_pictures
from decisight.cli.signals import end_in_order, hearing
from decisight.cli.unfamiliar import warn_of_familiarity
from decisight.errors import DecisightError
from decisight.files import printable

if TYPE_CHECKING:
    from decisight.assemble import CameraSetup
    from decisight.cli.watch import WatchOptions
    from decisight.cli.watch_display import Display
    from decisight.cli.watch_health import HealthOutlets
    from decisight.config import Site
    from decisight.models.classifier import Classifier
    from decisight.pipeline import Pipeline, Predictor, Step
    from decisight.protocols import FrameSource, Sink, SourceFacts
    from decisight.store import Store
    from decisight.workers import CameraRun, Taken

__all__ = ["Opened", "open_cameras", "watch_cameras"]

_TIME = ", time "


@dataclass(frozen=True, slots=True)
class Opened:
    """A camera whose models are loaded, and whose source could be opened.

    Args:
        setup: the camera.
        source: of its pictures.
        facts: what is known of the source.
    """

    setup: CameraSetup
    source: FrameSource
    facts: SourceFacts


def open_cameras(options: WatchOptions, site: Site) -> list[Opened]:
    """The cameras that are to be watched. Nothing is written; what is likely not meant is warned of.

    Args:
        options: which, and what computes.
        site: that they are of.

    Raises:
        DecisightError: a model cannot be loaded, a source cannot be opened, one does not fit the other, or what is to
            be made unrecognisable could not be.
    """
    from decisight.assemble import check_concealing, load_models, setups

    models = load_models(site, threads=options.threads, runtime=options.runtime)
    found = setups(site, models, options.cameras)
    idle = [camera for camera in site.section.cameras if camera not in site.watched()]
    if idle and not options.cameras:
        warn(f"nothing is watched in {', '.join(map(printable, idle))}: the site file says no `watch` there")
    for setup in found:
        check_concealing(site, setup.camera)
    _warn_of_whole_pictures(site, found)
    views = [view for setup in found for view in setup.views]
    for view in views:
        warn_of_fallbacks(view.model.task, view.policies)
    for name, model in models.items():
        rules = [policy for view in views if view.name == name for policy in view.policies.values()]
        warn_of_familiarity(model.card, [getattr(policy, "min_familiarity", None) for policy in rules])
        warn_of_costs(model, rules)
    warn_of_promises_over_several(view.model for view in views)
    return [_opened(site, setup) for setup in found]


def _warn_of_whole_pictures(site: Site, found: Sequence[CameraSetup]) -> None:
    """Once for each model, with all the cameras that it looks at so."""
    whole: dict[int, dict[str, Any]] = {}
    for setup in found:
        for view in setup.views:
            if view.region is None:
                whole.setdefault(id(view.model), {})[setup.camera] = view.model.card.data
    for cameras in whole.values():
        # What is no site file has --region.
        warn_of_whole_pictures(next(iter(cameras.values())), () if site.path is None else tuple(cameras))


def _opened(site: Site, setup: CameraSetup) -> Opened:
    source = site.source(setup.camera)
    try:
        facts = source.facts()
    except DecisightError as error:
        raise site.blamed(error, "cameras", setup.camera, "source") if site.path is not None else error from error
    for note in facts.notes:
        warn(f"{setup.camera}: {note}")
    return Opened(setup, source, facts)


def watch_cameras(
    site: Site,
    store: Store,
    cameras: Sequence[Opened],
    sinks: Mapping[str, Sink],
    *,
    before: Sequence[Taken] = (),
    quietly: bool = False,
    origin: bool = False,
    again: bool = False,
    threads: int | None = None,
    outlets: HealthOutlets | None = None,
) -> int:
    """Watch, and say how it went.

    Args:
        site: that the cameras are of.
        store: where everything is kept.
        cameras: that are watched.
        sinks: where events are reported to, by name; closed at the end.
        before: what is to be stored and reported before anything else.
        quietly: show nothing but warnings.
        origin: times are shown as places in the recordings.
        again: watch recordings once more that were watched to their end.
        threads: that compute; by default as many as the machine grants.
        outlets: where it is told how it is doing; by default only on the terminal.

    Returns:
        The exit status: 0, or 1 where a camera could not be watched to its end.

    Raises:
        DecisightError: what was decided cannot be stored, or a camera cannot go on from where it was.
    """
    from decisight.cli.watch_display import Display
    from decisight.cli.watch_health import HealthOutlets
    from decisight.compute import threads as granted_threads
    from decisight.store import Codec
    from decisight.workers import Inference, Recorder, Vitals, watch

    inference = Inference(max(1, len(cameras)), granted_threads(threads).count)
    runs = [_camera(camera, store, inference.share, again=again) for camera in cameras]
    origins = {camera.setup.camera: camera.facts.origin for camera in cameras} if origin else {}
    screen = None if quietly else terminal(sys.stdout)
    display = Display(runs, site.section.timezone, origins, screen=screen, silent=quietly)
    stop = threading.Event()
    codecs = {view.id: Codec.of(view.key) for camera in runs for view in store.views(camera.name)}
    recorder = Recorder(store, codecs, sinks, display)
    vitals = Vitals(runs, recorder, inference)
    display.health = vitals.health
    keep_heads = partial(_keep_heads, site, store, display)

    def care() -> None:
        _drop_what_is_old(site, store, display)
        keep_heads()

    _warn_of_heads(site, store)
    told = (outlets or HealthOutlets()).told(vitals.health)
    with told, inference, hearing(partial(end_in_order, stop), "SIGINT", "SIGTERM", "SIGHUP"), display:
        try:
            for taken in before:
                recorder.add(taken)
            watch(runs, recorder, display, stop, care=care)
        finally:
            vitals.end()
            for sink in sinks.values():
                sink.close()
    display.conclude(stopped=stop.is_set() and any(not camera.pipeline.finished for camera in runs))
    keep_heads()
    if left := recorder.undelivered(stop):
        warn(f"{left} changes of events could not be reported yet", "they are kept, and reported at the next start")
    return _status(runs)


def _drop_what_is_old(site: Site, store: Store, display: Display) -> None:
    from decisight.assemble import retention

    _care(display, "what is too old could not be dropped", lambda: store.retain(retention(site), time.time()))


def _keep_heads(site: Site, store: Store, display: Display) -> None:
    from decisight.store import append_heads

    heads = site.section.chain.heads
    if heads is not None:
        _care(display, "heads could not be kept", lambda: append_heads(site.folder / heads, store.heads()))


def _warn_of_heads(site: Site, store: Store) -> None:
    """Say so where the store is behind the heads that were kept of it: it was put back to an earlier state.

    Raises:
        OutputError: heads cannot be kept where they are to be.
    """
    from decisight.cli import output
    from decisight.store import read_heads

    if site.section.chain.heads is None:
        return
    path = site.folder / site.section.chain.heads
    output.check_file(path, example="heads.jsonl")
    if not path.is_file():
        return
    now = {(head.camera, head.lane): head.seq for head in store.heads()}
    behind = sorted({head.camera for head in read_heads(path) if head.seq > now.get((head.camera, head.lane), 0)})
    if behind:
        warn(
            f"the store ends before the heads that were kept of it ({', '.join(map(printable, behind))}): it was put "
            "back to an earlier state",
            "if that was not you, stop, and keep both as they are; going on will show in decisight verify",
        )


def _care(display: Display, failure: str, work: Callable[[], object]) -> None:
    """Do what can be done the next time as well: that it could not be done now ends nothing."""
    try:
        work()
    except DecisightError as error:
        display.noted(None, f"{failure}: {error.message}")


def _camera(camera: Opened, store: Store, share: Callable[[Classifier], Predictor], *, again: bool) -> CameraRun:
    """A camera where it has stopped the last time, or at its beginning."""
    from decisight.pipeline import Step
    from decisight.workers import CameraRun

    setup = camera.setup
    checkpoint = store.checkpoint(setup.camera)
    identity = _identity(camera.facts.identity, checkpoint, again=again)
    numbers = [store.view_id(key) for key in setup.view_keys(identity)]
    store_id = store.store_id

    def renewed(known: Mapping[str, Any] | None) -> tuple[Pipeline, Step]:
        pipeline = setup.pipeline(numbers, store_id, identity=identity, share=share)
        return pipeline, Step() if known is None else pipeline.resume(known, again=again)

    pipeline, begin = renewed(checkpoint)
    return CameraRun(
        setup.camera, camera.source, pipeline, setup.fps, setup.evidence, begin, renewal=renewed, checkpoint=checkpoint
    )


def _identity(source: str, checkpoint: Mapping[str, Any] | None, *, again: bool) -> str:
    """What tells one time that a source is watched from another: nothing that was counted then holds for this one."""
    before = "" if checkpoint is None else str(checkpoint["identity"])
    known, _, times = before.partition(_TIME)
    if checkpoint is None or known != source:
        return source
    return f"{source}{_TIME}{int(times or 1) + 1}" if again and checkpoint["finished"] else before


def _status(runs: Sequence[CameraRun]) -> int:
    """The exit status; which cameras have failed is said, after what each has said of it by itself."""
    failed = {camera.name: camera.status.error for camera in runs if camera.status.error is not None}
    if not failed:
        return 0
    hints = [error.hint for error in failed.values() if isinstance(error, DecisightError) and error.hint]
    warn(f"not watched to the end: {', '.join(map(printable, failed))}", hints[0] if hints else None)
    for error in failed.values():
        if not isinstance(error, DecisightError):
            raise error  # a mistake of ours, for the way out to explain
    return 1
