"""A clip as a camera would send it, and servers that send it: what is watched in ``watch.py``."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np

from decisight.sources.rendered.shift import Shift

__all__ = ["FPS", "SIZE", "gstreamer_is_there", "make_clip", "repeated", "rtsp_server", "snapshot_server"]

SIZE = (1280, 720)
FPS = 15
_BITS = 2_000_000
"""A second: what a camera of this size and rate is usually set to."""
_KEY_EVERY = 30
"""Pictures from one key frame to the next: two seconds, as cameras have it."""
_SNAPSHOT_PICTURES = 19
"""A number that divides no number of cameras: who asks in turn gets another picture each time."""
_NOISE = 3.0
"""Standard deviation of the sensor's noise, in grey levels: without it most of a picture costs nothing to decode."""

_PYTHONS = (sys.executable, "/usr/bin/python3")
_SERVER = """
import sys
sys.path.append("/usr/lib/python3/dist-packages")
import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer
Gst.init(None)
if len(sys.argv) > 1:
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(
        f"( filesrc location={sys.argv[1]} ! qtdemux ! h264parse ! rtph264pay name=pay0 pt=96 config-interval=-1 )"
    )
    factory.set_shared(False)
    server.get_mount_points().add_factory("/cam", factory)
    server.attach(None)
    print(server.get_bound_port(), flush=True)
    GLib.MainLoop().run()
"""


_SNAPSHOTS = """
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
pictures = [path.read_bytes() for path in sorted(Path(sys.argv[1]).glob("*.jpg"))]
turn = count()
class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        data = pictures[next(turn) % len(pictures)]
        self.send_response(200)
        self.send_header("Content-Type", "image/jpeg")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
    def log_message(self, *_):
        pass
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


def make_clip(path: Path, seconds: float, seed: int = 1) -> None:
    """A rendered gate with a sensor's noise, as H.264 in MP4."""
    import av

    shift, noise = Shift(seed, SIZE, trouble=0.0), np.random.default_rng(seed)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        stream.bit_rate = _BITS
        stream.gop_size = _KEY_EVERY
        # As cameras do: no picture waits for a later one, and each is one slice.
        stream.options = {"preset": "veryfast", "bf": "0", "sc_threshold": "0", "x264-params": "sliced-threads=0"}
        for number in range(round(seconds * FPS)):
            pixels = shift.picture(number / FPS) + noise.normal(0.0, _NOISE, (SIZE[1], SIZE[0], 1))
            frame = av.VideoFrame.from_ndarray(np.clip(pixels, 0, 255).astype(np.uint8), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def repeated(clip: Path, path: Path, seconds: float) -> None:
    """A clip again and again, for so many seconds at least, without encoding it anew."""
    import av

    with av.open(str(path), "w") as out:
        stream, shift, base = None, 0, Fraction(1)
        while shift * base < seconds:
            with av.open(str(clip)) as container:
                video = container.streams.video[0]
                if stream is None:
                    stream, base = out.add_stream_from_template(video), Fraction(video.time_base or 1)
                for packet in container.demux(video):
                    if packet.dts is None or packet.pts is None:
                        continue
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    packet.stream = stream
                    out.mux(packet)
                shift += video.duration or 0


def gstreamer_is_there() -> str | None:
    """The Python that can run GStreamer's RTSP server; ``None`` where none can."""
    for python in _PYTHONS:
        with contextlib.suppress(OSError):
            if subprocess.run([python, "-c", _SERVER], stderr=subprocess.DEVNULL, check=False).returncode == 0:
                return python
    return None


@contextlib.contextmanager
def rtsp_server(clip: Path) -> Iterator[tuple[str, int]]:
    """GStreamer's RTSP server, each client from the clip's beginning; its address, and its process.

    Raises:
        SystemExit: it is not installed.
    """
    python = gstreamer_is_there()
    if python is None:
        raise SystemExit("GStreamer's RTSP server is not here: apt install gir1.2-gst-rtsp-server-1.0 python3-gi")
    with subprocess.Popen([python, "-c", _SERVER, str(clip)], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None  # noqa: S101 - for the type checker
            port = process.stdout.readline().strip()
            time.sleep(0.2)
            yield f"rtsp://127.0.0.1:{port}/cam", process.pid
        finally:
            process.kill()


@contextlib.contextmanager
def snapshot_server(clip: Path, folder: Path) -> Iterator[tuple[str, int]]:
    """A server that answers each request with another picture of a clip; its address, and its process.

    Args:
        clip: whose pictures these are.
        folder: where they are kept meanwhile, as JPEG files.
    """
    import av

    folder.mkdir(parents=True, exist_ok=True)
    with av.open(str(clip)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number % FPS == 0 and number // FPS < _SNAPSHOT_PICTURES:
                frame.to_image().save(folder / f"{number:05d}.jpg", quality=85)
    command = [sys.executable, "-c", _SNAPSHOTS, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None  # noqa: S101 - for the type checker
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}/snapshot.jpg", process.pid
        finally:
            process.kill()
