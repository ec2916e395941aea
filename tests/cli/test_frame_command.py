"""``decisight frame``: one picture, and what is amiss with a camera."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from tests.cli.conftest import Run
from tests.clips import write_clip
from tests.live.http_camera import HttpCamera

WORD = "geheim"


@pytest.fixture
def clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / "gate-1.mp4", [50, 200], fps=1)
    (tmp_path / "site.yaml").write_text(
        "site: a\ncameras:\n  one: {source: {type: video, path: gate-1.mp4}}\n  two: {source: {type: rendered}}\n"
    )
    return tmp_path / "gate-1.mp4"


def brightness(path: Path) -> int:
    with Image.open(path) as image:
        return int(image.convert("L").getpixel((5, 5)))  # type: ignore[arg-type]


def test_a_picture_of_a_clip_is_saved(run: Run, clip: Path) -> None:
    done = run("frame", "gate-1.mp4")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("gate-1.mp4 at 0.000 s: ")
    assert done.out.endswith(", written to gate-1.jpg\n")
    assert abs(brightness(Path("gate-1.jpg")) - 50) < 30
    assert run("frame", "gate-1.mp4", "--at", "1s", "-o", "gate-1.jpg").status == 0
    assert abs(brightness(Path("gate-1.jpg")) - 200) < 30


def test_a_picture_of_a_camera_of_a_site_is_saved(run: Run, clip: Path) -> None:
    assert run("frame", "site.yaml", "one", "-o", "a.PNG").status == 0
    assert run("frame", "site.yaml", "two").status == 0
    with Image.open("a.PNG") as png, Image.open("two.jpg") as jpeg:
        assert (png.format, jpeg.format) == ("PNG", "JPEG")


def test_a_live_camera_is_tried(run: Run, clip: Path) -> None:
    with HttpCamera(user="admin", password=WORD) as camera:
        place = camera.video_url.partition("://")[2]
        done = run("frame", f"http://admin:geheim@{place}", "-o", "live.jpg")
        assert (done.status, done.err) == (0, "")
        assert "geheim" not in done.out
        wrong = run("frame", f"http://admin:falsch@{place}", "-o", "wrong.jpg")
    gone = run("frame", f"http://admin:geheim@{place}", "-o", "gone.jpg")
    for done, cause in ((wrong, "user and password"), (gone, "host and the port")):
        assert done.status == 1
        assert cause in done.err
        assert "falsch" not in done.err
        assert "geheim" not in done.err
    assert sorted(Path().glob("*.jpg")) == [Path("live.jpg")]


def test_a_still_picture_whatever_its_address_ends_in(run: Run, clip: Path) -> None:
    with HttpCamera() as camera:
        camera.answer = "image/jpeg", camera.picture()[1]
        stream = run("frame", camera.picture_url, "-o", "still.jpg")
        still = run("frame", camera.picture_url, "--every", "5s", "-o", "still.jpg")
        camera.answer = "text/html", b"<html>"
        page = run("frame", camera.picture_url, "--every", "5s", "-o", "page.jpg")
    assert (stream.status, "say --every 5s" in stream.err) == (1, True)
    assert (still.status, still.err) == (0, "")
    assert (page.status, "something else (text/html)" in page.err) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["nothing.mp4"], 1, "nothing.mp4: does not exist"),
        (["site.yaml"], 2, "which camera?"),
        (["site.yaml", "three"], 2, "there is no camera 'three'"),
        (["nothing.yaml", "one"], 2, "cannot be read"),
        (["gate-1.mp4", "one"], 2, "is no site file"),
        (["gate-1.mp4", "-o", "x.gif"], 2, "no name of a picture"),
        (["gate-1.mp4", "-o", "no/x.jpg"], 2, "there is no folder no"),
        (["gate-1.mp4", "--every", "5s"], 2, "--every is for a still picture"),
        (["site.yaml", "one", "--every", "5s"], 2, "a site file says it itself"),
        (["rtsp://127.0.0.1:1/a", "--every", "5s"], 2, "--every is for a still picture"),
        (["gate-1.mp4", "--at", "soon"], 2, "--at"),
        (["rtsp://user:geheim@", "-o", "x.jpg"], 2, "rtsp"),
        (["http://127.0.0.1:1/", "--at", "1s", "-o", "x.jpg"], 2, "a live camera shows what is now"),
    ],
)
def test_what_cannot_be_is_told(run: Run, clip: Path, arguments: list[str], status: int, message: str) -> None:
    done = run("frame", *arguments)
    assert done.status == status, done.err
    assert message in done.err
    assert "geheim" not in done.err
    assert not Path("x.jpg").exists()


def test_a_picture_that_is_there_is_not_replaced_unasked(run: Run, clip: Path) -> None:
    Path("gate-1.jpg").write_text("mine")
    done = run("frame", "gate-1.mp4")
    assert (done.status, "is there already" in done.err) == (2, True)
    assert Path("gate-1.jpg").read_text() == "mine"
