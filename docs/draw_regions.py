"""Draws ``docs/images/regions.jpg``: what is looked at of a picture, with a mask and without.

python docs/draw_regions.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

from decisight.models.backbones import backbones
from decisight.regions import Region
from decisight.sources.rendered import random_scene, render

__all__ = ["main"]

IMAGE = Path(__file__).resolve().parent / "images/regions.jpg"
LANE = ((0.64, 0.1), (0.87, 0.1), (0.98, 0.95), (0.55, 0.95))
COLOUR = "#ff5a1f"


def main() -> None:
    """Write the picture anew."""
    # Two lanes of a gate, side by side in the picture of one camera.
    scenes = (random_scene(11, role="operator", helmet=True), random_scene(5, role="visitor", helmet=False))
    frame = np.hstack([render(scene) for scene in scenes])
    height, width = frame.shape[:2]
    masked, cropped = Region("right", LANE), Region("right", LANE, masked=False)
    fill = backbones.build("efficientnet_lite0").input.fill
    shown = {
        "the picture, and the region": frame,
        "what is looked at": masked.cut(frame, fill),
        "the same with --crop-only": cropped.cut(frame, fill),
    }
    figure = Figure(figsize=(10.4, 4.1), dpi=100, facecolor="white")
    FigureCanvasAgg(figure)
    shares = [picture.shape[1] for picture in shown.values()]
    axes = figure.subplots(1, 3, gridspec_kw={"width_ratios": shares})
    figure.subplots_adjust(left=0.01, right=0.99, top=0.92, bottom=0.01, wspace=0.1)
    for axis, (title, picture) in zip(axes, shown.items(), strict=True):
        axis.imshow(picture)
        # All to one scale.
        axis.set_ylim(height, 0)
        axis.set_title(title, fontsize=12)
        axis.set_axis_off()
    axes[0].add_patch(Polygon([(x * width, y * height) for x, y in LANE], fill=False, color=COLOUR, linewidth=3))
    figure.savefig(IMAGE, pil_kwargs={"quality": 88})


if __name__ == "__main__":
    main()
