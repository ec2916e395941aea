"""What the page for regions works on, without a page."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from decisight.cli import main
from decisight.config import read_site
from decisight.config.editing import SiteText
from decisight.errors import OutputError, SiteError, UsageError
from decisight.regions import Region
from decisight.server.console.region_desk import RegionDesk, told

SITE = """\
site: a  # mine
models: {m: {path: small.onnx}}
cameras:
  gate:
    source: {type: folder, path: pictures, follow: false, fps: 2}
    regions:
      bay: {polygon: [[0.1, 0.1], [0.5, 0.1], [0.5, 0.5]]}
    watch: [{region: bay}]
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "pictures").mkdir()
    for number, size in enumerate(((64, 48), (64, 48), (4096, 2160))):
        Image.new("RGB", size, (50 * number, 100, 200)).save(tmp_path / f"pictures/{number}.png")
    (tmp_path / "site.yaml").write_text(SITE)
    return tmp_path / "site.yaml"


@pytest.fixture
def desk(path: Path) -> RegionDesk:
    return RegionDesk(SiteText.read(path), "gate")


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def test_a_large_picture_is_shown_smaller_and_cut_as_it_is(desk: RegionDesk) -> None:
    assert desk.look()
    assert (desk.size, desk.seconds, desk.number) == ((4096, 2160), 1.0, 1)
    assert opened(desk.shown()).size == (1920, 1012)
    (shape,) = desk.polygons.shapes
    crop = desk.cut(shape.key)
    assert crop is not None
    assert desk.pixels is not None
    assert np.array_equal(crop, shape.region().cut(desk.pixels, (127, 127, 127)))
    assert max(opened(desk.preview(shape.key)).size) == 480
    assert desk.measure(shape) == crop.shape[1::-1]


def test_a_moment_of_a_recording_is_shown(desk: RegionDesk) -> None:
    assert desk.look(0.6)
    assert desk.frame is not None
    assert desk.frame.name == "1.png"
    assert desk.moment == 0.6


def test_what_is_cut_out_follows_a_region_that_is_being_moved(desk: RegionDesk) -> None:
    desk.look(0.0)
    key = desk.polygons.shapes[0].key
    desk.move(key, ((0, 0), (1, 0), (1, 1), (0, 1)))
    assert opened(desk.preview(key)).size == (64, 48)
    for nonsense in (((0, 0), (2, 0), (1, 1)), ((0, 0),), ()):
        desk.move(key, nonsense)
        assert opened(desk.preview(key)).size == (25, 19)
    desk.move(99, ((0, 0), (1, 0), (1, 1)))
    assert desk.preview(99) == b""


def test_the_colour_outside_is_that_of_the_model(path: Path, small_model: Path) -> None:
    (path.parent / "small.onnx").write_bytes(small_model.read_bytes())
    desk = RegionDesk(SiteText.read(path), "gate")
    assert desk.fill(desk.polygons.shapes[0]) == (127, 127, 127)


def test_a_camera_without_a_picture_says_why(path: Path) -> None:
    for picture in (path.parent / "pictures").iterdir():
        picture.unlink()
    desk = RegionDesk(SiteText.read(path), "gate")
    assert not desk.look()
    assert "there is no picture in this folder" in str(desk.problem)
    assert (desk.shown(), desk.size, desk.note()) == (b"", None, None)
    assert desk.preview(desk.polygons.shapes[0].key) == b""
    assert desk.measure(desk.polygons.shapes[0]) is None
    with pytest.raises(OutputError, match="no picture"):
        desk.save_reference()


def test_saving_writes_what_was_drawn(desk: RegionDesk) -> None:
    desk.polygons.add_box((0.2, 0.2), (0.4, 0.4))
    desk.polygons.mask(desk.polygons.shapes[0].key, False)
    assert desk.save() == ["bay no longer masked", "region-1 is new"]
    assert not desk.polygons.changed
    regions = read_site(desk.path).regions("gate")
    assert regions["region-1"] == Region.box("region-1", 0.2, 0.2, 0.4, 0.4)
    assert desk.path.read_text() == SITE.replace("0.5]]}", "0.5]], mask: false}").replace(
        "    watch", "      region-1: {polygon: [[0.2, 0.2], [0.4, 0.2], [0.4, 0.4], [0.2, 0.4]]}\n    watch"
    )


def test_what_cannot_be_saved_is_not_written(desk: RegionDesk) -> None:
    for corner in ((0.1, 0.1), (0.2, 0.2), (0.3, 0.3)):
        desk.polygons.add_corner(corner)
    desk.polygons.close()
    assert len(desk.problems()) == 1
    with pytest.raises(UsageError, match="has no area"):
        desk.save()
    with pytest.raises(UsageError, match="bay is watched"):
        desk.remove(desk.polygons.shapes[0].key)
    desk.remove(desk.polygons.shapes[1].key)
    assert desk.problems() == []
    assert desk.path.read_text() == SITE


def test_what_is_likely_not_meant_is_told(desk: RegionDesk) -> None:
    desk.look(0.0)
    desk.polygons.add_box((0.1, 0.1), (0.15, 0.3))
    for corner in ((0.1, 0.1), (0.9, 0.1), (0.1, 0.9), (0.9, 0.9)):
        desk.polygons.add_corner(corner)
    desk.polygons.close()
    told = [desk.warnings(shape) for shape in desk.polygons.shapes]
    assert told[0] == []
    assert told[1] == ["Only 4 x 9 pixels of this picture: next to nothing is seen in it."]
    assert "cross" in told[2][0]


def test_a_picture_of_other_proportions_than_the_reference_is_told(path: Path) -> None:
    text = SITE.replace("    regions", "    reference: 1920x1080\n    regions").replace("0.1, 0.1", "100, 100")
    path.write_text(text.replace("0.5, 0.1", "500, 100").replace("0.5, 0.5", "500, 500"))
    desk = RegionDesk(SiteText.read(path), "gate")
    assert desk.note() is None
    desk.look(0.0)
    assert "other proportions than the reference 1920x1080" in str(desk.note())


def test_a_file_that_was_changed_meanwhile_is_read_again(desk: RegionDesk) -> None:
    desk.polygons.add_box((0.2, 0.2), (0.4, 0.4))
    assert not desk.is_stale()
    other = SITE.replace("mine", "yours").replace(
        "      bay", "      quay: {polygon: [[0, 0], [1, 0], [1, 1]]}\n      bay"
    )
    desk.path.write_text(other)
    assert desk.is_stale()
    with pytest.raises(SiteError, match="changed by somebody else"):
        desk.save()
    desk.read_again(keep=True)
    # What the other person has drawn stays.
    assert [shape.name for shape in desk.polygons.shapes] == ["bay", "region-1", "quay"]
    assert desk.save() == ["region-1 is new"]
    assert [line for line in other.splitlines() if line not in desk.path.read_text()] == []
    desk.polygons.add_box((0.2, 0.2), (0.4, 0.4))
    desk.read_again(keep=False)
    assert [shape.name for shape in desk.polygons.shapes] == ["quay", "bay", "region-1"]
    desk.path.write_text(SITE.replace("  gate:", "  door:"))
    with pytest.raises(UsageError, match="has no camera gate any more"):
        desk.read_again(keep=True)
    desk.path.unlink()
    assert desk.is_stale()


def test_the_reference_is_written_beside_the_site_file(desk: RegionDesk) -> None:
    desk.look()
    place = desk.save_reference()
    assert place == desk.path.parent / "gate-reference.jpg"
    assert opened(place.read_bytes()).size == (4096, 2160)
    with pytest.raises(OutputError, match="is there already"):
        desk.save_reference()
    assert desk.save_reference(replace=True) == place


def test_at_the_end_it_is_said_what_the_file_holds(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def draw(desk: RegionDesk) -> None:
        desk.polygons.add_box((0.1, 0.1), (0.4, 0.4))

    monkeypatch.setattr("decisight.server.console.regions.region_page", lambda desk: lambda: draw(desk))
    monkeypatch.setattr("decisight.server.local.serve", lambda build, **_: build())
    assert main(["region", str(path), "--no-browser"]) == 0
    said = capsys.readouterr()
    assert said.out == f"\n{path}: gate has the regions bay.\n"
    assert said.err == "warning: what was drawn last was not saved: region-1 is new\n"


def test_names_that_are_saved_are_those_of_the_file_as_it_is(desk: RegionDesk) -> None:
    desk.path.write_text(SITE.replace("bay", "gate"))
    assert desk.saved_names() == ["gate"]
    desk.path.write_text("site: [")
    assert desk.saved_names() == ["bay"]


def test_names_are_told_as_they_are_written() -> None:
    assert told(OutputError("g.yaml cannot be written", hint="make room")) == "g.yaml cannot be written (make room)"
    assert told(OutputError("there is no picture")) == "there is no picture"
