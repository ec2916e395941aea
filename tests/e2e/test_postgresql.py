"""A site whose store is in PostgreSQL, which goes away in every manner while cameras are watched."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.clips import BRIGHT, DARK, write_clip
from tests.e2e.conftest import WatchedSite, told
from tests.e2e.test_faults import Running, wait_until
from tests.servers import GUARDED, PASSWORD, Server, new_server, session_server

LEVELS = ([BRIGHT] * 10 + [DARK] * 10) * 4
EVENTS = 8
AWAY_SECONDS = 30.0
SEEN_SECONDS = 10.0
"""Within which whoever looks must see that something is wrong."""


@pytest.fixture
def watching() -> Iterator[list[Running]]:
    running: list[Running] = []
    yield running
    for one in running:
        if one.process.poll() is None:
            one.process.kill()
        one.process.wait()
        one.close()


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory, small_model: Path) -> list[tuple[Any, ...]]:
    """What an undisturbed run reports of the same clip, with its store in a file."""
    folder = tmp_path_factory.mktemp("undisturbed")
    write_clip(folder / "gate.mp4", LEVELS)
    undisturbed = WatchedSite(folder, values(small_model)).write()
    assert undisturbed.command("watch").returncode == 0
    return told(undisturbed.reported())


@pytest.fixture
def site(tmp_path: Path, small_model: Path) -> WatchedSite:
    """A site with one camera, of which a recording is watched as fast as it was taken."""
    write_clip(tmp_path / "gate.mp4", LEVELS)
    found = WatchedSite(tmp_path, values(small_model))
    found.values["cameras"]["gate"]["source"]["realtime"] = True
    return found


def values(model: Path) -> dict[str, Any]:
    """Of the site file."""
    return {
        "site": "plant",
        "models": {"light": {"path": str(model)}},
        "cameras": {
            "gate": {
                "source": {"type": "video", "path": "gate.mp4", "start": "2026-05-04T06:00:00Z"},
                "fps": None,
                "gates": [],
                "watch": [{"model": "light", "policy": "majority_vote:3/5"}],
            }
        },
        "sinks": {"log": {"type": "jsonl", "path": "events.jsonl"}},
        "chain": {"heads": "heads.jsonl"},
    }


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that may be stopped."""
    own = new_server().start()
    yield own
    own.stop(signal.SIGQUIT)


def stored_in(site: WatchedSite, server: Server, **changes: Any) -> WatchedSite:
    """The site, with its store in a new database."""
    site.values["store"] = server.url(server.create())
    site.values |= changes
    return site.write()


def health(path: Path) -> dict[str, Any]:
    """What is told of how it goes; empty before the first time."""
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return found


def check_and_compare(site: WatchedSite, wanted: object) -> None:
    """Nothing is lost, nothing is doubled, and all of it can be derived again."""
    assert told(site.reported()) == wanted
    stored = site.stored()
    assert {one["event_id"] for one in stored} == {one["event_id"] for one in site.reported()}
    assert len(stored) == EVENTS
    verified = site.command("verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    for one in (stored[0], stored[-1]):
        replayed = site.command("replay", "--event", one["event_id"])
        assert "every decision is the same to the bit" in replayed.stdout, replayed.stdout + replayed.stderr


def test_the_database_is_away_for_half_a_minute(
    site: WatchedSite, server: Server, wanted: object, watching: list[Running]
) -> None:
    state = site.folder / "health.json"
    run = Running(stored_in(site, server), "--health", str(state))
    watching.append(run)
    wait_until(lambda: len(site.reported()) >= 2)
    server.stop()
    gone = time.monotonic()
    wait_until(lambda: (health(state).get("store") or {}).get("cause"), SEEN_SECONDS)
    assert "cannot be reached" in health(state)["store"]["cause"]
    assert not health(state)["ready"]
    time.sleep(max(0.0, AWAY_SECONDS - (time.monotonic() - gone)))
    assert run.process.poll() is None
    server.start()
    wait_until(lambda: health(state)["store"]["cause"] is None)
    assert run.end() == 0
    assert run.said("nothing was lost")
    check_and_compare(site, wanted)


def test_the_database_crashes_again_and_again(
    site: WatchedSite, server: Server, wanted: object, watching: list[Running]
) -> None:
    run = Running(stored_in(site, server))
    watching.append(run)
    for at, how in enumerate((signal.SIGQUIT, signal.SIGINT, signal.SIGKILL), start=1):
        wait_until(lambda at=at: len(site.reported()) >= 2 * at)
        server.stop(how)
        server.start()
    # One that stays connected, and says nothing.
    with server.frozen():
        time.sleep(0.5)
    wait_until(lambda: len(site.reported()) >= 9)
    # It is away when all is to end.
    server.stop(signal.SIGQUIT)
    wait_until(lambda: run.said("waiting until it can be written again"))
    run.process.terminate()
    time.sleep(0.5)
    server.start()
    assert run.end() == 0
    again = Running(site)
    watching.append(again)
    assert again.end() == 0
    check_and_compare(site, wanted)


def test_all_that_is_done_with_a_store_is_done_with_a_database(site: WatchedSite, watching: list[Running]) -> None:
    server = session_server()
    # Long enough for all that is done beside it.
    write_clip(site.folder / "gate.mp4", LEVELS * 10)
    stored_in(site, server, retention={"readings": "1d", "evidence": {"false_alarm": "1d"}})
    asked = site.command("check")
    assert asked.returncode == 0, asked.stdout + asked.stderr
    assert "made a store at the first start" in asked.stdout
    assert not (site.folder / "plant.key").exists()
    run = Running(site)
    watching.append(run)
    wait_until(lambda: len(site.reported()) >= 3)
    # Beside the process that writes it.
    first = site.reported()[0]["event_id"]
    second = site.command("retain")
    assert second.returncode != 0
    assert "is being written by another process" in second.stderr
    marked = site.command("mark", "--event", first[:8], "--outcome", "false_alarm", "--hold", "--note", "a test")
    assert marked.returncode == 0, marked.stderr
    assert site.command("events").returncode == 0
    run.process.terminate()
    assert run.end() == 0
    assert site.stored()[0]["outcome"] == "false_alarm"
    # After it.
    asked = site.command("check")
    assert asked.returncode == 0, asked.stdout + asked.stderr
    assert "store: postgresql+psycopg://" in asked.stdout
    assert "fsync is off on the server" in asked.stderr
    assert site.command("mark", "--event", "last", "--outcome", "confirmed").returncode == 0
    assert site.command("replay", "--event", "last", "--json").returncode == 0
    assert site.command("retain", "--dry-run").returncode == 0
    assert site.command("verify").returncode == 0
    # Copied by the database's own programs, and put back elsewhere.
    if shutil.which("pg_dump") and shutil.which("pg_restore"):
        name = str(site.values["store"]).rpartition("/")[2]
        other = server.create()
        copy = subprocess.run(["pg_dump", "-Fc", server.plain_url(name)], capture_output=True, check=True)
        subprocess.run(["pg_restore", "-d", server.plain_url(other)], input=copy.stdout, check=True)
        before, site.values["store"] = site.values["store"], server.url(other)
        assert site.write().command("verify").returncode == 0
        # Another store is not taken for it, nor one that was put back to an earlier state.
        site.values["store"] = before
        site.write()
    assert site.command("retain").returncode == 0
    server.execute("UPDATE events SET state = 'dog'", database=str(site.values["store"]).rpartition("/")[2])
    altered = site.command("verify")
    assert altered.returncode == 1
    assert "was altered" in altered.stdout
    # Without its key it is not gone on with under another.
    key = site.folder / "plant.key"
    key.unlink()
    for name in ("watch", "verify"):
        done = site.command(name)
        assert done.returncode != 0
        assert "there is no key" in done.stderr
        assert not key.exists()


def test_no_password_of_a_site_is_told(site: WatchedSite) -> None:
    server = session_server()
    name = server.create()
    server.execute(f"ALTER DATABASE {name} OWNER TO {GUARDED}")
    from sqlalchemy import URL

    url = URL.create("postgresql", GUARDED, PASSWORD, "127.0.0.1", server.port, name)
    site.values["store"] = url.render_as_string(hide_password=False)
    site.values["cameras"]["gate"]["source"]["realtime"] = False
    write_clip(site.folder / "gate.mp4", [BRIGHT] * 10 + [DARK] * 10)
    said = ""
    for command in ("check", "watch", "verify"):
        done = site.write().command(command)
        assert done.returncode == 0, done.stderr
        said += done.stdout + done.stderr
    server.execute(f"ALTER ROLE {GUARDED} PASSWORD 'another'")
    try:
        for command in ("check", "watch", "verify"):
            done = site.command(command)
            assert done.returncode != 0
            assert "password authentication failed" in done.stderr
            assert "PGPASSWORD" in done.stderr
            said += done.stdout + done.stderr
    finally:
        server.execute(f"ALTER ROLE {GUARDED} PASSWORD '{PASSWORD}'")
    for secret in (PASSWORD, *PASSWORD.split(), "hunter2", "%3A"):
        assert secret not in said
    assert os.environ.get("PGPASSWORD") is None
    server.drop(name)
