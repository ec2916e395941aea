"""Pictures to learn from: collected from cameras as the watcher would see them, and labelled.

:class:`Collector` looks at one camera's frames and stores what is wanted in a :class:`PictureFolder`, which training
reads once it is labelled; :func:`collect` does so for many at once. :mod:`~decisight.collecting.labelling` is what a
page for labelling knows and does, without the page.
"""

from __future__ import annotations

from decisight.collecting.collector import MARGIN, Choice, Collector, View, uncertainty
from decisight.collecting.folder import Crop, PictureFolder, moment_text
from decisight.collecting.running import CollectRun, Listener, collect

__all__ = [
    "MARGIN",
    "Choice",
    "CollectRun",
    "Collector",
    "Crop",
    "Listener",
    "PictureFolder",
    "View",
    "collect",
    "moment_text",
    "uncertainty",
]
