"""A worker's visit to the gate: in from one side, a few seconds about the middle of the picture, and out again."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from decisight.sources.rendered.scene import HANGING, Arm, Camera, Gate, Pose, Worker
from decisight.sources.rendered.solids import Floats, View
from decisight.sources.rendered.trouble import Key
from decisight.sources.rendered.variation import random_scene

__all__ = ["Place", "Visit", "planned"]

_MIDDLE = 0.9
"""Metres above the ground of the point of the body that has to be inside."""
_BEYOND = 1.0
"""Seconds of the way outside the region, before it is entered and after it is left: out of the picture by then."""
_SOFT = np.linspace(-0.2, 0.2, 9)
"""Seconds over which the way is averaged, so that nobody starts, stops or turns at once."""
_CYCLE = 1.4
"""Metres that two steps make."""
_FAST = 1.5
"""Metres a second of a full stride."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where visits take place.

    Args:
        gate: the place.
        camera: as it hangs there.
        depth: metres from the camera at which the nearest walk.
        shape: width by height of the picture.
        left: border of what is looked at, 0..1 of the picture's width.
        right: the other one.
    """

    gate: Gate
    camera: Camera
    depth: float
    shape: float
    left: float
    right: float

    def border(self, side: int, z: float) -> float:
        """Where, in metres, a body's middle at a depth stands on the border.

        Args:
            side: -1 for the left one, 1 for the right one.
            z: the depth in metres.
        """
        view = View.of(self.camera, (round(1000 * self.shape), 1000))
        target = ((self.left if side < 0 else self.right) - 0.5) * view.size[0] / view.focal
        # The one x whose point is projected there: a point's column is a ratio of two straight lines in x.
        row = view.axes[0] - target * view.axes[2]
        return float(-(row[1] * (_MIDDLE - view.eye[1]) + row[2] * z) / row[0])


@dataclass(frozen=True, slots=True, eq=False)
class Visit:
    """A visit as it is planned; times in seconds.

    Args:
        worker: who comes.
        start: when the middle of the body comes into what is looked at.
        end: when it leaves.
        stance: how the worker stands: arms, load, lean and look.
        times: ``(K,)``, of the points of the way.
        way: ``(K, 2)``: x and z there, metres.
        turns: ``(M, 2)``: times, and where the body faces then, degrees.
    """

    worker: Worker
    start: float
    end: float
    stance: Pose
    times: Floats
    way: Floats
    turns: Floats

    def at(self, seconds: float) -> tuple[Pose, float, float, float] | None:
        """Pose, x and z in metres, and speed in metres a second; ``None`` where the worker is out of the picture."""
        if not self.start - _BEYOND < seconds < self.end + _BEYOND:
            return None
        moments = seconds + _SOFT
        x, z = (float(np.interp(moments, self.times, self.way[:, i]).mean()) for i in (0, 1))
        steps = np.hypot(*np.diff(self.way, axis=0).T)
        walked = np.interp(moments, self.times, np.concatenate([[0.0], np.cumsum(steps)]))
        speed = float(walked[-1] - walked[0]) / float(_SOFT[-1] - _SOFT[0])
        heading = float(np.interp(moments, *self.turns.T).mean())
        still = 1 - min(1.0, speed / 0.6)
        sway = math.sin(2 * math.pi * (seconds - self.start) / 2.9)
        pose = replace(
            self.stance,
            heading=heading + 4 * still * sway,
            look=self.stance.look * (0.3 + 0.7 * still) + 10 * sway,
            stride=min(1.0, speed / _FAST),
            phase=float(walked.mean()) / _CYCLE % 1.0,
        )
        if self.stance.load == "none":
            pose = replace(pose, left=_between(self.stance.left, still), right=_between(self.stance.right, still))
        return pose, x, z, speed


def planned(worker: Worker, place: Place, key: Key, earliest: float, latest: float) -> Visit:
    """A visit by chance, somewhere between two moments that lie nine seconds or more apart.

    Args:
        worker: who comes.
        place: where to.
        key: of all chance.
        earliest: before which it does not start, seconds.
        latest: by which it has ended, seconds.
    """
    rng = np.random.default_rng([*key, 0])
    stance = random_scene(np.random.default_rng([*key, 1]), worker=worker, gate=place.gate).pose
    come, leave = (1 if rng.random() < 0.5 else -1 for _ in range(2))
    speeds = rng.uniform(1.15, 1.5, 2)
    stops = np.stack([rng.uniform(-0.3, 0.3, 2), place.depth + rng.uniform(0.0, 0.9, 2)], axis=1)
    stays = rng.uniform(1.1, 2.3), rng.uniform(0.9, 2.0)
    border_in, border_out = place.border(come, stops[0, 1]), place.border(leave, stops[1, 1])
    between = float(np.hypot(*(stops[1] - stops[0]))) / 0.9 + 0.1
    walks = abs(border_in - stops[0, 0]) / speeds[0] + abs(border_out - stops[1, 0]) / speeds[1]
    # In a wide picture it is a long way: then they walk faster.
    speeds = speeds * max(1.0, float(walks) / (latest - earliest - sum(stays) - between))
    legs = [
        abs(border_in - stops[0, 0]) / speeds[0],
        stays[0],
        between,
        stays[1],
        abs(border_out - stops[1, 0]) / speeds[1],
    ]
    # Whole milliseconds, as tables write them.
    start = round(float(rng.uniform(earliest, max(earliest, latest - sum(legs)))), 3)
    end = round(start + sum(legs), 3)
    marks = np.concatenate([[start], start + np.cumsum(legs)])
    marks[-1] = end
    times = np.concatenate([[start - 2 * _BEYOND], marks, [end + 2 * _BEYOND]])
    outer_in, outer_out = (side * 2 * _BEYOND * float(v) for side, v in zip((come, leave), speeds, strict=True))
    first, last = stops
    way = np.array(
        [
            (border_in + outer_in, first[1]),
            (border_in, first[1]),
            first,
            first,
            last,
            last,
            (border_out, last[1]),
            (border_out + outer_out, last[1]),
        ]
    )
    return Visit(worker, start, end, stance, times, way, _turns(rng, times, way, come, leave))


def _turns(rng: np.random.Generator, times: Floats, way: Floats, come: int, leave: int) -> Floats:
    """Where the body faces: along the way while it walks, and mostly to the camera while it stands."""
    along = math.degrees(math.atan2(way[4, 0] - way[3, 0], way[3, 1] - way[4, 1]))
    faces = rng.uniform(-45, 45, 4)
    if rng.random() < 0.4:  # at one of the stops something behind is looked at
        faces[int(rng.integers(4))] = rng.uniform(115, 245)
    first, gone, back, last = (float(t) for t in times[2:6])
    rows = [
        (first - 0.15, -90.0 * come),
        (first + 0.2, faces[0]),
        ((first + gone) / 2, faces[0]),
        (gone - 0.2, faces[1]),
        (gone + 0.1, along),
        (back - 0.1, along),
        (back + 0.2, faces[2]),
        ((back + last) / 2, faces[2]),
        (last - 0.2, faces[3]),
        (last + 0.15, 90.0 * leave),
    ]
    turns = np.array(rows)
    # No turn is taken the long way round.
    turns[:, 1] = np.unwrap(turns[:, 1], period=360)
    return turns


def _between(arm: Arm, share: float) -> Arm:
    """An arm so far from hanging to where it is held."""

    def mixed(hanging: float, held: float) -> float:
        return hanging + (held - hanging) * share

    return Arm(
        mixed(HANGING.swing, arm.swing),
        mixed(HANGING.spread, arm.spread),
        mixed(HANGING.fore_swing, arm.fore_swing),
        mixed(HANGING.fore_spread, arm.fore_spread),
    )
