"""``decisight check`` and ``decisight schema``: whether a site file can be used, and what may stand in one."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from decisight.cli import output
from decisight.cli.console import complain, say, warn
from decisight.errors import DecisightError
from decisight.files import printable

if TYPE_CHECKING:
    from decisight.assemble import CameraSetup
    from decisight.config import Site
    from decisight.models.classifier import Classifier
    from decisight.store import Store
    from decisight.workers import Tried

__all__ = ["run", "write_schema"]


_SECONDS = 10.0
"""That a live camera gets for a picture."""


def run(path: Path, *, runtime: str | None = None, connect: bool = False) -> int:
    """Check a site file, and say all that is wrong.

    Args:
        path: the file.
        runtime: what computes where the file does not say.
        connect: whether a picture is taken from every live camera.

    Returns:
        The exit status: 0, or 1 where something is wrong.

    Raises:
        SiteError: the file cannot be read, or is none of a site.
    """
    from decisight.config import read_site

    site = read_site(path)
    section = site.section
    say(f"{printable(path)}: site {section.site}, {_count(len(section.cameras), 'camera')}")
    models, wrong = _models(site, runtime)
    tried = _tried(site) if connect else {}
    for camera in section.cameras:
        wrong += _camera(site, camera, models, tried.get(camera))
    wrong += _store(site)
    if wrong:
        say(f"{_count(wrong, 'thing')} to put right.")
    else:
        command = "watch" if site.watched() else "collect"
        say(f"All is well. Begin with: decisight {command} {printable(path)}")
    return 1 if wrong else 0


def write_schema(path: Path | None) -> int:
    """Write the JSON Schema of a site file.

    Raises:
        OutputError: it cannot be written.
    """
    from decisight.config import site_schema

    text = json.dumps(site_schema(), indent=2) + "\n"
    if path is None:
        with output.standard_output(utf8=True) as stream:
            stream.write(text)
        return 0
    output.check_file(path, example="site.schema.json")
    with output.replacing(path) as stream:
        stream.write(text)
    say(f"Written to {printable(path)}. First line of a site file: # yaml-language-server: $schema={printable(path)}")
    return 0


def _models(site: Site, runtime: str | None) -> tuple[dict[str, Classifier], int]:
    """The models that can be loaded, and how many cannot."""
    found, wrong = {}, 0
    for name, section in site.section.models.items():
        try:
            model = found[name] = _opened(site, name, runtime)
        except DecisightError as error:
            wrong += _tell(error)
            continue
        groups = "; ".join(f"{group.name}: {', '.join(group.labels[:8])}" for group in model.task.groups)
        say(f"  model {name}: {printable(section.path)}, {model.runtime.name} {model.runtime.precision} ({groups})")
    return found, wrong


def _opened(site: Site, name: str, runtime: str | None) -> Classifier:
    """A model, opened as well: a file may be whole, and still not be one that this runtime takes.

    Raises:
        SiteError: it cannot be used; names the line.
    """
    from decisight.assemble import load_model

    model = load_model(site, name, runtime=runtime)
    try:
        model.network(1)
    except DecisightError as error:
        raise site.blamed(error, "models", name) from error
    return model


def _tried(site: Site) -> dict[str, Tried]:
    """What comes of trying the live cameras; those that cannot even be asked are told of later."""
    from decisight.workers import try_cameras

    live = {}
    for camera in site.section.cameras:
        with contextlib.suppress(DecisightError):
            source = site.source(camera)
            if source.live:
                live[camera] = source
    return try_cameras(live, _SECONDS)


def _camera(site: Site, camera: str, models: dict[str, Classifier], tried: Tried | None) -> int:
    """How much is wrong with a camera."""
    from decisight.assemble import check_concealing, setups

    wrong = 0
    size: tuple[int, int] | None = None
    try:
        source = site.source(camera)
        facts = source.facts()
    except DecisightError as error:
        say(f"  camera {camera}:")
        wrong += _tell(site.blamed(error, "cameras", camera, "source"))
    else:
        size = facts.size
        say(f"  camera {camera}: {printable(facts.title)}")
        for note in facts.notes:
            warn(f"{camera}: {note}")
        if tried is not None:
            size = tried.size or size
            wrong += _picture(site, camera, tried)
        elif source.live:
            say("    whether it gives pictures: not tried (--connect does)")
    gates = _gates(site, camera, size)
    wrong += gates
    try:
        check_concealing(site, camera)
    except DecisightError as error:
        wrong += _tell(error)
    if not site.section.cameras[camera].watch:
        say("    nothing is watched in it yet; pictures can be collected")
        return wrong
    rules, known = _rules(site, camera, models)
    wrong += rules
    if rules or gates or not known:
        return wrong
    try:
        (setup,) = setups(site, models, [camera])
    except DecisightError as error:
        return wrong + _tell(error)
    _views(setup, size)
    return wrong


def _gates(site: Site, camera: str, size: tuple[int, int] | None) -> int:
    """How much is wrong with the gates of a camera, and with what they compare its pictures with.

    Args:
        site: the site.
        camera: its name.
        size: of its pictures, width and height in pixels; ``None``: it is not known.
    """
    try:
        gates = site.gates(camera)
    except DecisightError as error:
        return _tell(error)
    wrong = 0
    for at, gate in enumerate(gates):
        check_size = getattr(gate, "check_size", None)
        if size is None or check_size is None:
            continue
        try:
            check_size(*size)
        except DecisightError as error:
            wrong += _tell(site.blamed(error, "cameras", camera, "gates", at))
    return wrong


def _picture(site: Site, camera: str, tried: Tried) -> int:
    """Say what came of trying a live camera."""
    from decisight.sources.causes import hint_of

    if tried.size is not None:
        width, height = tried.size
        say(f"    a picture of {width}x{height} came after {tried.seconds:.1f} s")
        return 0
    error = DecisightError(
        f"no picture after {tried.seconds:.1f} s: {printable(str(tried.cause))}", hint=hint_of(tried.cause)
    )
    return _tell(site.blamed(error, "cameras", camera, "source"))


def _rules(site: Site, camera: str, models: dict[str, Classifier]) -> tuple[int, bool]:
    """How much is wrong with what a camera watches, entry by entry; and whether all of its models are there."""
    from decisight.config import model_of
    from decisight.deciding import model_settings

    wrong, known = 0, True
    for at in range(len(site.section.cameras[camera].watch)):
        model = models.get(model_of(site, camera, at))
        if model is None:
            known = False
            continue
        try:
            site.policy(camera, at, model.task, model_settings(model), familiarity=bool(model.card.familiarity))
        except DecisightError as error:
            wrong += _tell(error)
    return wrong, known


def _views(setup: CameraSetup, size: tuple[int, int] | None) -> None:
    from decisight.deciding import policy_section

    for view in setup.views:
        where = "all of the picture" if view.region is None else f"region {view.region.name}"
        if view.region is not None and size is not None:
            left, top, right, bottom = view.region.bounds(*size)
            where += f" ({right - left}x{bottom - top} pixels)"
        for group, policy in view.policies.items():
            section = policy_section({group: policy}, view.model.task)
            settings = ", ".join(f"{key} {value}" for key, value in section.items() if key != "type" and value)
            say(f"    {where}: {group} by {section['type']} ({settings})")


def _store(site: Site) -> int:
    """Whether the store can be opened; nothing is written or made."""
    from decisight.assemble import is_there, open_site_store, store_place

    place = store_place(site)
    if isinstance(place, Path) and not place.exists():
        if not place.parent.is_dir():
            return _tell(site.blamed(DecisightError(f"there is no folder {printable(place.parent)}"), "store"))
        say(f"  store: {printable(place)}, made at the first start")
        return 0
    try:
        if not is_there(site) and not isinstance(place, Path):
            say("  store: a database, which can be reached; it is made a store at the first start")
            return 0
        with open_site_store(site, read_only=True) as store:
            say(f"  store: {store.title}")
            for doubt in store.doubts:
                warn(doubt, "set it on, in postgresql.conf")
            _left_behind(site, store)
    except DecisightError as error:
        return _tell(site.blamed(error, "store"))
    return 0


def _left_behind(site: Site, store: Store) -> None:
    """What waits for sinks that the site file does not name: it would wait for ever."""
    for sink, waiting in store.outbox_sinks().items():
        if waiting and sink not in site.section.sinks:
            warn(
                f"{_count(waiting, 'change')} of events {'waits' if waiting == 1 else 'wait'} for the sink "
                f"{printable(sink)}, which is not in the site file",
                f"name it there again; or drop {'it' if waiting == 1 else 'them'}: "
                f"decisight retain SITE --forget {printable(sink)}",
            )


def _tell(error: DecisightError) -> int:
    complain(f"error: {error.message}", error.hint)
    return 1


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
