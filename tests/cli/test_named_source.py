"""What is named on the command line, as commands take it: nothing of a password is shown, and nothing is guessed."""

from __future__ import annotations

import string
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisight.cli.named_source import is_live, live_source
from decisight.config.reading import read_site_text
from decisight.errors import DecisightError, UsageError
from decisight.registry import shortened
from decisight.sources import SOURCES

from .conftest import Run

WORD = "Geheim1"
ADDRESSES = [
    "rtsp//me:Geheim1@127.0.0.1:9/a",
    "rtsp:/me:Geheim1@127.0.0.1:9/a",
    "rtsp:me:Geheim1@127.0.0.1:9/a",
    "http//Geheim1@127.0.0.1:9/a",
    "rtsp://me:12/Geheim1@127.0.0.1:9/a",
    "rtsp://127.0.0.1:9/me:Geheim1@gate",
    "me:Geheim1@127.0.0.1",
]


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("command", ["frame", "watch", "collect", "check"])
def test_an_address_that_is_mistyped_shows_no_password(
    run: Run, small_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, address: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("plant.yaml").write_text(f"site: a\ncameras:\n  one: {{source: {{type: camera, url: '{address}'}}}}\n")
    arguments = {"watch": [small_model, address], "check": ["plant.yaml"]}.get(command, [address])
    done = run(command, *arguments)
    assert done.status in (1, 2)
    assert "error: " in done.err
    assert WORD not in done.out + done.err
    assert [path.name for path in tmp_path.iterdir() if WORD in path.name] == []


@pytest.mark.parametrize("command", ["label", "region", "check", "events", "verify", "info", "doctor"])
def test_an_address_where_none_is_wanted_shows_no_password(run: Run, command: str) -> None:
    done = run(command, "rtsp://me:Geheim1@127.0.0.1:9/a")
    assert "127.0.0.1" in done.err
    assert WORD not in done.out + done.err


def test_what_is_hidden_already_hides_nothing_else(run: Run) -> None:
    done = run("frame", "rtsp://me:12/Geheim1@127.0.0.1:9/a")
    assert "rtsp://...@127.0.0.1:9/a" in done.err
    assert "%2F" in done.err


@pytest.mark.parametrize("path", ["rtsp//me:Geheim1@gate/a", "rtsp:/me:Geheim1@gate/a", "rtsp://me:Geheim1@gate/a"])
def test_an_address_is_no_path(path: str) -> None:
    text = f"site: a\ncameras:\n  one: {{source: {{type: video, path: '{path}'}}}}\n"
    with pytest.raises(DecisightError, match=r"line 3: .*is an address, and no file") as caught:
        read_site_text(text, Path("plant.yaml"))
    assert WORD not in str(caught.value)


SIGNS = st.text(string.printable, max_size=5)


@settings(deadline=None, max_examples=200)
@given(
    st.sampled_from(["rtsp", "rtsps", "http", "https"]),
    st.sampled_from(["://", "//", ":/", ":"]),
    st.sampled_from(["me:", "me:12/", ""]),
    SIGNS,
    SIGNS,
    st.booleans(),
)
def test_no_password_is_shown_whatever_is_in_it(
    scheme: str, mark: str, user: str, before: str, after: str, quoted: bool
) -> None:
    password = f"{before}{WORD}{after}"
    address = f"{scheme}{mark}{user}{quote(password, safe='') if quoted else password}@127.0.0.1:9/a"
    said = [shortened(address)]
    try:
        named = live_source(address, None)
        source = SOURCES.build("camera", {"url": address})
        said += [named.name, repr(source), str(source.facts())]
    except DecisightError as error:
        said += [str(error), repr(error)]
    assert WORD not in "".join(said)


@pytest.mark.parametrize("command", ["frame", "watch", "collect"])
@pytest.mark.parametrize("name", ["", " "])
def test_an_empty_name_is_refused(
    run: Run, small_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run(command, *([small_model, name] if command == "watch" else [name]))
    assert done.status == 2
    assert "source" in done.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("every", "says"),
    [("2", "--every '2' has no unit"), ("0s", "--every '0s' is too short"), ("1ms", "--every '1ms' cannot be used")],
)
def test_a_span_is_told_as_the_option_that_it_is(run: Run, small_model: Path, every: str, says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        live_source("http://127.0.0.1:9/still", every)
    assert "image" not in str(caught.value.hint)
    done = run("watch", small_model, "http://127.0.0.1:9/still", "--every", every)
    assert (done.status, says in done.err) == (2, True)


def test_files_are_no_addresses() -> None:
    assert not any(map(is_live, ["rtsp/a.mp4", "http", "clips//a.mp4", "rtsp-1.mp4"]))


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("rtsp://me:pass@192.168.0.20/ch2", "192.168.0.20-ch2"),
        ("rtsp://192.168.0.20:554/Streaming/Channels/201/", "192.168.0.20-Streaming-Channels-201"),
        ("rtsp://192.168.0.20:8554", "192.168.0.20-8554"),
        ("rtsp://[fe80::1]:8554/a", "fe80-1-8554-a"),
        ("http://gate/still.jpg", "gate-still.jpg"),
        ("0", "camera-0"),
    ],
)
def test_a_camera_is_called_by_its_host_and_path(address: str, name: str) -> None:
    assert live_source(address, None).name == name


def test_two_channels_of_a_recorder_have_two_names_and_none_shows_a_password() -> None:
    long = "a" * 70
    paths = [
        *("cam/realmonitor?channel=1&password=c4n4ry", "cam/realmonitor?channel=2&password=c4n4ry"),
        *("user=admin&password=c4n4ry&channel=1", "user=admin&password=c4n4ry&channel=2"),
        *(f"{long}/1", f"{long}/2", "1", "2", ""),
    ]
    names = [live_source(f"rtsp://192.168.0.20/{path}", None).name for path in paths]
    assert len(set(names)) == len(names)
    assert all(name.startswith("192.168.0.20") and len(name) <= 60 and "c4n4ry" not in name for name in names)
    others = [live_source(f"rtsp://192.168.0.20/{path.replace('c4n4ry', 'other')}", None).name for path in paths]
    assert others == names
