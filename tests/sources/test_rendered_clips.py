"""Labelled clips and frames of a rendered gate: what is written is what the shift shows, at exact times."""

from __future__ import annotations

import csv
import runpy
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from decisight.data.reading import read_dataset
from decisight.errors import OutputError, UsageError
from decisight.sources.rendered.clips import TRUTH_COLUMNS, write_clip, write_labelled_frames
from decisight.sources.rendered.shift import GATE_REGION, NOBODY, TRUTHS, Shift

SIZE = (48, 64)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


class TestClip:
    @pytest.mark.parametrize(("seconds", "fps", "count"), [(2.0, 10.0, 20), (1.0, 12.5, 13), (0.5, 30000 / 1001, 15)])
    def test_pictures_have_their_exact_times(self, tmp_path: Path, seconds: float, fps: float, count: int) -> None:
        import av

        write_clip(tmp_path / "gate.mp4", Shift(3, SIZE), seconds, fps=fps)
        with av.open(str(tmp_path / "gate.mp4")) as clip:
            stream = clip.streams.video[0]
            assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
            times = [float(frame.pts * stream.time_base) for frame in clip.decode(stream)]
        assert times == pytest.approx([k / fps for k in range(count)], abs=1e-6)

    def test_pictures_are_those_of_the_shift(self, tmp_path: Path) -> None:
        import av

        shift = Shift(3, (96, 144), trouble=0.0)
        write_clip(tmp_path / "gate.mp4", shift, 6, fps=2)
        with av.open(str(tmp_path / "gate.mp4")) as clip:
            for number, frame in enumerate(clip.decode(video=0)):
                apart = np.abs(frame.to_ndarray(format="rgb24").astype(int) - shift.picture(number / 2))
                assert apart.mean() < 8

    def test_the_table_says_what_is_true_without_gaps(self, tmp_path: Path) -> None:
        shift = Shift(5, SIZE)
        table = write_clip(tmp_path / "gate.mp4", shift, 20.0, fps=0.5)
        assert table == tmp_path / "gate.csv"
        rows = rows_of(table)
        assert tuple(rows[0]) == TRUTH_COLUMNS
        assert {row["region"] for row in rows} == {GATE_REGION.name}
        assert [group for group, _ in groupby(row["group"] for row in rows)] == list(TRUTHS)
        for group in TRUTHS:
            found = [(float(row["start"]), float(row["end"]), row["state"]) for row in rows if row["group"] == group]
            assert found == [(t.start, t.end, t.state) for t in shift.truths(group, 20.0)]

    def test_what_was_there_is_replaced(self, tmp_path: Path) -> None:
        (tmp_path / "gate.csv").write_text("old")
        write_clip(tmp_path / "gate.mp4", Shift(1, SIZE), 0.2)
        write_clip(tmp_path / "gate.mp4", Shift(2, SIZE), 0.2)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["gate.csv", "gate.mp4"]
        assert rows_of(tmp_path / "gate.csv")[0]["state"] == NOBODY

    @pytest.mark.parametrize(
        ("name", "size", "seconds", "fps", "message"),
        [
            ("gate.avi", SIZE, 1.0, 10.0, "not written as gate.avi"),
            ("gate.mp4", (49, 64), 1.0, 10.0, "49 x 64"),
            ("gate.mp4", SIZE, 0.0, 10.0, "lasts 0.0 s"),
            ("gate.mp4", SIZE, float("nan"), 10.0, "lasts nan s"),
            ("gate.mp4", SIZE, 1.0, 0.0, "0.0 pictures a second"),
            ("gate.mp4", SIZE, 1.0, 101.0, "101.0 pictures a second"),
        ],
    )
    def test_a_clip_that_cannot_be_is_refused_and_leaves_nothing(
        self, tmp_path: Path, name: str, size: tuple[int, int], seconds: float, fps: float, message: str
    ) -> None:
        with pytest.raises(UsageError, match=message):
            write_clip(tmp_path / name, Shift(1, size), seconds, fps=fps)
        assert list(tmp_path.iterdir()) == []

    def test_a_place_that_cannot_be_written_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(OutputError, match=r"gate\.mp4"):
            write_clip(tmp_path / "nowhere" / "gate.mp4", Shift(1, SIZE), 0.2)


class TestFrames:
    def test_they_are_read_as_labelled_data_with_their_sources_and_splits(self, tmp_path: Path) -> None:
        folder = write_labelled_frames(
            tmp_path / "frames", [Shift(1, SIZE), Shift(2, SIZE)], 20, 2.0, test=[Shift(3, SIZE)]
        )
        rows = rows_of(folder / "metadata.csv")
        assert [row["source"] for row in rows] == ["shift_001"] * 10 + ["shift_002"] * 10 + ["shift_003"] * 10
        assert {(row["source"], row["split"]) for row in rows} == {
            ("shift_001", "train"),
            ("shift_002", "train"),
            ("shift_003", "test"),
        }
        for at, row in enumerate(rows[:10]):
            assert {group: row[group] for group in TRUTHS} == Shift(1, SIZE).truth(2.0 * at)
            with Image.open(folder / row["file_name"]) as image:
                apart = np.abs(np.asarray(image, int) - Shift(1, SIZE).picture(2.0 * at))
            assert apart.mean() < 12
        data = read_dataset(folder, groups=("role",))
        assert data.task.groups[0].name == "role"
        assert NOBODY in data.task.groups[0].labels

    def test_a_folder_with_something_in_it_is_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / "mine.txt").write_text("mine")
        with pytest.raises(OutputError, match="not empty"):
            write_labelled_frames(tmp_path, [Shift(1, SIZE)], 1, 1)
        assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]

    def test_an_interruption_leaves_nothing_half_written(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        taken = []

        def picture(shift: Shift, seconds: float) -> np.ndarray:
            taken.append(seconds)
            if len(taken) > 2:
                raise KeyboardInterrupt
            return np.zeros((64, 48, 3), np.uint8)

        monkeypatch.setattr(Shift, "picture", picture)
        with pytest.raises(KeyboardInterrupt):
            write_labelled_frames(tmp_path / "frames", [Shift(1, SIZE)], 10, 1)
        assert list((tmp_path / "frames").iterdir()) == []

    @pytest.mark.parametrize(
        ("train", "test", "seconds", "every", "message"),
        [
            ((), (), 10, 1, r"\(none\)"),
            ((1, 1), (), 10, 1, "1, 1"),
            ((1,), (1,), 10, 1, "1, 1"),
            ((1,), (), 10, 0, "every 0 s"),
            ((1,), (), 1, 2, "every 2 s"),
            ((1,), (), float("nan"), 2, "out of nan s"),
        ],
    )
    def test_frames_that_cannot_be_are_refused(
        self, tmp_path: Path, train: tuple[int, ...], test: tuple[int, ...], seconds: float, every: float, message: str
    ) -> None:
        with pytest.raises(UsageError, match=message):
            write_labelled_frames(
                tmp_path / "frames", [Shift(s) for s in train], seconds, every, test=[Shift(s) for s in test]
            )
        assert not (tmp_path / "frames").exists()


def test_the_benchmark_keeps_what_it_made(tmp_path: Path) -> None:
    script = Path(__file__).parents[2] / "benchmarks" / "_rendered_clips.py"
    if not script.exists():
        pytest.skip("the benchmarks are not here")
    made = runpy.run_path(str(script))
    recipe = made["Recipe"](train=(1,), train_seconds=2.0, every=1.0, test=(2,), test_seconds=0.3)
    first = made["rendered_clips"](tmp_path, recipe)
    kept = [(path, path.stat().st_mtime_ns) for path in (first.frames / "metadata.csv", *first.clips)]
    assert made["rendered_clips"](tmp_path, recipe) == first
    assert kept == [(path, path.stat().st_mtime_ns) for path, _ in kept]
    assert first.region == "gate=0.05,0 0.95,0 0.95,1 0.05,1"
    other = made["Recipe"](train=(1,), train_seconds=1.0, every=1.0, test=(3,), test_seconds=0.3)
    second = made["rendered_clips"](tmp_path, other)
    assert not first.clips[0].exists()
    assert second.clips[0].with_suffix(".csv").is_file()
