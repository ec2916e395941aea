"""``decisight backtest``: clips in, figures, plots and an exit status out."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from decisight.cli.backtest import BacktestOptions
from decisight.cli.backtest import run as backtest
from decisight.errors import DataError, DecisightError, OutputError, SiteError, SourceError, UsageError

FPS = 10
STEADY = "majority_vote:3/5"


def film(path: Path, letters: str) -> None:
    """A video of a letter a picture, ten a second: ``b`` is bright and ``d`` dark."""
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=FPS, options={"g": "1", "q:v": "2"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for letter in letters:
            pixels = np.full((48, 64, 3), 255 if letter == "b" else 0, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())


def label(path: Path, rows: str) -> None:
    path.write_text("start,end,region,state\n" + rows, "utf-8")


# Eight stretches of two seconds, and in each a picture that is taken for the other.
LETTERS = "".join(("b" * 8 + "d" + "b" * 11, "d" * 8 + "b" + "d" * 11)[at % 2] for at in range(8))
ROWS = "".join(f"{2 * at},{2 * at + 2},,{('cat', 'dog')[at % 2]}\n" for at in range(8))


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """A folder with a labelled clip of the camera ``gate``."""
    film(tmp_path / "clips" / "gate.mp4", LETTERS)
    label(tmp_path / "clips" / "gate.csv", ROWS)
    return tmp_path / "clips"


@dataclass(frozen=True)
class Sites:
    """Writes site files with one model, and says which options to run them with."""

    folder: Path
    model: Path

    def write(self, name: str, policy: str = STEADY, *, cameras: str = "gate") -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [f"site: plant\nmodels: {{m: {{path: {json.dumps(str(self.model))}}}}}\ncameras:"]
        lines += [
            f"  {camera}:\n    source: {{type: video, path: x.mp4}}\n    fps: 10\n    gates: []\n"
            f"    watch: [{{policy: {json.dumps(policy)}}}]"
            for camera in cameras.split()
        ]
        path.write_text("\n".join(lines) + "\n", "utf-8")
        return path


@pytest.fixture
def sites(tmp_path: Path, small_model: Path) -> Sites:
    return Sites(tmp_path, small_model)


@pytest.fixture
def figures(capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    """What a back-test writes as JSON to standard output."""

    def run(site: Path, clips: Path, **options: Any) -> dict[str, Any]:
        capsys.readouterr()
        assert backtest(BacktestOptions(site, clips, json=Path("-"), **options)) == 0
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        return found

    return run


def test_json_has_the_figures_of_single_and_site(sites: Sites, clips: Path, figures: Callable[..., Any]) -> None:
    found = figures(sites.write("steady.yaml"), clips)
    assert list(found["policies"]) == ["single", "steady"]
    single, steady = found["policies"]["single"], found["policies"]["steady"]
    assert (single["excess_flips"], single["false_events"], single["transitions"]) == (16, 8, 7)
    assert (steady["excess_flips"], steady["false_events"], steady["missed"]) == (0, 0, 0)
    assert single["excess_flips_per_hour"] == pytest.approx(16 / (15.9 / 3600))
    assert single["frame_accuracy"] == pytest.approx(152 / 160)
    assert steady["frame_accuracy_off_edges"] == 1.0
    assert steady["median_delay_seconds"] == pytest.approx(0.2)
    assert {"events_per_hour", "intervals", "coverage", "hours", "flips_per_hour"} <= set(steady)
    assert [clip["clip"] for clip in found["clips"]] == ["gate.mp4"]
    assert found["verdict"]["not_worse"] is True


def test_two_sites_are_named_by_their_stems_or_by_their_paths(
    sites: Sites, clips: Path, figures: Callable[..., Any]
) -> None:
    old, new = sites.write("old.yaml", "threshold"), sites.write("new.yaml")
    assert list(figures(old, clips, against=new)["policies"]) == ["single", "old", "new"]
    again = sites.write("other/old.yaml")
    assert list(figures(old, clips, against=again)["policies"]) == ["single", str(old), str(again)]
    alone = sites.write("single.yaml")
    assert list(figures(alone, clips)["policies"]) == ["single", str(alone)]
    with pytest.raises(UsageError, match="the same file"):
        backtest(BacktestOptions(old, clips, against=old))


@pytest.mark.parametrize(
    ("policy", "against", "status"),
    [
        (STEADY, None, 0),  # better than each picture alone
        (STEADY, "threshold", 0),
        (STEADY, STEADY, 0),
        ("threshold", None, 0),  # the same as each picture alone
        ("threshold", STEADY, 1),
    ],
)
def test_the_exit_status_says_whether_it_is_worse(
    sites: Sites,
    clips: Path,
    capsys: pytest.CaptureFixture[str],
    policy: str,
    against: str | None,
    status: int,
) -> None:
    site = sites.write("new.yaml", policy)
    other = None if against is None else sites.write("old.yaml", against)
    assert backtest(BacktestOptions(site, clips, against=other)) == 0  # nothing was required
    capsys.readouterr()
    assert backtest(BacktestOptions(site, clips, against=other, require="not-worse")) == status
    out, err = capsys.readouterr()
    if status:
        assert "new is worse than old in excess flips (16 beside 0); false events (8 beside 0)" in err
    else:
        assert f"new is not worse than {'single' if against is None else 'old'}" in out


def test_text_and_folder(sites: Sites, clips: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    film(clips / "sub" / "gate.avi", "b" * 10)
    label(clips / "sub" / "gate.csv", "0,1,,cat\n")
    folder, json_file = tmp_path / "out", tmp_path / "figures.json"
    assert backtest(BacktestOptions(sites.write("steady.yaml"), clips, folder=folder, json=json_file)) == 0
    out = capsys.readouterr().out
    assert out.startswith("2 clips, 2 state lines")
    assert "excess flips" in out
    assert out.endswith("backtest.json, states.csv, gate.png, sub_gate.png\n")
    assert sorted(path.name for path in folder.iterdir()) == ["backtest.json", "gate.png", "states.csv", "sub_gate.png"]
    assert (folder / "backtest.json").read_text("utf-8") == json_file.read_text("utf-8")
    rows = list(csv.DictReader(io.StringIO((folder / "states.csv").read_text("utf-8"))))
    assert len(rows) == 2 * (160 + 10)
    assert list(rows[0]) == ["clip", "time", "region", "group", "truth", "policy", "state", "confidence", "reason"]
    assert [row["state"] for row in rows[6:11]] == ["cat", "cat", "dog", "cat", "cat"]
    assert {row["clip"] for row in rows} == {"gate.mp4", "sub/gate.avi"}
    with Image.open(folder / "gate.png") as image:
        assert image.width == 1200


def test_what_is_passed_over_is_named(sites: Sites, clips: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film(clips / "yard.mp4", "b")
    label(clips / "door.csv", "0,1,,cat\n")
    assert backtest(BacktestOptions(sites.write("steady.yaml"), clips)) == 0
    err = capsys.readouterr().err
    assert "warning: 1 video(s) without a table are passed over" in err
    assert "yard.mp4" in err
    assert "warning: 1 table(s) without a video are passed over" in err


def test_rows_that_no_picture_is_seen_of_are_named(
    sites: Sites, clips: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    label(clips / "gate.csv", "0,2,,cat\n2000,4000,,dog\n")  # milliseconds, it seems
    assert backtest(BacktestOptions(sites.write("steady.yaml"), clips)) == 0
    err = capsys.readouterr().err
    assert "gate.csv, line 3: no picture lies between 2000 and 4000 s" in err
    assert "16.0 s long" in err


def test_a_damaged_clip_is_said_to_be_and_its_pictures_cannot_be_judged(
    sites: Sites, clips: Path, capsys: pytest.CaptureFixture[str], figures: Callable[..., Any]
) -> None:
    (clips / "gate.mp4").unlink()
    path = clips / "gate.avi"
    film(path, "b" * 60 + "d" * 60)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 400] = b"\xff" * 400
    path.write_bytes(content)
    label(clips / "gate.csv", "0,6,,cat\n6,12,,dog\n")
    found = figures(sites.write("steady.yaml"), clips)
    assert found["clips"][0]["unreadable"] > 0
    assert found["policies"]["single"]["coverage"] < 1.0
    assert backtest(BacktestOptions(sites.write("steady.yaml"), clips)) == 0
    assert "could not be read (the recording is damaged here)" in capsys.readouterr().err


def test_all_clips_may_be_of_one_camera(sites: Sites, clips: Path, figures: Callable[..., Any]) -> None:
    found = figures(sites.write("two.yaml", cameras="bay yard"), clips, camera="yard")
    assert [clip["camera"] for clip in found["clips"]] == ["yard"]


def spoilt(kind: str, sites: Sites, clips: Path) -> BacktestOptions:
    """Options that cannot be carried out."""
    site = sites.write("steady.yaml")
    options: dict[str, Any] = {}
    if kind == "camera of a clip":
        (clips / "gate.mp4").rename(clips / "yard.mp4")
        (clips / "gate.csv").rename(clips / "yard.csv")
    elif kind == "camera asked for":
        options["camera"] = "yard"
    elif kind == "camera of the other":
        options["against"] = sites.write("other.yaml", cameras="bay")
    elif kind == "label":
        label(clips / "gate.csv", "0,2,,bird\n")
    elif kind == "region":
        label(clips / "gate.csv", "0,2,lane,cat\n")
    elif kind == "video":
        (clips / "gate.mp4").write_bytes(b"not a video")
    elif kind == "requirement":
        options["require"] = "better"
    elif kind == "site":
        options["against"] = clips / "none.yaml"
    elif kind == "model":
        sites.write("steady.yaml").write_text(site.read_text("utf-8").replace("small.onnx", "none.onnx"), "utf-8")
    elif kind == "policy":
        sites.write("steady.yaml", "best_of_three")
    elif kind == "json":
        options["json"] = clips / "none" / "x.json"
    elif kind == "json is the site":
        options["json"] = site
    elif kind == "output":
        options["folder"] = clips / "gate.mp4"
    elif kind == "folder":
        return BacktestOptions(site, clips / "none")
    return BacktestOptions(site, clips, **options)


@pytest.mark.parametrize(
    ("kind", "error", "message"),
    [
        ("camera of a clip", DataError, r"yard\.mp4: there is no camera 'yard' in .*steady\.yaml"),
        ("camera asked for", DataError, "there is no camera 'yard' in .*steady.yaml"),
        ("camera of the other", DataError, "there is no camera 'gate' in .*other.yaml"),
        ("label", DataError, r"gate\.csv, line 2: there is no label 'bird'"),
        ("region", DataError, r"gate\.csv, line 2: the row names the region 'lane'"),
        ("video", SourceError, r"gate\.mp4"),
        ("requirement", UsageError, "--require better"),
        ("site", SiteError, "none.yaml cannot be read"),
        ("model", SiteError, "steady.yaml, line 2"),
        ("policy", SiteError, "steady.yaml, line 8.*best_of_three"),
        ("json", OutputError, "there is no folder"),
        ("json is the site", UsageError, "would be lost"),
        ("output", OutputError, "is a file, not a folder"),
        ("folder", DataError, "none: does not exist"),
    ],
)
def test_what_cannot_be_done_is_said_with_what_would_be_right(
    sites: Sites, clips: Path, kind: str, error: type[DecisightError], message: str
) -> None:
    with pytest.raises(error, match=message) as raised:
        backtest(spoilt(kind, sites, clips))
    assert raised.value.hint
