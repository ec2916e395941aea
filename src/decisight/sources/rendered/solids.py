"""Bodies in space and how they come onto the picture: quadrilaterals, shaded, and painted from back to front.

The projection is that of a pinhole; shading is Lambert's cosine law with a fill light from everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from decisight.sources.rendered.scene import Camera, Light

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

__all__ = [
    "Floats",
    "Numbers",
    "Rgb",
    "Solid",
    "View",
    "block",
    "cylinder",
    "paint",
    "panel",
    "shaded",
    "shell",
    "slab",
    "towards",
    "tube",
]

Floats: TypeAlias = npt.NDArray[np.float64]
Numbers: TypeAlias = Sequence[float] | Floats
"""A short row of numbers: a point, or measures along something."""

Rgb: TypeAlias = Numbers
"""Red, green and blue, 0..255."""

# A limb's rounded end: how far beyond the joint and how thick, in radii, from the tip inwards.
_CAP = np.array([(0.97, 0.24), (0.75, 0.66), (0.35, 0.94)])


@dataclass(frozen=True, slots=True, eq=False)
class Solid:
    """A body of one or more quadrilaterals.

    Args:
        corners: ``(N, 4, 3)`` metres. Seen from outside, a quadrilateral's corners run counter-clockwise; one that is
            seen from behind is not painted.
        colours: ``(N, 3)``, 0..255.
        glow: 0 is lit by the scene's light, 1 shines by itself.
    """

    corners: Floats
    colours: Floats
    glow: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A camera's picture plane.

    Args:
        eye: ``(3,)``, where the camera is.
        size: width and height of the plane in pixels.
        axes: ``(3, 3)``: rows point right, up and ahead.
        focal: focal length in pixels.
    """

    eye: Floats
    size: tuple[int, int]
    axes: Floats
    focal: float

    @classmethod
    def of(cls, camera: Camera, size: tuple[int, int]) -> View:
        """What a camera sees, in a plane of so many pixels."""
        tilt, pan, roll = (math.radians(a) for a in (camera.tilt, camera.pan, camera.roll))
        (ct, st), (cp, sp), (cr, sr) = ((math.cos(a), math.sin(a)) for a in (tilt, pan, roll))
        turn = np.array([[cp, 0, -sp], [0, 1, 0], [sp, 0, cp]])
        nod = np.array([[1, 0, 0], [0, ct, st], [0, -st, ct]])
        twist = np.array([[cr, sr, 0], [-sr, cr, 0], [0, 0, 1]])
        focal = size[1] / 2 / math.tan(math.radians(camera.field_of_view) / 2)
        return cls(np.array([0.0, camera.height, 0.0]), size, twist @ nod @ turn, focal)

    def project(self, points: Floats) -> Floats:
        """Pixel coordinates ``(..., 2)`` of points ``(..., 3)``; what lies behind the camera is drawn before it."""
        turned = (points - self.eye) @ self.axes.T
        scale = self.focal / np.maximum(turned[..., 2:], 0.05)
        pixels: Floats = turned[..., :2] * scale * (1, -1) + (self.size[0] / 2, self.size[1] / 2)
        return pixels


def paint(draw: ImageDraw, view: View, light: Light, solids: Iterable[Solid]) -> None:
    """Paints solids in their order, which is from back to front.

    No channel of what is painted is below 1, so that on a black ground it can be told from what was left bare.

    Args:
        draw: the picture; mode RGB.
        view: its plane.
        light: direction and strength.
        solids: what is painted.
    """
    parts = list(solids)
    corners = np.concatenate([s.corners for s in parts])
    colours = np.concatenate([s.colours for s in parts])
    glow = np.repeat([s.glow for s in parts], [len(s.corners) for s in parts])
    normals = _cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
    seen = np.einsum("ij,ij->i", normals, view.eye - corners[:, 0]) > 0
    corners, colours, glow, normals = corners[seen], colours[seen], glow[seen], normals[seen]
    normals /= np.sqrt(np.einsum("ij,ij->i", normals, normals))[:, None]
    brightness = light.fill * (0.85 + 0.25 * normals[:, 1]) + light.key * np.maximum(normals @ towards(light), 0.0)
    # A screen's grey levels are about the square root of light.
    tints = colours * np.sqrt(glow + (1 - glow) * brightness)[:, None]
    fills = np.clip(tints, 1, 255).astype(np.int64).tolist()
    outlines = np.clip(view.project(corners), -1e4, 1e4).reshape(-1, 8).tolist()
    for outline, fill in zip(outlines, fills, strict=True):
        draw.polygon(outline, fill=tuple(fill))


def towards(light: Light) -> Floats:
    """The unit vector ``(3,)`` that points to where the light comes from."""
    azimuth, elevation = math.radians(light.azimuth), math.radians(light.elevation)
    flat = math.cos(elevation)
    return np.array([math.sin(azimuth) * flat, math.sin(elevation), -math.cos(azimuth) * flat])


def shaded(colour: Rgb, factor: float) -> tuple[float, float, float]:
    """A colour made so many times as bright."""
    red, green, blue = colour
    return min(255.0, red * factor), min(255.0, green * factor), min(255.0, blue * factor)


def _cross(a: Floats, b: Floats) -> Floats:
    """The cross products of rows; several times as fast as :func:`numpy.cross`."""
    ax, ay, az = a.T
    bx, by, bz = b.T
    return np.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], axis=1)


def _unit(rows: Floats) -> Floats:
    length = np.maximum(np.sqrt(np.einsum("ij,ij->i", rows, rows)), 1e-9)
    unit: Floats = rows / length[:, None]
    return unit


def panel(corner: Numbers, along: Numbers, up: Numbers, colour: Rgb, *, glow: float = 0) -> Solid:
    """A flat parallelogram from a corner and two edges; it is seen from where ``along`` runs right and ``up`` up."""
    (x, y, z), (ux, uy, uz), (vx, vy, vz) = corner, along, up
    corners = [(x, y, z), (x + vx, y + vy, z + vz), (x + ux + vx, y + uy + vy, z + uz + vz), (x + ux, y + uy, z + uz)]
    return Solid(np.array([corners], dtype=float), np.array([colour], dtype=float), glow)


def slab(x: tuple[float, float], z: tuple[float, float], colour: Rgb, *, y: float = 0.0, glow: float = 0) -> Solid:
    """A rectangle lying on the ground, or at a height of ``y``."""
    return panel((x[0], y, z[0]), (x[1] - x[0], 0, 0), (0, 0, z[1] - z[0]), colour, glow=glow)


def block(centre: Numbers, size: Numbers, colour: Rgb, *, heading: float = 0.0, glow: float = 0.0) -> Solid:
    """A box.

    Args:
        centre: ``(3,)`` metres.
        size: its width, height and depth.
        colour: of all sides.
        heading: turn about the upright, degrees.
        glow: as in :class:`Solid`.
    """
    c, s = math.cos(math.radians(heading)), math.sin(math.radians(heading))
    right, up, away = (
        np.array([c, 0, s]) * size[0] / 2,
        np.array([0, size[1] / 2, 0]),
        np.array([-s, 0, c]) * size[2] / 2,
    )
    m = np.asarray(centre, dtype=float)
    faces = [(right, up, -away), (away, up, right), (-right, up, away), (-away, up, -right), (right, away, up)]
    corners = np.stack([[m + n - a - b, m + n - a + b, m + n + a + b, m + n + a - b] for a, b, n in faces])
    return Solid(corners, np.tile(np.asarray(colour, dtype=float), (len(faces), 1)), glow)


def shell(points: Floats, colours: Floats, *, glow: float = 0.0, keep: npt.NDArray[np.bool_] | None = None) -> Solid:
    """A surface over a grid of points.

    Args:
        points: ``(R, A, 3)``: rings from below to above, each counter-clockwise seen from above (front, left, back).
        colours: ``(R - 1, A - 1, 3)``.
        glow: as in :class:`Solid`.
        keep: ``(R - 1, A - 1)``: which fields there are; all by default.
    """
    corners = np.stack([points[:-1, :-1], points[1:, :-1], points[1:, 1:], points[:-1, 1:]], axis=2)
    if keep is None:
        return Solid(corners.reshape(-1, 4, 3), colours.reshape(-1, 3), glow)
    return Solid(corners[keep], colours[keep], glow)


def tube(joints: Floats, radii: Numbers, colours: Sequence[Rgb], *, eye: Floats, glow: float = 0.0) -> Solid:
    """A limb with rounded ends, bent at its joints; only its half towards ``eye``.

    Args:
        joints: ``(K, 3)``, two or more, along the limb.
        radii: at each joint, in metres.
        colours: of the pieces between, ``K - 1``.
        eye: where it is seen from.
        glow: as in :class:`Solid`.
    """
    axes = _unit(np.diff(joints, axis=0))
    along = np.concatenate([axes[:1], axes[:-1] + axes[1:], axes[-1:]])
    start = joints[0] - np.outer(_CAP[:, 0] * radii[0], axes[0])
    end = joints[-1] + np.outer(_CAP[::-1, 0] * radii[-1], axes[-1])
    cap = len(_CAP)
    centres = np.concatenate([start, joints, end])
    radius = np.concatenate([_CAP[:, 1] * radii[0], radii, _CAP[::-1, 1] * radii[-1]])
    along = np.concatenate([np.tile(axes[0], (cap, 1)), along, np.tile(axes[-1], (cap, 1))])
    side = _unit(_cross(along, eye - centres))
    front = _unit(_cross(side, along))
    angle = np.linspace(math.pi / 2, -math.pi / 2, 8)[None, :, None]
    points = centres[:, None] + radius[:, None, None] * (np.sin(angle) * side[:, None] + np.cos(angle) * front[:, None])
    pieces = np.asarray(colours, dtype=float)
    pieces = np.concatenate([np.tile(pieces[0], (cap, 1)), pieces, np.tile(pieces[-1], (cap, 1))])
    return shell(points, np.repeat(pieces[:, None], 7, axis=1), glow=glow)


def cylinder(
    x: float, z: float, rings: Sequence[tuple[float, float]], colours: Sequence[Rgb], *, glow: float = 0
) -> Solid:
    """A drum, cone or post on the ground.

    Args:
        x: place of its axis.
        z: place of its axis.
        rings: height and radius of each ring, from below to above; the last is closed by a lid.
        colours: one for each piece between two rings, and that of the lid.
        glow: as in :class:`Solid`.
    """
    angle = np.linspace(0, 2 * math.pi, 25)
    round_ = np.stack([np.sin(angle), np.zeros_like(angle), -np.cos(angle)], axis=-1)
    middle = np.array([x, 0.0, z])
    points = np.stack([middle + (0, y, 0) + r * round_ for y, r in [*rings, (rings[-1][0], 0.0)]])
    fields = np.repeat(np.asarray(colours, dtype=float)[:, None], 24, axis=1)
    return shell(points, fields, glow=glow)
