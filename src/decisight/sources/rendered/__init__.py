"""A gate camera that Decisight draws itself: workers in their role's colour, with and without vest and hard hat.

For trying the whole way without photos of one's own::

    write_dataset(Path("gate"), pictures=360)  # train/ and test/ with a metadata.csv each
    render(random_scene(7, role="visitor", helmet=False))  # one picture, (384, 256, 3)

:class:`Scene` holds all that a picture shows, as values; :func:`render` draws it.
"""

from decisight.sources.rendered.dataset import LabelledScene, labelled_scenes, write_dataset
from decisight.sources.rendered.photograph import SIZE, render
from decisight.sources.rendered.scene import (
    GEAR,
    HANGING,
    LAYOUTS,
    ROLE_COLOURS,
    Arm,
    Camera,
    Colour,
    Gate,
    Layout,
    Light,
    Obstacle,
    Pose,
    Scene,
    Worker,
)
from decisight.sources.rendered.variation import random_gate, random_scene, random_worker

__all__ = [
    "GEAR",
    "HANGING",
    "LAYOUTS",
    "ROLE_COLOURS",
    "SIZE",
    "Arm",
    "Camera",
    "Colour",
    "Gate",
    "LabelledScene",
    "Layout",
    "Light",
    "Obstacle",
    "Pose",
    "Scene",
    "Worker",
    "labelled_scenes",
    "random_gate",
    "random_scene",
    "random_worker",
    "render",
    "write_dataset",
]
