"""The worker: an articulated figure of tubes and shells, dressed by role and gear.

Proportions are fractions of stature, close to the segment lengths in Drillis and Contini, "Body Segment Parameters"
(1966), with the bulk of work clothes added.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from decisight.sources.rendered.head import head
from decisight.sources.rendered.scene import Arm, Colour, Pose, Worker
from decisight.sources.rendered.solids import Floats, Solid, block, shaded, shell, tube

__all__ = ["Skeleton", "dressed", "skeleton"]

_UP = np.array([0.0, 1.0, 0.0])
_REFLECTIVE: Colour = (206, 212, 216)
_DULL: Colour = (164, 168, 172)

# Height, half width and half depth of the clothed trunk, from the jacket's hem to the neck.
_TRUNK = np.array(
    [
        (0.475, 0.104, 0.077),
        (0.530, 0.100, 0.075),
        (0.610, 0.091, 0.069),
        (0.690, 0.098, 0.074),
        (0.755, 0.107, 0.074),
        (0.800, 0.108, 0.066),
        (0.820, 0.098, 0.058),
        (0.835, 0.076, 0.050),
        (0.848, 0.050, 0.043),
        (0.862, 0.036, 0.038),
    ]
)
_CHEST_BAND = (0.685, 0.713)
_WAIST_BAND = (0.565, 0.593)
_LEVELS = np.concatenate(
    [[0.475, 0.5, 0.53, 0.548, 0.565, 0.593, 0.62, 0.65, 0.685, 0.713], np.arange(0.725, 0.86, 0.011), [0.862]]
)


@dataclass(frozen=True, slots=True, eq=False)
class Skeleton:
    """The joints of a posed worker, in metres; pairs are left, right.

    Args:
        forward: unit vector ``(3,)`` out of the chest.
        left: unit vector to the worker's left.
        base: the point of the ground below the trunk.
        rise: what the trunk is lifted (or, with bent knees, lowered) by.
        hips: ``(2, 3)``, like those below.
        knees: between thigh and shin.
        ankles: between shin and foot.
        toes: where the feet end.
        shoulders: where the arms begin.
        elbows: between upper arm and forearm.
        wrists: between forearm and hand.
        head: ``(3,)``, the middle of the head.
    """

    forward: Floats
    left: Floats
    base: Floats
    rise: float
    hips: Floats
    knees: Floats
    ankles: Floats
    toes: Floats
    shoulders: Floats
    elbows: Floats
    wrists: Floats
    head: Floats

    def bones(self) -> list[tuple[Floats, Floats, float]]:
        """Start, end and thickness (metres) of every part: what casts a shadow."""
        waist = self.hips.mean(axis=0)
        pairs = [
            (self.hips, self.knees, 0.16),
            (self.knees, self.ankles, 0.12),
            (self.ankles, self.toes, 0.09),
            (self.shoulders, self.elbows, 0.11),
            (self.elbows, self.wrists, 0.09),
        ]
        found = [(a, b, width) for starts, ends, width in pairs for a, b in zip(starts, ends, strict=True)]
        return [*found, (waist, self.shoulders.mean(axis=0), 0.36), (self.head, self.head + 0.04 * _UP, 0.2)]


def skeleton(worker: Worker, pose: Pose, x: float, z: float) -> Skeleton:
    """The joints of a worker who stands at ``x``, ``z`` in a pose; the lower foot touches the ground."""
    tall, wide = worker.height, worker.height * worker.build
    heading = math.radians(pose.heading)
    forward = np.array([math.sin(heading), 0.0, -math.cos(heading)])
    left = np.array([math.cos(heading), 0.0, math.sin(heading)])
    base = np.array([x, 0.0, z])
    sides = np.stack([left, -left])
    cycle = np.array([math.sin(2 * math.pi * pose.phase), -math.sin(2 * math.pi * pose.phase)])
    lift = np.maximum(np.array([1, -1]) * math.cos(2 * math.pi * pose.phase), 0)

    hips = base + 0.5 * tall * _UP + 0.050 * wide * sides
    thigh = np.radians(26 * pose.stride * cycle + 4 * pose.stride)
    shin = thigh - np.radians(pose.stride * (8 + 48 * lift) + 1)
    knees = hips + 0.235 * tall * _swung(thigh, forward) + 0.008 * tall * sides
    ankles = knees + 0.225 * tall * _swung(shin, forward) + 0.006 * tall * sides
    pitch = np.radians(-8 - 55 * pose.stride * lift)[:, None]
    toes = ankles + 0.105 * tall * (np.cos(pitch) * forward + np.sin(pitch) * _UP + 0.22 * sides)
    rise = 0.04 * tall - float(ankles[:, 1].min())

    bend = _lean(pose)
    shoulders = base + 0.800 * tall * _UP + 0.101 * wide * sides + bend * 0.3 * tall * forward
    arms = [_arm(arm, -c * pose.stride) for arm, c in zip((pose.left, pose.right), cycle, strict=True)]
    upper = np.stack([_pointing(a.swing, a.spread, forward, side) for a, side in zip(arms, sides, strict=True)])
    fore = np.stack(
        [_pointing(a.fore_swing, a.fore_spread, forward, side) for a, side in zip(arms, sides, strict=True)]
    )
    elbows = shoulders + 0.172 * tall * upper
    middle = base + 0.928 * tall * _UP + (bend * 0.42 + 0.014) * tall * forward
    lifted = rise * _UP
    return Skeleton(
        forward=forward,
        left=left,
        base=base,
        rise=rise,
        hips=hips + lifted,
        knees=knees + lifted,
        ankles=ankles + lifted,
        toes=np.maximum(toes + lifted, [-np.inf, 0.03, -np.inf]),
        shoulders=shoulders + lifted,
        elbows=elbows + lifted,
        wrists=elbows + 0.145 * tall * fore + lifted,
        head=middle + lifted,
    )


def dressed(worker: Worker, pose: Pose, x: float, z: float, *, eye: Floats) -> list[Solid]:
    """The worker at ``x``, ``z``, as solids from back to front.

    Args:
        worker: who, in which clothes.
        pose: how they stand.
        x: to the right of the camera, metres.
        z: away from the camera, metres.
        eye: ``(3,)``, where the camera is.
    """
    bones = skeleton(worker, pose, x, z)
    # Of parts that touch, the outer one counts as so many metres nearer: sleeves lie over the vest, hems over legs.
    parts: list[tuple[Floats, float, list[Solid]]] = []
    for i in range(2):
        parts.append((bones.knees[i], 0.0, _leg(worker, bones, i, eye)))
        parts.append(((bones.shoulders[i] + bones.wrists[i]) / 2, 0.3, _arm_solids(worker, bones, i, eye)))
    chest = bones.base + (0.65 * worker.height + bones.rise) * _UP
    parts.append((chest, 0.2, _trunk(worker, pose, bones)))
    neck = bones.head - 0.085 * worker.height * _UP - 0.012 * worker.height * bones.forward
    parts.append((bones.head, 0.25, head(worker, bones.head, neck, pose.heading + pose.look, eye=eye)))
    if pose.load != "none":
        held = bones.wrists.mean(axis=0) + 0.05 * worker.height * bones.forward
        parts.append((held, 0.22, [_load(pose, held)]))

    def nearness(part: tuple[Floats, float, list[Solid]]) -> float:
        flat = (part[0] - eye) * (1, 0, 1)
        return part[1] - float(np.sqrt(np.sum(flat**2)))

    return [solid for part in sorted(parts, key=nearness) for solid in part[2]]


def _lean(pose: Pose) -> float:
    return math.tan(math.radians(pose.lean))


def _swung(angles: Floats, forward: Floats) -> Floats:
    directions: Floats = np.sin(angles)[:, None] * forward - np.cos(angles)[:, None] * _UP
    return directions


def _pointing(swing: float, spread: float, forward: Floats, side: Floats) -> Floats:
    a, b = math.radians(swing), math.radians(spread)
    flat = math.cos(b)
    return math.sin(a) * flat * forward + math.sin(b) * side - math.cos(a) * flat * _UP


def _arm(arm: Arm, beat: float) -> Arm:
    """The arm with the swing of the stride, of which a raised or bent arm has less."""
    share = max(0.0, 1 - (abs(arm.fore_swing - 14) + abs(arm.spread - 8)) / 60)
    return Arm(
        arm.swing + 26 * beat * share,
        arm.spread,
        arm.fore_swing + (26 * beat + 12 * abs(beat)) * share,
        arm.fore_spread,
    )


def _leg(worker: Worker, bones: Skeleton, i: int, eye: Floats) -> list[Solid]:
    size = worker.height * (0.4 + 0.6 * worker.build)
    hip, knee, ankle, toe = bones.hips[i], bones.knees[i], bones.ankles[i], bones.toes[i]
    shaft = knee + 0.72 * (ankle - knee)
    heel = ankle - 0.016 * worker.height * bones.forward - 0.012 * _UP
    sole = np.maximum(np.stack([heel, toe]) - 0.028 * _UP, [-np.inf, 0.012, -np.inf])
    leg = _rounded(hip, knee, shaft)
    return [
        tube(sole, (0.021 * size, 0.020 * size), [(30, 28, 28)], eye=eye),
        tube(np.stack([heel, toe]), (0.023 * size, 0.021 * size), [worker.boots], eye=eye),
        tube(np.stack([shaft, ankle]), (0.027 * size, 0.025 * size), [worker.boots], eye=eye),
        tube(leg, np.array([0.052, 0.040, 0.038, 0.036, 0.034]) * size, [worker.trousers] * 4, eye=eye),
    ]


def _arm_solids(worker: Worker, bones: Skeleton, i: int, eye: Floats) -> list[Solid]:
    size = worker.height * (0.4 + 0.6 * worker.build)
    shoulder, elbow, wrist = bones.shoulders[i], bones.elbows[i], bones.wrists[i]
    along = (wrist - elbow) / np.sqrt(np.sum((wrist - elbow) ** 2))
    fingers = wrist + 0.042 * worker.height * along
    hand = np.stack([wrist, fingers])
    arm = _rounded(shoulder, elbow, wrist)
    # The band's two edges lie on the upper arm.
    arm = np.insert(arm, 1, shoulder + np.outer((0.42, 0.56), elbow - shoulder), axis=0)
    band: Colour = _DULL if worker.bands else worker.jacket
    colours = [worker.jacket, band, worker.jacket, worker.jacket, worker.jacket, worker.jacket]
    radii = np.array([0.035, 0.032, 0.031, 0.029, 0.029, 0.027, 0.022]) * size
    return [
        tube(hand, (0.018 * size, 0.015 * size), [worker.gloves or worker.skin], eye=eye),
        tube(arm, radii, colours, eye=eye),
    ]


def _rounded(start: Floats, bend: Floats, end: Floats) -> Floats:
    """The joints of a limb, ``(5, 3)``, with its bend softened."""
    before, after = bend + 0.2 * (start - bend), bend + 0.2 * (end - bend)
    return np.stack([start, before, bend * 0.7 + 0.15 * (before + after), after, end])


def _ring_points(worker: Worker, pose: Pose, bones: Skeleton, rings: Floats, angles: Floats) -> Floats:
    """Points ``(R, A, 3)`` on the trunk.

    Args:
        worker: whose trunk it is.
        pose: for its lean.
        bones: where it stands.
        rings: ``(R, 3)``: height, half width and half depth.
        angles: ``(R, A)`` or ``(1, A)``, from the front leftwards.
    """
    tall, wide = worker.height, worker.height * worker.build
    y, w, d = rings.T
    middle = bones.base + (y * tall + bones.rise)[:, None] * _UP
    middle = middle + (np.maximum(y - 0.5, 0) * _lean(pose) * tall)[:, None] * bones.forward
    side = (w * wide)[:, None, None] * np.sin(angles)[..., None] * bones.left
    front = (d * wide)[:, None, None] * np.cos(angles)[..., None] * bones.forward
    points: Floats = middle[:, None] + side + front
    return points


def _trunk(worker: Worker, pose: Pose, bones: Skeleton) -> list[Solid]:
    angles = np.linspace(-math.pi, math.pi, 41)[None]
    off_front = np.abs(angles[0, :-1] + angles[0, 1:]) / 2
    rings = np.stack([_LEVELS, *(np.interp(_LEVELS, _TRUNK[:, 0], _TRUNK[:, i]) for i in (1, 2))], axis=1)
    height = (_LEVELS[:-1] + _LEVELS[1:]) / 2
    colours = np.empty((len(height), 40, 3))
    colours[:] = worker.jacket
    colours[:, off_front < 0.08] *= 0.9
    colours[height < 0.487] *= 0.86
    colours[height > 0.838] = shaded(worker.jacket, 0.8)
    pocket = np.outer((height > 0.695) & (height < 0.745), np.abs(off_front - 0.5) < 0.2)
    colours[pocket] *= 0.9
    if worker.bands:
        colours[(height > _CHEST_BAND[0]) & (height < _CHEST_BAND[1])] = _DULL
    solids = [shell(_ring_points(worker, pose, bones, rings, angles), colours)]
    if worker.vest:
        solids.append(_vest(worker, pose, bones, rings))
    return solids


def _vest(worker: Worker, pose: Pose, bones: Skeleton, rings: Floats) -> Solid:
    wider = (rings * (1, 1.07, 1.12) + (0, 0.003, 0.003))[rings[:, 0] < 0.846]
    wider[0, 0] -= 0.018
    gap = np.maximum(0.24 if worker.vest_open else 0.0, np.minimum((wider[:, :1] - 0.715) * 5.5, 0.58))
    angles = gap + (2 * math.pi - 2 * gap) * np.linspace(0, 1, 49)
    angle = (angles[:-1, :-1] + angles[1:, 1:]) / 2
    off_front = math.pi - np.abs(angle - math.pi)
    height = (wider[:-1, :1] + wider[1:, :1]) / 2
    colours = np.empty((*angle.shape, 3))
    colours[:] = worker.vest_colour
    colours[off_front < 0.14] *= 0.88
    braces = np.minimum(np.abs(off_front - 0.66), np.abs(off_front - (math.pi - 0.62))) < 0.11
    across = [(height > low) & (height < high) & (angle > 0) for low, high in (_CHEST_BAND, _WAIST_BAND)]
    colours[across[0] | across[1] | (braces & (height > _WAIST_BAND[0]))] = _REFLECTIVE
    arm_hole = (height > 0.775) & (np.abs(off_front - math.pi / 2) < 0.32)
    return shell(_ring_points(worker, pose, bones, wider, angles), colours, glow=0.3, keep=~arm_hole)


def _load(pose: Pose, held: Floats) -> Solid:
    if pose.load == "box":
        return block(held + 0.04 * _UP, (0.36, 0.28, 0.28), (178, 138, 92), heading=pose.heading)
    return block(held + 0.05 * _UP, (0.23, 0.30, 0.02), (226, 224, 214), heading=pose.heading)
