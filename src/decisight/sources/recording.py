"""A recorded video file: opened without reach to anything else, decoded picture by picture."""

from __future__ import annotations

import errno
import heapq
import os
import stat
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from threading import Event
from typing import TYPE_CHECKING, NamedTuple

from decisight.errors import SourceError
from decisight.files import printable
from decisight.imaging import MAX_PIXELS, is_image_name
from decisight.sources.timeline import Place, Timeline
from decisight.types.secrecy import redacted

if TYPE_CHECKING:
    import av
    from av.container import InputContainer
    from av.video.stream import VideoStream

__all__ = ["DAMAGED", "ENDS_EARLY", "Recording", "Shot", "open_recording"]

DAMAGED = "the recording is damaged here"
"""The cause of a picture that cannot be decoded, or not wholly."""

ENDS_EARLY = "the recording ends early"
"""The cause of the one frame that stands for all that a file says it has after its last picture."""

# Containers of recordings alone. What FFmpeg counts among containers besides are lists that make it open other files
# (HLS, DASH, concat, SDP), devices, and numbered pictures. Sound is in it so that a sound file can be called one.
_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,asf,ogg,mxf,nut,dv,dhav,ivf,obu,h264,hevc,m4v,"
    "mjpeg,wav,flac,mp3"
)
_INDEXED = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm")
"""Of the others, those that jump in time within one file (MPEG-TS) would be looked up wrongly: times come twice."""

_USUAL = "give a video file: MP4, MOV, MKV, WebM, AVI, MPEG-TS, FLV or WMV"
_COPY = "copy it again; if that fails, it is lost"
_DEFAULT_RATE = Fraction(25)
_BEFORE = 1
"""Seconds that are looked up before a picture: an index may be by the time of decoding, which comes earlier."""
_JUMP = 1
"""So many seconds back are another recording."""
_LEAP = 2**33 // 90_000
"""So many seconds forward are, too: the clock of MPEG-TS begins anew after 26.5 hours (ISO/IEC 13818-1)."""
_LONGEST = 366 * 86_400
"""Nothing is recorded for more seconds into one file; more is damage."""
_MOST_FAILURES = 100
"""After so many failures to read on in a row there is no more to be read."""


class Shot(NamedTuple):
    """One picture of a recording, or the cause why there is none, and its place."""

    place: Place
    frame: av.VideoFrame | None
    cause: str | None


@dataclass(frozen=True, slots=True)
class Recording:
    """What is to be known of a recording before its pictures are taken.

    Args:
        path: of the file.
        time_base: seconds a tick.
        rate: pictures a second, on the average.
        seconds: how long it says it is; ``None`` where it does not say.
        created: what it says about when it was made, in ISO 8601; ``None`` where it says nothing.
        first: the ticks of its first picture.
    """

    path: str
    time_base: Fraction
    rate: Fraction
    seconds: float | None
    created: str | None
    first: int = 0

    def seconds_to(self, place: Place) -> float:
        """Seconds from the first picture to a place."""
        return float((place.ticks - self.first) * self.time_base)

    def shots(self, closed: Event, *, after: Place | None = None) -> Generator[Shot]:
        """Its pictures in order, damaged ones among them.

        Args:
            closed: it ends soon after that is set.
            after: the place of the picture after which it goes on. Where an index leads there it is looked up, else
                everything before is decoded once more. Either way the same pictures follow.

        Raises:
            SourceError: the file cannot be opened or read any further.
        """
        if after is not None and after.own:
            with _opened(self.path) as (container, stream):
                if container.format.name in _INDEXED and self._look_up(container, stream, after):
                    shots = self._placed(container, stream, closed)
                    # The picture itself must come by; else the index led elsewhere.
                    if any(shot.place == after for shot in _until(shots, after)):
                        yield from shots
                        return
        with _opened(self.path) as (container, stream):
            for shot in self._placed(container, stream, closed):
                if after is None or shot.place.ticks > after.ticks:
                    yield shot

    def shots_at(self, seconds: float, closed: Event) -> Generator[Shot]:
        """Its pictures from a moment on, or from some earlier one where there is no index to look it up in.

        Args:
            seconds: from the first picture.
            closed: it ends soon after that is set.

        Raises:
            SourceError: the file cannot be opened or read.
        """
        place = Place(self.first + round(seconds / self.time_base), True)
        with _opened(self.path) as (container, stream):
            if container.format.name in _INDEXED and self._look_up(container, stream, place):
                yield from self._placed(container, stream, closed)
                return
        with _opened(self.path) as (container, stream):
            yield from self._placed(container, stream, closed)

    def _look_up(self, container: InputContainer, stream: VideoStream, after: Place) -> bool:
        import av

        try:
            container.seek(after.ticks - round(_BEFORE / self.time_base), stream=stream)
        except (av.FFmpegError, OverflowError):
            return False
        return True

    def _placed(self, container: InputContainer, stream: VideoStream, closed: Event) -> Iterator[Shot]:
        step, per_second = max(1, round(1 / self.rate / self.time_base)), 1 / self.time_base
        timeline = Timeline(step=step, jump=round(_JUMP * per_second), leap=round(_LEAP * per_second))
        place, last = None, None
        for pts, frame, damaged in _decoded(container, stream, closed, self.path):
            place, last = timeline.place(pts), frame
            yield Shot(place, None, DAMAGED) if damaged or frame is None else Shot(place, frame, None)
        if place is None or closed.is_set() or self.seconds is None:
            return
        # Nothing else tells: to FFmpeg a file that was cut off ends like any other. A picture may last long, and the
        # last one does where a camera sends only changes; one second is spared for containers that count roughly.
        end = place.ticks + max(step, (last.duration if last else 0) or 0)
        if (end - self.first) * self.time_base < self.seconds - max(1.0, 0.02 * self.seconds):
            yield Shot(timeline.place(None), None, ENDS_EARLY)


def open_recording(path: str) -> Recording:
    """Look into a video file.

    Raises:
        SourceError: there is no such file, it is not a recording, holds no pictures or absurdly large ones, or is
            encrypted or in a codec that is not known.
    """
    with _opened(path) as (container, stream):
        rate = stream.average_rate or stream.guessed_rate or _DEFAULT_RATE
        base = stream.time_base or 1 / _DEFAULT_RATE
        seconds = None
        if stream.duration:
            seconds = float(stream.duration * base)
        elif container.duration and len(container.streams) == 1:  # with sound it may be the sound that lasts so long
            # Matroska and Flash say when it ends, which is so much later than it lasts.
            seconds = (container.duration - max(0, container.start_time or 0)) / 1_000_000
        if seconds is not None and not 0 < seconds < _LONGEST:
            seconds = None
        recording = Recording(path, base, rate, seconds, container.metadata.get("creation_time"))
    with closing(recording.shots(Event())) as shots:
        first = next(shots, None)
    if first is None:
        raise SourceError(f"{printable(path)}: there is no picture in it", hint=_USUAL)
    return replace(recording, first=first.place.ticks)


def _until(shots: Iterator[Shot], after: Place) -> Iterator[Shot]:
    """The next shots, up to the first that is not before a place."""
    for shot in shots:
        yield shot
        if shot.place.ticks >= after.ticks:
            return


@contextmanager
def _opened(path: str) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The file and its main stream of pictures."""
    import av

    # It may be an address that was taken for a file.
    name = printable(redacted(path))
    _check_file(path, name)
    try:
        # As a file, whatever its name looks like (pipe:, http:, concat:), and nothing that it names either.
        container = av.open(
            f"file:{path}",
            options={"format_whitelist": _FORMATS, "protocol_whitelist": "file"},
            metadata_errors="replace",
        )
    except (av.FFmpegError, ValueError) as error:
        raise _unopened(path, name, error) from error
    with container:
        yield container, _stream(container, name)


def _stream(container: InputContainer, name: str) -> VideoStream:
    from av.stream import Disposition

    stream = next((s for s in container.streams.video if not s.disposition & Disposition.attached_pic), None)
    if stream is None:
        raise SourceError(f"{name}: there is sound in it and no pictures", hint=_USUAL)
    codec = stream.codec_context
    if codec is None:
        raise SourceError(
            f"{name}: its pictures are encrypted, or in a codec that is not known", hint="save it as MP4 with H.264"
        )
    if codec.codec_tag in ("encv", "drmi"):
        raise SourceError(f"{name}: its pictures are encrypted", hint="save it without protection")
    if codec.width * codec.height > MAX_PIXELS:
        raise SourceError(
            f"{name}: its pictures are too large: {codec.width} x {codec.height}; the limit is "
            f"{MAX_PIXELS // 10**6} million pixels",
            hint="check that it is not damaged; if so, save it smaller",
        )
    # Threads gain nothing for one camera's pictures and cost twice the time where several share the CPU: measured at
    # 480 x 270, 10,000 a second without and 5,000 with. They would also say late what is damaged.
    stream.thread_type = "NONE"
    codec.options = {"max_pixels": str(MAX_PIXELS)}
    return stream


def _check_file(path: str, name: str) -> None:
    try:
        found = os.stat(path)
    except FileNotFoundError as error:
        raise SourceError(
            f"{name}: does not exist", hint="check the spelling, and from where the path is meant"
        ) from error
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise SourceError(f"{name}: cannot be read: {said}", hint="check the path and the disk") from error
    if stat.S_ISDIR(found.st_mode):
        raise SourceError(
            f"{name}: is a folder, not a recording", hint="for a folder of pictures use the source folder"
        )
    # Opening a pipe would wait for a writer that may never come.
    if not stat.S_ISREG(found.st_mode):
        raise SourceError(f"{name}: is not an ordinary file", hint=_USUAL)
    if not found.st_size:
        raise SourceError(f"{name}: the file is empty (0 bytes)", hint=_COPY)


def _unopened(path: str, name: str, error: Exception) -> SourceError:
    if isinstance(error, OSError) and error.errno == errno.EIO:  # of the disk, or FFmpeg's word for an early end
        return SourceError(f"{name}: is damaged, or cannot be read to its end", hint=_COPY)
    if isinstance(error, OSError):
        return SourceError(
            f"{name}: cannot be read: {error.strerror}", hint="check the file's permissions and the disk"
        )
    if is_image_name(path):
        return SourceError(f"{name}: is a picture, not a recording", hint="for pictures use the source folder")
    head = b""
    with suppress(OSError), open(path, "rb") as file:
        head = file.read(12)
    if head[4:8] == b"ftyp":
        return SourceError(
            f"{name}: is damaged or broken off: an MP4 or MOV without its index, which is written last",
            hint=f"{_COPY}; recordings that may be broken off are safe in MKV or MPEG-TS",
        )
    return SourceError(f"{name}: is not a recording that can be read", hint=_USUAL)


_Decoded = tuple[int | None, "av.VideoFrame | None", bool]
"""Its own time in ticks, the picture, and whether it is damaged."""


def _decoded(container: InputContainer, stream: VideoStream, closed: Event, path: str) -> Iterator[_Decoded]:
    """Pictures in the order in which they are shown, with those that cannot be decoded in their places.

    A packet fails when it is decoded, which is before pictures that are shown earlier come out: so a failure waits
    until they have.
    """
    import av

    failed: list[int] = []
    last = None
    for packet in _packets(container, stream, path):
        if closed.is_set():
            return
        pts = packet.dts if packet.pts is None else packet.pts
        frames: list[av.VideoFrame] = []
        bad = packet.is_corrupt
        try:
            frames = packet.decode()
        except av.FFmpegError:
            bad = packet.size > 0  # else it only asked for what was left
        if bad and pts is None and not frames:
            yield None, None, True
        elif bad and pts is not None and pts not in failed:
            heapq.heappush(failed, pts)
        for frame in frames:
            shown = frame.dts if frame.pts is None else frame.pts
            damaged = frame.is_corrupt
            # Where times jump back another recording begins: nothing of the one before comes any more.
            another = shown is not None and last is not None and shown < last
            while failed and shown is not None and (another or failed[0] <= shown):
                if failed[0] == shown and not another:
                    damaged = True
                    heapq.heappop(failed)
                else:
                    yield heapq.heappop(failed), None, True
            last = shown
            yield shown, frame, damaged
    while failed:
        yield heapq.heappop(failed), None, True


def _packets(container: InputContainer, stream: VideoStream, path: str) -> Iterator[av.Packet[VideoStream]]:
    """What is stored, as far as it can be read."""
    import av

    failures = 0
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except IndexError:  # PyAV at a packet of a stream that only began in the middle; it is not ours
            packets = container.demux(stream)
            continue
        except av.FFmpegError as error:
            failures += 1
            if failures < _MOST_FAILURES:
                packets = container.demux(stream)
                continue
            if isinstance(error, OSError):
                raise SourceError(
                    f"{printable(path)}: cannot be read any further: {error.strerror}", hint="check the disk"
                ) from error
            return
        if packet is None:
            return
        failures = 0
        yield packet
