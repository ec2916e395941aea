"""``decisight check``: everything that is wrong with a site is said, and nothing is written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML
from tests.live.http_camera import HttpCamera

from decisight.cli import check
from decisight.imaging import encode_png

from .conftest import Run

SITE = """\
site: plant
models:
  small: {{path: {small}}}
  gear: {{path: {gear}, runtime: "onnxruntime:fp32"}}
cameras:
  drawn:
    source: {{type: rendered, size: 64x96, seconds: 2}}
    regions:
      bay: {{polygon: [[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]]}}
    watch:
      - {{region: bay, model: gear, group: vest}}
      - {{model: small, policy: {{type: majority_vote, window: 5, thresholds: {{cat: 0.8}}}}, quiet: [dog]}}
  photos:
    source: {{type: folder, path: photos, follow: false}}
    watch:
      - {{model: small}}
"""


@pytest.fixture
def site(tmp_path: Path, photos: Path, small_model: Path, gear_model: Path) -> Path:
    """A site file that can be used."""
    path = tmp_path / "plant.yaml"
    path.write_text(SITE.format(small=small_model, gear=gear_model))
    return path


def changed(path: Path, **changes: Any) -> None:
    """Change values of a site file, by the way to them: ``cameras__drawn__fps=3``."""
    values = YAML(typ="safe", pure=True).load(path.read_text())
    for way, value in changes.items():
        *keys, last = way.split("__")
        here = values
        for key in keys:
            here = here[int(key) if key.isdigit() else key]
        here[int(last) if last.isdigit() else last] = value
    with path.open("w") as file:
        YAML(typ="safe", pure=True).dump(values, file)


def files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_site_that_can_be_used(run, site: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    before = files(tmp_path)
    result = run("check", site)
    assert result.status == 0, result.err
    said = result.out + result.err
    for words in (
        "site plant, 2 cameras",
        "model gear",
        "(helmet: worn, missing; vest: worn, missing; extras: gloves, goggles)",
        "camera drawn: rendered gate 0, 64x96",
        "region bay (32x96 pixels): vest by majority_vote",
        "all of the picture: class by majority_vote",
        "camera photos",
        "made at the first start",
        f"All is well. Begin with: decisight watch {site}",
    ):
        assert words in said
    assert "error: " not in said
    # Neither a store nor a key is made.
    assert files(tmp_path) == before


def test_everything_that_is_wrong_is_said(run, site: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    changed(
        site,
        models__gear__path="gone.onnx",
        cameras__drawn__watch__1__policy__thresholds={"horse": 0.8},
        cameras__drawn__watch__1__quiet=["dog"],
        cameras__photos__source={"type": "video", "path": "gone.mp4"},
        cameras__photos__watch=[{"model": "small", "quiet": ["cow"]}],
        store="sqlite:///nowhere/plant.db",
    )
    before = files(tmp_path)
    result = run("check", site)
    assert result.status == 1
    errors = [line for line in result.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 5, result.err
    for words in (
        "models.gear",
        "there is no label 'horse'",
        "gone.mp4",
        "there is no label 'cow'",
        "there is no folder",
    ):
        assert sum(words in line for line in errors) == 1, words
    assert all(f"{site}, line " in line for line in errors)
    assert "5 things to put right" in result.out + result.err
    assert "All is well" not in result.out + result.err
    assert files(tmp_path) == before


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"models__small__path": "plant.yaml"}, "models.small"),
        ({"models__small__runtime": "abacus"}, "models.small"),
        ({"cameras__photos__source__path": "nothing"}, "cameras.photos.source"),
        ({"cameras__drawn__watch__0__group": "boots"}, "cameras.drawn.watch.0.group: there is no label group 'boots'"),
        ({"cameras__drawn__watch__0__policy": {"type": "threshold", "thresholds": {"worn": 2}}}, "watch.0.policy"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(run, site: Path, changes: dict[str, Any], says: str) -> None:  # type: ignore[no-untyped-def]
    changed(site, **changes)
    result = run("check", site)
    assert result.status == 1
    (error,) = [line for line in result.err.splitlines() if line.startswith("error: ")]
    assert says in error
    assert "1 thing to put right" in result.out + result.err


def test_gates_of_a_camera_that_nothing_is_watched_in_are_checked(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "plant.yaml"
    gates = "gates: [{type: size}, {type: moved, reference: day.png}]"
    path.write_text(f"site: a\ncameras:\n  one:\n    source: {{type: rendered, size: 64x96}}\n    {gates}\n")
    missing = run("check", path)
    cells = np.random.default_rng(0).integers(0, 256, (9, 16, 3), dtype=np.uint8)
    (tmp_path / "day.png").write_bytes(encode_png(cells.repeat(10, axis=0).repeat(10, axis=1)))
    other = run("check", path)
    for done, says in (missing, "does not exist"), (other, "has another shape than the pictures of 64x96"):
        assert done.status == 1
        (error,) = [line for line in done.err.splitlines() if line.startswith("error: ")]
        assert "line 5: cameras.one.gates.1.reference" in error
        assert says in error
        assert "All is well" not in done.out


def test_a_camera_whose_password_is_not_there_is_named(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GATE_WORD", raising=False)
    path = tmp_path / "plant.yaml"
    source = "{type: camera, url: rtsp://gate/a, user: me, password_env: GATE_WORD}"
    path.write_text(f"site: a\ncameras:\n  one: {{source: {source}}}\n")
    done = run("check", path)
    assert (done.status, "  camera one:\n" in done.out, "GATE_WORD" in done.err) == (1, True, True)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "cannot be read"),
        ("", "there is no site in it"),
        ("site: plant", "cameras is missing"),
        ("site: [", "this is not YAML"),
    ],
)
def test_what_is_no_site_file(run, tmp_path: Path, text: str | None, says: str) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "plant.yaml"
    if text is not None:
        path.write_text(text)
    result = run("check", path)
    assert (result.status, result.out) == (2, "")
    assert says in result.err
    assert str(path) in result.err


def test_a_site_without_a_model_is_for_collecting(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "plant.yaml"
    path.write_text("site: plant\ncameras:\n  drawn:\n    source: {type: rendered, size: 64x96, seconds: 2}\n")
    result = run("check", path)
    assert result.status == 0, result.err
    assert "nothing is watched in it yet" in result.out
    assert f"All is well. Begin with: decisight collect {path}" in result.out
    refused = run("watch", path)
    assert refused.status == 2
    assert f"error: {path}, line 2: cameras: there is nothing to watch yet\nhint: with a model, write" in refused.err
    assert "decisight collect SITE" in refused.err
    refused = run("watch", path, "--camera", "drawn")
    assert f"{path}, line 3: cameras.drawn: there is nothing to watch yet" in refused.err


class TestLive:
    """Live cameras may be off: that is said where it is asked for."""

    @pytest.fixture
    def live(self, tmp_path: Path, small_model: Path) -> Iterator[tuple[Path, HttpCamera]]:
        with HttpCamera(user="observer", password="b0ttling") as camera:  # noqa: S106 - of a camera made here
            off = camera.url("/video").replace(f":{camera.port}", ":9")
            cameras = {
                "still": {"type": "snapshot", "url": camera.url("/picture", "observer", "b0ttling")},
                "refused": {"type": "camera", "url": camera.url("/video", "observer", "wr0ng")},
                "off": {"type": "camera", "url": off, "timeout": "1s"},
                "drawn": {"type": "rendered", "realtime": True, "size": "64x96"},
            }
            values = {
                "site": "plant",
                "models": {"small": {"path": str(small_model)}},
                "cameras": {name: {"source": source, "watch": [{}]} for name, source in cameras.items()},
            }
            path = tmp_path / "site.yaml"
            path.write_text(json.dumps(values))
            yield path, camera

    def test_not_tried_unless_asked_for(self, run: Run, live: tuple[Path, HttpCamera]) -> None:
        path, camera = live
        result = run("check", path)
        assert result.status == 0, result.err
        assert result.out.count("not tried (--connect does)") == 4
        assert not camera.seen

    def test_one_picture_of_each(
        self, run: Run, live: tuple[Path, HttpCamera], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path, _ = live
        monkeypatch.setattr(check, "_SECONDS", 3.0)
        result = run("check", path, "--connect")
        assert result.status == 1
        assert re.search(r"a picture of 320x240 came after \d+\.\d s", result.out)
        assert re.search(r"a picture of 64x96 came after \d+\.\d s", result.out)
        assert "2 things to put right" in result.out
        wrong = [line for line in result.err.splitlines() if line.startswith("error: ")]
        assert len(wrong) == 2
        assert all(re.search(r"no picture after [0-3]\.\d s: ", line) for line in wrong)
        assert "site.yaml" in wrong[0]
        assert "refused" in wrong[0]
        assert "off" in wrong[1]
        assert "b0ttling" not in result.out + result.err
        assert "wr0ng" not in result.out + result.err
