"""The place: wall, doorway, floor and frame, as solids from back to front."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType

import numpy as np

from decisight.sources.rendered.scene import Colour, Gate
from decisight.sources.rendered.solids import Floats, Rgb, Solid, block, panel, shaded, slab
from decisight.sources.rendered.things import BLACK, HAZARD, PAINTS, clutter, racks, striped_post

__all__ = ["Surroundings", "furnished"]

_HALF = 9.0
_HIGH = 6.0
# How high the yard or hall behind the door reaches on its wall, seen from a camera at head height or above.
_HORIZON = 0.9


@dataclass(frozen=True, slots=True, eq=False)
class Surroundings:
    """What a gate is made of.

    Args:
        behind: wall, door and floor, from back to front.
        standing: distance from the camera (``z``) and solids of each thing that stands about, farthest first.
        doorway: the four corners ``(4, 3)`` of what is open, from the lower left clockwise.
    """

    behind: list[Solid]
    standing: list[tuple[float, list[Solid]]]
    doorway: Floats


@dataclass(frozen=True, slots=True)
class _Door:
    half: float
    high: float
    z: float


def furnished(gate: Gate) -> Surroundings:
    """Builds a gate; the same one for the same values."""
    rng = np.random.default_rng([gate.seed, 11])
    half, high = (0.95, 2.3) if gate.layout == "corridor" else (rng.uniform(1.15, 1.5), rng.uniform(2.5, 3.0))
    door = _Door(half, high, gate.depth - 0.01)
    wall = _bricks(gate, rng) if gate.layout == "yard" else _panelling(gate, rng)
    behind = wall + _beyond(gate, rng, door) + _leaves(gate, door) + _floor(gate, rng, half)
    if gate.layout == "corridor":
        behind += _side_walls(gate, rng)
    standing = [(gate.depth - 0.1, _frame(gate, door)), *clutter(gate, rng, half)]
    if gate.layout == "store":
        standing += racks(rng)
    standing.sort(key=lambda item: -item[0])
    return Surroundings(behind, standing, _way_out(gate, door))


def _bricks(gate: Gate, rng: np.random.Generator) -> list[Solid]:
    z = gate.depth
    mortar = panel((-_HALF, 0, z), (2 * _HALF, 0, 0), (0, _HIGH, 0), shaded(gate.wall, 1.1))
    row, column = (n.ravel() for n in np.meshgrid(np.arange(26), np.arange(17), indexing="ij"))
    corner = np.stack([-3.4 + 0.4 * column + 0.2 * (row % 2), 0.2 * row, np.full(row.shape, z)], axis=1)
    outline = np.array([(0.01, 0.01, 0), (0.01, 0.19, 0), (0.39, 0.19, 0), (0.39, 0.01, 0)])
    tints = np.minimum(rng.uniform(0.84, 1.08, (len(row), 1)) * np.array(gate.wall), 255)
    return [mortar, Solid(corner[:, None] + outline, tints)]


def _panelling(gate: Gate, rng: np.random.Generator) -> list[Solid]:
    z = gate.depth
    solids = [panel((-_HALF, 0, z), (2 * _HALF, 0, 0), (0, _HIGH, 0), gate.wall)]
    if rng.random() < 0.6:
        dado, tint = rng.uniform(1.0, 1.5), rng.uniform(0.62, 0.85)
        solids.append(panel((-_HALF, 0, z), (2 * _HALF, 0, 0), (0, dado, 0), shaded(gate.wall, tint)))
        solids.append(panel((-_HALF, dado, z), (2 * _HALF, 0, 0), (0, 0.05, 0), shaded(gate.wall, 0.5)))
    pitch = rng.uniform(0.5, 1.1) if gate.layout == "hall" else rng.uniform(1.0, 1.6)
    for x in np.arange(-3.6, 3.6, pitch):
        solids.append(panel((x, 0, z), (0.025, 0, 0), (0, _HIGH, 0), shaded(gate.wall, 0.8)))
        solids.append(panel((x + 0.025, 0, z), (0.02, 0, 0), (0, _HIGH, 0), shaded(gate.wall, 1.08)))
    pipe = (0, rng.uniform(3.0, 3.6), z - 0.08)
    return [*solids, block(pipe, (2 * _HALF, 0.09, 0.09), shaded(gate.wall, 0.75))]


def _side_walls(gate: Gate, rng: np.random.Generator) -> list[Solid]:
    reach = rng.uniform(1.75, 2.1)
    near, far = 0.5, gate.depth
    stripe = PAINTS[int(rng.integers(len(PAINTS)))]
    solids = []
    for low, high, offset, colour in (
        (0, _HIGH, 0.0, shaded(gate.wall, 0.93)),
        (0.95, 1.13, 0.01, stripe),
        (0, 0.12, 0.01, shaded(gate.wall, 0.5)),
    ):
        up = (0, high - low, 0)
        solids.append(panel((-reach + offset, low, near), (0, 0, far - near), up, colour))
        solids.append(panel((reach - offset, low, far), (0, 0, near - far), up, colour))
    return solids


def _way_out(gate: Gate, door: _Door) -> Floats:
    left, right, top = -door.half, door.half, door.high
    if gate.layout == "corridor":
        left, right = 0.0, door.half * gate.opening
    elif gate.layout == "yard":
        left = door.half * (1 - 2 * gate.opening)
    else:
        top = door.high * gate.opening
    z = gate.depth
    return np.array([(left, 0, z), (left, top, z), (right, top, z), (right, 0, z)], dtype=float)


def _beyond(gate: Gate, rng: np.random.Generator, door: _Door) -> list[Solid]:
    """What is seen through the open door: a yard by day, a dim hall otherwise."""
    day, half, z = gate.outside, door.half, door.z
    across = (2 * half, 0, 0)
    sky = _mixed((44, 46, 52), (214, 224, 236), day)
    ground = _mixed((40, 39, 38), (176, 172, 164), day)
    step = (door.high - _HORIZON) / 10
    solids = []
    for i in range(10):
        tint = shaded(sky, 1.06 - 0.012 * i * (1 + day))
        solids.append(panel((-half, _HORIZON + step * i, z), across, (0, step + 0.01, 0), tint, glow=0.7))
    for i in range(6):
        tint = shaded(ground, 0.92 + 0.02 * i)
        solids.append(panel((-half, _HORIZON / 6 * i, z), across, (0, 0.16, 0), tint, glow=0.6))
    x = -half
    while x < half:
        wide, tall = min(rng.uniform(0.35, 0.9), half - x), rng.uniform(0.3, 1.0)
        haze = shaded((132, 140, 150), rng.uniform(0.82, 1.12) * (0.25 + 0.7 * day))
        solids.append(panel((x, _HORIZON, z), (wide, 0, 0), (0, tall, 0), haze, glow=0.6))
        x += wide
    return solids


def _mixed(one: Colour, other: Colour, share: float) -> tuple[float, float, float]:
    red, green, blue = (a + (b - a) * share for a, b in zip(one, other, strict=True))
    return red, green, blue


def _leaves(gate: Gate, door: _Door) -> list[Solid]:
    """What closes the doorway, so far as it does."""
    if gate.layout == "corridor":
        return _swing_doors(gate, door)
    if gate.layout == "yard":
        return _sliding_gate(gate, door)
    return _roller_door(gate, door)


def _roller_door(gate: Gate, door: _Door) -> list[Solid]:
    across = (2 * door.half, 0, 0)
    lower = door.high * gate.opening
    slats = max(1, round((door.high - lower) / 0.14))
    step = (door.high - lower) / slats
    solids = []
    for i in range(slats):
        corner = (-door.half, lower + step * i, door.z)
        solids.append(panel(corner, across, (0, step, 0), gate.door))
        solids.append(panel(corner, across, (0, step * 0.3, 0), shaded(gate.door, 0.82)))
    solids.append(panel((-door.half, lower, door.z), across, (0, 0.09, 0), HAZARD))
    box = (0, door.high + 0.16, door.z - 0.14)
    return [*solids, block(box, (2 * door.half + 0.3, 0.34, 0.3), shaded(gate.door, 0.8))]


def _swing_doors(gate: Gate, door: _Door) -> list[Solid]:
    """Two leaves with windows, of which the right one opens."""
    half, high, z = door.half, door.high, door.z
    solids = []
    for side, shut in ((-1, 1.0), (1, 1.0 - gate.opening)):
        wide = (half - 0.02) * max(shut, 0.12)
        x = -half if side < 0 else half - wide
        solids.append(panel((x, 0, z), (wide, 0, 0), (0, high, 0), gate.door))
        solids.append(panel((x, 0, z), (wide, 0, 0), (0, 0.3, 0), shaded(gate.door, 0.72)))
        if wide > 0.5:
            pane = shaded((150, 170, 182), 0.45 + 0.6 * gate.outside)
            left = x + wide / 2 - 0.17
            solids.append(panel((left - 0.03, 1.25, z), (0.40, 0, 0), (0, 0.66, 0), shaded(gate.door, 0.6)))
            solids.append(panel((left, 1.28, z), (0.34, 0, 0), (0, 0.60, 0), pane, glow=0.5))
            solids.append(panel((left + 0.04, 1.28, z), (0.08, 0, 0), (0.08, 0.60, 0), shaded(pane, 1.12), glow=0.5))
        handle = x + wide - 0.12 if side < 0 else x + 0.06
        solids.append(panel((handle, 0.95, z), (0.05, 0, 0), (0, 0.22, 0), (52, 54, 58)))
    return solids


def _sliding_gate(gate: Gate, door: _Door) -> list[Solid]:
    """A steel gate of bars, pushed aside as far as it is open."""
    half, tall, z = door.half, 0.8 * door.high, door.z
    wide = 2 * half * (1 - gate.opening)
    bars = [
        panel((x, 0.1, z), (0.035, 0, 0), (0, tall - 0.1, 0), gate.door) for x in np.arange(-half, wide - half, 0.13)
    ]
    rails = (0.1, tall / 2, tall - 0.08)
    return bars + [panel((-half, y, z), (wide, 0, 0), (0, 0.08, 0), shaded(gate.door, 0.9)) for y in rails]


def _floor(gate: Gate, rng: np.random.Generator, half: float) -> list[Solid]:
    far, all_over = gate.depth, (-_HALF, _HALF)
    # Strips, for the ground to fade towards the wall.
    strips = pairwise(np.linspace(0.3, far, 15).tolist())
    solids = [slab(all_over, (near, end), shaded(gate.floor, 1.05 - 0.12 * near / far)) for near, end in strips]
    joint, pitch = shaded(gate.floor, 0.84), rng.uniform(1.2, 2.4)
    solids += [slab(all_over, (z, z + 0.025), joint) for z in np.arange(rng.uniform(0.4, 1.4), far, pitch)]
    solids += [slab((x, x + 0.02), (0.3, far), joint) for x in np.arange(-4.0 + rng.uniform(0, pitch), 4.0, pitch)]
    if rng.random() < 0.75:
        paint = HAZARD if rng.random() < 0.7 else (222, 222, 216)
        solids += [slab((x, x + 0.1), (0.3, far - 0.05), paint) for x in (-half - 0.02, half - 0.08)]
    if rng.random() < 0.5:
        near = far - rng.uniform(0.9, 1.5)
        for i, x in enumerate(np.arange(-half, half - 0.1, 0.28)):
            solids.append(slab((x, min(x + 0.28, half)), (near, near + 0.28), BLACK if i % 2 else HAZARD))
    return solids


def _frame(gate: Gate, door: _Door) -> list[Solid]:
    """The posts beside the door, its lintel and its signs."""
    rng = np.random.default_rng([gate.seed, 12])
    half, high, z = door.half, door.high, gate.depth
    if gate.layout == "corridor":
        trim = shaded(gate.door, 0.6)
        posts = [block((x, high / 2, z - 0.04), (0.1, high, 0.08), trim) for x in (-half - 0.05, half + 0.05)]
        solids = [*posts, block((0, high + 0.05, z - 0.04), (2 * half + 0.2, 0.1, 0.08), trim)]
    else:
        full = high + 0.1
        solids = []
        for x in (-half - 0.12, half + 0.12):
            solids += striped_post(x, z - 0.15, 0.2, full, striped=1.2 if rng.random() < 0.5 else full)
    sign = high + (0.42 if gate.layout == "corridor" else 0.66)
    solids += _number_plate(rng, sign, z - 0.16)
    if rng.random() < 0.7:
        side = -1 if rng.random() < 0.5 else 1
        solids += _helmet_sign(side * (half + 0.55), rng.uniform(1.5, 1.9), z - 0.02)
    return solids


# The seven bars of a numeral: top, upper left, upper right, middle, lower left, lower right, bottom.
_BARS: Mapping[int, str] = MappingProxyType(
    {1: "0010010", 2: "1011101", 3: "1011011", 4: "0111010", 5: "1101011", 6: "1101111", 7: "1010010", 8: "1111111"}
)


def _number_plate(rng: np.random.Generator, y: float, z: float) -> list[Solid]:
    plate = ((36, 92, 150), (40, 112, 72), (60, 62, 66), (226, 226, 220))[int(rng.integers(4))]
    ink = (40, 42, 46) if sum(plate) > 500 else (236, 236, 232)
    wide, high, thick = 0.13, 0.22, 0.035
    flat, upright = (wide, 0.0, 0.0), (thick, 0.0, 0.0)
    low, tall = (0.0, thick, 0.0), (0.0, high / 2, 0.0)
    bars = [
        (0, high - thick, flat, low),
        (0, high / 2, upright, tall),
        (wide - thick, high / 2, upright, tall),
        (0, (high - thick) / 2, flat, low),
        (0, 0, upright, tall),
        (wide - thick, 0, upright, tall),
        (0, 0, flat, low),
    ]
    solids = [
        panel((-0.5, y - 0.17, z), (1.0, 0, 0), (0, 0.34, 0), plate),
        panel((-0.38, y - 0.03, z - 0.01), (0.42, 0, 0), (0, 0.07, 0), ink),
    ]
    for (right, up, along, upwards), bar in zip(bars, _BARS[int(rng.integers(1, 9))], strict=True):
        if bar == "1":
            solids.append(panel((0.22 + right, y - 0.11 + up, z - 0.01), along, upwards, ink))
    return solids


def _helmet_sign(x: float, y: float, z: float) -> list[Solid]:
    """The blue "wear head protection" sign (M014 of ISO 7010), simplified."""
    blue, white = (32, 84, 160), (236, 238, 240)
    return [
        _disc(x, y, z, 0.21, blue),
        _disc(x, y - 0.03, z - 0.004, 0.085, white),
        _disc(x, y + 0.02, z - 0.006, 0.115, white, turn=math.pi),
        panel((x - 0.14, y + 0.005, z - 0.008), (0.28, 0, 0), (0, 0.025, 0), blue),
    ]


def _disc(x: float, y: float, z: float, radius: float, colour: Rgb, *, turn: float = 2 * math.pi) -> Solid:
    """A disc that faces the camera, or its upper half for a turn of pi."""
    angle = np.linspace(0, turn, 21)
    rim = np.stack([x + radius * np.cos(angle), y + radius * np.sin(angle), np.full_like(angle, z)], axis=-1)
    middle = np.broadcast_to([x, y, z], rim[:-1].shape)
    corners = np.stack([middle, middle, rim[1:], rim[:-1]], axis=1)
    return Solid(corners, np.tile(np.asarray(colour, dtype=float), (20, 1)))
