"""Labelled clips of a rendered gate, and labelled frames of it to train with.

shift = Shift(seed=7)
write_clip(Path("gate.mp4"), shift, 60)        # gate.mp4, and gate.csv with what is true when
write_labelled_frames(Path("frames"), [Shift(seed) for seed in range(5)], 120, every=1.5)
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

from decisight.errors import OutputError, UsageError
from decisight.files import draft_of, printable, unwritable
from decisight.sources.rendered.shift import GATE_REGION, TRUTHS, Shift

__all__ = ["TRUTH_COLUMNS", "write_clip", "write_labelled_frames"]

TRUTH_COLUMNS = ("start", "end", "region", "state", "group")
"""Of a table that says what is true of a clip: seconds since its first picture, the region's name, the label, and the
label group. The rows of one group follow each other without gaps."""

_LOSS = "16"
"""x264's constant rate factor: 0 loses nothing, 18 looks the same to most people, 51 is the worst."""
_QUALITY = 90
"""Of JPEG files; the camera's own compression is in the picture already."""


def write_clip(path: Path, shift: Shift, seconds: float, *, fps: float = 10.0) -> Path:
    """Writes a clip of a shift from its beginning (H.264 in MP4), and beside it a table of what is true when.

    Picture ``k`` shows the moment ``k / fps``, and that is its time in the file. The table has the clip's name and ends
    in ``.csv``; its columns are :data:`TRUTH_COLUMNS`, its one region is :data:`~decisight.sources.rendered.shift.
    GATE_REGION`, its groups are those of :data:`~decisight.sources.rendered.shift.TRUTHS`, and its times are exact to
    the millisecond. It is written last. The size of the picture is the shift's.

    Args:
        path: of the clip, ending in ``.mp4``; what is there is replaced.
        shift: what is filmed.
        seconds: how long, above 0; the clip has ``seconds * fps`` pictures, rounded up.
        fps: pictures a second, above 0 and at most 100.

    Returns:
        The path of the table.

    Raises:
        OutputError: one of the two cannot be written.
        UsageError: another ending, an odd width or height, or a length or frame rate that cannot be.
    """
    if path.suffix.lower() != ".mp4":
        raise UsageError(f"a clip is not written as {printable(path.name)}", hint="give a name that ends in .mp4")
    if shift.size[0] % 2 or shift.size[1] % 2:
        raise UsageError(
            f"a clip of {shift.size[0]} x {shift.size[1]} pixels is not written", hint="width and height are even"
        )
    if not 0 < fps <= 100:
        raise UsageError(f"a clip of {fps} pictures a second is not written", hint="above 0, and at most 100")
    rows = [
        (f"{truth.start:.3f}", f"{truth.end:.3f}", GATE_REGION.name, truth.state, truth.group)
        for group in TRUTHS
        for truth in shift.truths(group, seconds)
    ]
    table = path.with_suffix(".csv")
    with draft_of(path) as draft:
        _film(draft, shift, seconds, Fraction(fps).limit_denominator(1001))
    with draft_of(table) as draft, draft.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(TRUTH_COLUMNS)
        writer.writerows(rows)
    return table


def write_labelled_frames(
    folder: Path, train: Sequence[Shift], seconds: float, every: float, *, test: Sequence[Shift] = ()
) -> Path:
    """Writes pictures out of shifts, with what is true of each, for ``decisight train``.

    They lie in the folder as JPEG files, whole, beside a ``metadata.csv`` with the columns ``file_name``, ``role``,
    ``vest``, ``helmet``, ``source`` (the shift) and ``split`` (``train`` or ``test``). Whatever interrupts it, nothing
    half-written is left.

    Args:
        folder: where to; it is made, and has to be empty if it is there.
        train: the shifts to learn from.
        seconds: how much of each shift, above 0.
        every: seconds from one picture to the next, above 0.
        test: the shifts to judge by.

    Returns:
        The folder.

    Raises:
        OutputError: the folder has something in it, is a file, or cannot be written to.
        UsageError: no shifts, one that is given twice, or a length that cannot be.
    """
    seeds = [shift.seed for shift in (*train, *test)]
    if not seeds or len(set(seeds)) < len(seeds):
        raise UsageError(
            f"no labelled frames are made of shifts with the seeds {', '.join(map(str, seeds)) or '(none)'}",
            hint="give one or more, and each seed once: what is learned from is not judged by",
        )
    if not 0 < every <= seconds:
        raise UsageError(
            f"a picture every {every} s is not taken out of {seconds} s", hint="above 0 s, and at most all of it"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise OutputError(
                f"the folder is not empty: {printable(folder)}", hint="give one that is empty or not there yet"
            )
        with TemporaryDirectory(prefix=".partial-", dir=folder) as partial:
            _take(
                Path(partial),
                [("train", shift) for shift in train] + [("test", shift) for shift in test],
                seconds,
                every,
            )
            # The table comes last, so that a folder with one is whole.
            for file in sorted(Path(partial).iterdir(), key=lambda p: p.suffix == ".csv"):
                file.rename(folder / file.name)
    except OSError as error:
        raise unwritable(folder, error) from error
    return folder


def _film(path: Path, shift: Shift, seconds: float, fps: Fraction) -> None:
    import av

    pictures = -(-Fraction(seconds).limit_denominator(1_000_000) * fps // 1)
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=fps, options={"crf": _LOSS, "preset": "veryfast"})
        stream.width, stream.height = shift.size
        stream.pix_fmt = "yuv420p"
        # Pictures leave in the order in which they came, so that the first one's time is 0 for every reader.
        stream.codec_context.max_b_frames = 0
        stream.codec_context.thread_count = 1
        stream.codec_context.time_base = 1 / fps
        for number in range(int(pictures)):
            frame = av.VideoFrame.from_ndarray(shift.picture(float(number / fps)), format="rgb24")
            frame.pts, frame.time_base = number, 1 / fps
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def _take(folder: Path, shifts: Sequence[tuple[str, Shift]], seconds: float, every: float) -> None:
    from PIL import Image

    rows = []
    for split, shift in shifts:
        source = f"shift_{shift.seed:03d}"
        for number in range(int(-(-seconds // every))):
            moment = number * every
            name = f"{source}_{number:05d}.jpg"
            Image.fromarray(shift.picture(moment)).save(folder / name, quality=_QUALITY)
            rows.append((name, *shift.truth(moment).values(), source, split))
    with (folder / "metadata.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("file_name", *TRUTHS, "source", "split"))
        table.writerows(rows)
