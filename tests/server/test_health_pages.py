"""How a watch is doing over HTTP: three pages, and no client that could hold anything up."""

from __future__ import annotations

import http.client
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from decisight.errors import UsageError
from decisight.server import health_pages
from decisight.server.health_pages import Address, HealthPages, parse_address
from decisight.workers.health import (
    CameraHealth,
    Health,
    InferenceHealth,
    Latencies,
    SinkHealth,
    StoreHealth,
)

LATENCIES = Latencies((1, 2, 3, *[0] * 10, 4), 50.0, 0.1, 5.0)
GATE = CameraHealth(
    "gate", "watching", None, True, 4.9, 5.0, 120, 7, 0.75, 0.2, 1e9, "it was off", 9e8, 2, LATENCIES, 3,
    {"reading": 90, "unjudged": 30}, {"camera moved": 30}, 5,
)  # fmt: skip
YARD = CameraHealth('ya"rd\n', "no pictures", "the camera does not answer")
STORE = StoreHealth(None, None, 2, 64, (SinkHealth("log"), SinkHealth("mail", "nobody answers", 5.0, 12)))
WELL = Health(100.0, 50.0, (GATE,), STORE, InferenceHealth(2, 0.5, 3, {1: 10, 4: 2}), 123_456_789)
ILL = Health(100.0, 50.0, (GATE, YARD), StoreHealth("the disk is full", 90.0))


class Told:
    """What is said; it may change."""

    def __init__(self) -> None:
        self.health = WELL

    def __call__(self) -> Health:
        return self.health


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def pages(told: Told) -> Iterator[HealthPages]:
    with HealthPages(told, Address("127.0.0.1", 0)) as pages:
        yield pages


def ask(pages: HealthPages, path: str, method: str = "GET", **headers: str) -> tuple[int, str, str]:
    connection = http.client.HTTPConnection(pages.address.host, pages.address.port, timeout=30)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers.get("Content-Type", ""), answer.read().decode()
    finally:
        connection.close()


def figures(pages: HealthPages) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    _, _, text = ask(pages, "/metrics")
    found = {}
    for family in text_string_to_metric_families(text):
        assert family.documentation
        for sample in family.samples:
            found[sample.name, tuple(sorted(sample.labels.items()))] = sample.value
    return found


def test_health_is_json(pages: HealthPages, told: Told) -> None:
    status, kind, body = ask(pages, "/health")
    assert (status, kind) == (200, "application/json; charset=utf-8")
    assert json.loads(body) == json.loads(json.dumps(WELL.to_json()))
    told.health = ILL
    status, _, body = ask(pages, "/health?whatever=1")
    assert status == 200
    assert not json.loads(body)["ready"]


def test_ready(pages: HealthPages, told: Told) -> None:
    assert ask(pages, "/ready")[::2] == (200, "ready\n")
    told.health = ILL
    status, kind, body = ask(pages, "/ready")
    assert (status, kind) == (503, "text/plain; charset=utf-8")
    assert "store: the disk is full\n" in body
    assert "the camera does not answer" in body


def test_figures(pages: HealthPages, told: Told) -> None:
    of_gate = (("camera", "gate"),)
    found = figures(pages)
    assert found["decisight_camera_up", of_gate] == 1
    assert found["decisight_camera_state", (("camera", "gate"), ("state", "watching"))] == 1
    assert found["decisight_camera_state", (("camera", "gate"), ("state", "failed"))] == 0
    assert found["decisight_frames_total", of_gate] == 120
    assert found["decisight_frames_skipped_total", of_gate] == 7
    assert found["decisight_readings_total", (("camera", "gate"), ("kind", "unjudged"))] == 30
    # A rate cannot be asked for of what was not there before.
    assert found["decisight_readings_total", (("camera", "gate"), ("kind", "tick"))] == 0
    assert found["decisight_pictures_not_judged_total", (*of_gate, ("cause", "camera moved"))] == 30
    assert found["decisight_pictures_unfamiliar_total", of_gate] == 5
    assert found["decisight_frames_per_second", of_gate] == 4.9
    assert found["decisight_frame_age_seconds", of_gate] == 0.2
    assert found["decisight_coverage_ratio", of_gate] == 0.75
    assert found["decisight_camera_restarts_total", of_gate] == 2
    assert found["decisight_events_open", of_gate] == 3
    bucket = "decisight_decision_latency_seconds_bucket"
    assert [found[bucket, (*of_gate, ("le", le))] for le in ("0.01", "0.025", "0.05", "10.0", "+Inf")] == [
        1,
        3,
        6,
        6,
        10,
    ]
    assert found["decisight_decision_latency_seconds_sum", of_gate] == 50
    assert found["decisight_decision_latency_seconds_count", of_gate] == 10
    assert found["decisight_store_up", ()] == 1
    assert found["decisight_store_queue_frames", ()] == 2
    assert found["decisight_sink_up", (("sink", "mail"),)] == 0
    assert found["decisight_sink_changes_waiting", (("sink", "mail"),)] == 12
    assert found["decisight_inference_busy_ratio", ()] == 0.5
    assert found["decisight_inference_queue_regions", ()] == 3
    assert found["decisight_inference_batches_total", (("size", "4"),)] == 2
    told.health = ILL
    found = figures(pages)
    assert found["decisight_store_up", ()] == 0
    assert found["decisight_camera_state", (("camera", YARD.name), ("state", "cannot judge"))] == 0
    assert found["decisight_store_waiting_seconds", ()] == 10
    # A name of any kind is one name; what is not known yet is not told.
    of_yard = (("camera", YARD.name),)
    assert found["decisight_camera_up", of_yard] == 0
    assert ("decisight_frame_age_seconds", of_yard) not in found


def test_names_are_by_the_conventions(pages: HealthPages) -> None:
    """https://prometheus.io/docs/practices/naming/"""
    _, _, text = ask(pages, "/metrics")
    for family in text_string_to_metric_families(text):
        if family.name.startswith("decisight_"):
            assert re.fullmatch(r"[a-z_]+", family.name)
            assert not family.name.endswith(("_total", "_count", "_sum", "_bucket"))


def test_every_figure_is_explained(pages: HealthPages) -> None:
    explained = (Path(__file__).parents[2] / "docs" / "watch.md").read_text("utf-8")
    for name in {name for name, _ in figures(pages) if name.startswith("decisight_")}:
        plain = re.sub(r"(?<=latency_seconds)_(bucket|sum|count)$", "", name)
        assert f"`{plain}`" in explained, plain


def test_open_metrics_for_who_asks_for_it(pages: HealthPages) -> None:
    status, kind, body = ask(pages, "/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert status == 200
    assert kind.startswith("application/openmetrics-text")
    assert body.endswith("# EOF\n")


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/", "GET", 404),
        ("/metrics/", "GET", 404),
        ("/../etc/passwd", "GET", 404),
        ("//[", "GET", 404),
        ("/health", "POST", 405),
        ("/health", "DELETE", 405),
        ("/metrics", "OPTIONS", 405),
    ],
)
def test_nothing_else(pages: HealthPages, path: str, method: str, status: int) -> None:
    assert ask(pages, path, method)[0] == status


@pytest.mark.parametrize("path", ["/health", "/metrics", "/ready", "/nothing"])
def test_only_the_head(pages: HealthPages, path: str) -> None:
    assert ask(pages, path, "HEAD")[2] == ""


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("127.0.0.1:9464", 200),
        ("10.0.0.9:1", 200),
        ("[::1]:9464", 200),
        ("[fe80::1]", 200),
        ("LocalHost:9464", 200),
        ("localhost.", 200),
        ("attacker.example", 421),
        ("127.0.0.1.attacker.example:9464", 421),
        ("attacker.example:9464@127.0.0.1", 421),
        ("[attacker.example]", 421),
        ("", 421),
    ],
)
@pytest.mark.parametrize("path", ["/health", "/metrics", "/ready"])
def test_other_names_are_answered_nothing(pages: HealthPages, path: str, host: str, status: int) -> None:
    """A web page whose name leads here all of a sudden may read what it asks for by that name (DNS rebinding)."""
    found, _, body = ask(pages, path, Host=host)
    assert found == status
    assert status == 200 or "gate" not in body


def test_the_name_that_it_listens_at_is_answered(told: Told) -> None:
    with HealthPages(told, Address("localhost", 0)) as pages:
        pages.address = Address("Plant-7.local", pages.address.port)
        request = b"GET /ready HTTP/1.1\r\nHost: plant-7.LOCAL:9464\r\n\r\n"
        assert b" 200 " in raw(pages, request, "localhost")
        assert b" 421 " in raw(pages, request.replace(b"-7", b"-8"), "localhost")


def raw(pages: HealthPages, request: bytes, host: str = "127.0.0.1") -> bytes:
    with socket.create_connection((host, pages.address.port), timeout=30) as connection:
        connection.sendall(request)
        found = b""
        while part := connection.recv(65536):
            found += part
        return found


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"\r\n\r\n", b"400"),
        (b"\xff\xfe \x00 HTTP/1.1\r\n\r\n", b"405"),
        (b"GET /health HTTP/2\r\n\r\n", b"400"),
        (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n", b"431"),
        (b"GET /health HTTP/1.0\r\n\r\n", b"200"),
    ],
)
def test_hostile_requests(pages: HealthPages, request_bytes: bytes, status: bytes) -> None:
    try:
        answer = raw(pages, request_bytes)
    except ConnectionResetError:
        answer = b""
    # Who sends more than is read may find the connection broken instead.
    assert answer.split(b" ")[1:2] in ([status], [] if status == b"431" else [status])
    assert ask(pages, "/ready")[0] == 200


def test_slow_and_many_clients_are_cut_off(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_pages, "_SECONDS", 0.5)
    monkeypatch.setattr(health_pages, "_MOST_CLIENTS", 4)
    threads = threading.active_count()
    with HealthPages(told, Address("127.0.0.1", 0)) as pages:
        slow = [socket.create_connection(pages.address, timeout=30) for _ in range(20)]
        try:
            for connection in slow[:4]:
                connection.sendall(b"GET /metrics HTTP/1.1\r\nX-Slow: ")
            assert threading.active_count() <= threads + 1
            begun = time.monotonic()
            for connection in slow:
                try:
                    while connection.recv(65536):
                        pass
                except ConnectionResetError:
                    pass
            assert time.monotonic() - begun < 20.0
        finally:
            for connection in slow:
                connection.close()
        assert ask(pages, "/ready")[0] == 200
    assert threading.active_count() <= threads


def test_who_does_not_take_the_answer_is_cut_off(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_pages, "_SECONDS", 0.3)
    cameras = tuple(CameraHealth(f"camera {number} {'x' * 5_000}", "watching") for number in range(1_000))
    told.health = Health(1.0, 1.0, cameras)
    with HealthPages(told, Address("127.0.0.1", 0)) as pages, socket.socket() as lazy:
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        lazy.settimeout(30)
        lazy.connect(pages.address)
        lazy.sendall(b"GET /health HTTP/1.1\r\n\r\n")
        time.sleep(0.8)
        told.health = WELL
        assert ask(pages, "/ready")[0] == 200


def test_what_it_is_told_may_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake of ours costs one answer, not the pages."""
    calls: list[int] = []

    def fails() -> Health:
        calls.append(1)
        if len(calls) == 1:
            raise ValueError("it fell over")
        return WELL

    with HealthPages(fails, Address("127.0.0.1", 0)) as pages:
        assert ask(pages, "/ready")[0] == 500
        assert ask(pages, "/ready")[0] == 200


def test_it_ends_with_clients_at_it(told: Told) -> None:
    with HealthPages(told, Address("127.0.0.1", 0)) as pages:
        clients = [socket.create_connection(pages.address, timeout=30) for _ in range(3)]
        begun = time.monotonic()
    assert time.monotonic() - begun < 5.0
    for client in clients:
        client.close()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:9464", Address("127.0.0.1", 9464)),
        (":0", Address("127.0.0.1", 0)),
        (" :9464 ", Address("127.0.0.1", 9464)),
        ("0.0.0.0:80", Address("0.0.0.0", 80)),  # noqa: S104 - nothing listens there
        ("[::1]:9464", Address("::1", 9464)),
        ("plant-7.local:9464", Address("plant-7.local", 9464)),
    ],
)
def test_addresses(text: str, expected: Address) -> None:
    assert parse_address(text) == expected


@pytest.mark.parametrize(
    "text", ["", "9464", "localhost", "localhost:", "::1:80", "a:65536", "a:-1", "http://a:80", "a b:80", "a:\uff180"]
)
def test_no_addresses(text: str) -> None:
    with pytest.raises(UsageError, match="no address to listen at"):
        parse_address(text)


def test_where_it_cannot_listen(told: Told) -> None:
    with (
        HealthPages(told, Address("127.0.0.1", 0)) as pages,
        pytest.raises(UsageError, match=r"cannot listen at 127\.0\.0\.1:") as caught,
        HealthPages(told, pages.address),
    ):
        pass
    assert caught.value.hint is not None
    with (
        pytest.raises(UsageError, match=r"cannot listen at nowhere\.invalid:0"),
        HealthPages(told, Address("nowhere.invalid", 0)),
    ):
        pass
