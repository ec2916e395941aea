"""No mistake in a site file makes a message show a password that stands in it."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest

from decisight.config import read_site
from decisight.errors import SiteError

SITE = """\
site: plant
models: {light: {path: light.onnx}}
cameras:
  gate:
    source: %s
    watch: [{model: light}]
"""


@pytest.mark.parametrize(
    "source",
    [
        "{type: camera, url: [rtsp://u:canary@h]}",
        "{type: camera, url: {rtsp://u:canary@h: 1}}",
        "{type: camera, url: rtsp://u:can/canary canary@h/x}",
        "{type: camera, url: u:canary@h/x}",
        "{type: camera, url: rtsp://h, transport: rtsp://u:canary@h/}",
        "{type: camera, url: rtsp://h, timeout: rtsp://u:canary@h/}",
        "{type: camera, url: rtsp://u:canary@h, colour: red}",
        "{type: camera, rtsp://u:canary@h}",
        "{type: camera, url: rtsp://h, user: me, pasword: canary}",
        "{type: camera, url: rtsp://h, user: me, Passwort: canary}",
        "{type: camera, url: rtsp://h, user: me, password: [canary]}",
        "{type: camera, url: rtsp://h, user: me, password: {canary: 1}}",
        "{type: camera, url: rtsp://h, password: canary}",
        "{type: camera, url: rtsp://h, user: me, password: canary, password_env: X}",
        "{type: camera, url: rtsp://h, user: me, password: canary, password: canary}",
        "{type: camera, url: rtsp://h, password: *canary}",
        "{type: camera, url: rtsp://h, password: !canary x}",
        "{type: camera, url: rtsp://h, password: &canary x, user: &canary y}",
        "{type: camera, url: rtsp://h, password: @canary}",
        '{type: camera, url: rtsp://h, password: "canary}',
        "{type: camera, url: rtsp://h, password: canary: canary}",
        "{type: camera, url: rtsp://u:canary@h: 5}",
        "{type: folder, path: x, password: canary}",
        "{type: rtsp://u:canary@h}",
        "{type: video, path: rtsp://u:canary@h/live}",
        "{type: folder, path: rtsp://h/user=canary&password=canary}",
        "{type: snapshot, url: http://u:canary@h, every: http://u:canary@h}",
        "[{type: camera, password: canary}]",
        "rtsp://u:canary@h",
    ],
)
def test_no_message_shows_it(source: str, tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(SITE % source, "utf-8")
    with pytest.raises(SiteError) as caught:
        read_site(path)
    assert "canary" not in "".join(traceback.format_exception(caught.value))
    assert "line" in caught.value.message


def test_a_password_that_yaml_takes_for_a_number_is_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(SITE % "{type: camera, url: rtsp://h, user: me, password: 31415926}", "utf-8")
    with pytest.raises(SiteError, match="password should be a text") as caught:
        read_site(path)
    assert "31415926" not in str(caught.value)


def test_a_site_shows_no_source(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(SITE % "{type: camera, url: rtsp://u:canary@h/user=canary&password=canary}", "utf-8")
    site = read_site(path)
    source = site.source("gate")
    for shown in (site, site.section, site.section.cameras["gate"], source, source.facts()):
        assert "canary" not in repr(shown)
        assert "canary" not in str(shown)


def test_a_file_with_a_password_lies_beside_the_site(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(SITE % "{type: camera, url: rtsp://h, user: me, password_file: gate.secret}", "utf-8")
    (tmp_path / "gate.secret").write_text("canary\n", "utf-8")
    assert "rtsp://h" in read_site(path).source("gate").facts().title
