"""Before a watch begins: what cannot be had is told before anything is made, and a database that comes late awaited."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.clips import write_clip
from tests.servers import session_server

from decisight.cli import watch
from decisight.config import parse_site
from decisight.errors import StoreError

from .conftest import Run


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def busy() -> Iterator[int]:
    """A port that somebody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def write_site(model: Path, **values: Any) -> None:
    camera = {"source": {"type": "rendered", "seconds": 1}, "watch": [{}]}
    site = {"site": "plant", "models": {"m": {"path": str(model)}}, "cameras": {"gate": camera}, **values}
    Path("plant.yaml").write_text(json.dumps(site))


def test_a_port_in_use_is_told_before_anything_is_made(run: Run, here: Path, small_model: Path, busy: int) -> None:
    write_clip(here / "gate.mp4", [50], fps=1)
    write_site(small_model)
    (here / "gate.events.jsonl").write_text('{"change": "opened", "event_id": "of an earlier run"}\n')
    before = {path: path.read_bytes() for path in here.iterdir()}
    for what in (["plant.yaml"], [small_model, "gate.mp4"]):
        done = run("watch", *what, "--listen", f"127.0.0.1:{busy}")
        assert (done.status, f"cannot listen at 127.0.0.1:{busy}" in done.err) == (2, True)
        assert {path: path.read_bytes() for path in here.iterdir()} == before


def test_a_server_that_is_away_is_waited_for_a_while(
    run: Run, here: Path, small_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("psycopg")
    monkeypatch.setattr(watch, "_PATIENCE", 0.1)
    monkeypatch.setattr(watch, "_PAUSE", 0.05)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        write_site(small_model, store=f"postgresql://me:geheim@127.0.0.1:{taken.getsockname()[1]}/plant")
        begun, checked = run("watch", "plant.yaml"), run("check", "plant.yaml")
    assert (begun.status, checked.status) == (2, 1)
    assert begun.err.count("it is waited for") == 1
    for done in (begun, checked):
        assert "hint: start the server, or check host and port" in done.err
        assert "tried again" not in done.err
        assert "geheim" not in done.err
    assert "plant.yaml, line 1: store: " in checked.err
    assert [path.name for path in here.iterdir()] == ["plant.yaml"]


def test_a_server_that_comes_late_is_taken(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    answers: list[Any] = [StoreError("it is away", away=True), StoreError("it is away", away=True), "the store"]

    def answer(site: object) -> Any:
        found = answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr(watch, "_PAUSE", 0.01)
    monkeypatch.setattr("decisight.assemble.open_site_store", answer)
    site = parse_site({"site": "a", "cameras": {"b": {"source": {"type": "rendered"}}}})
    assert watch._opened_store(site) == "the store"
    assert capsys.readouterr().err.count("it is away") == 1
    answers[:] = [StoreError("the password is wrong", passing=True)]
    with pytest.raises(StoreError, match="wrong"):
        watch._opened_store(site)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://decisight:o'dd@p:w/#%é@127.0.0.1:9/a",
        "postgresql://me:12/p:w@127.0.0.1:nine/a",
        "sqlite:///no/a.db",
    ],
)
def test_a_store_that_is_not_understood_is_told_with_its_place(
    run: Run, here: Path, small_model: Path, url: str
) -> None:
    write_site(small_model, store=url)
    done = run("check", "plant.yaml")
    assert done.status in (1, 2)
    assert "plant.yaml, line 1: store: " in done.err
    assert "@ as %40" in done.err or "@" not in url
    assert "p:w" not in done.err


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("sqlite://x.db", "three strokes: sqlite:///x.db"),
        ("sqlite:x.db", "three strokes: sqlite:///x.db"),
        ("SQLITE:///x.db", "three strokes: sqlite:///x.db"),
        ("sqlite://", "nothing would be kept"),
        ("sqlite:///:memory:", "nothing would be kept"),
        ("", "--store"),
    ],
)
def test_a_store_that_keeps_nothing_is_refused(run: Run, here: Path, small_model: Path, url: str, says: str) -> None:
    write_clip(here / "gate.mp4", [50], fps=1)
    done = run("watch", small_model, "gate.mp4", "--store", url)
    assert (done.status, says in done.err) == (2, True), done.err
    assert [path.name for path in here.iterdir()] == ["gate.mp4"]


def test_a_database_in_which_nothing_was_watched(run: Run, here: Path, small_model: Path) -> None:
    server = session_server()
    write_site(small_model, store=server.url(server.create()))
    for command in ("events", "verify"):
        done = run(command, "plant.yaml")
        assert (done.status, "nothing was watched there yet" in done.err) == (2, True), done.err
