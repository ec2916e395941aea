"""A stream that FFmpeg opens: packets read without pause, and decoded where they are needed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Literal

from decisight.sources.camera_clock import Gaps, KeyFrames, Lateness, StreamClock
from decisight.sources.newest import NO_PICTURES, Box
from decisight.sources.retrying import AwayError
from decisight.sources.rgb import RgbConverter
from decisight.sources.sampling import Pace

if TYPE_CHECKING:
    import av
    from av.container import InputContainer
    from av.video.stream import VideoStream

__all__ = ["Opening", "read_stream"]

UNDECODABLE = "pictures cannot be decoded"
"""The cause where that holds of all of them."""

LATE = "pictures come late"
"""The cause where they come later and later, although nothing waits to be read."""

_LATE = 2.0
"""Seconds: what is later is not decoded."""
_SOON = 0.5
"""Seconds: what is no later is in time again."""
_WAITED = 0.005
"""A read that took so many seconds has waited: nothing lay there to be read."""
_DRY = 0.3
"""Seconds for which every read has waited: then what comes is as new as the network gives it."""
_LATE_APART = 60.0
"""Seconds: who is late again so soon after it was let pass is connected anew."""
_LONGEST_GOP = 12.0
"""Seconds that a key frame is waited for. Some streams have none, and renew the picture bit by bit."""

_LIMITS = {"max_pixels": str(7680 * 4320)}
"""8K: no camera has more, and a decoder keeps up to 16 pictures."""


@dataclass(frozen=True, slots=True)
class Opening:
    """How a stream is opened.

    Args:
        address: what FFmpeg is given; it may have credentials in it, so it is shown nowhere.
        format: of FFmpeg's, which is not guessed.
        options: of FFmpeg's.
        timeout: seconds.
        lossy: whether packets may be lost.
    """

    address: str = field(repr=False)
    format: Literal["rtsp", "v4l2", "avfoundation", "dshow"]
    options: Mapping[str, str]
    timeout: float
    lossy: bool = False


def read_stream(opening: Opening, fps: float | None, box: Box) -> None:
    """Read a stream until no more pictures are wanted.

    Args:
        opening: how it is opened.
        fps: at most so many pictures a second; ``None``: all.
        box: where pictures go.

    Raises:
        AwayError: it cannot be opened, or goes no further.
    """
    container = _opened(opening)
    try:
        stream = next(iter(container.streams.video), None)
        if stream is None or stream.codec_context is None:
            raise AwayError("no pictures in the stream")
        # Else the first picture is held back until the time of the second is known.
        container.flags &= ~0x1  # AVFMT_FLAG_GENPTS, which PyAV sets
        _Reader(stream, opening, fps, box).read(container)
    finally:
        container.close()


def _opened(opening: Opening) -> InputContainer:
    import av

    begun = time.monotonic()
    try:
        return av.open(
            opening.address,
            format=opening.format,
            options={**opening.options, **_LIMITS},
            metadata_errors="replace",
            # A read that is cut off loses what has come of a picture: so none is, to see whether it is to end.
            # By RTSP FFmpeg itself ends one that waits too long: PyAV takes the interpreter's lock to see to that,
            # several times for each packet, and a hundred cameras then wait for it more than for anything else.
            timeout=(opening.timeout, None if opening.format == "rtsp" else opening.timeout),
        )
    except (av.FFmpegError, OSError, ValueError) as error:
        refused, cause = _cause(error, opening, time.monotonic() - begun)
    # Out here, since FFmpeg's own error names the address with all that is in it: it must not be this one's context.
    raise AwayError(cause, refused=refused)


def _cause(error: Exception, opening: Opening, took: float) -> tuple[bool, str]:
    """Whether the camera refuses who asks, and what is said of an error."""
    import av

    device = opening.format != "rtsp"
    if isinstance(error, av.HTTPUnauthorizedError | av.HTTPForbiddenError):
        return True, "access refused"
    if isinstance(error, av.HTTPNotFoundError):
        return False, "no such stream"
    if isinstance(error, av.HTTPClientError | av.HTTPServerError):
        return False, "the camera cannot serve the stream"
    if device and isinstance(error, PermissionError):
        return False, "access to the device refused"
    if device and isinstance(error, FileNotFoundError):
        return False, "no such device"
    if device and isinstance(error, OSError) and error.errno == _BUSY:
        return False, "the device is in use"
    if device:
        return False, "the device cannot be opened"
    if took >= opening.timeout and not isinstance(error, TimeoutError):
        return False, "the camera does not answer"
    if isinstance(error, OSError):
        return False, "cannot be reached"
    if isinstance(error, av.EOFError):
        return False, "connection lost"
    return False, "no pictures in the stream"


_BUSY = 16


@dataclass(slots=True)
class _Reader:
    """What is known of a stream while it is read."""

    stream: VideoStream
    opening: Opening
    fps: float | None
    box: Box
    time_base: Fraction = field(init=False)
    pace: Pace = field(init=False)
    converter: RgbConverter = field(default_factory=RgbConverter)
    clock: StreamClock = field(default_factory=StreamClock)
    lateness: Lateness = field(default_factory=Lateness)
    keys: KeyFrames = field(default_factory=KeyFrames)
    gaps: Gaps = field(default_factory=Gaps)
    keys_only: bool = False
    waits_for_key: float | None = None
    """Since when a key frame is waited for; ``None``: it is not."""
    spoilt: bool = False
    """Whether that is since a picture was damaged."""
    late: bool = False
    ran_dry: float = 0.0
    """Since when every read has waited."""
    let_pass: float = float("-inf")
    """When it was last let pass that pictures are late."""
    failing: float | None = None
    """Since when no picture could be decoded."""

    def __post_init__(self) -> None:
        self.pace, self.time_base = Pace(self.fps), self.stream.time_base or Fraction(1, 90_000)
        # One thread: more of them keep pictures back, cost twice the time where several cameras share the CPU, and say
        # late what is damaged.
        self.stream.thread_type = "NONE"
        self.stream.codec_context.options = _LIMITS

    def read(self, container: InputContainer) -> None:
        """Read until no more is wanted.

        Raises:
            AwayError: it goes no further.
        """
        began = time.monotonic()
        self.clock.advanced = self.waits_for_key = self.failing = began
        packets = container.demux(self.stream)
        while not self.box.closed.is_set():
            packet = _next(packets)
            now = time.monotonic()
            if now - began < _WAITED:
                self.ran_dry = now
            self.box.hear()
            self._take(packet, now)
            if now - self.clock.advanced > self.opening.timeout:
                raise AwayError(NO_PICTURES)
            if self.failing is not None and now - self.failing > max(self.opening.timeout, _LONGEST_GOP):
                raise AwayError(UNDECODABLE)
            began = time.monotonic()

    def _take(self, packet: av.Packet[VideoStream], now: float) -> None:
        pts = packet.dts if packet.pts is None else packet.pts
        seconds = self.clock.read(None if pts is None else float(pts * self.time_base), now)
        key = bool(packet.is_keyframe)
        if self.opening.lossy and self.gaps.before(seconds):
            self._spoil(now)
        if key:
            self.keys.see(seconds)
        if self._is_late(seconds, key, now):
            self._pass_over(seconds)
            return
        if key:
            self.keys_only = self.keys.suffice(self.fps)
        if self.waits_for_key is not None:
            if not key and now - self.waits_for_key < _LONGEST_GOP:
                if self.spoilt:
                    self.box.spoil()
                return
            self.waits_for_key, self.spoilt = None, False
        if not self.keys_only:
            self._decode(packet, seconds, now)
        elif key and self.pace.takes(seconds):
            self._decode_alone(packet, now)

    def _is_late(self, seconds: float, key: bool, now: float) -> bool:
        """Whether a picture is too late to be decoded."""
        late = self.lateness.of(seconds, now)
        if not self.late:
            if late <= _LATE:
                return False
            self.late = True
        dry = now - self.ran_dry >= _DRY
        if not key or not (late <= _SOON or dry):
            return True
        if late > _SOON:
            # Nothing waits to be read, and still it is late: then its clock was set, or the network is too slow.
            if now - self.let_pass < _LATE_APART:
                raise AwayError(LATE)
            self.let_pass = now
            self.lateness.begin_anew()
        self.late = False
        self.stream.codec_context.flush_buffers()
        return False

    def _pass_over(self, seconds: float) -> None:
        if self.pace.takes(seconds):
            self.box.skip()

    def _decode(self, packet: av.Packet[VideoStream], seconds: float, now: float) -> None:
        import av

        try:
            frames = packet.decode()
        except av.FFmpegError:
            self._spoil(now)
            return
        for frame in frames:
            if frame.is_corrupt:
                self._spoil(now)
                return
            self.failing = None
            pts = frame.dts if frame.pts is None else frame.pts
            at = seconds if pts is None else self.clock.at(float(pts * self.time_base))
            if self.pace.takes(at):
                self.box.put(partial(self.converter.convert, frame))

    def _decode_alone(self, packet: av.Packet[VideoStream], now: float) -> None:
        """Decode a key frame that no other follows."""
        import av

        codec = self.stream.codec_context
        frames: list[av.VideoFrame] = []
        try:
            frames = packet.decode() or codec.decode(None)
        except av.FFmpegError:
            pass
        finally:
            codec.flush_buffers()
        if not frames or frames[0].is_corrupt:
            self.box.spoil()
            self.failing = now if self.failing is None else self.failing
            # Perhaps it only looks like a picture that can be decoded alone.
            self.keys_only = False
            self.keys.fail()
            return
        self.failing = None
        self.box.put(partial(self.converter.convert, frames[0]))

    def _spoil(self, now: float) -> None:
        """A picture is damaged, and so are those that build on it: until the next key frame none is shown."""
        self.box.spoil()
        self.stream.codec_context.flush_buffers()
        self.waits_for_key, self.spoilt = now, True
        self.failing = now if self.failing is None else self.failing


def _next(packets: Iterator[av.Packet[VideoStream]]) -> av.Packet[VideoStream]:
    """The next packet.

    Raises:
        AwayError: none came within the timeout, or the stream has ended.
    """
    import av

    cause = "connection lost"
    try:
        packet = next(packets, None)
    except (av.ExitError, TimeoutError):
        packet, cause = None, NO_PICTURES
    except (av.FFmpegError, OSError):
        packet = None
    # PyAV's last packets are empty.
    if packet is None or not packet.size:
        raise AwayError(cause)
    return packet
