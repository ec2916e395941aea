"""A process that is killed while it writes: what was committed is there, whole, and the next one goes on."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from decisight.store import EvidencePicture, open_store

from .conftest import KEY, Place, batch, only_sqlite, view

WRITER = """
import sys
from pathlib import Path
sys.path[:0] = [sys.argv[2], str(Path(sys.argv[2]).parents[1])]
from conftest import KEY, batch, view
from decisight.store import open_store, writing
writing.SEGMENT_RECORDS = 200
folder = Path(sys.argv[1])
store = open_store(sys.argv[3], key=KEY, evidence=folder / "evidence")
number = store.view_id(view())
kept = store.checkpoint("gate")
at = 0 if kept is None else kept["position"] + 1
while True:
    store.commit([batch(number, at=at, size=40)])
    print(at, flush=True)
    at += 1
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no such signal")
def test_killed_while_it_writes(place: Place, tmp_path: Path) -> None:
    told = -1
    for rounds in range(5):
        command = [sys.executable, "-c", WRITER, str(tmp_path), str(Path(__file__).parent), place.url]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            for line in child.stdout:
                told = int(line)
                # In another moment of its work each time.
                if told % 7 == rounds and told > 3 * rounds:
                    break
            os.kill(child.pid, signal.SIGKILL)
            # What it told before it died counts too.
            told = max([told, *map(int, child.stdout.read().split())])
        with place() as store:
            checkpoint = store.checkpoint("gate")
            assert checkpoint is not None
            last = checkpoint["position"]
            # Nothing that was told is lost; at most one commit more went through, and was not told any more.
            assert told <= last <= told + 1
            kept = [record.data for record in store.readings("gate", 1) if record.kind < 5]
            assert kept == [record.data for at in range(last + 1) for record in batch(1, at=at, size=40).records]
            assert len(store.events()) == last + 1
            assert len(store.pending("jsonl", 10_000)) == 2 * (last + 1)
            assert not list(store.verify())
            told = last


@only_sqlite("the log of PostgreSQL is its own business")
def test_a_log_that_was_cut_short_loses_the_last_commits_whole(place: Place, tmp_path: Path) -> None:
    with place() as store:
        number = store.view_id(view())
        for at in range(4):
            store.commit([batch(number, at=at)])
        heads = store.heads()
        # As the files lie on the disk while the process lives.
        copy = tmp_path / "copy"
        copy.mkdir()
        for path in [tmp_path / "store.db", tmp_path / "store.db-wal"]:
            shutil.copy(path, copy)
    log = copy / "store.db-wal"
    size = log.stat().st_size
    seen = set()
    for cut in range(0, size, max(1, size // 12)):
        folder = tmp_path / f"cut {cut}"
        shutil.copytree(copy, folder)
        with (folder / "store.db-wal").open("r+b") as stream:
            stream.truncate(size - cut)
        try:
            with open_store(f"sqlite:///{folder}/store.db", key=KEY) as store:
                assert not list(store.verify())
                there = len(list(store.readings("gate")))
                assert there % 100 == 0
                # Heads that were kept elsewhere tell what was lost.
                assert bool(list(store.verify(heads))) == (there < 400)
                seen.add(there)
        finally:
            shutil.rmtree(folder)
    assert {0, 400} <= seen


def test_evidence_is_on_the_disk_before_anything_speaks_of_it(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with place() as store:
        number = store.view_id(view())
        seen: list[bool] = []
        write = store._database.writing

        def watched():  # type: ignore[no-untyped-def]
            seen.append(len(list((tmp_path / "evidence").rglob("*.jpg"))) == 1)
            return write()

        monkeypatch.setattr(store._database, "writing", watched)
        store.commit([batch(number)])
        assert seen == [True]
        assert isinstance(batch(number).evidence[0], EvidencePicture)
