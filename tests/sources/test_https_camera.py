"""Still pictures by HTTPS, from a camera that has made its certificate itself, as most do."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from tests.live.clip import numbered
from tests.live.taking import numbers, take_until

from decisight.imaging import encode_jpeg
from decisight.sources import SOURCES

OPENSSL = shutil.which("openssl")
pytestmark = pytest.mark.skipif(OPENSSL is None, reason="openssl, which makes a certificate, is not installed")


class Handler(BaseHTTPRequestHandler):
    """Gives one picture and no other; at ``/silent`` nothing, until it is to end."""

    asked = threading.Event()
    ended = threading.Event()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        if self.path == "/silent":
            self.asked.set()
            self.ended.wait(60)
        body = encode_jpeg(numbered(7))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who does not trust the certificate goes: that is no fault."""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("camera") / "camera.pem"
    asked = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=camera -addext subjectAltName=IP:127.0.0.1"
    subprocess.run(
        [str(OPENSSL), *asked.split(), "-keyout", str(path), "-out", str(path.with_suffix(".crt"))],
        check=True,
        capture_output=True,
    )
    return path


@pytest.fixture
def place(certificate: Path) -> Iterator[str]:
    """Where the camera is."""
    Handler.asked.clear()
    Handler.ended.clear()
    server = Server(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.with_suffix(".crt"), certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"https://127.0.0.1:{server.server_address[1]}"
    Handler.ended.set()
    server.shutdown()
    server.server_close()


def snapshot(url: str, **settings: Any) -> Any:
    return SOURCES.build("snapshot", {"url": url, "every": "50ms", **settings})


def test_a_certificate_that_nobody_knows_is_told(place: str) -> None:
    with snapshot(f"{place}/picture").open() as frames:
        take_until(frames, "its certificate is not trusted")


def test_one_that_is_trusted(place: str, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.with_suffix(".crt")))
    with snapshot(f"{place}/picture").open() as frames:
        assert numbers(take_until(frames, "picture")) == [7]


def test_any_is_taken_where_that_is_wanted(place: str) -> None:
    with snapshot(f"{place}/picture", verify=False).open() as frames:
        assert numbers(take_until(frames, "picture")) == [7]


def test_it_is_closed_while_it_waits(place: str) -> None:
    with snapshot(f"{place}/silent", verify=False, timeout="60s").open() as frames:
        assert Handler.asked.wait(30)
        frames.close()
    frames._thread.join(30)
    assert not frames._thread.is_alive()
