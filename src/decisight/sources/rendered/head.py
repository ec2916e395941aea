"""The worker's head: face, hair, and what is worn on it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from decisight.sources.rendered.scene import Colour, Worker
from decisight.sources.rendered.solids import Floats, Rgb, Solid, shaded, shell, tube

__all__ = ["head"]

_UP = np.array([0.0, 1.0, 0.0])


def head(worker: Worker, middle: Floats, neck: Floats, facing: float, *, eye: Floats) -> list[Solid]:
    """The head, as solids from back to front.

    Args:
        worker: whose it is.
        middle: ``(3,)``, where it is.
        neck: ``(3,)``, where the neck comes out of the collar.
        facing: the heading of the face, degrees.
        eye: ``(3,)``, where the camera is.
    """
    tall, turn = worker.height, math.radians(facing)
    forward = np.array([math.sin(turn), 0.0, -math.cos(turn)])
    left = np.array([math.cos(turn), 0.0, math.sin(turn)])
    throat = np.stack([neck, middle - 0.03 * tall * _UP])
    frame = _Frame(middle, forward, left, tall)
    solids = [tube(throat, (0.032 * tall, 0.030 * tall), [shaded(worker.skin, 0.88)], eye=eye), *_face(worker, frame)]
    if worker.helmet:
        solids += _hard_hat(worker.helmet_colour, frame)
    elif worker.headwear != "none":
        solids += _soft_hat(worker, frame)
    return solids


@dataclass(frozen=True, slots=True, eq=False)
class _Frame:
    """Where the head is and which way it looks."""

    middle: Floats
    forward: Floats
    left: Floats
    tall: float

    def dome(self, elevation: Floats, azimuth: Floats, wide: float = 1.0, high: float = 1.0) -> Floats:
        """Points ``(E, A, 3)`` of the head, or of a hat so much wider and higher, at angles in radians.

        ``elevation`` is above the middle of the head, ``azimuth`` from the face leftwards.
        """
        e, a = elevation[:, None, None], azimuth[None, :, None]
        jaw = 1 - 0.2 * np.maximum(-np.sin(e), 0) ** 2
        flat = np.cos(e) ** 0.8 * wide * jaw
        out = 0.049 * flat * np.sin(a) * self.left + 0.059 * flat * np.cos(a) * self.forward
        points: Floats = self.middle + self.tall * (out + 0.070 * high * np.sin(e) * _UP)
        return points

    def patch(self, azimuth: tuple[float, float], elevation: tuple[float, float], colour: Rgb) -> Solid:
        """A feature painted on the head."""
        points = self.dome(np.array(elevation), np.array(azimuth), 1.02, 1.02)
        return shell(points, np.asarray(colour, dtype=float).reshape(1, 1, 3))


def _face(worker: Worker, frame: _Frame) -> list[Solid]:
    elevation = np.radians(np.linspace(-86, 88, 15))
    azimuth = np.linspace(-math.pi, math.pi, 33)
    points = frame.dome(elevation, azimuth)
    e = np.degrees(elevation[:-1] + elevation[1:])[:, None] / 2
    a = np.abs(np.degrees(azimuth[:-1] + azimuth[1:]))[None] / 2
    colours = np.empty((14, 32, 3))
    colours[:] = worker.skin
    if worker.hair_style != "bald":
        back = 60 if worker.hair_style == "long" else 28
        colours[(e > 42 + 0 * a) | ((a > 72) & (e > -8)) | ((a > 100) & (e > -back))] = worker.hair
    if worker.beard:
        colours[(e < -22) & (a < 78) & ~((np.abs(e + 30) < 7) & (a < 16))] = shaded(worker.hair, 1.1)
    solids = [shell(points, colours)]
    dark, lip, brow = (40, 32, 30), np.asarray(worker.skin) * (0.82, 0.62, 0.6), shaded(worker.hair, 0.8)
    for side in (-1, 1):
        near, far = sorted((side * 0.22, side * 0.56))
        solids.append(frame.patch((near, far), (0.30, 0.38), brow))
        near, far = sorted((side * 0.28, side * 0.50))
        solids.append(frame.patch((near, far), (0.03, 0.15), dark))
    solids.append(frame.patch((-0.30, 0.30), (-0.62, -0.54), lip))
    solids.append(frame.patch((-0.15, 0.15), (-0.26, -0.16), shaded(worker.skin, 0.8)))
    solids.append(frame.patch((-0.07, 0.07), (-0.16, 0.12), shaded(worker.skin, 1.07)))
    return solids


def _hard_hat(colour: Colour, frame: _Frame) -> list[Solid]:
    azimuth = np.linspace(-math.pi, math.pi, 41)
    reach = 1.54 + 0.34 * np.maximum(np.cos(azimuth), 0) ** 3
    brim = frame.dome(np.array([0.24]), azimuth, 1.0)[0]
    middle = brim.mean(axis=0)
    outer = middle + (brim - middle) * reach[:, None]
    edge = shell(np.stack([outer - 0.012 * _UP, outer]), np.tile(shaded(colour, 0.86), (1, 40, 1)))
    inner = middle + 0.012 * _UP + (brim - middle) * 1.2
    top = shell(np.stack([outer, inner]), np.tile(shaded(colour, 0.97), (1, 40, 1)))
    elevation = np.radians(np.array([12, 22, 34, 46, 58, 70, 80, 88]))
    fields = np.empty((7, 40, 3))
    fields[:] = colour
    ridge = np.abs(azimuth[:-1] + azimuth[1:]) / 2
    fields[:, (ridge < 0.24) | (ridge > math.pi - 0.24)] = shaded(colour, 1.1)
    fields[0] *= 0.84
    crown = shell(frame.dome(elevation, azimuth, 1.3, 1.2), fields, glow=0.08)
    return [edge, top, crown]


def _soft_hat(worker: Worker, frame: _Frame) -> list[Solid]:
    azimuth = np.linspace(-math.pi, math.pi, 33)
    low = 14 if worker.headwear == "cap" else 8
    elevation = np.radians(np.array([low, low + 14, 40, 55, 70, 80, 88]))
    fields = np.empty((6, 32, 3))
    fields[:] = worker.headwear_colour
    if worker.headwear == "beanie":
        fields[0] *= 0.8
        return [shell(frame.dome(elevation, azimuth, 1.09, 1.1), fields)]
    front = np.linspace(-1.0, 1.0, 13)
    root = frame.dome(np.array([math.radians(low + 4)]), front, 1.05)[0]
    peak = root + 0.042 * frame.tall * np.cos(front)[:, None] ** 0.5 * frame.forward - 0.006 * frame.tall * _UP
    visor = shell(np.stack([peak, root]), np.tile(shaded(worker.headwear_colour, 0.78), (1, 12, 1)))
    return [shell(frame.dome(elevation, azimuth, 1.06, 1.06), fields), visor]
