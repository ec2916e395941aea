"""``decisight replay``: why an event came so, derived again without the model; and what was altered shows."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.clips import BRIGHT, DARK, scripted_source
from tests.databases import SQLitePlace
from tests.plants import LEVELS, SiteFile
from tests.store.alterations import alter

from decisight.assemble import chain_key, open_site_store
from decisight.cli import main
from decisight.config import read_site
from decisight.store import Limit, Retention, request_mark

from .conftest import Run


@pytest.fixture
def plant(tmp_path: Path, small_model: Path, run: Run) -> Iterator[SiteFile]:
    """A camera that was watched: a cat, then a dog."""
    with scripted_source():
        site = SiteFile(tmp_path, small_model)
        site.camera("gate", source={"begin": 1_777_933_800.0})
        assert run("watch", site.write()).status == 0
        yield site


def replayed(run: Run, site: SiteFile, state: str = "cat", *options: str) -> dict[str, Any]:
    result = run("replay", site.path, "--event", site.event(state=state), "--json", *options)
    values: dict[str, Any] = json.loads(result.out)
    assert result.status == (1 if values["differing"] else 0)
    return values


def test_why_it_came_so(run: Run, plant: SiteFile) -> None:
    plant.values["timezone"] = "Europe/Berlin"
    plant.write()
    event = plant.event()
    result = run("replay", plant.path, "--event", event[:8])
    assert (result.status, result.err) == (0, "")
    lines = result.out.splitlines()
    assert lines[0] == f"event {event}: class cat at gate"
    assert lines[1] == "  from 2026-05-05 00:30:00+02:00 until 2026-05-05 00:30:02+02:00, 2.0 s, 20 readings"
    assert lines[2] == "  ended by: dog"
    assert re.match(r"  model light \(sha256:[0-9a-f]{12}\), onnxruntime \S+ fp32; region sha256:", lines[3])
    assert lines[4].startswith(
        "  class is decided by majority_vote: fallback unknown, required 3, stale_after 10s, window 5"
    )
    readings = lines[6:-2]
    # Two before it was opened, those that it held, the one that closed it, five after.
    assert len(readings) == 2 + 20 + 1 + 5
    opened = readings[2]
    assert opened.startswith("  > 2026-05-05 00:30:00.200+02:00  cat 0.99")
    assert opened.endswith("(votes of 3: cat 3 (3 needed))")
    assert "-> cat 0.99" in opened.replace("  ", " ")
    assert [line[2] for line in readings].count("<") == 1
    assert readings[22].startswith("  < 2026-05-05 00:30:02.200+02:00")
    assert lines[-1] == (
        "28 readings were derived again, from the first one of this rule: every decision is the same to the bit."
    )


@pytest.mark.parametrize(
    ("options", "first", "shown"),
    [
        # The first record is the state that the rule begins with.
        ([], 2, 28),
        (["--before", "0"], 4, 26),
        (["--before", "1", "--after", "0"], 3, 22),
        (["--before", "100", "--after", "100"], 2, 40),
    ],
)
def test_as_json(run: Run, plant: SiteFile, options: list[str], first: int, shown: int) -> None:
    values = replayed(run, plant, "cat", *options)
    steps = values["steps"]
    assert (steps[0]["seq"], len(steps)) == (first, shown)
    assert [step["seq"] for step in steps] == list(range(first, first + shown))
    assert all(step["same"] and "stored" not in step for step in steps)
    at = 4 - first
    assert steps[at]["decisions"][0]["state"] == "cat"
    assert steps[at]["decisions"][0]["why"] == "votes of 3: cat 3 (3 needed)"
    assert len(steps[at]["confidences"][0]) == 2
    assert values["event"]["state"] == "cat"
    assert values["policies"]["class"]["section"]["required"] == 3
    assert values["model"]["name"] == "light"


def test_the_middle_of_a_long_event_is_left_out(run: Run, plant: SiteFile) -> None:
    plant.camera("gate", [BRIGHT] * 100, source={"identity": "long", "begin": 1_778_000_000.0})
    run("watch", plant.write())
    event = plant.reported()[-1]["event_id"]
    short = run("replay", plant.path, "--event", event)
    assert "    ... 58 readings more, all compared (--all shows them)\n" in short.out
    assert "100 readings were derived again" in short.out
    everything = run("replay", plant.path, "--event", event, "--all").out
    assert len(everything.splitlines()) == len(short.out.splitlines()) + 57
    assert "more, all compared" not in everything


def test_it_needs_no_model(run: Run, plant: SiteFile, small_model: Path, tmp_path: Path) -> None:
    plant.values["models"]["light"]["path"] = "gone.onnx"
    plant.values["cameras"]["gate"]["source"]["type"] = "video"
    plant.values["cameras"]["gate"]["source"] = {"type": "video", "path": "gone.mp4"}
    plant.write()
    assert replayed(run, plant)["differing"] == []


def test_an_event_that_is_open(run: Run, plant: SiteFile) -> None:
    plant.camera("gate", [BRIGHT] * 30, source={"identity": "another", "fails_after": 20, "begin": 1_778_000_000.0})
    run("watch", plant.write())
    result = run("replay", plant.path, "--event", plant.reported()[-1]["event_id"])
    assert result.status == 0
    assert "still open" in result.out


@pytest.fixture
def database(plant: SiteFile) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(plant.folder / "plant.db", isolation_level=None)
    yield connection
    connection.close()


def put(database: sqlite3.Connection, seq: int, data: bytes) -> None:
    database.execute("UPDATE records SET data = ? WHERE chain_id = 1 AND seq = ?", [data, seq])


def data_of(database: sqlite3.Connection, seq: int) -> bytes:
    (data,) = database.execute("SELECT data FROM records WHERE chain_id = 1 AND seq = ?", [seq]).fetchone()
    return bytes(data)


def test_a_decision_that_was_altered(run: Run, plant: SiteFile, database: sqlite3.Connection) -> None:
    """A dog in place of a cat, byte for byte as a dog is written: only what comes out tells."""
    put(database, 10, data_of(database, 10)[:18] + data_of(database, 40)[18:])
    result = run("replay", plant.path, "--event", plant.event())
    assert result.status == 1
    assert "1 of 28 decisions come out otherwise than they are stored (readings 10)" in result.out
    assert "      but stored is: dog " in result.out
    values = replayed(run, plant)
    assert values["differing"] == [10]
    (step,) = [step for step in values["steps"] if not step["same"]]
    assert (step["decisions"][0]["state"], step["stored"][0]["state"]) == ("cat", "dog")
    # From before the dog came its event is derived anew, so the same shows there, far from where it was.
    assert replayed(run, plant, "dog")["differing"] == [10]
    verified = run("verify", plant.path)
    assert verified.status == 1
    assert "gate readings 10" in verified.out


def test_a_confidence_that_was_altered(run: Run, plant: SiteFile, database: sqlite3.Connection) -> None:
    """What was seen, not what was decided: then the decisions that rest on it come out otherwise."""
    put(database, 10, data_of(database, 40)[:18] + data_of(database, 10)[18:])
    values = replayed(run, plant)
    assert values["differing"]
    assert set(values["differing"]) <= set(range(10, 15))
    assert run("verify", plant.path).status == 1


def test_a_reading_that_was_removed(run: Run, plant: SiteFile, database: sqlite3.Connection) -> None:
    database.execute("DELETE FROM records WHERE chain_id = 1 AND seq = 10")
    result = run("replay", plant.path, "--event", plant.event())
    assert result.status == 2
    assert "no longer there, or not all of them" in result.err
    assert run("verify", plant.path).status == 1


def test_readings_that_were_dropped(run: Run, plant: SiteFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the first event, and some of the second: neither may seem to be altered."""
    monkeypatch.setattr("decisight.store.writing.SEGMENT_RECORDS", 8)
    monkeypatch.setattr("decisight.workers.recorder._MOST_ENTRIES", 1)
    plant.camera("gate", LEVELS, source={"identity": "again", "begin": 1_778_000_000.0})
    run("watch", plant.write())
    cat, dog = (event["event_id"] for event in plant.reported()[-4::2])
    assert all(run("replay", plant.path, "--event", event).status == 0 for event in (cat, dog))
    with sqlite3.connect(plant.folder / "plant.db") as database:
        # The segment that the dog has come in.
        ((sealed,),) = database.execute(
            "SELECT sealed_at FROM segments JOIN events ON event_id = ? AND opened_seq BETWEEN first_seq AND last_seq "
            "WHERE segments.chain_id = 1",
            [dog],
        )
    database.close()
    with open_site_store(read_site(plant.path)) as store:
        report = store.retain(Retention(readings=Limit(age=0.0)), now=sealed + 1e-6)
        assert report.segments > 2
    for event in (cat, dog):
        result = run("replay", plant.path, "--event", event)
        assert result.status == 2
        assert "no longer there, or not all of them" in result.err
        assert "decisight mark --hold" in result.err
    assert run("verify", plant.path).status == 0
    assert {event["event_id"] for event in json.loads(run("events", plant.path, "--json").out)["events"]} >= {cat, dog}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, small_model: Path) -> SiteFile:
    """A store with something in each of its tables."""
    site = SiteFile(tmp_path_factory.mktemp("plant"), small_model)
    site.values["evidence"] = {"keep": ["crop"]}
    site.values["sinks"]["away"] = {"type": "jsonl", "path": "nowhere/events.jsonl"}
    site.camera("gate", LEVELS, source={"begin": 1_777_933_800.0})
    with scripted_source():
        assert main(["watch", str(site.write())]) == 0
        key = chain_key(read_site(site.path), make=False)
    request_mark(site.folder / "plant.db", site.event(), key=key, held=True)
    return site


@pytest.mark.parametrize("seed", range(60))
def test_whatever_is_altered_ends_in_words(run: Run, whole: SiteFile, tmp_path: Path, seed: int) -> None:
    """And verification finds it."""
    folder = tmp_path / "plant"
    shutil.copytree(whole.folder, folder)
    done = alter(SQLitePlace(folder, b"", file="plant.db"), seed)
    with scripted_source():
        for command in (["replay", "--event", whole.event()], ["events"], ["verify"]):
            result = run(command[0], folder / "site.yaml", *command[1:])
            assert result.status in (0, 1, 2), f"{done}: {command}: {result.err}"
    assert result.status != 0, done


def test_two_groups_and_pictures_that_cannot_be_judged(run: Run, tmp_path: Path, gear_model: Path) -> None:
    with scripted_source():
        site = SiteFile(tmp_path, gear_model)
        site.camera("gate", [BRIGHT] * 4 + [-1] + [DARK] * 6, policy="consecutive:2")
        assert run("watch", site.write()).status == 0
        result = run("replay", site.path, "--event", site.event(state="worn"), "--after", "0")
    assert result.status == 0, result.err
    assert "  helmet is decided by consecutive: fallback unknown, required 2" in result.out
    assert "  vest is decided by consecutive: fallback unknown, required 2" in result.out
    assert "cannot be judged: damaged  ->  helmet: " in result.out
    assert "->  extras: " in result.out
