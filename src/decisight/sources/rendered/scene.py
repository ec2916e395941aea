"""What a rendered picture shows: a gate, its light, the camera, and perhaps a worker in it.

Lengths are metres, angles degrees. The ground is ``y = 0``, ``x`` runs to the right and ``z`` away from the camera,
which hangs above ``x = z = 0``. Position, pose, light and camera are continuous, so a clip is a row of scenes that
differ in them (:func:`dataclasses.replace`); :class:`Worker` and :class:`Gate` stay the same from picture to picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias, get_args

from decisight.errors import UsageError
from decisight.types import NONE_OF_THEM

__all__ = [
    "GEAR",
    "HANGING",
    "LAYOUTS",
    "ROLE_COLOURS",
    "Arm",
    "Camera",
    "Colour",
    "Gate",
    "Layout",
    "Light",
    "Obstacle",
    "Pose",
    "Scene",
    "Worker",
]

Colour: TypeAlias = tuple[int, int, int]
"""Red, green and blue, 0..255, as on a screen."""

ROLE_COLOURS: Mapping[str, Colour] = MappingProxyType(
    {"operator": (36, 76, 158), "supervisor": (172, 36, 40), "visitor": (40, 124, 70)}
)
"""Each role with the colour of its uniform; a worker's own differs from it in shade."""

GEAR = ("vest", "helmet")
"""The labels of the gear that a worker may wear, in the order in which they are written."""

Layout: TypeAlias = Literal["hall", "corridor", "yard", "store"]
"""A kind of place, as :class:`Gate` describes it."""

LAYOUTS: tuple[Layout, ...] = get_args(Layout)
"""Every kind of place."""


@dataclass(frozen=True, slots=True)
class Worker:
    """A person and what they wear: all that stays the same from one picture of them to the next.

    Args:
        role: one of :data:`ROLE_COLOURS`.
        vest: whether a yellow high-visibility vest is worn over the jacket.
        helmet: whether a hard hat is worn.
        jacket: colour of torso and sleeves.
        trousers: colour of the legs.
        skin: of face and hands.
        hair: of the head, the brows and the beard.
        hair_style: what shows where nothing is worn on the head.
        beard: whether there is one.
        headwear: worn where there is no hard hat, and easily mistaken for one.
        headwear_colour: of the cap or beanie.
        helmet_colour: of the hard hat.
        vest_colour: of the vest's cloth.
        vest_open: whether the vest hangs open at the front.
        boots: colour of the boots.
        gloves: colour of the gloves; ``None`` for bare hands.
        bands: whether the jacket has grey reflective bands of its own on chest and sleeves.
        height: stature in metres, boots and hair included.
        build: width of the body, 1 is average; about 0.85 to 1.2.

    Raises:
        UsageError: the role has no uniform, or height or build is not that of a grown person.
    """

    role: str
    vest: bool
    helmet: bool
    jacket: Colour = ROLE_COLOURS["operator"]
    trousers: Colour = ROLE_COLOURS["operator"]
    skin: Colour = (214, 166, 136)
    hair: Colour = (66, 46, 34)
    hair_style: Literal["bald", "short", "long"] = "short"
    beard: bool = False
    headwear: Literal["none", "cap", "beanie"] = "none"
    headwear_colour: Colour = (60, 60, 66)
    helmet_colour: Colour = (238, 238, 232)
    vest_colour: Colour = (222, 236, 44)
    vest_open: bool = False
    boots: Colour = (46, 42, 40)
    gloves: Colour | None = None
    bands: bool = False
    height: float = 1.75
    build: float = 1.0

    def __post_init__(self) -> None:
        if self.role not in ROLE_COLOURS:
            raise UsageError(
                f"no uniform is known for the role {self.role!r}", hint=f"one of {', '.join(ROLE_COLOURS)}"
            )
        if not (1.3 <= self.height <= 2.2 and 0.7 <= self.build <= 1.4):
            raise UsageError(
                f"a worker of height {self.height} m and build {self.build} cannot be drawn",
                hint="height lies between 1.3 and 2.2 m, build between 0.7 and 1.4",
            )

    @property
    def gear(self) -> str:
        """The gear worn, as a table writes it: ``vest|helmet``, ``vest``, ``helmet`` or ``-``."""
        worn = [name for name, on in zip(GEAR, (self.vest, self.helmet), strict=True) if on]
        return "|".join(worn) or NONE_OF_THEM


@dataclass(frozen=True, slots=True)
class Arm:
    """Where an arm points, in degrees from hanging straight down.

    Args:
        swing: upper arm forwards (negative: backwards).
        spread: upper arm sideways, away from the body; 180 is straight up.
        fore_swing: forearm forwards.
        fore_spread: forearm sideways; negative: across the body.
    """

    swing: float = 2.0
    spread: float = 8.0
    fore_swing: float = 14.0
    fore_spread: float = 4.0


HANGING = Arm()
"""An arm at rest; it swings with the stride."""


@dataclass(frozen=True, slots=True)
class Pose:
    """How a worker stands or walks.

    Args:
        heading: where the body faces: 0 the camera, 90 the right edge of the picture, 180 away.
        look: where the head faces, against the body.
        stride: 0 stands still, 1 walks fast.
        phase: place in the walking cycle of two steps, 0..1; it repeats after 1.
        lean: of the upper body, forwards.
        left: the worker's left arm.
        right: the worker's right arm.
        load: what is carried in front of the body.
    """

    heading: float = 0.0
    look: float = 0.0
    stride: float = 0.0
    phase: float = 0.0
    lean: float = 2.0
    left: Arm = HANGING
    right: Arm = HANGING
    load: Literal["none", "box", "clipboard"] = "none"


@dataclass(frozen=True, slots=True)
class Gate:
    """A place: what stands behind and beside the way that workers come.

    Args:
        layout: ``hall`` (roller door in a panelled wall), ``corridor`` (swing doors between two walls), ``yard``
            (brick wall and sliding gate in the open), ``store`` (racks beside a passage).
        seed: of the details: clutter, signs, joints and stains.
        wall: colour of the wall behind.
        floor: colour of the ground.
        door: colour of the door.
        opening: how far the door is open, 0..1.
        outside: brightness of what is seen through the door, 0 (dark hall) .. 1 (day).
        depth: metres from the camera to the wall behind.
        clutter: how many pallets, drums, carts and the like stand about.
    """

    layout: Layout = "hall"
    seed: int = 0
    wall: Colour = (176, 180, 182)
    floor: Colour = (138, 136, 130)
    door: Colour = (150, 156, 162)
    opening: float = 0.6
    outside: float = 0.8
    depth: float = 7.5
    clutter: int = 4


@dataclass(frozen=True, slots=True)
class Light:
    """The light of the moment.

    Args:
        azimuth: where it comes from: 0 behind the camera, 90 the right, 180 behind the worker.
        elevation: its height above the ground, 10..90.
        key: strength of the directed light; with ``fill`` about 1 for a fully lit picture.
        fill: strength of the light from everywhere.
        warmth: colour temperature, -1 (blue dusk) .. 0 (neutral) .. 1 (sodium lamps).
        exposure: brightness of the picture in stops; 0 is right, -3 nearly black.
        backlight: glare from the door into the lens, 0..1; it dims all else.
        slope: fall of the light across the picture, -1 (bright on the left) .. 1 (on the right).
    """

    azimuth: float = -35.0
    elevation: float = 55.0
    key: float = 0.6
    fill: float = 0.55
    warmth: float = 0.0
    exposure: float = 0.0
    backlight: float = 0.0
    slope: float = 0.0


@dataclass(frozen=True, slots=True)
class Camera:
    """The camera and its faults.

    Args:
        height: metres above the ground.
        tilt: downwards.
        pan: to the right.
        roll: clockwise.
        field_of_view: from the upper to the lower edge.
        defocus: blur of the whole picture; the Gaussian's standard deviation in 1/1000 of the picture's height.
        motion: length of the trail of a moving worker, in 1/1000 of the picture's height.
        noise: standard deviation of the sensor's noise, in grey levels of 255.
        vignette: darkening of the corners, 0..1.
        quality: of the camera's own JPEG compression, 1..95; ``None`` for none.
        seed: of the noise; another for every picture of a clip.
    """

    height: float = 2.2
    tilt: float = 14.0
    pan: float = 0.0
    roll: float = 0.0
    field_of_view: float = 38.0
    defocus: float = 0.0
    motion: float = 0.0
    noise: float = 2.0
    vignette: float = 0.2
    quality: int | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Something between camera and worker that hides a part of them.

    Args:
        kind: ``post`` (an upright with hazard stripes) or ``barrier`` (a red and white bar across the way).
        x: place of the post, or of the bar's free end.
        z: distance from the camera.
        y: height of the post, or of the bar above the ground.
    """

    kind: Literal["post", "barrier"]
    x: float
    z: float
    y: float


@dataclass(frozen=True, slots=True)
class Scene:
    """All that one picture shows.

    Args:
        gate: the place.
        light: the light of the moment.
        camera: where it hangs, and its faults.
        worker: who is there; ``None`` for an empty gate.
        pose: how the worker stands.
        x: where the worker stands, to the right of the camera.
        z: where the worker stands, away from the camera.
        obstacle: what hides a part of the worker.
    """

    gate: Gate = Gate()
    light: Light = Light()
    camera: Camera = Camera()
    worker: Worker | None = None
    pose: Pose = Pose()
    x: float = 0.0
    z: float = 4.0
    obstacle: Obstacle | None = None
