"""What goes wrong in front of a gate camera while time passes, and in it: smooth, in episodes, and from frame to frame.

All of it is worked out from a key and the moment alone, so that any moment can be asked in any order.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from decisight.sources.rendered.scene import Camera, Light, Obstacle

__all__ = ["Key", "episode", "troubled", "wander"]

Key: TypeAlias = tuple[int, ...]
"""Whole numbers of 0 or more that tell one sequence of chance from another."""

_STRETCH = 5.0
"""Seconds in which each kind of episode may happen once."""
_BLUR, _GLARE, _DARK, _HUNT, _SHAKE, _TINT, _PASSER = range(7)
"""The kinds of episode."""


def wander(key: Key, seconds: float, period: float) -> float:
    """A value that wanders smoothly in -1..1, with a new aim every ``period`` seconds.

    Args:
        key: of its chance.
        seconds: the moment, 0 or more.
        period: in seconds.
    """
    stretch, share = divmod(seconds / period, 1.0)
    one, other = (float(np.random.default_rng([*key, int(stretch) + i]).uniform(-1, 1)) for i in (0, 1))
    return one + (other - one) * (0.5 - 0.5 * math.cos(math.pi * share))


def episode(key: Key, seconds: float, chance: float, length: tuple[float, float]) -> tuple[float, int] | None:
    """How far an episode has gone, 0..1, and a number that only this one has; ``None`` where there is none.

    In every stretch of five seconds there may be one, whole.

    Args:
        key: of its chance.
        seconds: the moment, 0 or more.
        chance: that there is one in a stretch, 0..1.
        length: the shortest and the longest, in seconds, below five.
    """
    stretch = int(seconds // _STRETCH)
    rng = np.random.default_rng([*key, stretch])
    there, length_share, start_share = rng.random(3).tolist()
    lasts = length[0] + (length[1] - length[0]) * length_share
    share = (seconds - stretch * _STRETCH - start_share * (_STRETCH - lasts)) / lasts
    return (share, int(rng.integers(2**31))) if there < chance and 0 <= share < 1 else None


def troubled(
    camera: Camera, light: Light, key: Key, seconds: float, *, speed: float = 0.0, strength: float = 1.0
) -> tuple[Camera, Light, Obstacle | None]:
    """Camera and light as they are at a moment, and what passes close to the lens.

    Args:
        camera: as it hangs there.
        light: as it is most of the time.
        key: of all chance.
        seconds: the moment, 0 or more.
        speed: of who walks there, metres a second.
        strength: 0 is a camera without faults, apart from a little noise; 1 is one that errs, as cheap ones do.
    """
    frame = np.random.default_rng([*key, 0, round(seconds * 1000)])
    jitter = frame.normal(0, 1, 4).tolist()
    glitch, packed, seed = frame.random(), frame.random(), int(frame.integers(2**31))

    def swell(kind: int, chance: float, length: tuple[float, float]) -> float:
        found = episode((*key, 1, kind), seconds, chance * strength, length)
        # Up at once, and down again: half of a sine, with a flat top.
        return min(1.0, 1.6 * math.sin(math.pi * found[0])) if found else 0.0

    def drift(kind: int, period: float) -> float:
        return strength * wander((*key, 2, kind), seconds, period)

    shake = swell(_SHAKE, 0.25, (0.4, 1.2))
    hunting = swell(_HUNT, 0.25, (1.0, 2.2)) * math.sin(2 * math.pi * seconds / 0.9)
    stops = 0.3 * drift(0, 4.0) + 0.7 * hunting + strength * 0.05 * jitter[0]
    stops += 4.0 * swell(_GLARE, 0.45, (0.15, 0.6)) - 4.2 * swell(_DARK, 0.45, (0.15, 0.6))
    # The white balance takes a door that opens, or somebody's coat, for another light.
    tint = 1.3 * swell(_TINT, 0.45, (0.3, 1.2)) * math.sin(2 * math.pi * seconds / 0.7)
    quality, grain = 66 + 16 * drift(1, 3.0), 3.5 + 2.5 * drift(3, 7.0) + 0.5 * abs(jitter[3])
    if glitch < 0.06 * strength:  # the link was short of room: one picture comes through badly
        quality = 1 + 6 * packed
    elif glitch < 0.12 * strength:  # something switched on nearby, and the line picked it up
        grain = 40 + 60 * packed
    blur = 0.8 + 0.6 * wander((*key, 2, 2), seconds, 5.0)
    hurt = replace(
        camera,
        pan=camera.pan + 0.7 * shake * jitter[1],
        tilt=camera.tilt + 0.5 * shake * jitter[2],
        defocus=1.0 + strength * blur + 22 * swell(_BLUR, 0.5, (0.25, 0.9)),
        motion=strength * speed * 11 + 10 * shake,
        noise=1.5 + strength * grain,
        quality=round(quality),
        seed=seed,
    )
    lit = replace(
        light,
        exposure=light.exposure + stops,
        warmth=light.warmth + 0.15 * drift(4, 6.0) + tint,
        backlight=max(0.0, light.backlight + 0.15 * drift(5, 5.0)),
    )
    return hurt, lit, _passer(camera, (*key, 1, _PASSER), seconds, 0.4 * strength)


def _passer(camera: Camera, key: Key, seconds: float, chance: float) -> Obstacle | None:
    """The upright of a hand truck that is pushed past close to the lens, and hides for a few frames who is there."""
    found = episode(key, seconds, chance, (0.8, 1.6))
    if found is None:
        return None
    share, number = found
    rng = np.random.default_rng([*key, number])
    z, direction = float(rng.uniform(0.8, 1.3)), 1 if rng.random() < 0.5 else -1
    # Slower in the middle, where it is steered through.
    along = 2 * share - 1
    return Obstacle("post", direction * (0.35 * along + 0.65 * along**3) * (0.35 * z + 0.1), z, camera.height + 0.6)
