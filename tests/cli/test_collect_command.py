"""``decisight collect``: from a site file without a model, from a clip, and through everything that goes wrong."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.clips import BRIGHT, DARK, scripted_source, write_clip
from tests.live.http_camera import HttpCamera

from decisight.cli import main
from decisight.imaging import read_image

SITE = """\
site: plant
{models}
cameras:
  gate-1:
    source: {{type: scripted, levels: [{levels}]}}
    fps: 10
    gates: [{{type: size}}]
    regions:
      gate: {{polygon: [[0.0, 0.0], [0.5, 0.0], [0.5, 1.0]]}}
      bay: {{polygon: [[0.5, 0.0], [1.0, 0.0], [1.0, 1.0], [0.5, 1.0]]}}
{watch}
  gate-2:
    source: {{type: scripted, levels: [{levels}]{more}}}
"""
ADMITTED = "s3cr3t"
LEVELS = ", ".join(map(str, [BRIGHT, DARK] * 10))


@pytest.fixture(autouse=True)
def scripted() -> Iterator[None]:
    with scripted_source():
        yield


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Write a site file into the folder that commands run in."""
    monkeypatch.chdir(tmp_path)

    def site(*, models: str = "", watch: str = "", levels: str = LEVELS, more: str = "") -> Path:
        path = tmp_path / "plant.yaml"
        path.write_text(SITE.format(models=models, watch=watch, levels=levels, more=more))
        return path

    return site


def rows(folder: str | Path = "collected") -> list[dict[str, str]]:
    with Path(folder, "metadata.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_site_without_a_model(run: Any, write: Callable[..., Path]) -> None:
    result = run("collect", write(), "--groups", "helmet, vest")
    assert result.status == 0, result.err
    assert "Collecting from gate-1 (gate, bay), gate-2 (all of the picture) into collected" in result.out
    found = rows()
    # One a second of each region: of two seconds, the first picture and the one a second later.
    assert {(row["camera"], row["region"]) for row in found} == {("gate-1", "gate"), ("gate-1", "bay"), ("gate-2", "")}
    assert all(row["helmet"] == row["vest"] == "" for row in found)
    assert all(Path("collected", row["file_name"]).is_file() for row in found)
    assert f"gate-1, gate: {sum(row['region'] == 'gate' for row in found)} stored" in result.out
    assert f"{len(found)} pictures stored in collected." in result.out
    assert "Label them: decisight label collected" in result.out
    again = run("collect", "plant.yaml")
    assert again.status == 0
    assert f"0 pictures stored in collected, beside {len(found)} that were there." in again.out
    assert rows() == found


def test_cameras_and_regions_are_chosen(run: Any, write: Callable[..., Path]) -> None:
    result = run("collect", write(), "--region", "bay", "-o", "a", "--limit", "1")
    assert (result.status, [row["region"] for row in rows("a")]) == (0, ["bay"]), result.err
    result = run("collect", "plant.yaml", "--camera", "gate-2", "-o", "b", "--every", "100ms", "--for", "500ms")
    assert result.status == 0, result.err
    assert {row["camera"] for row in rows("b")} == {"gate-2"}
    assert len(rows("b")) <= 5


def test_as_the_model_would_see_it(run: Any, write: Callable[..., Path], gear_model: Path) -> None:
    site = write(models=f"models: {{gear: {{path: {gear_model}}}}}", watch="    watch: [{region: gate}]")
    assert run("collect", site, "--camera", "gate-1", "--png", "--region", "gate").status == 0
    (first, *_) = rows()
    assert {"helmet", "vest", "extras"} < first.keys()
    picture = read_image(Path("collected", first["file_name"]))
    # Masked with the model's mean colour.
    assert tuple(picture[-1, 0]) == (127, 127, 127)


def test_a_model_that_is_yet_to_come_is_no_hindrance(run: Any, write: Callable[..., Path]) -> None:
    site = write(models="models: {gear: {path: gear.onnx}}", watch="    watch: [{region: gate}]")
    result = run("collect", site, "--camera", "gate-1")
    assert result.status == 0
    said = result.err.replace(f"{site.parent}/", "")
    assert "warning: plant.yaml, line 2: models.gear: gear.onnx cannot be used as a model: there is no such" in said
    assert "pictures are collected without it" in said
    result = run("collect", site, "--camera", "gate-1", "--uncertain", "--region", "gate")
    assert result.status == 2
    assert "there is no such file" in result.err


def test_where_a_model_is_not_sure(run: Any, write: Callable[..., Path], small_model: Path) -> None:
    site = write(
        models=f"models: {{small: {{path: {small_model}}}}}",
        watch="    watch: [{region: bay}]",
        levels="250, 128, 3",
    )
    assert run("collect", site, "--region", "bay", "--uncertain", "--every", "50ms", "--margin", "0.5").status == 0
    assert len(rows()) == 1
    assert Path("collected/predictions.jsonl").is_file()
    result = run("collect", site, "--region", "gate", "--uncertain")
    assert result.status == 2
    assert "no model looks at the region 'gate', so that none can be unsure of it" in result.err


def test_a_clip_in_one_line(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_clip(Path("clip one.mp4"), [BRIGHT, DARK] * 15)
    result = run("collect", "clip one.mp4", "--region", "gate=0,0 0.5,0 0.5,1 0,1", "-o", "new/crops", "--every", "1s")
    assert result.status == 0, result.err
    assert {(row["camera"], row["region"]) for row in rows("new/crops")} == {("clip-one", "gate")}
    assert all(read_image(Path("new/crops", row["file_name"])).shape[:2] == (48, 32) for row in rows("new/crops"))


def test_each_picture_of_a_folder(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    for at in range(5):
        pixels = np.random.default_rng(at).integers(0, 255, (8, 8, 3)).repeat(8, 0).repeat(8, 1).astype(np.uint8)
        Image.fromarray(pixels).save(f"photos/{at}.png")
        os.utime(f"photos/{at}.png", (1e9, 1e9))
    assert run("collect", "photos").status == 0
    assert len(rows()) == 5
    assert run("collect", "photos").status == 0
    assert len(rows()) == 5


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["none.yaml"], "none.yaml cannot be read"),
        (["none.mp4"], "none.mp4: does not exist"),
        (["plant.yaml", "--camera", "gate-3"], "there is no camera 'gate-3' in the site file"),
        (["plant.yaml", "--region", "gat"], "there is no region 'gat' in the site file"),
        (["plant.yaml", "--camera", "gate-2", "--region", "gate"], "there is no region 'gate' in the site file"),
        (["plant.yaml", "--region", "a=0,0 1,0 1,1"], "a site file says its regions itself"),
        (["plant.yaml", "--crop-only"], "a site file says its regions itself"),
        (["plant.yaml", "--every", "5"], "--every '5' has no unit"),
        (["plant.yaml", "--for", "long"], "--for 'long' is not understood"),
        (["plant.yaml", "--margin", "0.1"], "--margin does nothing without --uncertain"),
        (["plant.yaml", "--margin", "2", "--uncertain"], "margin = 2.0 is not possible"),
        (["plant.yaml", "--groups", "a,time"], "a label group cannot be called 'time'"),
        (["plant.yaml", "-o", "plant.yaml"], "plant.yaml is a file, not a folder"),
        (["plant.yaml", "-o", "."], "holds something else already"),
        (["clip.mp4", "--region", "gate"], "--region 'gate' is the name of a region, and clip.mp4 is no site file"),
        (["clip.mp4", "--camera", "a"], "--camera is for a site file"),
        (["clip.mp4", "--uncertain"], "--uncertain needs a model, and so a site file"),
    ],
)
def test_what_cannot_be_collected(run: Any, write: Callable[..., Path], arguments: list[str], says: str) -> None:
    write()
    result = run("collect", *arguments)
    assert result.status == 2
    assert says in result.err.replace("\n", " ")
    assert not Path("collected").exists()


def test_passwords_are_not_shown(run: Any, write: Callable[..., Path]) -> None:
    write()
    result = run("collect", "rtsp://admin:secret@10.0.0.9/live", "--region", "gate")
    assert result.status == 2
    assert "secret" not in result.out + result.err


def test_a_camera_that_fails_does_not_end_the_others(run: Any, write: Callable[..., Path]) -> None:
    result = run("collect", write(more=", fails_after: 3"))
    assert result.status == 1
    assert "gate-2: it has stopped: the cable was pulled out" in result.err
    assert "warning: not gone through to the end: gate-2\nhint: put it back" in result.err
    assert {row["camera"] for row in rows()} == {"gate-1", "gate-2"}


def test_a_mistake_of_ours_is_told_as_one(run: Any, write: Callable[..., Path]) -> None:
    result = run("collect", write(more=", fails_after: 3, how: mistake"))
    assert result.status == 70
    assert "this should not have happened (RuntimeError: it fell over)" in result.err
    assert "stored in collected" in result.out


@pytest.mark.parametrize("more", ["", ", live: true"])
def test_a_camera_that_never_gives_a_picture_is_told(run: Any, write: Callable[..., Path], more: str) -> None:
    result = run("collect", write(levels="-1, -1", more=more), "--camera", "gate-2", "--for", "1s")
    assert result.status == 1
    assert result.out.endswith("\n0 pictures stored.\n")
    assert "warning: no picture came from gate-2 (damaged)\nhint: take one" in result.err
    # Nor is there a folder that somebody would try to label.
    assert not Path("collected").exists()


def test_who_has_enough_pictures_waits_for_no_other_camera(run: Any, write: Callable[..., Path]) -> None:
    site = write(levels=f"{BRIGHT}, {DARK}")
    site.write_text(site.read_text() + "  gate-3:\n    source: {type: scripted, levels: [], live: true}\n")
    assert run("collect", site, "--region", "gate", "--camera", "gate-1", "--limit", "1").status == 0
    assert run("collect", site, "-o", "more", "--limit", "1").status == 0
    result = run("collect", site, "-o", "all", "--for", "500ms")
    assert (result.status, "no picture came from gate-3\n" in result.err) == (1, True)


def test_a_wrong_password(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with HttpCamera(user="viewer", password=ADMITTED, size=(64, 48)) as camera:
        result = run("collect", camera.url("/video", "viewer", "wr0ng"), "-o", "c", "--for", "1s")
    assert result.status == 1
    assert f"warning: no picture came from 127.0.0.1-{camera.port}-video (" in result.err
    assert "wr0ng" not in result.out + result.err
    assert list(tmp_path.iterdir()) == []


def test_pictures_that_cannot_be_read_are_told(run: Any, write: Callable[..., Path]) -> None:
    result = run("collect", write(levels=f"{BRIGHT}, -1, -1, {DARK}"), "--camera", "gate-2")
    assert result.status == 0
    assert "gate-2: 2 no picture: damaged" in result.out


def test_a_live_camera_is_collected_from_until_it_is_told_to_end(
    write: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    site = write(more=", live: true")

    def interrupt() -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and not (Path("collected/metadata.csv").is_file() and rows()):
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        pytest.skip("this process was told to pass over Ctrl-C")
    threading.Thread(target=interrupt).start()
    assert main(["collect", str(site), "--camera", "gate-2"]) == 0
    assert "gate-2: 2 stored" in capsys.readouterr().out or rows()


def test_for_so_long_by_the_clock_of_a_live_camera(run: Any, write: Callable[..., Path]) -> None:
    begun = time.monotonic()
    assert run("collect", write(more=", live: true"), "--camera", "gate-2", "--for", "300ms").status == 0
    assert time.monotonic() - begun < 30
    assert rows()


@pytest.mark.skipif(os.name != "posix", reason="processes are killed otherwise on this system")
def test_killed_at_any_moment_nothing_is_half_there(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "decisight", "collect", "site.yaml", "--every", "100ms", "--all"]
    (tmp_path / "site.yaml").write_text(
        "site: a\ncameras:\n"
        "  g: {source: {type: rendered, size: 64x96, seconds: 100000}, gates: []}\n"
        "  h: {source: {type: rendered, size: 64x96, seconds: 100000, seed: 1}, gates: []}\n"
    )
    collected = tmp_path / "collected"
    before = 0
    for more in (5, 12):
        process = subprocess.Popen(
            command, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
        )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if (collected / "metadata.csv").is_file() and len(rows(collected)) >= before + more:
                break
            time.sleep(0.01)
        process.kill()
        process.communicate()
        found = [row["file_name"] for row in rows(collected)]
        assert len(found) >= before + more
        assert len(set(found)) == len(found)
        for path in collected.glob("*.jpg"):
            read_image(path)
        assert {path.name for path in collected.glob("*.jpg")} >= set(found)
        assert len(list(collected.glob("*.jpg"))) - len(found) <= 2
        before = len(found)


def test_a_live_camera_that_goes_away_and_comes_back(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with HttpCamera(user="viewer", password=ADMITTED, size=(64, 48)) as camera:

        def wait_for(more: int) -> None:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline and not (Path("c/metadata.csv").is_file() and len(rows("c")) >= more):
                time.sleep(0.02)

        def trouble() -> None:
            wait_for(2)
            camera.kill()
            time.sleep(1.0)
            camera.start_again()

        thread = threading.Thread(target=trouble)
        thread.start()
        address = camera.url("/video", "viewer", ADMITTED)
        result = run("collect", address, "-o", "c", "--all", "--every", "100ms", "--limit", "30", "--for", "2m")
        thread.join()
    assert result.status == 0, result.err
    name = f"127.0.0.1-{camera.port}-video"
    assert f"Collecting from {name} (all of the picture) into c." in result.out
    assert f"{name}: no picture: " in result.err
    assert f"{name}: it gives pictures again" in result.err
    assert len(rows("c")) == 30
    assert ADMITTED not in result.out + result.err + Path("c/metadata.csv").read_text()
