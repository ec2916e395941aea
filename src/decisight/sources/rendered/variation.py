"""How gates, workers and their pictures differ: scenes drawn by chance, the same for the same seed."""

from __future__ import annotations

import colorsys
import math
from dataclasses import replace
from typing import Literal, TypeAlias

import numpy as np

from decisight.errors import UsageError
from decisight.sources.rendered.scene import (
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

__all__ = ["Seed", "random_gate", "random_scene", "random_worker"]

Seed: TypeAlias = int | np.random.Generator
"""A whole number of 0 or more, or a generator that goes on from where it is."""

_SKINS: tuple[Colour, ...] = (
    (238, 198, 172),
    (222, 176, 146),
    (204, 156, 122),
    (178, 128, 94),
    (142, 98, 70),
    (104, 72, 54),
)
_HAIRS: tuple[Colour, ...] = ((36, 30, 28), (66, 46, 34), (104, 72, 46), (164, 128, 78), (140, 138, 136), (120, 62, 36))
_HELMETS: tuple[Colour, ...] = (
    *((238, 238, 232),) * 4,
    *((240, 200, 44),) * 4,
    (232, 122, 40),
    (46, 96, 176),
)
_HATS: tuple[Colour, ...] = (
    (52, 52, 58),
    (96, 98, 102),
    (34, 44, 78),
    (126, 40, 40),
    (222, 220, 212),
    (214, 176, 60),
    (92, 84, 60),
)
_VESTS: tuple[Colour, ...] = ((222, 236, 44), (236, 228, 36), (240, 214, 36))
_WALLS: tuple[Colour, ...] = (
    (178, 182, 184),
    (204, 204, 196),
    (150, 152, 150),
    (196, 186, 166),
    (142, 162, 182),
    (150, 176, 156),
    (182, 142, 132),
    (88, 112, 150),
    (96, 130, 104),
)
_BRICKS: tuple[Colour, ...] = ((156, 94, 76), (140, 84, 70), (172, 150, 128), (132, 130, 128))
_FLOORS: tuple[Colour, ...] = ((140, 138, 132), (158, 154, 146), (112, 112, 112), (120, 128, 122), (134, 122, 110))
_DOORS: tuple[Colour, ...] = (
    (152, 158, 162),
    (96, 130, 150),
    (168, 122, 66),
    (70, 74, 78),
    (140, 56, 50),
    (64, 104, 78),
    (206, 204, 196),
)

_BOTH: dict[str, tuple[Arm, Arm]] = {
    "hanging": (HANGING, HANGING),
    "hips": (Arm(-18, 42, 25, -38), Arm(-18, 42, 25, -38)),
    "folded": (Arm(22, 10, 70, -58), Arm(20, 12, 74, -56)),
    "raised": (Arm(0, 150, 0, 172), Arm(0, 146, 0, 168)),
    "waving": (HANGING, Arm(8, 118, 4, 166)),
    "pointing": (HANGING, Arm(84, 14, 88, 8)),
    "telephone": (Arm(24, 18, 148, -16), HANGING),
}
_BOX = Arm(22, 6, 80, -8)
_CLIPBOARD = (Arm(22, 8, 92, -18), Arm(20, 12, 84, -44))


def random_gate(seed: Seed, *, layout: Layout | None = None) -> Gate:
    """A gate drawn by chance.

    Args:
        seed: of all that is left to chance.
        layout: of the place; ``None`` for any.
    """
    rng = np.random.default_rng(seed)
    chance_layout = LAYOUTS[int(rng.integers(len(LAYOUTS)))]
    layout = layout or chance_layout
    return Gate(
        layout=layout,
        seed=int(rng.integers(2**31)),
        wall=_near(rng, _pick(rng, _BRICKS if layout == "yard" else _WALLS), 6),
        floor=_near(rng, _pick(rng, _FLOORS), 6),
        door=_near(rng, _pick(rng, _DOORS), 8),
        opening=float(rng.uniform(0.15, 0.95)),
        outside=float(rng.uniform(0.05, 1.0)),
        depth=float(rng.uniform(6.8, 8.4)),
        clutter=int(rng.integers(2, 8)),
    )


def random_worker(
    seed: Seed, *, role: str | None = None, vest: bool | None = None, helmet: bool | None = None
) -> Worker:
    """A worker drawn by chance, in clothes of their role's colour.

    Args:
        seed: of all that is left to chance.
        role: one of :data:`~decisight.sources.rendered.scene.ROLE_COLOURS`; ``None`` for any.
        vest: whether they wear the vest; ``None`` for either.
        helmet: whether they wear the hard hat; ``None`` for either.

    Raises:
        UsageError: no such role.
    """
    rng = np.random.default_rng(seed)
    roles = tuple(ROLE_COLOURS)
    chance_role, chance_gear = roles[int(rng.integers(len(roles)))], rng.random(2) < 0.5
    role = chance_role if role is None else role
    if role not in ROLE_COLOURS:
        raise UsageError(f"no uniform is known for the role {role!r}", hint=f"one of {', '.join(ROLE_COLOURS)}")
    uniform = _dyed(rng, ROLE_COLOURS[role])
    skin = int(rng.integers(len(_SKINS)))
    hairs = _HAIRS if skin < 3 else _HAIRS[:2]
    styles: tuple[Literal["bald", "short", "long"], ...] = ("short",) * 5 + ("long", "long", "bald")
    hats: tuple[Literal["none", "cap", "beanie"], ...] = (
        "none",
        "none",
        "none",
        "none",
        "none",
        "none",
        "cap",
        "beanie",
    )
    return Worker(
        role=role,
        vest=bool(chance_gear[0]) if vest is None else vest,
        helmet=bool(chance_gear[1]) if helmet is None else helmet,
        jacket=uniform,
        trousers=_scaled(uniform, rng.uniform(0.78, 1.02)),
        skin=_near(rng, _SKINS[skin], 6),
        hair=_near(rng, _pick(rng, hairs), 6),
        hair_style=styles[int(rng.integers(len(styles)))],
        beard=bool(rng.random() < 0.25),
        headwear=hats[int(rng.integers(len(hats)))],
        headwear_colour=_near(rng, _pick(rng, _HATS), 8),
        helmet_colour=_near(rng, _pick(rng, _HELMETS), 6),
        vest_colour=_near(rng, _pick(rng, _VESTS), 6),
        vest_open=bool(rng.random() < 0.3),
        boots=_near(rng, _pick(rng, ((44, 40, 38), (78, 58, 42))), 6),
        gloves=_near(rng, (82, 82, 86), 20) if rng.random() < 0.3 else None,
        bands=bool(rng.random() < 0.3),
        height=float(np.clip(rng.normal(1.75, 0.08), 1.55, 1.97)),
        build=float(np.clip(rng.normal(1.0, 0.08), 0.86, 1.22)),
    )


def random_scene(
    seed: Seed,
    *,
    role: str | None = None,
    vest: bool | None = None,
    helmet: bool | None = None,
    difficulty: float = 0.5,
    worker: Worker | None = None,
    gate: Gate | None = None,
) -> Scene:
    """A worker at a gate, drawn by chance. ``replace(scene, worker=None)`` is the same gate when it is empty.

    Args:
        seed: of all that is left to chance.
        role: the worker's; ``None`` for any.
        vest: whether the worker wears the vest; ``None`` for either.
        helmet: whether the worker wears the hard hat; ``None`` for either.
        difficulty: 0 is a bright, sharp picture of somebody near, in full view; 1 has all that goes wrong at a gate.
        worker: who it is, instead of somebody by chance; then role, vest and helmet are theirs.
        gate: where it is, instead of somewhere by chance.

    Raises:
        UsageError: no such role, or a difficulty outside 0..1.
    """
    if not 0 <= difficulty <= 1:
        raise UsageError(f"a difficulty of {difficulty} is not known", hint="it lies between 0 and 1")
    rng = np.random.default_rng(seed)
    chance_worker = random_worker(rng, role=role, vest=vest, helmet=helmet)
    chance_gate = random_gate(rng)
    worker = worker or chance_worker
    gate = gate or chance_gate
    pose = _pose(rng, difficulty)
    dark = rng.random() < 0.3 * difficulty
    camera = _camera(rng, difficulty, pose.stride, dark)
    spread = math.tan(math.radians(camera.field_of_view) / 2)
    share = 0.94 - rng.random() * (0.05 + 0.16 * difficulty)
    x = float(rng.uniform(-1, 1) * (0.1 + 0.25 * difficulty))
    z = min(worker.height / (2 * share * spread), gate.depth - 1.0)
    # Roughly at the worker's middle; one who stands farther off stands higher in the picture.
    aim = math.degrees(math.atan((camera.height - 0.9) / (0.9 * z + 0.4)))
    return Scene(
        gate=gate,
        light=_light(rng, difficulty, dark),
        camera=replace(camera, tilt=camera.tilt + aim),
        worker=worker,
        pose=pose,
        x=x,
        z=z,
        obstacle=_obstacle(rng, x, z) if rng.random() < 0.4 * difficulty else None,
    )


def _pick(rng: np.random.Generator, colours: tuple[Colour, ...]) -> Colour:
    return colours[int(rng.integers(len(colours)))]


def _near(rng: np.random.Generator, colour: Colour, spread: int) -> Colour:
    red, green, blue = (int(np.clip(v + rng.integers(-spread, spread + 1), 0, 255)) for v in colour)
    return red, green, blue


def _scaled(colour: Colour, factor: float) -> Colour:
    red, green, blue = (min(255, round(v * factor)) for v in colour)
    return red, green, blue


def _dyed(rng: np.random.Generator, colour: Colour) -> Colour:
    """Another shade of a uniform's colour: from another batch, or washed more often."""
    hue, saturation, value = colorsys.rgb_to_hsv(*(v / 255 for v in colour))
    hue = (hue + rng.uniform(-0.025, 0.025)) % 1
    saturation = min(1.0, saturation * rng.uniform(0.72, 1.08))
    value = min(1.0, value * rng.uniform(0.6, 1.25))
    red, green, blue = (round(v * 255) for v in colorsys.hsv_to_rgb(hue, saturation, value))
    return red, green, blue


def _pose(rng: np.random.Generator, difficulty: float) -> Pose:
    heading = float(rng.uniform(-1, 1) * (35 + 140 * difficulty))
    walking = rng.random() < 0.55
    stride = float(rng.uniform(0.35, 1.0)) if walking else 0.0
    look = float(np.clip(rng.normal(0, 18), -50, 50))
    phase, lean = float(rng.random()), float(rng.uniform(0, 5 + 3 * walking))
    carrying = rng.random()
    if carrying < 0.1:
        return Pose(heading, look, stride, phase, lean - 4, _BOX, _BOX, "box")
    if carrying < 0.18:
        return Pose(heading, look, stride, phase, lean, *_CLIPBOARD, "clipboard")
    names = ("hanging", "hanging", "waving", "pointing", "telephone") if walking else tuple(_BOTH)
    left, right = _BOTH[names[int(rng.integers(len(names)))]]
    if rng.random() < 0.5:
        left, right = right, left
    return Pose(heading, look, stride, phase, lean, _loose(rng, left), _loose(rng, right))


def _loose(rng: np.random.Generator, arm: Arm) -> Arm:
    swing, spread, fore_swing, fore_spread = (float(v) for v in rng.normal(0, 4, 4))
    return Arm(arm.swing + swing, arm.spread + abs(spread), arm.fore_swing + fore_swing, arm.fore_spread + fore_spread)


def _camera(rng: np.random.Generator, difficulty: float, stride: float, dark: bool) -> Camera:
    """A camera whose tilt is only its error: where it is aimed has to be added."""
    out_of_focus = rng.random() < 0.2 * difficulty
    return Camera(
        height=float(rng.uniform(1.8, 2.9)),
        tilt=float(rng.normal(0, 0.6 + difficulty)),
        pan=float(rng.normal(0, 0.5 + 1.5 * difficulty)),
        roll=float(rng.normal(0, 0.3 + 1.0 * difficulty)),
        field_of_view=float(rng.uniform(34, 42)),
        defocus=float(rng.random() * (1.0 + 2.6 * difficulty) + out_of_focus * rng.uniform(1.5, 4.5)),
        motion=float(stride * rng.random() * (4 + 22 * difficulty)),
        noise=float(1.2 + rng.random() * (1.5 + 6 * difficulty) + dark * rng.uniform(2, 8)),
        vignette=float(rng.uniform(0, 0.3 + 0.5 * difficulty)),
        quality=int(rng.integers(round(90 - 50 * difficulty), 94)),
        seed=int(rng.integers(2**31)),
    )


def _light(rng: np.random.Generator, difficulty: float, dark: bool) -> Light:
    key = float(rng.uniform(0.2, 0.85))
    backlit = rng.random() < 0.05 + 0.35 * difficulty
    exposure = rng.normal(0, 0.12 + 0.3 * difficulty) - dark * rng.uniform(0.8, 2.6)
    return Light(
        azimuth=float(rng.uniform(-80, 80)),
        elevation=float(rng.uniform(30, 80)),
        key=key,
        fill=1.12 - 0.85 * key,
        warmth=float(rng.uniform(-1, 1) * (0.15 + 0.65 * difficulty)),
        exposure=float(np.clip(exposure, -3.4, 0.8)),
        backlight=float(backlit * rng.uniform(0.2, 0.4 + 0.6 * difficulty)),
        slope=float(rng.uniform(-1, 1) * (0.2 + 0.6 * difficulty)),
    )


def _obstacle(rng: np.random.Generator, x: float, z: float) -> Obstacle:
    if rng.random() < 0.5:
        return Obstacle(
            "post", x + float(rng.choice([-1, 1]) * rng.uniform(0.08, 0.3)), z - 0.8, float(rng.uniform(0.8, 2.3))
        )
    return Obstacle(
        "barrier", float(rng.choice([-1, 1]) * rng.uniform(1.0, 1.4)), z - 0.6, float(rng.uniform(0.7, 1.1))
    )
