"""``decisight events`` and ``mark``: what happened, how much could be judged, and what became of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.clips import BRIGHT, DARK, scripted_source
from tests.plants import LEVELS, SiteFile

from .conftest import Run

BEGIN = datetime(2026, 5, 4, 22, 30, tzinfo=UTC)


@pytest.fixture
def plant(tmp_path: Path, small_model: Path, run: Run) -> Iterator[SiteFile]:
    """Two cameras that were watched: a cat and a dog at each, the one in the yard an hour later."""
    with scripted_source():
        site = SiteFile(tmp_path, small_model)
        site.values["timezone"] = "Europe/Berlin"
        site.camera("gate", source={"begin": BEGIN.timestamp()})
        levels = [*LEVELS[:30], *[-1] * 10]
        site.camera("yard", levels, source={"begin": (BEGIN + timedelta(hours=1)).timestamp()})
        assert run("watch", site.write()).status == 0
        yield site


def listed(run: Run, site: SiteFile, *options: str) -> list[tuple[str, str]]:
    """The camera and the state of each event that is listed."""
    result = run("events", site.path, "--json", *options)
    assert result.status == 0, result.err
    return [(event["camera"], event["state"]) for event in json.loads(result.out)["events"]]


ALL = [("gate", "cat"), ("gate", "dog"), ("yard", "cat"), ("yard", "dog")]


def test_the_list(run: Run, plant: SiteFile) -> None:
    result = run("events", plant.path)
    assert (result.status, result.err) == (0, "")
    lines = result.out.splitlines()
    assert lines[0].split() == ["event", "from", "for", "where", "state", "conf.", "outcome"]
    # In the site's time zone, in which it is two hours later and another day.
    assert re.fullmatch(r"[0-9a-f]{12}  2026-05-05 00:30:00\+02:00  2\.0 s  gate class  cat    0\.99\d", lines[1])
    assert [line.split()[5:7] for line in lines[1:5]] == [["gate", "class"]] * 2 + [["yard", "class"]] * 2
    assert lines[5] == ""
    assert lines[6] == "Since 2026-05-04 01:30:03+02:00 (the last 24 hours of what is stored):"
    # By the name that the site file gives the model.
    assert lines[7] == "gate (light): 100.0 % of 3.9 s could be judged, from 40 pictures"
    assert re.fullmatch(r"yard \(light\): 7\d\.\d % of 3\.9 s could be judged, from 40 pictures; .*", lines[8])
    assert lines[8].endswith("; not judged: damaged 10")


def test_as_json(run: Run, plant: SiteFile) -> None:
    values = json.loads(run("events", plant.path, "--json").out)
    assert values.keys() == {"events", "coverage_since", "coverage"}
    assert values["coverage_since"] == "2026-05-03T23:30:03.900Z"
    first = values["events"][0]
    assert first["start_time"] == "2026-05-04T22:30:00.200Z"
    assert first["end_time"] == "2026-05-04T22:30:02.200Z"
    assert (first["duration"], first["outcome"], first["held"], first["note"]) == (2.0, None, False, None)
    gate, yard = values["coverage"]
    assert (gate["camera"], gate["model"], gate["share"], gate["judged"]) == ("gate", "light", 1.0, 40)
    assert {event["model"] for event in values["events"]} == {"light"}
    assert (yard["judged"], yard["unjudged"]) == (30, {"damaged": 10})


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], ALL),
        (["--camera", "yard"], ALL[2:]),
        (["--state", "dog"], [ALL[1], ALL[3]]),
        (["--state", "horse"], []),
        (["--limit", "1"], ALL[3:]),
        (["--camera", "gate", "--state", "cat", "--limit", "5"], ALL[:1]),
        # What ended by then is left out; without a zone it is the site's.
        (["--since", "2026-05-04T22:30:03Z"], ALL[1:]),
        (["--since", "2026-05-05T00:30:03"], ALL[1:]),
        (["--since", "2026-05-05T00:30:03+02:00"], ALL[1:]),
        (["--since", "2026-05-05T00:30:03+00:00"], []),
        (["--since", "2026-05-04"], ALL),
        (["--since", "2026-05-06"], []),
        # It is later than that by now.
        (["--since", "1ms"], []),
        (["--since", "10000d"], ALL),
        (["--since", "36h"], []),
    ],
)
def test_what_is_asked_for(run: Run, plant: SiteFile, options: list[str], expected: list[tuple[str, str]]) -> None:
    assert listed(run, plant, *options) == expected


def test_coverage_counts_from_then_on(run: Run, plant: SiteFile) -> None:
    values = json.loads(run("events", plant.path, "--json", "--since", "2026-05-04T22:30:02Z").out)
    assert [one["judged"] for one in values["coverage"]] == [20, 30]
    none = run("events", plant.path, "--since", "2026-05-06")
    assert none.out == "No events.\n\n"


def test_by_itself_coverage_is_of_the_last_day(run: Run, plant: SiteFile) -> None:
    later = (BEGIN + timedelta(hours=24, seconds=1)).timestamp()
    plant.camera("gate", source={"begin": later, "identity": "another"})
    assert run("watch", plant.write(), "--camera", "gate").status == 0
    values = json.loads(run("events", plant.path, "--json").out)
    # Of the four seconds a day earlier all but the first one lie outside; the events do not.
    assert values["coverage_since"] == "2026-05-04T22:30:04.900Z"
    assert [(one["camera"], one["judged"]) for one in values["coverage"]] == [("gate", 40), ("yard", 30)]
    assert len(values["events"]) == 6
    whole = json.loads(run("events", plant.path, "--json", "--since", "2026-01-01").out)
    assert sorted(one["judged"] for one in whole["coverage"]) == [30, 40, 40]


def test_a_camera_that_was_not_watched_meanwhile_is_named(run: Run, plant: SiteFile) -> None:
    shown = run("events", plant.path, "--since", "2026-05-04T23:00:00Z").out.splitlines()
    begin = shown.index("Since 2026-05-05 01:00:00+02:00:")
    assert shown[begin + 1] == "gate: nothing was watched"
    assert shown[begin + 2].startswith("yard (light): ")


def test_clocks_that_are_ahead_of_ours(run: Run, tmp_path: Path, small_model: Path) -> None:
    with scripted_source():
        site = SiteFile(tmp_path, small_model)
        site.camera("gate", source={"begin": (datetime.now(UTC) + timedelta(days=400)).timestamp()})
        assert run("watch", site.write()).status == 0
        values = json.loads(run("events", site.path, "--json").out)
    assert len(values["events"]) == 2
    assert [one["judged"] for one in values["coverage"]] == [40]


def test_an_open_event(run: Run, plant: SiteFile) -> None:
    plant.camera("gate", [BRIGHT] * 30, source={"identity": "another", "fails_after": 20})
    run("watch", plant.write(), "--camera", "gate")
    assert any(" open " in line for line in run("events", plant.path).out.splitlines())


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["events", "nothing.yaml"], "nothing.yaml"),
        (["events", "{site}", "--camera", "roof"], "there is no camera 'roof'"),
        (["events", "{site}", "--since", "yesterday"], "--since 'yesterday' is not understood"),
        (["events", "{site}", "--since", "7"], "--since '7' is not understood"),
        (["events", "{site}", "--since", "-2h"], "--since '-2h' is not understood"),
        (["events", "{site}", "--limit", "0"], "limit"),
        (["mark", "{site}", "--event", "{event}"], "nothing is said of the event"),
        (["mark", "{site}", "--event", "abc", "--hold"], "at least the first 6 digits"),
        (["mark", "{site}", "--event", "ffffffffffff0", "--hold"], "there is no event 'ffffffffffff0'"),
        (["mark", "{site}", "--event", "%%%%%%", "--hold"], "there is no event '%%%%%%'"),
        (["mark", "{site}", "--event", "{event}", "--outcome", "False Alarm"], "'False Alarm' cannot be an outcome"),
    ],
)
def test_what_cannot_be_done(run: Run, plant: SiteFile, command: list[str], said: str) -> None:
    event = plant.event()
    result = run(*(part.format(site=plant.path, event=event) for part in command))
    assert result.status == 2
    assert said in result.err
    assert listed(run, plant) == ALL


def test_before_anything_was_watched(run: Run, tmp_path: Path, small_model: Path) -> None:
    with scripted_source():
        site = SiteFile(tmp_path, small_model)
        site.camera("gate")
        site.write()
        before = set(tmp_path.iterdir())
        for command in (["events"], ["replay", "--event", "0123456"], ["verify"]):
            result = run(command[0], site.path, *command[1:])
            assert result.status == 2
            assert "there is no" in result.err
        assert set(tmp_path.iterdir()) == before


class TestMark:
    def test_what_became_of_it(self, run: Run, plant: SiteFile) -> None:
        event = plant.event()
        marked = run("mark", plant.path, "--event", event[:6], "--outcome", "false_alarm", "--note", "ein Fuß")
        assert marked.out == f"{event[:12]}: cat: outcome false_alarm, note: ein Fuß\n"
        held = run("mark", plant.path, "--event", event, "--hold")
        assert held.out == f"{event[:12]}: cat: outcome false_alarm, held, note: ein Fuß\n"
        assert run("events", plant.path).out.splitlines()[1].endswith("  false_alarm held")
        first = json.loads(run("events", plant.path, "--json").out)["events"][0]
        assert (first["outcome"], first["held"], first["note"]) == ("false_alarm", True, "ein Fuß")
        released = run("mark", plant.path, "--event", event, "--release")
        assert "held" not in released.out
        assert run("verify", plant.path).status == 0

    def test_two_that_begin_alike(self, run: Run, plant: SiteFile) -> None:
        """Identities are long enough that this comes once in a hundred years; the database can be made to."""
        import sqlite3

        one, two = plant.event("gate"), plant.event("yard")
        with sqlite3.connect(plant.folder / "plant.db") as database:
            database.execute("PRAGMA foreign_keys = OFF")
            database.execute("UPDATE events SET event_id = ? WHERE event_id = ?", [one[:8] + two[8:], two])
            database.execute(
                "UPDATE events SET event = replace(event, ?, ?) WHERE event_id = ?",
                [two, one[:8] + two[8:], one[:8] + two[8:]],
            )
        database.close()
        result = run("replay", plant.path, "--event", one[:8])
        assert result.status == 2
        assert "several events begin with" in result.err
        assert "give more digits" in result.err


class TestRetain:
    def test_nothing_is_too_old(self, run: Run, plant: SiteFile) -> None:
        plant.values["retention"] = {"readings": "10000d", "evidence": {}}
        plant.write()
        assert run("retain", plant.path).out == "Nothing is beyond its limit.\n"

    def test_a_dry_run_drops_nothing(self, run: Run, plant: SiteFile, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("decisight.store.writing.SEGMENT_RECORDS", 10)
        levels: list[Any] = [BRIGHT, DARK] * 30
        plant.camera("gate", levels, source={"identity": "new"})
        plant.values["retention"] = {"readings": {"size": "1kB"}, "evidence": {}}
        monkeypatch.setattr("decisight.workers.recorder._MOST_ENTRIES", 10)
        with monkeypatch.context() as during:
            # Not while it is watched, which does it too.
            during.setattr("decisight.store.store.Store.retain", lambda self, *args, **options: None)
            run("watch", plant.write(), "--camera", "gate")
        before = run("retain", plant.path, "--dry-run").out
        assert re.fullmatch(r"\d+ records in \d+ segments would be removed\nabout 0\.\d MB in all\n", before)
        assert run("retain", plant.path, "--dry-run").out == before
        done = run("retain", plant.path).out
        assert done == before.replace("would be removed", "removed")
        assert run("retain", plant.path).out == "Nothing is beyond its limit.\n"
        assert run("verify", plant.path).status == 0
        assert len(listed(run, plant)) >= len(ALL)
