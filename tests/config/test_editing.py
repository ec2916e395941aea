"""A site file changed in one place, and byte for byte the same in all others."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisight.config import read_site
from decisight.config.editing import SiteText, rounded
from decisight.config.layout import value_text
from decisight.errors import DecisightError, SiteError, UsageError
from decisight.regions import Region

SITE = """\
# yaml-language-server: $schema=site.schema.json
site: plant-7   # the northern one
timezone: "Europe/Berlin"

models:
  gear: {path: gear.onnx}
cameras:
    gate-1:    # by the road
        source: {type: video,   path: 'clips/gate 1.mp4'}
        fps: 5 #\ta tab\t

        # What is watched:
        regions:
            gate:   # the left one
                polygon: [[0.3, 0], [0.7, 0.0], [0.7, 1], [0.31415926, 1]]  # measured
                mask: false
            "the bay": {polygon: [[0.1, 0.1], [0.2, 0.1], [0.2, 0.30]]}
            # the end of the regions
        watch:
        - region: gate
          model: gear
        - {region: "the bay", model: gear,  quiet: [empty]}
    gate-2: {source: {type: folder, path: in}, watch: [{model: gear}]}
    gate-3:
      source:
        type: video
        path: gate-3.mp4   # to come
      reference: 1920x1080
      regions:
        lane:
          polygon:
          - [100, 200]
          - [900, 200]   # the post
          - [900, 1000.5]
      watch:
      - model: gear
        region: lane
retention: {readings: 90d}
"""

SQUARE = ((0.123456, 0.2), (0.5, 0.2), (0.5, 0.9), (0.1, 0.9))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "site.yaml"
    path.write_bytes(SITE.encode())
    return path


def regions_of(path: Path, camera: str = "gate-1") -> dict[str, Region]:
    return read_site(path).regions(camera)


def save(path: Path, camera: str, *regions: tuple[str | None, Region]) -> str:
    """Save regions, and give the file's text with the lines that changed marked."""
    before = path.read_bytes().decode("utf-8-sig").splitlines(keepends=True)
    SiteText.read(path).with_regions(camera, regions).save()
    after = path.read_bytes().decode("utf-8-sig").splitlines(keepends=True)
    return "".join(f"+{line}" for line in after if line not in before) + "".join(
        f"-{line}" for line in before if line not in after
    )


def both(path: Path) -> list[tuple[str | None, Region]]:
    return [(name, region) for name, region in regions_of(path).items()]


def with_corner(region: Region, at: int, corner: tuple[float, float]) -> Region:
    polygon = list(region.polygon)
    polygon[at] = corner
    return Region(region.name, tuple(polygon), region.masked)


# --- what is written -------------------------------------------------------------------------------------------------


def test_nothing_changed_is_nothing_written(path: Path) -> None:
    os.utime(path, (1, 1))
    assert save(path, "gate-1", *both(path)) == ""
    assert path.stat().st_mtime == 1


def test_one_corner_moved_changes_that_corner_alone(path: Path) -> None:
    (_, gate), bay = both(path)
    line = save(path, "gate-1", ("gate", with_corner(gate, 1, (0.712345, 0.01))), bay)
    assert line.startswith(
        "+                polygon: [[0.3, 0], [0.7123, 0.01], [0.7, 1], [0.31415926, 1]]  # measured\n"
    )
    assert line.count("\n") == 2


def test_a_region_drawn_anew_comes_last(path: Path) -> None:
    line = save(path, "gate-1", *both(path), (None, Region("lane 2", SQUARE, masked=False)))
    assert line == "+            lane 2: {polygon: [[0.1235, 0.2], [0.5, 0.2], [0.5, 0.9], [0.1, 0.9]], mask: false}\n"
    assert path.read_text().index("lane 2") < path.read_text().index("# the end of the regions")


def test_another_number_of_corners_is_written_in_brackets(path: Path) -> None:
    (_, gate), bay = both(path)
    wider = Region("gate", (*gate.polygon, (0.2, 0.5)), gate.masked)
    assert save(path, "gate-1", ("gate", wider), bay).startswith(
        "+                polygon: [[0.3, 0], [0.7, 0.0], [0.7, 1], [0.31415926, 1], [0.2, 0.5]]  # measured\n"
    )


def test_a_new_name_is_taken_on_by_what_is_watched(path: Path) -> None:
    (_, gate), (_, bay) = both(path)
    line = save(path, "gate-1", ("gate", Region("bay", gate.polygon, False)), ("the bay", Region("no", bay.polygon)))
    assert line.split("-  ")[0] == (
        "+            bay:   # the left one\n"
        '+            "no": {polygon: [[0.1, 0.1], [0.2, 0.1], [0.2, 0.30]]}\n'
        "+        - region: bay\n"
        '+        - {region: "no", model: gear,  quiet: [empty]}\n'
    )


def test_two_regions_can_change_names(path: Path) -> None:
    (_, gate), (_, bay) = both(path)
    swapped = [("gate", Region("the bay", gate.polygon, False)), ("the bay", Region("gate", bay.polygon))]
    save(path, "gate-1", *swapped)
    assert regions_of(path)["gate"].polygon == bay.polygon
    assert [watch.region for watch in read_site(path).section.cameras["gate-1"].watch] == ["the bay", "gate"]


def test_masking_is_written_where_it_differs(path: Path) -> None:
    (_, gate), (_, bay) = both(path)
    line = save(
        path, "gate-1", ("gate", Region("gate", gate.polygon)), ("the bay", Region("the bay", bay.polygon, False))
    )
    assert line.split("-  ")[0] == (
        "+                mask: true\n"
        '+            "the bay": {polygon: [[0.1, 0.1], [0.2, 0.1], [0.2, 0.30]], mask: false}\n'
    )


def test_a_camera_without_regions_gets_some(path: Path) -> None:
    line = save(path, "gate-2", (None, Region("yes", SQUARE)))
    assert line.startswith(
        "+    gate-2: {source: {type: folder, path: in}, "
        'regions: {"yes": {polygon: [[0.1235, 0.2], [0.5, 0.2], [0.5, 0.9], [0.1, 0.9]]}}, watch: [{model: gear}]}\n'
    )
    path.write_text(
        "site: a\ncameras:\n  one:\n    source: {type: folder, path: in}  # hot\n\n    # that is all\n    fps: 3"
    )
    line = save(path, "one", (None, Region("Tür 1", SQUARE[:3])))
    assert (
        line
        == "+    fps: 3\n+    regions:\n+      Tür 1: {polygon: [[0.1235, 0.2], [0.5, 0.2], [0.5, 0.9]]}-    fps: 3"
    )


def test_pixels_of_a_reference_are_written_in_pixels(path: Path) -> None:
    lane = regions_of(path, "gate-3")["lane"]
    line = save(path, "gate-3", ("lane", with_corner(lane, 0, (0.1, 0.25))), (None, Region("two", SQUARE)))
    assert line == (
        "+          - [192, 270]\n"
        "+        two: {polygon: [[237, 216], [960, 216], [960, 972], [192, 972]]}\n"
        "-          - [100, 200]\n"
    )
    more = Region("lane", (*lane.polygon, (0.0, 1.0)))
    save(path, "gate-3", ("lane", more), ("two", regions_of(path, "gate-3")["two"]))
    assert "          polygon: [[100, 200], [900, 200], [900, 1000.5], [0, 1080]]\n      " in path.read_text()
    assert rounded(SQUARE[:1], (640, 1080)) == [[79.01, 216]]


def test_removed_regions_are_gone_and_the_rest_stays(path: Path) -> None:
    text = SITE.replace("        - region: gate\n          model: gear\n", "")
    path.write_text(text)
    gate, bay = both(path)
    save(path, "gate-1", bay)
    lines = text.splitlines(keepends=True)
    assert path.read_text() == "".join(lines[:13] + lines[16:])
    path.write_text(re.sub(r"(?m)^        watch:\n        - \{.*\n", "", text))
    save(path, "gate-1")
    assert "        regions: {}\n            # the end of the regions\n    gate-2" in path.read_text()
    save(path, "gate-1", (None, gate[1]))
    assert (
        "        regions: {gate: {polygon: [[0.3, 0], [0.7, 0], [0.7, 1], [0.3142, 1]], mask: false}}\n"
        in path.read_text()
    )


@pytest.mark.parametrize(
    ("kept", "result"),
    [
        ("abc", "{a: {P}, b: {P}, c: {P},}"),
        ("ab", "{a: {P}, b: {P},}"),
        ("bc", "{b: {P}, c: {P},}"),
        ("ac", "{a: {P}, c: {P},}"),
        ("a", "{a: {P},}"),
        ("c", "{c: {P},}"),
        ("", "{,}"),
        ("d", "{d: {P},}"),
        ("ad", "{a: {P}, d: {P},}"),
        ("acd", "{a: {P}, c: {P}, d: {P},}"),
    ],
)
def test_regions_in_brackets(path: Path, kept: str, result: str) -> None:
    polygon = "{polygon: [[0, 0], [1, 0], [1, 1]]}"
    head = "site: a\ncameras:\n  one: {source: {type: folder, path: in}, regions: "
    path.write_text(head + "{a: {P}, b: {P}, c: {P},}}".replace("{P}", polygon) + "\n")
    triangle = ((0, 0), (1, 0), (1, 1))
    wanted = [(None if name == "d" else name, Region(name, triangle)) for name in kept]
    if kept:
        save(path, "one", *wanted)
        assert path.read_text() == head + result.replace("{P}", polygon) + "}\n"
    else:
        with pytest.raises(SiteError, match="cannot be changed here"):
            save(path, "one")  # a comma alone is not YAML; written without it, it can be
        path.write_text(path.read_text().replace("]]},}", "]]}}"))
        save(path, "one")
        assert path.read_text() == head + "{}}\n"


def test_a_region_removed_and_drawn_again_is_the_same(path: Path) -> None:
    _, bay = both(path)
    save(path, "gate-1", bay, (None, Region("gate", SQUARE, masked=False)))
    assert regions_of(path)["gate"].polygon[0] == (0.1235, 0.2)
    assert "            gate:   # the left one\n" in path.read_text()


def test_a_camera_is_added_after_the_others(path: Path) -> None:
    section = {"source": {"type": "video", "path": "a: b.mp4"}, "fps": 2.5, "watch": [{"model": "gear"}]}
    SiteText.read(path).with_camera("gate 4", section).save()
    assert path.read_text() == SITE.replace(
        "retention",
        '    gate 4:\n      source: {type: video, path: "a: b.mp4"}\n'
        "      fps: 2.5\n      watch: [{model: gear}]\nretention",
    )
    with pytest.raises(SiteError, match="has a camera 'gate 4' already"):
        SiteText.read(path).with_camera("gate 4", section)
    path.write_text("{site: a, cameras: {b: {source: {type: folder, path: c}}}}")
    SiteText.read(path).with_camera("d", {"source": {"type": "folder", "path": "e"}}).save()
    assert path.read_text() == (
        "{site: a, cameras: {b: {source: {type: folder, path: c}}, d: {source: {type: folder, path: e}}}}"
    )


# --- how it is written -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
@pytest.mark.parametrize("end", [b"\n", b"", b"\n\n# end"])
def test_bytes_beside_it_stay(path: Path, mark: bytes, newline: bytes, end: bytes) -> None:
    body = SITE.encode().rstrip() + end
    path.write_bytes(mark + body.replace(b"\n", newline))
    save(path, "gate-1", *both(path), (None, Region("new", SQUARE[:3])))
    new = b"            new: {polygon: [[0.1235, 0.2], [0.5, 0.2], [0.5, 0.9]]}\n"
    before, after = body.split(b"            # the end")
    assert path.read_bytes() == mark + (before + new + b"            # the end" + after).replace(b"\n", newline)


@pytest.mark.skipif(os.name != "posix", reason="permissions and links")
def test_permissions_and_links_stay(path: Path) -> None:
    path.chmod(0o640)
    link = path.with_name("link.yaml")
    link.symlink_to(path.name)
    save(link, "gate-1", *both(path), (None, Region("new", SQUARE)))
    assert link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert "new" in regions_of(path)
    assert sorted(one.name for one in path.parent.iterdir()) == ["link.yaml", "site.yaml"]


def test_a_file_that_was_changed_meanwhile_is_left(path: Path) -> None:
    text = SiteText.read(path).with_regions("gate-1", [*both(path), (None, Region("new", SQUARE))])
    path.write_text(SITE + "# mine\n")
    with pytest.raises(SiteError, match="changed by somebody else"):
        text.save()
    assert path.read_text() == SITE + "# mine\n"
    path.unlink()
    with pytest.raises(SiteError, match="cannot be read"):
        text.save()


def test_it_can_be_saved_again_and_again(path: Path) -> None:
    text = SiteText.read(path)
    for at in range(3):
        regions = [(name, region) for name, region in text.site().regions("gate-1").items()]
        text = text.with_regions("gate-1", [*regions, (None, Region(f"r{at}", SQUARE))]).save()
    assert list(regions_of(path)) == ["gate", "the bay", "r0", "r1", "r2"]


# --- what is refused -------------------------------------------------------------------------------------------------


def test_a_watched_region_is_not_removed(path: Path) -> None:
    with pytest.raises(SiteError, match="the region 'gate' of the camera 'gate-1' is watched"):
        SiteText.read(path).with_regions("gate-1", both(path)[1:])


@pytest.mark.parametrize(
    ("camera", "regions", "error"),
    [
        ("gate-9", [], "has no camera 'gate-9'"),
        ("gate-2", [(None, Region("a", SQUARE)), (None, Region("a", SQUARE))], "two regions are called 'a'"),
        ("gate-2", [(None, Region("a:b", SQUARE))], r"line 23: .*the name 'a:b' cannot be used"),
    ],
)
def test_what_cannot_be_is_told(path: Path, camera: str, regions: list[tuple[str | None, Region]], error: str) -> None:
    with pytest.raises(UsageError, match=error):
        SiteText.read(path).with_regions(camera, regions)


SHARED = """\
site: a
models: {m: {path: m.onnx}}
cameras:
  one: &one
    source: {type: folder, path: in}
    regions: &regions
      gate: {polygon: &corners [[0, 0], [1, 0], [1, 1]]}
    watch: [{region: gate}]
  two:
    <<: *one
    source: {type: folder, path: two}
  three:
    source: {type: folder, path: three}
    regions: *regions
  four:
    <<: *one
    regions:
      gate: {polygon: *corners}
      own: {polygon: [[0, 0], [1, 0], [1, 1]]}
"""


@pytest.mark.parametrize("camera", ["one", "two", "three"])
def test_what_is_shared_is_not_changed(path: Path, camera: str) -> None:
    path.write_text(SHARED)
    text = SiteText.read(path)
    gate = text.site().regions(camera)["gate"]
    with pytest.raises(SiteError, match=r"the camera '\w+' cannot be changed here: .*on line 4\)"):
        text.with_regions(camera, [("gate", gate), (None, Region("new", SQUARE))])


def test_what_is_not_shared_beside_it_is(path: Path) -> None:
    path.write_text(SHARED)
    text = SiteText.read(path)
    gate, own = text.site().regions("four").values()
    saved = text.with_regions("four", [("gate", gate), ("own", with_corner(own, 0, (0.5, 0.5)))])
    assert saved.text == SHARED.replace("own: {polygon: [[0, 0]", "own: {polygon: [[0.5, 0.5]")
    with pytest.raises(SiteError, match="cannot be changed here"):
        text.with_regions("one", [("gate", with_corner(gate, 0, (0.5, 0.5)))])


# --- any file --------------------------------------------------------------------------------------------------------

NAMES = st.text(
    st.characters(exclude_categories=["C", "Z"], exclude_characters="/\\:=|") | st.just(" "), min_size=1, max_size=12
).filter(lambda name: name == name.strip() and name not in (".", ".."))
COMMENTS = st.sampled_from(["", "  # a remark", " #\t[not: {a list", "   # 'quotes\" and ümlaut", " #"])
BLANKS = st.sampled_from(["", "\n", "      # a line of its own: yes\n", "\n# at the margin\n\n"])
NUMBERS = st.sampled_from(["0", "0.5", "1", "0.250", "1e-1", "0.33333333", "1.0", "+0.75"])


@st.composite
def polygons(draw: st.DrawFn) -> str:
    corners = [
        "[0, 0]",
        "[1,0.0]",
        f"[{draw(NUMBERS)}, 1]",
        *(f"[{draw(NUMBERS)}, {draw(NUMBERS)}]" for _ in range(draw(st.integers(0, 2)))),
    ]
    style = draw(st.sampled_from(["flow", "wrapped", "lines", "dashes"]))
    if style == "flow":
        return " [" + draw(st.sampled_from([",", ", ", " ,  "])).join(corners) + "]"
    if style == "wrapped":
        return " [\n" + ",\n".join(f"            {corner}" for corner in corners) + "\n          ]"
    if style == "lines":
        return draw(COMMENTS) + "".join(f"\n        - {corner}{draw(COMMENTS)}" for corner in corners)
    return draw(COMMENTS) + "".join(
        "\n          -  - {}\n             - {}".format(*corner[1:-1].split(",")) for corner in corners
    )


@st.composite
def entries(draw: st.DrawFn) -> str:
    """What stands behind the name of a region, in a block."""
    lines = [f"        polygon:{draw(polygons())}{draw(COMMENTS)}\n"]
    if draw(st.booleans()):
        mask = f"        mask:   {draw(st.sampled_from(['true', 'false']))}{draw(COMMENTS)}\n"
        lines.insert(draw(st.integers(0, 1)), mask)
    return draw(COMMENTS) + "\n" + draw(BLANKS).join(lines)


@st.composite
def sites(draw: st.DrawFn) -> tuple[list[str], list[str]]:
    """A site file in parts: what stands before the regions, each of them, what stands behind; and their names."""
    names = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    quoted = [value_text(name, draw(st.sampled_from(["", "'", '"']))) for name in names]
    head = (
        f"{draw(BLANKS)}site: 'a'{draw(COMMENTS)}\nmodels: {{m: {{path: \"m.onnx\",  }} }}\n{draw(BLANKS)}cameras:\n"
        f"  zero: {{source: {{type: folder,path: in}}}}{draw(COMMENTS)}\n{draw(BLANKS)}  one:{draw(COMMENTS)}\n"
        f"    source: {{type: folder, path: in}}{draw(COMMENTS)}\n    regions:{draw(COMMENTS)}\n{draw(BLANKS)}"
    )
    parts = [f"      {name}:{draw(entries())}{draw(BLANKS)}" for name in quoted]
    watched = draw(st.lists(st.sampled_from(range(len(names))), unique=True))
    watch = "".join(f"    - region:  {quoted[at]}{draw(COMMENTS)}\n      model: m\n" for at in watched)
    tail = f"{draw(BLANKS)}    watch:{draw(COMMENTS)}\n{watch}" if watch else ""
    end = draw(st.sampled_from(["", "  # last", "\n", "\n...\n"]))
    return [head, *parts, tail + f"{draw(BLANKS)}timezone: UTC{end}"], names


@settings(max_examples=20)
@given(sites(), st.data(), st.booleans())
def test_of_any_site_file_all_else_stays(tmp_path_factory, site, data, crlf):  # type: ignore[no-untyped-def]
    parts, names = site
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    before = [part.replace("\n", "\r\n") if crlf else part for part in parts]
    path.write_bytes("".join(before).encode())
    text = SiteText.read(path)
    regions = dict(text.site().regions("one"))
    watched = {watch.region for watch in text.site().section.cameras["one"].watch}
    at = data.draw(st.integers(0, len(names) - 1))
    name = names[at]
    kind = data.draw(st.sampled_from(["corner", "corners", "mask", "new", "remove", "nothing"]))
    region = regions[name]
    wanted = [(one, regions[one]) for one in names]
    match kind:
        case "corner":
            wanted[at] = name, with_corner(region, 1, (0.9, 0.1))
        case "corners":
            wanted[at] = name, Region(name, (*region.polygon, (0.9, 0.5)), region.masked)
        case "mask":
            wanted[at] = name, Region(name, region.polygon, not region.masked)
        case "new":
            fresh = data.draw(NAMES.filter(lambda one: one not in names))
            wanted.append((None, Region(fresh, SQUARE)))
        case "remove" if name not in watched:
            wanted.pop(at)
    after = text.with_regions("one", wanted).save()
    result = path.read_bytes().decode()
    assert result == after.text
    # What stands before the region and behind it is there to the byte, and what is meant is what is read.
    if kind == "new":
        assert result.startswith("".join(before[: len(names)]))
        assert result.endswith(before[-1])
    elif kind == "remove" and len(wanted) < len(names) == 1:
        assert result.endswith(before[-1])
    else:
        assert result.startswith("".join(before[: at + 1]))
        assert result.endswith("".join(before[at + 2 :]))
        assert kind != "nothing" or result == "".join(before)
    assert ("\r\n" in result) is crlf
    found = after.site().regions("one")
    assert list(found) == [one.name for _, one in wanted]
    for _, one in wanted:
        assert found[one.name].masked is one.masked
        assert np.allclose(found[one.name].polygon, one.polygon, atol=6e-5)


@settings(max_examples=10)
@given(sites(), st.data())
def test_of_any_site_file_names_can_change(tmp_path_factory, site, data):  # type: ignore[no-untyped-def]
    parts, names = site
    path = tmp_path_factory.getbasetemp() / "names.yaml"
    path.write_bytes("".join(parts).encode())
    text = SiteText.read(path)
    others = data.draw(st.permutations([*names[1:], data.draw(NAMES.filter(lambda one: one not in names))]))
    regions = text.site().regions("one")
    wanted = [
        (old, Region(new, regions[old].polygon, regions[old].masked)) for old, new in zip(names, others, strict=True)
    ]
    site_after = text.with_regions("one", wanted).save().site()
    assert {name: region.polygon for name, region in site_after.regions("one").items()} == {
        new.name: new.polygon for _, new in wanted
    }
    mapping = dict(zip(names, others, strict=True))
    watches = [watch.region for watch in text.site().section.cameras["one"].watch]
    assert [watch.region for watch in site_after.section.cameras["one"].watch] == [mapping[str(w)] for w in watches]


@given(NAMES, st.sampled_from(["", "'", '"']))
def test_any_name_can_be_written(name: str, quote: str) -> None:
    from ruamel.yaml import YAML

    assert YAML(typ="safe", pure=True).load(f"[{{{value_text(name, quote)}: 1}}]") == [{name: 1}]


def test_errors_are_those_of_a_site(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text("site: [")
    with pytest.raises(DecisightError, match="this is not YAML"):
        SiteText.read(path)
