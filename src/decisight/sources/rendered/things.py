"""What stands at a gate: posts and barriers, racks, and the clutter beside the way."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from decisight.sources.rendered.scene import Colour, Gate, Obstacle
from decisight.sources.rendered.solids import Solid, block, cylinder, panel, shaded

__all__ = ["BLACK", "HAZARD", "PAINTS", "barred", "clutter", "racks", "striped_post"]

BLACK: Colour = (34, 33, 32)
"""Of stripes and wheels."""

HAZARD: Colour = (232, 190, 38)
"""The yellow of stripes."""

PAINTS: tuple[Colour, ...] = ((40, 84, 150), (168, 46, 40), (54, 120, 76), (70, 72, 76), (216, 170, 44))
"""Of drums, carts and wall stripes; some come near to a uniform or a vest."""

_CRATES: tuple[Colour, ...] = (
    (168, 132, 92),
    (182, 150, 110),
    (60, 96, 150),
    (150, 62, 54),
    (84, 128, 92),
    (150, 152, 150),
)

Maker: TypeAlias = Callable[[np.random.Generator, float, float], list[Solid]]


def striped_post(x: float, z: float, wide: float, high: float, *, striped: float) -> list[Solid]:
    """An upright of a square section, with slanting black and yellow stripes up to a height.

    Args:
        x: place of its axis.
        z: place of its axis.
        wide: its side.
        high: its height.
        striped: height that the stripes reach.
    """
    left, front, top = x - wide / 2, z - wide / 2 - 0.002, min(striped, high)
    solids = [
        block((x, high / 2, z), (wide, high, wide), HAZARD if striped >= high else (128, 130, 132)),
        panel((left, 0, front), (wide, 0, 0), (0, top, 0), HAZARD),
    ]
    slanted = np.arange(0, top - wide - 0.11, 0.22)
    return solids + [panel((left, y, front), (wide, wide, 0), (0, 0.11, 0), BLACK) for y in slanted]


def barred(obstacle: Obstacle) -> list[Solid]:
    """The solids of something that hides a part of a worker."""
    x, y, z = obstacle.x, obstacle.y, obstacle.z
    if obstacle.kind == "post":
        return striped_post(x, z, 0.11, y, striped=y)
    way = -1 if x > 0 else 1
    bars = [
        block((x + way * (0.17 + 0.34 * i), y, z), (0.345, 0.085, 0.05), (196, 44, 40) if i % 2 else (232, 232, 228))
        for i in range(9)
    ]
    return [block((x, y / 2, z), (0.16, y, 0.16), (96, 98, 100)), *bars]


def racks(rng: np.random.Generator) -> list[tuple[float, list[Solid]]]:
    """Two bays of a pallet rack on either side, each with its distance from the camera."""
    return [(z, _rack(rng, 2.0 * side, z)) for z in (4.2, 5.65) for side in (-1, 1)]


def _rack(rng: np.random.Generator, x: float, z: float) -> list[Solid]:
    wide, deep = 1.0, 1.35

    def uprights(along: float) -> list[Solid]:
        return [block((x + edge, 2.0, z + along), (0.07, 4.0, 0.07), (44, 70, 122)) for edge in (-wide / 2, wide / 2)]

    solids = uprights(deep / 2)
    for y in (0.1, 1.45, 2.8):
        colour, tall = _CRATES[int(rng.integers(len(_CRATES)))], rng.uniform(0.5, 1.05)
        solids.append(block((x, y, z), (wide, 0.1, deep), (206, 104, 40)))
        solids.append(block((x, y + 0.05 + tall / 2, z), (wide * 0.85, tall, deep * 0.8), colour))
    return solids + uprights(-deep / 2)


def clutter(gate: Gate, rng: np.random.Generator, half: float) -> list[tuple[float, list[Solid]]]:
    """Things beside a way so many metres wide to each side, each with its distance from the camera."""
    makers: tuple[Maker, ...] = (_pallet, _drum, _drum, _cart, _cone, _cabinet, _extinguisher)
    outer = 1.55 if gate.layout == "corridor" else 2.1
    found = []
    near, far = 3.6, gate.depth - 0.6
    for i in range(gate.clutter):
        side = -1 if i % 2 else 1
        # Each has its own stretch of the way, so that no two stand in one place.
        step = (far - near) / ((gate.clutter + 1) // 2)
        x, z = side * rng.uniform(min(half, 1.2) + 0.25, outer), near + step * (i // 2 + rng.uniform(0.2, 0.8))
        found.append((z, makers[int(rng.integers(len(makers)))](rng, x, z)))
    return found


def _pallet(rng: np.random.Generator, x: float, z: float) -> list[Solid]:
    turn = rng.uniform(-14, 14)
    wood = shaded((176, 140, 98), rng.uniform(0.8, 1.1))
    x += math.copysign(0.3, x)
    solids = [
        block((x, y, z), (0.9, 0.1, 0.7), shaded(wood, tint), heading=turn) for y, tint in ((0.06, 1.0), (0.19, 0.9))
    ]
    if rng.random() < 0.75:
        tall = rng.uniform(0.35, 0.9)
        colour = _CRATES[int(rng.integers(len(_CRATES)))]
        solids.append(block((x, 0.25 + tall / 2, z), (0.8, tall, 0.62), colour, heading=turn))
        solids.append(block((x, 0.25 + tall / 2, z), (0.81, 0.05, 0.63), shaded(colour, 0.75), heading=turn))
    return solids


def _drum(rng: np.random.Generator, x: float, z: float) -> list[Solid]:
    colour = shaded(PAINTS[int(rng.integers(len(PAINTS)))], rng.uniform(0.8, 1.15))
    dark, lid = shaded(colour, 0.8), shaded(colour, 0.9)
    rings = [(0.0, 0.29), (0.28, 0.29), (0.31, 0.305), (0.57, 0.305), (0.60, 0.29), (0.86, 0.29), (0.88, 0.3)]
    return [cylinder(x, z, rings, [colour, dark, colour, dark, colour, dark, lid])]


def _cart(rng: np.random.Generator, x: float, z: float) -> list[Solid]:
    paint, load = PAINTS[int(rng.integers(len(PAINTS)))], _CRATES[int(rng.integers(len(_CRATES)))]
    turn = rng.uniform(-25, 25)
    corners = [(x + right, z + away) for right in (-0.25, 0.25) for away in (0.2, -0.2)]
    return [
        *(cylinder(*corner, [(0, 0.06), (0.16, 0.06)], [BLACK, BLACK]) for corner in corners),
        block((x, 0.22, z), (0.62, 0.09, 0.5), paint, heading=turn),
        block((x, 0.46, z), (0.46, 0.36, 0.38), load, heading=turn),
        block((x + math.copysign(0.3, x), 0.62, z), (0.04, 0.8, 0.44), (70, 72, 76), heading=turn),
    ]


def _cone(rng: np.random.Generator, x: float, z: float) -> list[Solid]:
    orange, white = (232, 104, 40), (234, 232, 226)
    x += rng.uniform(-0.15, 0.15)
    rings = [(0.03, 0.15), (0.22, 0.105), (0.36, 0.07), (0.5, 0.04)]
    return [block((x, 0.015, z), (0.36, 0.03, 0.36), orange), cylinder(x, z, rings, [orange, white, orange, orange])]


def _cabinet(rng: np.random.Generator, x: float, z: float) -> list[Solid]:
    grey = shaded((168, 174, 176), rng.uniform(0.75, 1.05))
    x += math.copysign(0.2, x)
    front = z - 0.205
    return [
        block((x, 0.8, z), (0.6, 1.6, 0.4), grey),
        panel((x - 0.22, 1.25, front), (0.2, 0, 0), (0, 0.14, 0), (46, 58, 62)),
        panel((x + 0.05, 1.28, front), (0.05, 0, 0), (0, 0.05, 0), (190, 52, 44)),
        panel((x + 0.14, 1.28, front), (0.05, 0, 0), (0, 0.05, 0), (60, 150, 84)),
    ]


def _extinguisher(rng: np.random.Generator, x: float, z: float) -> list[Solid]:
    red = shaded((190, 36, 34), rng.uniform(0.85, 1.1))
    rings = [(0.45, 0.085), (0.85, 0.085), (0.93, 0.035), (1.0, 0.03)]
    return [
        block((x, 0.6, z + 0.12), (0.08, 1.2, 0.06), (120, 122, 124)),
        cylinder(x, z, rings, [red, red, BLACK, BLACK]),
    ]
