"""``decisight region``: a page on which the regions of a camera are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from decisight.cli.console import say, warn
from decisight.files import printable

__all__ = ["RegionPageOptions", "run"]


@dataclass(frozen=True, slots=True)
class RegionPageOptions:
    """What ``decisight region`` was asked for; see its help."""

    site: Path
    camera: str | None = None
    port: int = 0
    open_browser: bool = True


def run(options: RegionPageOptions) -> int:
    """Serve the page until it is ended with Ctrl-C.

    Returns:
        The exit status, 0.

    Raises:
        DecisightError: the site file cannot be used, has no such camera, or the page cannot be served.
    """
    from decisight.cli.frame import camera_of
    from decisight.config.editing import SiteText
    from decisight.server.console.region_desk import RegionDesk
    from decisight.server.console.regions import region_page
    from decisight.server.local import require_console, serve

    require_console()
    text = SiteText.read(options.site)
    desk = RegionDesk(text, camera_of(text.site(), options.camera))
    serve(
        region_page(desk),
        title=f"Regions of {printable(desk.camera)}",
        port=options.port,
        open_browser=options.open_browser,
    )
    if desk.polygons.changed:
        warn(f"what was drawn last was not saved: {', '.join(desk.polygons.changes())}")
    names = ", ".join(desk.saved_names())
    say(f"\n{printable(options.site)}: {desk.camera} has {f'the regions {names}' if names else 'no regions'}.")
    return 0
