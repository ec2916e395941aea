"""From a scene to a picture: what is painted, and what light, lens and sensor make of it.

Light is added and multiplied in a linear scale, of which the grey levels of a screen are taken as the square root.
Noise is the sum of random bytes: whole numbers, so it is the same on every platform.
"""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from decisight.errors import UsageError
from decisight.sources.rendered.figure import Skeleton, dressed, skeleton
from decisight.sources.rendered.gate import Surroundings, furnished
from decisight.sources.rendered.scene import Scene
from decisight.sources.rendered.solids import Floats, Solid, View, paint, towards
from decisight.sources.rendered.things import barred

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["SIZE", "render"]

SIZE = (256, 384)
"""Width and height of a picture, in pixels, if nothing else is asked for."""

_FINE = 2
"""Pixels painted for each one of the picture, along both axes."""

_LIT = 200
"""The grey of fully lit ground in the picture of shadows."""

Image32: TypeAlias = npt.NDArray[np.float32]


def render(scene: Scene, size: tuple[int, int] = SIZE) -> npt.NDArray[np.uint8]:
    """Draws a scene.

    Args:
        scene: what is to be seen. The same scene gives the same picture, given the same versions of NumPy and Pillow.
        size: width and height in pixels, 32..4096 each.

    Returns:
        The picture, RGB, ``(height, width, 3)``.

    Raises:
        UsageError: a size that is not drawn.
    """
    if not all(32 <= side <= 4096 for side in size):
        raise UsageError(f"a picture of {size[0]} x {size[1]} pixels is not drawn", hint="each side lies in 32..4096")
    view = View.of(scene.camera, (size[0] * _FINE, size[1] * _FINE))
    place = furnished(scene.gate)
    bones = skeleton(scene.worker, scene.pose, scene.x, scene.z) if scene.worker else None
    horizon = scene.z if scene.worker else 0.0
    far = [solid for z, solids in place.standing if z >= horizon for solid in solids]
    near = [(z, solids) for z, solids in place.standing if z < horizon]
    if scene.obstacle:
        near.append((scene.obstacle.z, barred(scene.obstacle)))
    near.sort(key=lambda item: -item[0])

    glare = _doorway_mask(view, place, size) * scene.light.backlight
    light = _linear(_painted(scene, view, [*place.behind, *far]).reduce(_FINE))
    unevenness = _stains(scene.gate.seed, size) * _shadows(scene, view, place, bones, size) * (1 + 2.5 * glare)
    light *= unevenness[:, :, None]
    if scene.worker:
        _lay_over(light, scene, view, dressed(scene.worker, scene.pose, scene.x, scene.z, eye=view.eye), moving=True)
    if near:
        _lay_over(light, scene, view, [solid for _, solids in near for solid in solids])
    return _exposed(scene, light, glare)


def _linear(picture: Image) -> Image32:
    values = np.asarray(picture, dtype=np.float32)
    values *= values
    values *= np.float32(1 / 255**2)
    return values


def _painted(scene: Scene, view: View, solids: list[Solid]) -> Image:
    from PIL import Image, ImageDraw

    canvas = Image.new("RGB", view.size)
    paint(ImageDraw.Draw(canvas), view, scene.light, solids)
    return canvas


def _lay_over(light: Image32, scene: Scene, view: View, solids: list[Solid], *, moving: bool = False) -> None:
    """Paints solids over a picture, in place, with the trail of their motion."""
    from PIL import ImageFilter

    canvas = _painted(scene, view, solids)
    found = canvas.getbbox()
    if found is None:
        return
    trail = scene.camera.motion / 1000 * light.shape[0] / 2 if moving else 0.0
    edge = math.ceil(trail) + 1
    x0, y0 = (max(0, side // _FINE - edge) for side in found[:2])
    x1, y1 = (min(full, side // _FINE + 1 + edge) for side, full in zip(found[2:], light.shape[1::-1], strict=True))
    part = canvas.crop((x0 * _FINE, y0 * _FINE, x1 * _FINE, y1 * _FINE))
    cover = part.convert("L").point([0] + [255] * 255)
    front, mask = part.reduce(_FINE), cover.reduce(_FINE)
    if trail > 0.2:
        blur = ImageFilter.BoxBlur((trail, 0.1 * trail))
        front, mask = front.filter(blur), mask.filter(blur)
    behind = 1 - np.asarray(mask, dtype=np.float32) / 255
    window = light[y0:y1, x0:x1]
    window *= behind[:, :, None]
    # The canvas is black where nothing was painted, so the edges are weighted already.
    window += _linear(front)


def _grown(mask: Floats | Image32, size: tuple[int, int]) -> Image32:
    """A small picture of one channel, brought smoothly to a size."""
    from PIL import Image

    return np.asarray(Image.fromarray(mask.astype(np.float32)).resize(size, Image.Resampling.BILINEAR))


def _shadows(scene: Scene, view: View, place: Surroundings, bones: Skeleton | None, size: tuple[int, int]) -> Image32:
    """The light that is left on the ground: below 1 in a shadow, above it where the door throws some in."""
    from PIL import Image, ImageDraw, ImageFilter

    canvas = Image.new("L", (size[0] // 2, size[1] // 2), _LIT)
    draw = ImageDraw.Draw(canvas)
    scale = canvas.width / view.size[0]

    def spread(points: Floats) -> list[float]:
        flat: list[float] = (view.project(points) * scale).ravel().tolist()
        return flat

    left, right, far = float(place.doorway[0, 0]), float(place.doorway[2, 0]), scene.gate.depth
    spill = np.array([(left, 0, far), (right, 0, far), (right + 0.5, 0, far - 2.6), (left - 0.5, 0, far - 2.6)])
    bright = min(1.0, scene.gate.outside * (0.4 + scene.light.backlight))
    draw.polygon(spread(spill), fill=round(_LIT * (1 + 0.2 * bright)))
    for z, solids in place.standing:
        foot = np.concatenate([s.corners.reshape(-1, 3) for s in solids])
        foot = foot[foot[:, 1] < 0.35]
        if z < far - 0.2 and len(foot):
            (x0, _, z0), (x1, _, z1) = foot.min(axis=0) - 0.04, foot.max(axis=0) + 0.04
            draw.polygon(spread(np.array([(x0, 0, z0), (x1, 0, z0), (x1, 0, z1), (x0, 0, z1)])), fill=_LIT // 2)
    if bones is not None:
        metre = math.dist(*(view.project(np.array([[scene.x + i, 0, scene.z] for i in (0, 1)])) * scale).tolist())
        sun, key, fill = towards(scene.light), scene.light.key, scene.light.fill
        left = round(_LIT * math.sqrt(fill / max(key + fill, 1e-6)))
        for start, end, width in bones.bones():
            ends = np.stack([start, end])
            ends = ends - sun * (ends[:, 1:2] / max(sun[1], 0.15))
            flat, thick = spread(ends), width * metre
            draw.line(flat, fill=left, width=max(1, round(thick)))
            # Rounded ends; a circle on the ground looks flat from a camera above it.
            for x, y in (flat[:2], flat[2:]):
                draw.ellipse((x - thick / 2, y - thick / 3, x + thick / 2, y + thick / 3), fill=left)
        for ends in np.stack([bones.ankles, bones.toes], axis=1) * (1, 0, 1):
            draw.line(spread(ends), fill=_LIT // 3, width=max(1, round(0.13 * metre)))
    soft = canvas.filter(ImageFilter.GaussianBlur(canvas.height / 110)).resize(size, Image.Resampling.BILINEAR)
    left_over: Image32 = (np.asarray(soft, dtype=np.float32) / np.float32(_LIT)) ** 2
    return left_over


def _stains(seed: int, size: tuple[int, int]) -> Image32:
    """The unevenness of old walls and floors: a little light more or less, in large and small blots."""
    rng = np.random.default_rng([seed, 13])
    small = (size[0] // 6, size[1] // 6)
    coarse = _grown(rng.uniform(-1, 1, (7, 6)), small)
    return _grown(1 + 0.08 * coarse + 0.06 * rng.uniform(-1, 1, small[::-1]), size)


def _doorway_mask(view: View, place: Surroundings, size: tuple[int, int]) -> Image32:
    """1 where the doorway is, 0 elsewhere."""
    from PIL import Image, ImageDraw

    canvas = Image.new("L", size)
    scale = size[0] / view.size[0]
    ImageDraw.Draw(canvas).polygon((view.project(place.doorway) * scale).ravel().tolist(), fill=1)
    return np.asarray(canvas, dtype=np.float32)


def _exposed(scene: Scene, light: Image32, glare: Image32) -> npt.NDArray[np.uint8]:
    """What lens and sensor make of the light, which is used up."""
    from PIL import Image, ImageFilter

    height, width = light.shape[:2]
    camera, moment = scene.camera, scene.light
    across, down = np.linspace(-1, 1, 13)[None], np.linspace(-1, 1, 13)[:, None]
    falloff = (1 - 0.45 * camera.vignette * (across**2 + down**2)) * (1 + 0.35 * moment.slope * across)
    stops = 2.0 ** (moment.exposure - 0.9 * moment.backlight)
    warm = np.array([1 + 0.32 * moment.warmth, 1, 1 - 0.42 * moment.warmth], dtype=np.float32)
    light *= _grown(falloff * stops, (width, height))[:, :, None]
    light *= warm
    if moment.backlight > 0:
        patch = Image.fromarray((glare * 255).astype(np.uint8)).resize((width // 8, height // 8))
        veil = np.asarray(patch.filter(ImageFilter.GaussianBlur(height / 60)), dtype=np.float32) / 255
        light += 0.10 * _grown(veil, (width, height))[:, :, None]
    # A shoulder, 5 x / (x + 4), so that bright parts fade into white; then a screen's grey levels.
    light /= light + 4
    grey = np.sqrt(light, out=light)
    grey *= np.float32(255 * math.sqrt(5))
    np.minimum(grey, 255, out=grey)
    sigma = camera.defocus / 1000 * height
    if sigma > 0.1:
        blurred = Image.fromarray((grey + 0.5).astype(np.uint8)).filter(ImageFilter.GaussianBlur(sigma))
        grey = np.asarray(blurred, dtype=np.float32)
    grey = grey + _noise(camera.seed, grey.shape, camera.noise)
    picture = np.clip(grey, 0, 255, out=grey).astype(np.uint8)
    if camera.quality is None:
        return picture
    packed = io.BytesIO()
    Image.fromarray(picture).save(packed, "JPEG", quality=camera.quality)
    unpacked: npt.NDArray[np.uint8] = np.array(Image.open(packed))
    return unpacked


def _noise(seed: int, shape: tuple[int, ...], sigma: float) -> Image32:
    """Noise of a standard deviation, as the sum of two random bytes (a triangular distribution)."""
    rng = np.random.default_rng([seed, 14])
    count = math.prod(shape)
    raw = np.frombuffer(rng.bytes(2 * count), dtype=np.uint8).reshape(2, *shape)
    total: Image32 = raw[0].astype(np.float32)
    total += raw[1]
    # Each byte has a variance of (256^2 - 1) / 12; the half rounds grey levels that are cut off to whole ones.
    scale = sigma / math.sqrt((256**2 - 1) / 6)
    total *= np.float32(scale)
    total += np.float32(0.5 - 255 * scale)
    return total
