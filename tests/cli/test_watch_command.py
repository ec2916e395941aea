"""``decisight watch``: one line for a model and a clip, and sites whose cameras come and go."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.clips import BRIGHT, DARK, noisy, scripted_source, write_clip
from tests.plants import LEVELS, SiteFile, changes

from decisight.cli import watch_cameras
from decisight.errors import StoreError
from decisight.imaging import faces
from decisight.store import CameraBatch, Store

from .conftest import Run

LEFT, RIGHT = "left=0,0 0.5,0 0.5,1 0,1", "right=0.5,0 1,0 1,1 0.5,1"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a test, in which commands run."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def clip(here: Path) -> Path:
    """Two seconds that are bright, a ``cat``, and two that are dark, a ``dog``."""
    return write_clip(here / "gate.mp4", LEVELS)


def told(events: Sequence[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(e["change"], e["state"], e["end_time"] or e["start_time"]) for e in events]


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


CAT_THEN_DOG = [
    ("opened", "cat", "1970-01-01T00:00:00.400Z"),
    ("closed", "cat", "1970-01-01T00:00:02.400Z"),
    ("opened", "dog", "1970-01-01T00:00:02.400Z"),
    ("closed", "dog", "1970-01-01T00:00:03.800Z"),
]


class TestOneLine:
    def test_a_model_and_a_clip(self, run: Run, small_model: Path, clip: Path, here: Path) -> None:
        result = run("watch", small_model, clip)
        assert (result.status, result.err) == (0, "")
        lines = result.out.splitlines()
        assert lines[0] == "    0.4 s  class: cat begins, 0.999  (votes of 3: cat 3 (3 needed))"
        assert lines[1] == "    2.4 s  class: cat ends after 2.0 s  (then dog)"
        assert lines[3] == "    3.8 s  class: dog ends after 1.4 s  (then source ended)"
        # The state over time, what its characters mean, how it went, and where the events are.
        assert lines[4].startswith("class  ····")
        assert len(lines[4]) == 80
        assert lines[4].index("█") < lines[4].index("▒")
        assert lines[5].strip() == "█ cat   ▒ dog   · nothing sure"
        assert lines[6] == "gate: 20 pictures, 100 % of the time could be judged; 2 events"
        assert lines[7:] == ["Events are in gate.events.jsonl."]
        events = changes((here / "gate.events.jsonl").read_text())
        assert told(events) == CAT_THEN_DOG
        assert {event["model"] for event in events} == {small_model.stem}
        assert names(here) == {"gate.mp4", "gate.events.jsonl"}

    def test_a_long_name_is_cut(self, run: Run, small_model: Path, clip: Path, here: Path) -> None:
        clip.rename(here / f"{'gate ' * 40}.mp4")
        result = run("watch", small_model, f"{'gate ' * 40}.mp4")
        assert result.status == 0, result.err
        (events,) = here.glob("*.events.jsonl")
        assert events.name == f"{'gate-' * 12}.events.jsonl"

    def test_another_run_replaces_its_own_file(self, run: Run, small_model: Path, clip: Path, here: Path) -> None:
        for _ in range(2):
            assert run("watch", small_model, clip, "-o", "found.jsonl").status == 0
        assert told(changes((here / "found.jsonl").read_text())) == CAT_THEN_DOG

    @pytest.mark.parametrize("keeping", [[], ["--store", "sqlite:///kept.db"]])
    def test_what_holds_something_else_is_left_alone(
        self, run: Run, small_model: Path, clip: Path, here: Path, keeping: list[str]
    ) -> None:
        (here / "notes.txt").write_text("my notes\n")
        result = run("watch", small_model, clip, "-o", "notes.txt", *keeping)
        assert result.status == 2
        assert "notes.txt is there already, and holds no events" in result.err
        assert (here / "notes.txt").read_text() == "my notes\n"
        assert names(here) == {"gate.mp4", "notes.txt"}

    def test_only_lines_of_json_on_standard_output(self, run: Run, small_model: Path, clip: Path, here: Path) -> None:
        result = run("watch", small_model, clip, "-o", "-")
        assert (result.status, result.err) == (0, "")
        assert told(changes(result.out)) == CAT_THEN_DOG
        assert names(here) == {"gate.mp4"}

    def test_that_nothing_happened_is_a_file_as_well(self, run: Run, small_model: Path, clip: Path, here: Path) -> None:
        result = run("watch", small_model, clip, "--quiet", "cat", "--quiet", "dog")
        assert "; 0 events\nEvents are in gate.events.jsonl.\n" in result.out
        assert (here / "gate.events.jsonl").read_text() == ""

    @pytest.mark.parametrize(
        ("options", "expected"),
        [
            # Every second picture is looked at by default, and the default rule wants three of five.
            (["--policy", "majority_vote:1/1"], ["cat 00.000", "dog 02.000"]),
            (["--policy", "consecutive:5"], ["cat 00.800", "dog 02.800"]),
            (["--fps", "10", "--policy", "consecutive:5"], ["cat 00.400", "dog 02.400"]),
            (["--policy", "rule.yaml"], ["cat 00.600", "dog 02.600"]),
            (["--quiet", "cat"], ["dog 02.400"]),
            # So high that no picture of this noise reaches it.
            (["--policy", "majority_vote:1/1", "--threshold", "cat=0.99999"], ["dog 02.000"]),
        ],
    )
    def test_the_rule_that_is_asked_for(
        self, run: Run, small_model: Path, clip: Path, here: Path, options: list[str], expected: list[str]
    ) -> None:
        (here / "rule.yaml").write_text("type: consecutive\nrequired: 4\n")
        result = run("watch", small_model, clip, "-o", "-", *options)
        assert result.status == 0, result.err
        opened = [e for e in changes(result.out) if e["change"] == "opened"]
        assert [f"{e['state']} {e['start_time'][-7:-1]}" for e in opened] == expected

    def test_the_fall_back_that_is_asked_for(self, run: Run, small_model: Path, clip: Path) -> None:
        options = ["--threshold", "dog=0.99999", "--fallback", "call somebody", "--policy", "majority_vote:1/1"]
        result = run("watch", small_model, clip, "-o", "-", *options)
        assert [e["ended_by"] for e in changes(result.out)] == [None, "call somebody (below_threshold)"]

    def test_a_fall_back_that_is_a_label_is_warned_of(self, run: Run, small_model: Path, clip: Path) -> None:
        result = run("watch", small_model, clip, "--fallback", "dog")
        assert "the fall-back 'dog' is also a label of 'class'" in result.err
        assert result.status == 0

    def test_several_regions(self, run: Run, small_model: Path, here: Path) -> None:
        folder = here / "shots"
        folder.mkdir()
        for at in range(6):
            halves = np.concatenate([noisy(BRIGHT, at), noisy(DARK, at)], axis=1)
            Image.fromarray(halves).save(folder / f"{at}.png")
        options = ["--region", LEFT, "--region", RIGHT, "--fps", "2", "--policy", "majority_vote:2/2"]
        result = run("watch", small_model, folder, *options)
        assert result.status == 0, result.err
        events = changes((here / "shots.events.jsonl").read_text())
        assert {(e["region"], e["state"]) for e in events} == {("left", "cat"), ("right", "dog")}
        assert "left class: cat begins" in result.out
        assert [line.split()[0] for line in result.out.splitlines() if "█" in line][0::2] == ["left", "right"]

    def test_a_folder_by_name_or_by_time(self, run: Run, small_model: Path, here: Path) -> None:
        folder = here / "shots"
        folder.mkdir()
        # By name 2 comes before 10; by time they came the other way round.
        for number, (name, level) in enumerate([("10", DARK), ("11", DARK), ("2", BRIGHT), ("3", BRIGHT)]):
            Image.fromarray(noisy(level, number)).save(folder / f"{name}.png")
            os.utime(folder / f"{name}.png", (1_000_000 + 10 * number, 1_000_000 + 10 * number))
        rule = ["-o", "-", "--policy", "majority_vote:1/1"]
        by_time = changes(run("watch", small_model, folder, *rule).out)
        assert [(e["change"], e["state"]) for e in by_time][0::2] == [("opened", "dog"), ("opened", "cat")]
        assert by_time[0]["start_time"] == "1970-01-12T13:46:40.000Z"
        by_name = changes(run("watch", small_model, folder, "--fps", "2", *rule).out)
        assert [e["state"] for e in by_name if e["change"] == "opened"] == ["cat", "dog"]
        assert by_name[1]["duration"] == 1.0
        shown = run("watch", small_model, folder, "--policy", "majority_vote:1/1").out
        assert "   20.0 s  class: cat begins" in shown

    @pytest.mark.parametrize("options", [[], ["--policy", "majority_vote:2/3"], ["--fps", "0.1"]])
    def test_how_far_apart_pictures_of_a_folder_are_says_nothing(
        self, run: Run, small_model: Path, here: Path, options: list[str]
    ) -> None:
        """They may have been copied: no time without one is too long for the state to be known."""
        (here / "shots").mkdir()
        for at in range(5):
            Image.fromarray(noisy(BRIGHT, at)).save(here / "shots" / f"{at}.png")
            os.utime(here / "shots" / f"{at}.png", (1_000_000 + 60 * at, 1_000_000 + 60 * at))
        events = changes(run("watch", small_model, "shots", "-o", "-", *options).out)
        assert [(e["state"], e["ended_by"]) for e in events] == [("cat", None), ("cat", "source ended")]

    def test_that_events_are_replaced_is_said(self, run: Run, small_model: Path, clip: Path, here: Path) -> None:
        said = "gate.events.jsonl: the events of an earlier time in it are replaced\n"
        assert said not in run("watch", small_model, clip).err
        events = (here / "gate.events.jsonl").read_text()
        assert said in run("watch", small_model, clip).err
        assert len((here / "gate.events.jsonl").read_text().splitlines()) == len(events.splitlines())
        assert said not in run("watch", small_model, clip, "--store", "sqlite:///kept.db").err

    def test_what_is_kept_is_gone_on_with(self, run: Run, small_model: Path, clip: Path, here: Path) -> None:
        keep = ["--store", "sqlite:///kept.db"]
        first = run("watch", small_model, clip, *keep)
        assert first.status == 0, first.err
        assert "Everything is kept in sqlite:///kept.db." in first.out
        # Somebody will ask what day it was.
        assert "when it was taken is guessed" in first.err
        events = changes((here / "gate.events.jsonl").read_text())
        assert [e["state"] for e in events] == ["cat", "cat", "dog", "dog"]
        assert not events[0]["start_time"].startswith("1970")
        second = run("watch", small_model, clip, *keep)
        assert "gate: no new picture: it has been watched to its end before; --again" in second.out
        assert changes((here / "gate.events.jsonl").read_text()) == events
        third = run("watch", small_model, clip, *keep, "--again")
        assert "gate: 20 pictures" in third.out
        again = changes((here / "gate.events.jsonl").read_text())
        assert again[:4] == events
        assert len({e["event_id"] for e in again}) == 4

    def test_an_old_recording_is_kept_whole(
        self, run: Run, small_model: Path, clip: Path, here: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A store that was asked for on the command line has no day on which readings are dropped."""
        monkeypatch.setattr("decisight.store.writing.SEGMENT_RECORDS", 5)
        os.utime(clip, (1_000_000_000, 1_000_000_000))
        keep = ["--store", "sqlite:///kept.db"]
        assert run("watch", small_model, clip, *keep).status == 0
        assert run("watch", small_model, clip, *keep, "--again").status == 0
        site = here / "kept.yaml"
        site.write_text(
            json.dumps(
                {
                    "site": "watch",
                    "store": "sqlite:///kept.db",
                    "models": {"model": {"path": str(small_model)}},
                    "cameras": {"gate": {"source": {"type": "video", "path": "gate.mp4"}, "watch": [{}]}},
                }
            )
        )
        first = changes((here / "gate.events.jsonl").read_text())[0]
        replayed = run("replay", site, "--event", first["event_id"])
        assert replayed.status == 0, replayed.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing.onnx", "gate.mp4"], "nothing.onnx"),
        (["{model}", "nothing.mp4"], "nothing.mp4"),
        (["{model}", "notes.txt"], "notes.txt"),
        (["{model}", "gate.mp4", "--policy", "nonsense"], "nonsense"),
        (["{model}", "gate.mp4", "--policy", "nothing.yaml"], "nothing.yaml"),
        (["{model}", "gate.mp4", "--policy", "groups.yaml"], "groups.yaml: a policy for each label group"),
        (["{model}", "gate.mp4", "--region", "left"], "left"),
        (["{model}", "gate.mp4", "--region", "left=0,0 2,0 2,2"], "left"),
        (["{model}", "gate.mp4", "--threshold", "horse=0.5"], "horse"),
        (["{model}", "gate.mp4", "--quiet", "horse"], "horse"),
        (["{model}", "gate.mp4", "--fps", "0"], "fps"),
        (["{model}", "gate.mp4", "--fps", "nan"], "fps"),
        (["{model}", "gate.mp4", "--follow"], "--follow is for a folder"),
        (["{model}", "gate.mp4", "--camera", "gate"], "--camera is for a site file"),
        (["{model}", "gate.mp4", "-o", "nowhere/events.jsonl"], "there is no folder nowhere"),
        (["{model}", "gate.mp4", "-o", "/dev/null"], "/dev/null is no file"),
        (["{model}", "gate.mp4", "-o", "gate.mp4"], "gate.mp4 is there already, and holds no events"),
        (["{model}", "gate.mp4", "--store", "kept.db"], "the URL of a store is not understood"),
        (["{model}", "gate.mp4", "--store", "mysql://here/x"], "mysql"),
        (["{model}", "gate.mp4", "--store", "sqlite:///nowhere/kept.db"], "nowhere"),
        (["{model}", "gate.mp4", "--store", "sqlite:///."], "is a folder"),
        (["{model}", "gate.mp4", "--store", "sqlite:///notes.txt"], "it is no SQLite database"),
        (["{model}"], "no source is named behind it"),
        (["nothing.yaml"], "nothing.yaml"),
        (["site.yaml", "gate.mp4"], "a site file says its sources itself"),
        (["site.yaml", "--policy", "majority_vote"], "--policy is for a model and a source"),
        (["site.yaml", "--region", LEFT], "--region is for a model and a source"),
        (["site.yaml", "--crop-only"], "--crop-only is for a model and a source"),
        (["site.yaml", "--store", "sqlite:///kept.db"], "--store is for a model and a source"),
        (["site.yaml", "--camera", "nowhere"], "there is no camera 'nowhere'"),
        (["no_model.yaml"], "nothing.onnx"),
        (["no_clip.yaml"], "nothing.mp4"),
    ],
)
def test_what_cannot_be_used_is_refused_and_leaves_nothing(
    run: Run, small_model: Path, clip: Path, here: Path, arguments: list[str], said: str
) -> None:
    (here / "notes.txt").write_text("my notes, which are long enough for anything that looks at the beginning\n")
    (here / "groups.yaml").write_text("class: {type: majority_vote}\n")
    (here / "gate.events.jsonl").write_text('{"change": "opened", "event_id": "of an earlier run"}\n')
    values = {
        "site": "plant",
        "models": {"m": {"path": str(small_model)}},
        "cameras": {"gate": {"source": {"type": "video", "path": "gate.mp4"}, "watch": [{}]}},
    }
    (here / "site.yaml").write_text(json.dumps(values))
    (here / "no_model.yaml").write_text(json.dumps(values | {"models": {"m": {"path": "nothing.onnx"}}}))
    (here / "no_clip.yaml").write_text(json.dumps(values).replace("gate.mp4", "nothing.mp4"))
    before = {path: path.read_bytes() for path in here.rglob("*") if path.is_file()}
    result = run("watch", *(argument.format(model=small_model) for argument in arguments))
    assert result.status == 2, result.out
    assert "error: " in result.err
    assert said in result.err
    after = {path: path.read_bytes() for path in here.rglob("*") if path.is_file()}
    # A lock is nothing but a name, which stays so that nobody waits for another one.
    assert {path: content for path, content in after.items() if path.suffix != ".lock"} == before


@pytest.fixture
def plant(here: Path, small_model: Path) -> Iterator[SiteFile]:
    with scripted_source():
        yield SiteFile(here, small_model)


def states(events: Sequence[dict[str, Any]], camera: str) -> list[tuple[str, str]]:
    return [(e["change"], e["state"]) for e in events if e["camera"] == camera]


BOTH = [("opened", "cat"), ("closed", "cat"), ("opened", "dog"), ("closed", "dog")]


class TestSite:
    @pytest.mark.parametrize(
        ("how", "status", "said"),
        [
            ("gone", 1, "yard: it has stopped: the cable was pulled out"),
            ("mistake", 70, "yard: it has stopped: RuntimeError: it fell over"),
        ],
    )
    def test_a_camera_breaks_and_the_other_goes_on(
        self, run: Run, plant: SiteFile, how: str, status: int, said: str
    ) -> None:
        plant.camera("gate")
        plant.camera("yard", source={"fails_after": 10, "how": how})
        result = run("watch", plant.write())
        assert result.status == status
        assert f"warning: {said}\n" in result.err
        assert "warning: not watched to the end: yard\n" in result.err
        assert states(plant.reported(), "gate") == BOTH
        # What it has seen is kept, and nothing says that the cat has gone.
        assert states(plant.reported(), "yard") == [("opened", "cat")]
        assert "gate: 40 pictures" in result.out
        assert "yard: 10 pictures" in result.out
        plant.camera("yard")
        assert run("watch", plant.write()).status == 0
        assert states(plant.reported(), "yard") == BOTH
        assert len({e["event_id"] for e in plant.reported() if e["camera"] == "yard"}) == 2
        assert run("verify", plant.folder / "site.yaml").status == 0

    def test_only_one_camera_named_twice(self, run: Run, plant: SiteFile) -> None:
        plant.camera("gate")
        plant.camera("yard")
        result = run("watch", plant.write(), "--camera", "yard", "--camera", "yard")
        assert result.status == 0, result.err
        assert states(plant.reported(), "gate") == []
        assert states(plant.reported(), "yard") == BOTH

    def test_quiet_labels_and_two_sinks(self, run: Run, plant: SiteFile) -> None:
        plant.camera("gate", watch={"quiet": ["dog"]})
        plant.values["sinks"]["other"] = {"type": "jsonl", "path": "other.jsonl"}
        assert run("watch", plant.write()).status == 0
        assert states(plant.reported(), "gate") == BOTH[:2]
        assert plant.reported("other.jsonl") == plant.reported()

    def test_a_second_run_changes_nothing(self, run: Run, plant: SiteFile) -> None:
        plant.camera("gate")
        path = plant.write()
        run("watch", path)
        listed = run("events", path, "--json").out
        second = run("watch", path)
        assert second.status == 0
        assert "no new picture" in second.out
        assert run("events", path, "--json").out == listed
        assert len(plant.reported()) == 4

    def test_another_policy_closes_what_is_open(self, run: Run, plant: SiteFile) -> None:
        plant.camera("gate", source={"fails_after": 10})
        assert run("watch", plant.write()).status == 1
        plant.camera("gate", policy="majority_vote:4/5")
        assert run("watch", plant.write()).status == 0
        events = plant.reported()
        assert states(events, "gate") == [BOTH[0], BOTH[1], *BOTH]
        assert events[1]["ended_by"] == "settings changed"
        # From where it was, and by the new rule.
        assert events[2]["start_time"] > events[1]["end_time"]
        assert "(4 needed)" in events[2]["why"]
        assert run("verify", plant.folder / "site.yaml").status == 0
        for event in events:
            assert run("replay", plant.folder / "site.yaml", "--event", event["event_id"]).status == 0

    def test_a_live_camera_that_breaks_is_started_again_until_it_is_told_to_end(
        self, run: Run, plant: SiteFile
    ) -> None:
        plant.camera("gate", [BRIGHT] * 10, source={"live": True})
        plant.camera("yard", [BRIGHT] * 10, source={"live": True, "fails_after": 5, "how": "mistake"})
        state = plant.folder / "health.json"

        def end_when_told() -> None:
            deadline = time.monotonic() + 60.0
            while time.monotonic() < deadline:
                with contextlib.suppress(FileNotFoundError):
                    yard = json.loads(state.read_text())["cameras"][1]
                    if yard["state"] == "failed" and yard["restarts"] >= 2:
                        break
                time.sleep(0.05)
            os.kill(os.getpid(), signal.SIGTERM)

        thread = threading.Thread(target=end_when_told)
        thread.start()
        result = run("watch", plant.write(), "--health", state)
        thread.join()
        assert result.status == 0, result.err
        told = "yard: it has failed: RuntimeError: it fell over: it is started again until it works"
        assert result.err.count(f"warning: {told}\n") == 1
        assert "gate: 10 pictures" in result.out
        assert "yard: 5 pictures" in result.out
        last = json.loads(state.read_text())
        assert last["cameras"][1]["error"] == "RuntimeError: it fell over"
        assert run("verify", plant.path).status == 0

    def test_what_is_open_at_a_camera_that_is_no_more_is_closed(self, run: Run, plant: SiteFile) -> None:
        plant.camera("gate", source={"fails_after": 10})
        plant.camera("yard")
        assert run("watch", plant.write()).status == 1
        gate = plant.values["cameras"].pop("gate")
        # Who watches some cameras has not said that others are gone.
        assert run("watch", plant.write(), "--camera", "yard").status == 0
        assert states(plant.reported(), "gate") == BOTH[:1]
        result = run("watch", plant.write())
        assert result.status == 0
        assert "warning: gate: it is not watched any more: 1 event that was open closed\n" in result.err
        opened, closed = (event for event in plant.reported() if event["camera"] == "gate")
        assert (closed["change"], closed["event_id"]) == ("closed", opened["event_id"])
        assert closed["ended_by"] == "camera removed"
        # With what it was in the middle of: up to the last picture that was looked at.
        assert (closed["duration"], closed["readings"]) == (0.7, 8)
        stored = json.loads(run("events", plant.path, "--json").out)["events"]
        assert [e["ended_by"] for e in stored if e["camera"] == "gate"] == ["camera removed"]
        assert "not in the site file" not in run("watch", plant.path).err
        assert run("verify", plant.path).status == 0
        # Where it comes back it goes on from there, and the event stays closed.
        plant.values["cameras"]["gate"] = gate
        del gate["source"]["fails_after"]
        assert run("watch", plant.write()).status == 0
        assert states(plant.reported(), "gate") == [*BOTH[:2], *BOTH]
        assert run("verify", plant.path).status == 0
        for event in plant.reported():
            assert run("replay", plant.path, "--event", event["event_id"]).status == 0

    def test_another_recording_is_watched_from_its_beginning(self, run: Run, plant: SiteFile) -> None:
        plant.camera("gate", source={"fails_after": 10})
        run("watch", plant.write())
        # Two dark pictures: were anything carried over, they would be out-voted, or vote with others.
        plant.camera("gate", [DARK] * 3, source={"identity": "another"})
        result = run("watch", plant.write())
        assert result.status == 0
        assert "gate: the source is another one than before: it is watched from its beginning" in result.err
        events = plant.reported()
        assert states(events, "gate") == [BOTH[0], BOTH[1], *BOTH[2:]]
        assert events[1]["ended_by"] == "settings changed"
        assert events[2]["why"] == "votes of 3: dog 3 (3 needed)"

    def test_again(self, run: Run, plant: SiteFile) -> None:
        plant.camera("gate")
        path = plant.write()
        for _ in range(3):
            assert run("watch", path, "--again").status == 0
        assert states(plant.reported(), "gate") == BOTH * 3
        assert len({event["event_id"] for event in plant.reported()}) == 6
        assert run("verify", path).status == 0
        for event in plant.reported():
            assert run("replay", path, "--event", event["event_id"]).status == 0

    def test_pictures_that_cannot_be_judged_are_counted(self, run: Run, plant: SiteFile) -> None:
        plant.camera("gate", [BRIGHT] * 8 + [-1] * 2)
        result = run("watch", plant.write())
        assert "gate: 8 pictures, 89 % of the time could be judged (not: damaged 2); 1 event\n" in result.out

    def test_how_much_could_be_judged_is_said_everywhere_the_same(self, run: Run, plant: SiteFile) -> None:
        """Of the time, not of the pictures: while a camera is away, there are few."""
        plant.camera("gate", [BRIGHT] * 40 + [-1] * 2 + [BRIGHT] * 40, source={"hole": [41, 12.0]})
        path = plant.write()
        result = run("watch", path, "--health", plant.folder / "health.json")
        assert "gate: 80 pictures, 39 % of the time could be judged (not: damaged 2); 2 events" in result.out
        told = json.loads((plant.folder / "health.json").read_text())
        (covered,) = json.loads(run("events", path, "--json").out)["coverage"]
        assert (told["ready"], told["ended"]) == (False, True)
        (camera,) = told["cameras"]
        assert camera["state"] == "ended"
        assert (camera["frames"], camera["not_judged"]) == (80, {"damaged": 2})
        assert camera["coverage"] == pytest.approx(covered["share"], abs=1e-5)

    def test_a_camera_that_gave_no_picture(self, run: Run, plant: SiteFile) -> None:
        plant.camera("gate", [-1] * 57)
        result = run("watch", plant.write())
        assert "gate: no pictures, 0 % of the time could be judged (not: damaged 57); 0 events\n" in result.out

    @pytest.mark.parametrize("path", [Path("site.yaml"), None])
    def test_that_a_model_learnt_from_regions_is_said_once(
        self, path: Path | None, capsys: pytest.CaptureFixture[str]
    ) -> None:
        model = SimpleNamespace(card=SimpleNamespace(data={"regions": {"bay": {}}}))
        view = SimpleNamespace(region=None, model=model)
        cameras = [SimpleNamespace(camera=name, views=[view, view]) for name in ("gate", "yard", "door")]
        watch_cameras._warn_of_whole_pictures(SimpleNamespace(path=path), cameras)  # type: ignore[arg-type]
        said = capsys.readouterr().err
        assert said.count("learnt from a region of its pictures ('bay')") == 1
        assert ("of gate, yard, door is looked at" in said) is (path is not None)
        # A site file names regions; a command, with --region.
        assert ("--region" in said) is (path is None)
        assert ("`regions` of the camera" in said) is (path is not None)

    def test_heads_are_kept(self, run: Run, plant: SiteFile) -> None:
        plant.camera("gate")
        plant.values["chain"] = {"heads": "heads.jsonl"}
        assert run("watch", plant.write()).status == 0
        assert (plant.folder / "heads.jsonl").exists()

    def test_heads_that_can_be_kept_nowhere_are_refused_at_the_start(self, run: Run, plant: SiteFile) -> None:
        plant.camera("gate")
        plant.values["chain"] = {"heads": "nowhere/heads.jsonl"}
        result = run("watch", plant.write())
        assert result.status == 2
        assert "there is no folder" in result.err
        assert plant.reported() == []

    def test_heads_that_cannot_be_kept_for_a_while_are_said(
        self, run: Run, plant: SiteFile, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(path: Path, heads: Any) -> None:
            raise StoreError("the network is away")

        monkeypatch.setattr("decisight.store.append_heads", broken)
        plant.camera("gate")
        plant.values["chain"] = {"heads": "heads.jsonl"}
        result = run("watch", plant.write())
        # Whatever became of them, all was watched, stored and reported.
        assert result.status == 0
        assert "gate: 40 pictures, 100 % of the time could be judged; 2 events\n" in result.out
        assert states(plant.reported(), "gate") == BOTH
        assert "warning: heads could not be kept: the network is away" in result.err

    def test_a_store_that_was_put_back_is_told_and_found(self, run: Run, plant: SiteFile) -> None:
        plant.camera("gate")
        plant.values["chain"] = {"heads": "heads.jsonl"}
        path, database = plant.write(), plant.folder / "plant.db"
        assert run("watch", path).status == 0
        with contextlib.closing(sqlite3.connect(database)) as source, contextlib.closing(sqlite3.connect("old")) as old:
            source.backup(old)
        assert run("watch", path, "--again").status == 0
        for left in plant.folder.glob("plant.db-*"):
            left.unlink()
        Path("old").replace(database)
        assert run("verify", path).status == 1
        # Gone on with in another way, so that it is as long again.
        assert run("mark", path, "--event", "last", "--outcome", "confirmed").status == 0
        result = run("watch", path, "--again")
        assert "it was put back to an earlier state" in result.err
        assert run("verify", path).status == 1
        (plant.folder / "heads.jsonl").unlink()
        gone = run("verify", path)
        assert gone.status == 1
        assert "the heads that the site file names are gone" in gone.out

    def test_where_nothing_can_be_dropped_heads_are_kept_all_the_same(
        self, run: Run, plant: SiteFile, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(*_: Any, **__: Any) -> None:
            raise StoreError("the disk is full")

        monkeypatch.setattr(Store, "retain", broken)
        plant.camera("gate")
        plant.values["chain"] = {"heads": "heads.jsonl"}
        result = run("watch", plant.write())
        assert result.status == 0
        assert "warning: what is too old could not be dropped: the disk is full\n" in result.err
        assert "heads could not" not in result.err
        last = [line for line in changes((plant.folder / "heads.jsonl").read_text()) if line["lane"] == "events"][-1]
        # As they are at the end: each of two events was opened and closed.
        assert last["seq"] == 4

    @pytest.mark.parametrize(
        ("site", "camera", "place"),
        [
            ({"keep": ["crop"], "conceal": {"what": "faces"}}, None, "evidence.conceal"),
            ({"keep": []}, {"keep": ["crop"], "conceal": {}}, "cameras.gate.evidence.conceal"),
            ({"conceal": {}}, {"keep": ["crop"]}, "evidence.conceal"),
            # Nothing need be found.
            ({"keep": [], "conceal": {"what": "faces"}}, None, None),
            ({"keep": ["crop"], "conceal": {"what": "all"}}, None, None),
            ({"keep": ["crop"], "conceal": {"what": "faces"}}, {"conceal": None}, None),
        ],
    )
    def test_that_faces_cannot_be_found_shows_at_once(
        self,
        run: Run,
        plant: SiteFile,
        monkeypatch: pytest.MonkeyPatch,
        site: dict[str, Any],
        camera: dict[str, Any] | None,
        place: str | None,
    ) -> None:
        faces._network.cache_clear()
        monkeypatch.setattr(faces, "_PACKAGE", "no_such_package_anywhere")
        plant.camera("gate", evidence=camera)
        plant.values["evidence"] = site
        path = plant.write()
        checked, watched = run("check", path), run("watch", path)
        if place is None:
            assert (checked.status, watched.status) == (0, 0), watched.err
            return
        for result, status in ((checked, 1), (watched, 2)):
            assert result.status == status
            assert f"error: {path}, line 1: {place}: faces cannot be found" in result.err
            assert "hint: install it: pip install" in result.err
        assert not (plant.folder / "plant.db").exists()

    def test_a_lost_key_is_said_and_not_replaced(self, run: Run, plant: SiteFile) -> None:
        plant.camera("gate")
        path = plant.write()
        run("watch", path)
        (plant.folder / "plant.key").rename(plant.folder / "mislaid")
        for _ in range(2):
            result = run("watch", path)
            assert result.status == 2
            assert "key" in result.err
            assert not (plant.folder / "plant.key").exists()
        (plant.folder / "mislaid").rename(plant.folder / "plant.key")
        assert run("verify", path).status == 0

    @pytest.mark.skipif(os.name != "posix", reason="there are no such permissions on this system")
    def test_nobody_else_may_read_the_key(self, run: Run, plant: SiteFile) -> None:
        plant.camera("gate", [BRIGHT])
        run("watch", plant.write())
        assert (plant.folder / "plant.key").stat().st_mode & 0o777 == 0o600

    def test_names_that_are_long_and_strange(self, run: Run, plant: SiteFile) -> None:
        name = "門" * 30 + " ü"
        plant.camera(name)
        result = run("watch", plant.write())
        assert result.status == 0, result.err
        assert f"{name}: 40 pictures" in result.out
        assert states(plant.reported(), name) == BOTH


class TestStopped:
    """By SIGTERM, as services are."""

    @pytest.fixture
    def told_to_stop(self, monkeypatch: pytest.MonkeyPatch, heeding_signals: None) -> None:
        """It comes while what an event has come of is being written."""
        commit = Store.commit

        def interrupted(store: Store, batches: Sequence[CameraBatch]) -> None:
            if any(batch.changes for batch in batches):
                os.kill(os.getpid(), signal.SIGTERM)
            commit(store, batches)

        monkeypatch.setattr(Store, "commit", interrupted)

    def test_what_is_being_written_is_written(self, run: Run, plant: SiteFile, told_to_stop: None) -> None:
        plant.camera("gate", [BRIGHT] * 5, source={"live": True})
        result = run("watch", plant.write())
        assert (result.status, result.err) == (0, "")
        assert "Stopped; 1 event still open.\n" in result.out
        assert states(plant.reported(), "gate") == BOTH[:1]
        assert run("verify", plant.path).status == 0

    def test_a_folder_that_is_followed(self, run: Run, small_model: Path, here: Path, told_to_stop: None) -> None:
        (here / "shots").mkdir()
        for at in range(4):
            Image.fromarray(noisy(BRIGHT, at)).save(here / "shots" / f"{at}.png")
        result = run("watch", small_model, "shots", "--follow")
        assert (result.status, result.err) == (0, "")
        assert "Stopped; 1 event still open.\n" in result.out
        assert [e["change"] for e in changes((here / "shots.events.jsonl").read_text())] == ["opened"]


def child(*arguments: str | Path, encoding: str = "utf-8", **options: Any) -> subprocess.Popen[bytes]:
    """A command as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "decisight", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
        **options,
    )


class TestWhereItIsWritten:
    def test_a_reader_that_goes_away(self, small_model: Path, clip: Path) -> None:
        process = child("watch", small_model, clip, "-o", "-")
        assert process.stdout is not None
        first = process.stdout.readline()
        process.stdout.close()
        _, err = process.communicate(timeout=60)
        assert json.loads(first)["state"] == "cat"
        assert b"Traceback" not in err
        assert b"Exception" not in err
        # It may have written all before the reader went.
        assert process.returncode in (0, 141)

    def test_a_terminal_that_knows_only_ascii(self, small_model: Path, here: Path) -> None:
        clip = write_clip(here / "tür.mp4", LEVELS)
        shown, err = child("watch", small_model, clip, encoding="ascii").communicate(timeout=60)
        assert b"Traceback" not in err
        assert b"######" in shown
        assert b"\\u" not in shown
        told_of, _ = child("watch", small_model, clip, "-o", "-", encoding="ascii").communicate(timeout=60)
        # Whatever the terminal knows, JSON is JSON in UTF-8.
        assert {event["camera"] for event in changes(told_of.decode("utf-8"))} == {"tür"}
