"""``decisight verify``: an altered store shows, and with heads that were kept elsewhere, a cut one as well."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.clips import scripted_source
from tests.plants import LEVELS, SiteFile

from .conftest import Run


@pytest.fixture
def plant(tmp_path: Path, small_model: Path, run: Run) -> Iterator[SiteFile]:
    """A camera that was watched, and whose heads were kept."""
    with scripted_source():
        site = SiteFile(tmp_path, small_model)
        site.camera("gate")
        site.values["chain"] = {"heads": "heads.jsonl"}
        assert run("watch", site.write()).status == 0
        yield site


def alter(site: SiteFile, statement: str) -> None:
    with sqlite3.connect(site.folder / "plant.db") as database:
        assert database.execute(statement).rowcount > 0
    database.close()


def test_a_store_that_nobody_touched(run: Run, plant: SiteFile) -> None:
    result = run("verify", plant.path)
    assert (result.status, result.err) == (0, "")
    assert result.out == "The store is as it was written: nothing was altered, removed or reordered.\n"
    values = json.loads(run("verify", plant.path, "--json").out)
    assert (values["faults"], values["heads"] > 0) == ([], True)


def test_without_heads_that_is_warned_of(run: Run, plant: SiteFile) -> None:
    del plant.values["chain"]
    result = run("verify", plant.write())
    assert result.status == 0
    assert "warning: no heads were kept elsewhere" in result.err
    assert run("verify", plant.path, "--heads", plant.folder / "heads.jsonl").err == ""


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE records SET time = time + 1 WHERE seq = 7 AND chain_id = 1", "gate readings 7: "),
        ("DELETE FROM records WHERE seq = 7 AND chain_id = 1", "gate readings 7: it is missing"),
        ("UPDATE events SET outcome = 'confirmed'", "was altered"),
        ("DELETE FROM events", "is missing in events"),
        ("DELETE FROM checkpoints", "the checkpoint is missing"),
        ("DELETE FROM views", "there are 0 views, where 1 were written"),
    ],
)
def test_what_was_altered(run: Run, plant: SiteFile, statement: str, said: str) -> None:
    alter(plant, statement)
    result = run("verify", plant.path)
    assert result.status == 1
    assert said in result.out
    assert result.out.splitlines()[-1].endswith("the store is not as it was written.")
    shown = run("verify", plant.path, "--json")
    assert shown.status == 1
    faults = json.loads(shown.out)["faults"]
    assert any(said.split(": ")[-1] in fault["what"] for fault in faults)
    assert all(fault.keys() == {"camera", "lane", "seq", "what"} for fault in faults)


class TestSinksThatAreNoMore:
    @pytest.fixture
    def left(self, run: Run, plant: SiteFile) -> SiteFile:
        """Two events could not be reported to a sink, which is taken out of the site file then."""
        plant.values["sinks"]["post"] = {"type": "jsonl", "path": "nowhere/events.jsonl"}
        plant.camera("gate", source={"identity": "another"})
        assert run("watch", plant.write()).status == 0
        del plant.values["sinks"]["post"]
        plant.write()
        return plant

    def test_what_waits_for_one_is_said_and_can_be_dropped(self, run: Run, left: SiteFile) -> None:
        checked = run("check", left.path)
        assert checked.status == 0
        assert "warning: 4 changes of events wait for the sink post, which is not in the site file\n" in checked.err
        assert "or drop them: decisight retain SITE --forget post\n" in checked.err
        dry = run("retain", left.path, "--forget", "post", "--dry-run")
        assert "4 changes of events for the sink post would be dropped\n" in dry.out
        assert "sink post" in run("check", left.path).err
        dropped = run("retain", left.path, "--forget", "post")
        assert (dropped.status, dropped.err) == (0, "")
        assert "4 changes of events for the sink post dropped\n" in dropped.out
        assert "sink post" not in run("check", left.path).err
        assert run("verify", left.path).status == 0

    @pytest.mark.parametrize(
        ("sink", "said"),
        [
            ("log", "--forget 'log': the site file names that sink"),
            ("pots", "--forget 'pots': nothing waits for it\nhint: sinks with some: post\n"),
        ],
    )
    def test_what_cannot_be_dropped(self, run: Run, left: SiteFile, sink: str, said: str) -> None:
        result = run("retain", left.path, "--forget", sink)
        assert result.status == 2
        assert said in result.err
        assert "4 changes" in run("check", left.path).err


def test_many_faults_are_not_all_shown(run: Run, plant: SiteFile) -> None:
    with sqlite3.connect(plant.folder / "plant.db") as database:
        (row,) = database.execute("SELECT * FROM events LIMIT 1")
        names = [column[0] for column in database.execute("SELECT * FROM events LIMIT 1").description]
        for at in range(60):
            values = dict(zip(names, row, strict=True)) | {"event_id": f"{at:032x}"}
            marks = ", ".join("?" for _ in names)
            database.execute(f"INSERT INTO events VALUES ({marks})", list(values.values()))  # noqa: S608
    database.close()
    result = run("verify", plant.path)
    assert result.status == 1
    assert result.out.splitlines()[50] == "... and 10 more"
    assert result.out.splitlines()[51].startswith("60 faults: ")


def put_back(run: Run, plant: SiteFile) -> None:
    """The whole store as it was before the last thing that happened, all of it sealed as it should be."""
    for name in ("plant.db", "plant.db-wal", "plant.db-shm"):
        if (plant.folder / name).exists():
            shutil.copy2(plant.folder / name, plant.folder / f"{name}.before")
    plant.camera("gate", LEVELS, source={"identity": "another", "begin": 1_778_000_000.0})
    assert run("watch", plant.write()).status == 0
    for name in ("plant.db", "plant.db-wal", "plant.db-shm"):
        (plant.folder / name).unlink(missing_ok=True)
        if (plant.folder / f"{name}.before").exists():
            (plant.folder / f"{name}.before").rename(plant.folder / name)


def test_a_cut_tail_shows_by_the_heads(run: Run, plant: SiteFile) -> None:
    put_back(run, plant)
    result = run("verify", plant.path)
    assert result.status == 1
    assert "gate readings" in result.out
    assert "gate events" in result.out
    # By themselves they are sound: that is what the heads are for.
    del plant.values["chain"]
    plant.write()
    assert run("verify", plant.path).status == 0
    assert run("verify", plant.path, "--heads", plant.folder / "heads.jsonl").status == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "there is no file"),
        ("nonsense\n", "line 1: this is no head of a chain"),
        ('{"camera": "gate", "lane": "readings", "seq": 1, "mac": "00", "time": null}\n', "line 1"),
    ],
)
def test_heads_that_are_none(run: Run, plant: SiteFile, content: str | None, said: str) -> None:
    heads = plant.folder / "other.jsonl"
    if content is not None:
        heads.write_text(content)
    result = run("verify", plant.path, "--heads", heads)
    assert result.status == 2
    assert said in result.err


@pytest.mark.parametrize(
    ("key", "said"), [(None, "there is no key"), ("00" * 32, "key"), ("short", "holds no key"), ("é", "cannot be read")]
)
def test_without_the_right_key(run: Run, plant: SiteFile, key: str | None, said: str) -> None:
    path = plant.folder / "plant.key"
    if key is None:
        path.unlink()
    else:
        path.write_text(key, "utf-8")
    result = run("verify", plant.path)
    # With another key nobody can tell whether it is the key or the store.
    assert result.status == (1 if key == "00" * 32 else 2)
    assert said in (result.out if result.status == 1 else result.err)


def test_a_key_from_the_environment(run: Run, plant: SiteFile, monkeypatch: pytest.MonkeyPatch) -> None:
    path = plant.folder / "plant.key"
    monkeypatch.setenv("DECISIGHT_CHAIN_KEY", path.read_text())
    path.unlink()
    assert run("verify", plant.path).status == 0
    assert not path.exists()


def test_it_writes_nothing(run: Run, plant: SiteFile) -> None:
    before = {path: path.read_bytes() for path in plant.folder.iterdir() if path.is_file()}
    for _ in range(2):
        run("verify", plant.path)
    after = {path: path.read_bytes() for path in plant.folder.iterdir() if path.is_file()}
    beside = (".db-wal", ".db-shm")
    assert {p: c for p, c in after.items() if not p.name.endswith(beside)} == {
        p: c for p, c in before.items() if not p.name.endswith(beside)
    }
