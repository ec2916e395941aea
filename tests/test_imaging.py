"""Pictures of every kind become RGB arrays; what is not a picture is named for what it is."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import threading
import warnings
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps, features

from decisight import imaging
from decisight.errors import ImageError
from decisight.types import FitMode

Array = npt.NDArray[np.uint8]


def scene(width: int = 64, height: int = 48) -> Array:
    """A smooth picture that no flip or turn maps onto itself, so that JPEG keeps it well."""
    y, x = np.mgrid[0:height, 0:width]
    channels = (
        x * 255 // max(1, width - 1),
        y * 255 // max(1, height - 1),
        (x + y) * 255 // max(1, width + height - 2),
    )
    return np.stack(channels, axis=2).astype(np.uint8)


def encoded(image: Image.Image | Array, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture = image if isinstance(image, Image.Image) else Image.fromarray(image)
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def assert_close(found: Array, expected: Array, within: int) -> None:
    assert found.dtype == np.uint8
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected.astype(int)).max() <= within


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_claiming(width: int, height: int) -> bytes:
    """A small file whose header promises a picture of any size."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + png_chunk(b"IEND", b"")


def jpeg_claiming(width: int, height: int) -> bytes:
    data = encoded(scene(), "JPEG")
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


# --- what is decoded ---

LOSSLESS = [
    ("PNG", {}),
    ("BMP", {}),
    ("TIFF", {}),
    ("TIFF", {"compression": "tiff_lzw"}),
    ("PPM", {}),
    ("WEBP", {"lossless": True}),
    ("JPEG2000", {"irreversible": False}),
]


@pytest.mark.parametrize(("kind", "options"), LOSSLESS)
def test_lossless_formats_come_back_exactly(kind: str, options: dict[str, object]) -> None:
    if kind == "JPEG2000" and not features.check("jpg_2000"):
        pytest.skip("this Pillow has no JPEG 2000")
    np.testing.assert_array_equal(imaging.decode(encoded(scene(), kind, **options)), scene())


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "AVIF"])
def test_lossy_formats_come_back_nearly(kind: str) -> None:
    if kind == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    assert_close(imaging.decode(encoded(scene(), kind, quality=95)), scene(), within=16)


def test_jpeg_agrees_with_pillow_the_reference() -> None:
    for options in ({"subsampling": 0}, {"subsampling": 2}, {"progressive": True}, {"quality": 60}):
        data = encoded(scene(131, 77), "JPEG", **options)
        assert_close(imaging.decode(data), np.asarray(Image.open(io.BytesIO(data))), within=2)


def test_what_is_decoded_may_be_written_to() -> None:
    for kind in ("JPEG", "PNG"):
        picture = imaging.decode(encoded(scene(), kind))
        picture[0, 0] = 7
        assert picture.flags.c_contiguous


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_exif_orientation_is_applied(orientation: int, kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(scene(), kind, exif=exif)
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    assert_close(imaging.decode(data), np.asarray(expected), within=2)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_out_of_range_is_taken_for_upright(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert_close(imaging.decode(encoded(scene(), "JPEG", exif=exif)), scene(), within=16)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_a_picture_opened_with_pillow_is_as_its_file(kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(scene(), kind, exif=exif)
    with Image.open(io.BytesIO(data)) as image:
        assert_close(imaging.from_pillow(image), imaging.decode(data), within=2)
    np.testing.assert_array_equal(imaging.from_pillow(Image.new("LA", (2, 3), (9, 0))), np.full((3, 2, 3), 255))


def test_a_pillow_picture_that_cannot_be_used_is_refused() -> None:
    with pytest.raises(ImageError, match="no pixels: it is 0 x 3"):
        imaging.from_pillow(Image.new("RGB", (0, 3)))
    with Image.open(io.BytesIO(flat("PNG")[:4000])) as image, pytest.raises(ImageError, match="truncated"):
        imaging.from_pillow(image)


def test_a_photo_with_broken_exif_is_still_a_photo() -> None:
    data = encoded(scene(), "JPEG", exif=b"Exif\0\0II*\0" + b"\xff" * 40)
    assert_close(imaging.decode(data), scene(), within=16)


def test_an_orientation_behind_other_segments_and_fill_bytes_is_found() -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    data = encoded(scene(), "JPEG", exif=exif, icc_profile=b"x" * 3000)
    at = data.index(b"\xff\xe1")
    padded = data[:at] + b"\xff\xff\xff" + data[at:]
    assert_close(imaging.decode(padded), scene()[::-1, ::-1], within=16)


def grey() -> Array:
    return scene()[:, :, 0]


def rgb_of(values: npt.NDArray[np.generic]) -> Array:
    return np.repeat(values.astype(np.uint8)[:, :, None], 3, axis=2)


def palette_with_transparency() -> bytes:
    image = Image.new("P", (4, 2), 0)
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putpixel((1, 1), 1)
    return encoded(image, "PNG", transparency=0)


def with_alpha(alpha: int, mode: str = "RGBA") -> bytes:
    image = Image.new("RGB", (4, 2), (200, 100, 0)).convert(mode)
    image.putalpha(alpha)
    return encoded(image, "PNG")


def animation() -> bytes:
    frames = [Image.new("RGB", (4, 2), colour) for colour in ("red", "lime", "blue")]
    return encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=50)


def uint16(values: npt.NDArray[np.generic]) -> Image.Image:
    return Image.fromarray(values.astype(np.uint16))


WIDE = np.linspace(0, 65535, 48 * 64).reshape(48, 64).astype(np.uint16)
FULL = np.linspace(0, 1, 48 * 64).reshape(48, 64).astype(np.float32)
ONE_BIT = np.asarray(Image.fromarray(scene()[:, :, 0]).convert("1"))

KINDS: list[tuple[str, Callable[[], bytes], Array]] = [
    ("grey PNG", lambda: encoded(grey(), "PNG"), rgb_of(grey())),
    ("grey JPEG", lambda: encoded(grey(), "JPEG", quality=100), rgb_of(grey())),
    ("1 bit", lambda: encoded(Image.fromarray(ONE_BIT), "PNG"), rgb_of(ONE_BIT * 255)),
    ("1-bit TIFF", lambda: encoded(Image.fromarray(ONE_BIT), "TIFF", compression="group4"), rgb_of(ONE_BIT * 255)),
    ("16-bit PNG", lambda: encoded(uint16(WIDE), "PNG"), rgb_of(np.rint(WIDE / 257))),
    ("16-bit TIFF", lambda: encoded(uint16(WIDE), "TIFF"), rgb_of(np.rint(WIDE / 257))),
    ("16-bit PGM", lambda: encoded(uint16(WIDE), "PPM"), rgb_of(np.rint(WIDE / 257))),
    ("dark 16-bit PNG", lambda: encoded(uint16(WIDE // 300), "PNG"), rgb_of(np.rint(WIDE // 300 / 257))),
    ("float TIFF 0..1", lambda: encoded(Image.fromarray(FULL), "TIFF"), rgb_of(np.rint(FULL * 255))),
    ("float TIFF 0..255", lambda: encoded(Image.fromarray(FULL * 255), "TIFF"), rgb_of(np.rint(FULL * 255))),
    ("float TIFF, wide", lambda: encoded(Image.fromarray(FULL * 1e6), "TIFF"), rgb_of(np.rint(FULL * 255))),
    (
        "float TIFF, not a number and below 0",
        lambda: encoded(Image.fromarray(np.array([[np.nan, -3, 0.5, 1]], np.float32)), "TIFF"),
        rgb_of(np.array([[0, 0, 128, 255]])),
    ),
    (
        "32-bit integer TIFF",
        lambda: encoded(Image.fromarray(WIDE.astype(np.int32)), "TIFF"),
        rgb_of(np.rint(WIDE / 257)),
    ),
    (
        "palette",
        lambda: encoded(Image.new("RGB", (4, 2), (9, 8, 7)).quantize(4), "PNG"),
        np.full((2, 4, 3), (9, 8, 7), np.uint8),
    ),
    (
        "palette with transparency",
        palette_with_transparency,
        np.array([[[255] * 3] * 4, [[255] * 3, [200, 100, 50], [255] * 3, [255] * 3]], np.uint8),
    ),
    ("alpha, opaque", lambda: with_alpha(255), np.full((2, 4, 3), (200, 100, 0), np.uint8)),
    ("alpha, clear", lambda: with_alpha(0), np.full((2, 4, 3), 255, np.uint8)),
    ("alpha, half", lambda: with_alpha(128), np.full((2, 4, 3), (227, 177, 127), np.uint8)),
    ("grey with alpha", lambda: with_alpha(0, "L"), np.full((2, 4, 3), 255, np.uint8)),
    (
        "one colour declared transparent",
        lambda: encoded(Image.new("RGB", (4, 2), (5, 6, 7)), "PNG", transparency=(5, 6, 7)),
        np.full((2, 4, 3), 255, np.uint8),
    ),
    (
        "CMYK JPEG",
        lambda: encoded(Image.new("RGB", (16, 16), (0, 128, 255)).convert("CMYK"), "JPEG", quality=100),
        np.full((16, 16, 3), (0, 128, 255), np.uint8),
    ),
    (
        "CMYK TIFF",
        lambda: encoded(Image.new("RGB", (16, 16), (0, 128, 255)).convert("CMYK"), "TIFF"),
        np.full((16, 16, 3), (0, 128, 255), np.uint8),
    ),
    ("animated GIF: the first frame", animation, np.full((2, 4, 3), (255, 0, 0), np.uint8)),
    ("one pixel", lambda: encoded(scene(1, 1), "PNG"), scene(1, 1)),
]


@pytest.mark.parametrize(("make", "expected"), [k[1:] for k in KINDS], ids=[k[0] for k in KINDS])
def test_every_kind_of_picture_becomes_rgb(make: Callable[[], bytes], expected: Array) -> None:
    assert_close(imaging.decode(make()), expected, within=2)


def test_a_grey_tiff_of_12_bits_uses_the_whole_range() -> None:
    # Two pixels in three bytes, most significant bits first: 0 and 4095.
    pixels = b"\x00\x0f\xff"
    entries = [
        (256, 3, 1, 2), (257, 3, 1, 1), (258, 3, 1, 12), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 8),
        (277, 3, 1, 1), (278, 3, 1, 1), (279, 4, 1, 3),
    ]  # fmt: skip
    body = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *e) for e in entries) + b"\0\0\0\0"
    data = b"II*\0" + struct.pack("<I", 12) + pixels + b"\0" + body
    np.testing.assert_array_equal(imaging.decode(data), rgb_of(np.array([[0, 255]])))


def test_a_jpeg_with_bytes_before_its_end_is_whole() -> None:
    data = encoded(scene(), "JPEG")
    for left_over in (b"\0" * 50, b"\x5a\x21"):
        padded = data[:-2] + left_over + data[-2:]
        np.testing.assert_array_equal(imaging.decode(padded), imaging.decode(data))


@pytest.mark.parametrize("make", [k[1] for k in KINDS], ids=[k[0] for k in KINDS])
def test_a_picture_taken_in_strips_is_the_same(make: Callable[[], bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    data = make()
    whole = imaging.decode(data)
    monkeypatch.setattr("decisight.imaging.reference.STRIP_PIXELS", 5)
    np.testing.assert_array_equal(imaging.decode(data), whole)


# --- what is refused ---


def flat(kind: str, **options: object) -> bytes:
    noise = np.random.default_rng(0).integers(0, 255, (90, 120, 3), dtype=np.uint8)
    return encoded(noise, kind, **options)


def text_bomb() -> bytes:
    data = encoded(scene(), "PNG")
    chunk = png_chunk(b"zTXt", b"key\0\0" + zlib.compress(b"\0" * 50_000_000, 9))
    return data[:33] + chunk + data[33:]


def corrupted_jpeg() -> bytes:
    data = flat("JPEG")
    return data[:2000] + bytes(300) + data[2300:]


def corrupted_png() -> bytes:
    data = flat("PNG")
    return data[:2000] + bytes(300) + data[2300:]


REFUSED: list[tuple[str, Callable[[], bytes], str]] = [
    ("nothing", lambda: b"", "empty"),
    ("text", lambda: "Grüße\n".encode(), "looks like text: Gr"),
    ("web page", lambda: b"<!DOCTYPE html><p>404", "web page"),
    ("drawing", lambda: b'<?xml version="1.0"?><svg/>', "SVG"),
    ("zeros", lambda: bytes(5000), "zero bytes"),
    ("random bytes", lambda: bytes([200, 201, 202, 3, 4, 5, 6, 7]) * 9, "c8 c9 ca"),
    ("PDF", lambda: b"%PDF-1.7\n", "PDF"),
    ("PostScript, which Pillow would hand to Ghostscript", lambda: encoded(scene(), "EPS"), "PostScript"),
    ("Photoshop", lambda: b"8BPS\0\1" + bytes(40), "Photoshop"),
    ("HEIC", lambda: b"\0\0\0\x18ftypheic" + bytes(40), "HEIC"),
    ("video", lambda: b"\0\0\0\x18ftypisom" + bytes(40), "video"),
    ("AVI", lambda: b"RIFF\0\0\0\0AVI LIST", "video"),
    ("ZIP", lambda: b"PK\x03\x04" + bytes(40), "ZIP"),
    ("Git LFS pointer", lambda: b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
    ("unlisted format", lambda: encoded(scene(), "TGA"), "not a picture"),
    ("first bytes of a JPEG", lambda: flat("JPEG")[:9], "truncated"),
    ("half a JPEG", lambda: flat("JPEG")[:4000], "truncated"),
    ("half a progressive JPEG", lambda: flat("JPEG", progressive=True)[:4000], "truncated"),
    ("half a CMYK JPEG", lambda: encoded(Image.fromarray(scene()).convert("CMYK"), "JPEG")[:-200], "truncated"),
    ("JPEG without its end", lambda: flat("JPEG")[:-2], "truncated"),
    ("corrupted JPEG", corrupted_jpeg, "damaged"),
    ("first bytes of a PNG", lambda: flat("PNG")[:12], "truncated"),
    ("half a PNG", lambda: flat("PNG")[:4000], "truncated"),
    ("corrupted PNG", corrupted_png, "damaged"),
    ("half a GIF", lambda: flat("GIF")[:4000], "truncated"),
    ("half a BMP", lambda: flat("BMP")[:4000], "truncated"),
    ("half a TIFF", lambda: flat("TIFF", compression="tiff_lzw")[:4000], ""),
    ("half a WebP", lambda: flat("WEBP")[:1000], ""),
    ("30,000 x 30,000 PNG", lambda: png_claiming(30_000, 30_000), "30000 x 30000 pixels; the limit is 120 million"),
    ("12,000 x 11,000 PNG", lambda: png_claiming(12_000, 11_000), "12000 x 11000 pixels; the limit is 120 million"),
    ("30,000 x 30,000 JPEG", lambda: jpeg_claiming(30_000, 30_000), "30000 x 30000 pixels"),
    ("JPEG whose header promises too many rows", lambda: jpeg_claiming(64, 4000), "truncated"),
    ("text chunk that unpacks to 50 MB", text_bomb, "damaged"),
    ("no pixels at all", lambda: png_claiming(0, 0), ""),
]


@pytest.mark.parametrize(("make", "says"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_what_is_no_whole_picture_is_refused(make: Callable[[], bytes], says: str) -> None:
    with pytest.raises(ImageError) as caught:
        imaging.decode(make(), name="photos/a.jpg")
    assert caught.value.message.startswith("photos/a.jpg: ")
    assert says in caught.value.message
    assert caught.value.hint


def test_a_bomb_of_another_format_is_refused() -> None:
    data = bytearray(encoded(scene(), "BMP"))
    data[18:26] = struct.pack("<ii", 40_000, 40_000)
    with pytest.raises(ImageError, match="1600 million pixels"):
        imaging.decode(bytes(data))


def test_too_many_bytes_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    large = tmp_path / "large.jpg"
    with large.open("wb") as file:
        file.truncate(imaging.MAX_BYTES + 1)  # sparse: takes no disk
    with pytest.raises(ImageError, match=r"large\.jpg: the file is too large: 200 MB"):
        imaging.read_image(large)
    monkeypatch.setattr("decisight.imaging.decoding.MAX_BYTES", 100)
    with pytest.raises(ImageError, match="too large"):
        imaging.decode(encoded(scene(), "PNG"))


def test_an_error_without_a_name_is_not_its_own_cause() -> None:
    with pytest.raises(ImageError) as caught:
        imaging.decode(b"")
    assert caught.value.__cause__ is None


def missing(folder: Path) -> Path:
    return folder / "no.jpg"


def below_a_file(folder: Path) -> Path:
    (folder / "file").write_text("x")
    return folder / "file" / "a.jpg"


def a_folder(folder: Path) -> Path:
    (folder / "folder.png").mkdir()
    return folder / "folder.png"


def an_empty_file(folder: Path) -> Path:
    (folder / "empty.jpg").touch()
    return folder / "empty.jpg"


def a_dangling_link(folder: Path) -> Path:
    (folder / "link.jpg").symlink_to("nowhere.jpg")
    return folder / "link.jpg"


def a_link_to_itself(folder: Path) -> Path:
    (folder / "self.jpg").symlink_to("self.jpg")
    return folder / "self.jpg"


def a_pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe.jpg")
    return folder / "pipe.jpg"


def a_name_with_a_zero(folder: Path) -> Path:
    return folder / "a\0b.jpg"


def a_name_too_long(folder: Path) -> Path:
    return folder / ("a" * 300 + ".jpg")


def a_lone_surrogate(folder: Path) -> Path:
    return folder / "\ud800.jpg"


UNREADABLE = [
    (missing, "does not exist"),
    (below_a_file, "does not exist"),
    (a_folder, "is a folder"),
    (an_empty_file, "0 bytes"),
    (a_dangling_link, "link to a file that does not exist"),
    (a_link_to_itself, "cannot be read"),
    (a_pipe, "not an ordinary file"),
    (a_name_with_a_zero, "is not a path"),
    (a_name_too_long, "cannot be read"),
    (a_lone_surrogate, "is not a path"),
]


@pytest.mark.skipif(os.name != "posix", reason="links and pipes are made as on Linux")
@pytest.mark.parametrize(("make", "says"), UNREADABLE)
def test_what_cannot_be_read_is_named(make: Callable[[Path], Path], says: str, tmp_path: Path) -> None:
    path = make(tmp_path)
    with pytest.raises(ImageError) as caught:
        imaging.read_image(path)
    assert says in caught.value.message
    assert caught.value.message.startswith(imaging.printable(path))
    assert caught.value.hint
    str(caught.value).encode("utf-8")


def test_a_file_without_permission_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret.jpg"
    path.write_bytes(encoded(scene(), "JPEG"))
    path.chmod(0)
    if os.access(path, os.R_OK):  # root may read everything

        def refuse(self: Path) -> bytes:
            raise PermissionError(13, "Permission denied", str(self))

        monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(ImageError, match="no permission"):
        imaging.read_image(path)


@pytest.mark.skipif(os.name != "posix", reason="file names are bytes only on POSIX")
def test_a_name_that_is_not_utf8_is_read_and_printed(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png"))
    try:
        path.write_bytes(encoded(scene(), "PNG"))
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    np.testing.assert_array_equal(imaging.read_image(path), scene())
    path.write_bytes(b"hello")
    with pytest.raises(ImageError, match=r"caf\\xe9\.png: it is not a picture"):
        imaging.read_image(path)


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [
        ("plain/a.jpg", "plain/a.jpg"),
        ("größe.jpg", "größe.jpg"),
        ("a\nb\x1b[31m.jpg", r"a\nb\x1b[31m.jpg"),
        ("\udcff.jpg", r"\xff.jpg"),
        ("\ud800", r"\ud800"),
    ],
)
def test_printable(given_text: str, expected: str) -> None:
    assert imaging.printable(given_text) == expected


SEEDS = {kind: flat(kind) for kind in ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "JPEG2000")}


@settings(max_examples=150, deadline=None)
@given(kind=st.sampled_from(sorted(SEEDS)), draws=st.data())
def test_damage_of_any_kind_gives_a_picture_or_an_image_error(kind: str, draws: st.DataObject) -> None:
    data = bytearray(SEEDS[kind])
    # Most of what matters stands at the beginning.
    places = st.one_of(st.integers(0, min(200, len(data) - 1)), st.integers(0, len(data) - 1))
    for at, value in draws.draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=8)):
        data[at] = value
    if draws.draw(st.booleans()):
        del data[draws.draw(places) :]
    try:
        picture = imaging.decode(bytes(data))
    except ImageError:
        return
    assert picture.dtype == np.uint8
    assert picture.shape[2] == 3


def test_pillow_warnings_neither_leak_nor_hide_those_of_others() -> None:
    noisy = encoded(scene(), "JPEG", exif=b"Exif\0\0II*\0" + b"\xff" * 40)
    before = list(warnings.filters)
    with warnings.catch_warnings(record=True) as caught, ThreadPoolExecutor(8) as pool:
        warnings.simplefilter("always")
        list(pool.map(imaging.decode, [noisy] * 100))
        warnings.warn("ours", stacklevel=1)
    assert [str(w.message) for w in caught] == ["ours"]
    assert list(warnings.filters) == before


def test_threads_do_not_disturb_each_other() -> None:
    files = [encoded(scene(40 + i, 30), kind) for i in range(20) for kind in ("JPEG", "PNG", "GIF")]
    expected = [imaging.decode(data) for data in files]
    barrier = threading.Barrier(4)

    def work(_: int) -> bool:
        barrier.wait()
        found = [imaging.decode(data) for data in files]
        return all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(4)))


# --- sizes ---


@pytest.mark.parametrize("size", [(32, 24), (64, 48), (10, 40), (200, 100), (30, 100), (1, 1)])
def test_resize_gives_the_size_asked_for(size: tuple[int, int]) -> None:
    assert imaging.resize(scene(), size).shape == (size[1], size[0], 3)


@settings(max_examples=60, deadline=None)
@given(
    size=st.tuples(st.integers(1, 90), st.integers(1, 90)),
    wanted=st.tuples(st.integers(1, 30), st.integers(1, 30)),
    strip=st.integers(1, 3000),
)
def test_resizing_in_strips_is_what_pillow_does_with_the_whole(
    size: tuple[int, int], wanted: tuple[int, int], strip: int
) -> None:
    picture = scene(*size)
    smaller = wanted[0] <= size[0] and wanted[1] <= size[1]
    window = Image.Resampling.HAMMING if smaller else Image.Resampling.BICUBIC
    expected = np.array(Image.fromarray(picture).resize(wanted, window, reducing_gap=2.0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("decisight.imaging.fitting.STRIP_PIXELS", strip)
        np.testing.assert_array_equal(imaging.resize(picture, wanted), expected)


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="only Linux tells the most memory of a process so")
@pytest.mark.parametrize(("mode", "most"), [("RGBA", 350), ("P", 230)])
def test_a_large_picture_is_not_copied_as_a_whole(mode: str, most: int, tmp_path: Path) -> None:
    # 24 million pixels: as RGB they take 72 MB, as Pillow holds RGBA 96 MB; with copies it was 450 and 290.
    path = tmp_path / "large.png"
    Image.new("RGB", (6000, 4000), (200, 100, 50)).convert(mode).save(path, compress_level=1)
    script = (
        "import pathlib, re, sys; from decisight import imaging; from decisight.types import FitMode\n"
        "imaging.fit(imaging.read_image(sys.argv[1]), 224, FitMode.CROP, (0, 0, 0))\n"
        "print(re.search(r'VmHWM:\\s*(\\d+) kB', pathlib.Path('/proc/self/status').read_text())[1])"
    )
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    assert int(done.stdout) / 1024 < most


def test_resize_averages_over_the_area() -> None:
    checks = np.indices((300, 300)).sum(axis=0) % 2 * 255
    assert_close(imaging.resize(rgb_of(checks), (100, 100))[2:-2, 2:-2], np.full((96, 96, 3), 127, np.uint8), within=30)
    assert abs(float(imaging.resize(rgb_of(checks), (50, 50)).mean()) - 127.5) < 2


@given(width=st.integers(1, 300), height=st.integers(1, 300), size=st.integers(1, 64), mode=st.sampled_from(FitMode))
@settings(max_examples=60, deadline=None)
def test_fit_gives_a_square_of_any_picture(width: int, height: int, size: int, mode: FitMode) -> None:
    colour = (10, 200, 90)
    picture = np.full((height, width, 3), colour, np.uint8)
    square = imaging.fit(picture, size, mode, (1, 2, 3))
    assert square.shape == (size, size, 3)
    assert square.dtype == np.uint8
    # Something of the picture is always there, in its own colour, and nothing else but the fill.
    seen = {tuple(pixel) for pixel in square.reshape(-1, 3).tolist()}
    assert colour in seen
    assert seen <= ({colour, (1, 2, 3)} if mode is FitMode.LETTERBOX else {colour})


def test_letterbox_shows_the_whole_picture_centred() -> None:
    square = imaging.fit(np.full((10, 40, 3), 200, np.uint8), 80, FitMode.LETTERBOX, (1, 2, 3))
    assert (square[30:50] == 200).all()
    assert (square[:30] == (1, 2, 3)).all()
    assert (square[50:] == (1, 2, 3)).all()


def test_crop_takes_the_middle() -> None:
    picture = np.zeros((80, 200, 3), np.uint8)
    picture[5:75, 65:135] = 255  # 0.875 of 80 is 70
    assert (imaging.fit(picture, 70, FitMode.CROP, (0, 0, 0)) == 255).all()
    picture[4, 65:135] = 9
    assert (imaging.fit(picture, 70, FitMode.CROP, (0, 0, 0)) == 255).all()


def test_stretch_takes_everything() -> None:
    square = imaging.fit(scene(300, 100), 50, FitMode.STRETCH, (0, 0, 0))
    assert_close(square[:, :, :2], scene(50, 50)[:, :, :2], within=3)


# --- the rest ---


def test_encoding_and_decoding_agree() -> None:
    np.testing.assert_array_equal(imaging.decode(imaging.encode_png(scene())), scene())
    assert_close(imaging.decode(imaging.encode_jpeg(scene(), quality=95)), scene(), within=12)
    assert len(imaging.encode_jpeg(scene(), quality=20)) < len(imaging.encode_jpeg(scene(), quality=95))
    assert imaging.encode_jpeg(scene()[:, ::2])  # a view, not contiguous


def test_content_digest_is_sha256() -> None:
    assert imaging.content_digest(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.jpg", True), ("A.JPEG", True), ("x/y.Png", True), ("a.tar.webp", True),
        ("a.txt", False), ("jpg", False), (".jpg", False), (".hidden.jpg", False), ("._a.jpg", False),
        ("a.jpg~", False),
    ],
)  # fmt: skip
def test_is_image_name(name: str, expected: bool) -> None:
    assert imaging.is_image_name(name) is expected
    assert imaging.is_image_name(Path(name)) is expected


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_jpeg_is_decoded_no_larger_than_is_needed(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(scene(400, 300), "JPEG", exif=exif, quality=95)
    whole = imaging.decode(data)
    small, size = imaging.decode_reduced(data, 100)
    assert size == (whole.shape[1], whole.shape[0])
    assert 100 <= max(small.shape) < 200
    assert_close(small, imaging.resize(whole, (small.shape[1], small.shape[0])), within=24)


@pytest.mark.parametrize(("kind", "side"), [("PNG", 10), ("JPEG", 400), ("JPEG", 250)])
def test_what_cannot_be_decoded_smaller_comes_whole(kind: str, side: int) -> None:
    data = encoded(scene(400, 300), kind)
    small, size = imaging.decode_reduced(data, side)
    np.testing.assert_array_equal(small, imaging.decode(data))
    assert size == (small.shape[1], small.shape[0])


def test_damage_is_told_at_any_size() -> None:
    with pytest.raises(ImageError):
        imaging.decode_reduced(encoded(scene(400, 300), "JPEG")[:2000], 50)


def test_all_public_names_are_there() -> None:
    assert sorted(imaging.__all__) == imaging.__all__
    assert all(hasattr(imaging, name) for name in imaging.__all__)
