"""A page for one person: reachable by its address alone, and ended in silence."""

from __future__ import annotations

import base64
import http.client
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.browser import Browsing, Served, served

from decisight.errors import MissingPartError, UsageError
from decisight.server import local
from decisight.server.local import serve

COUNTER = """
import sys
from decisight.server.local import serve

def build():
    from nicegui import ui
    label = ui.label("0 times")
    ui.button("count", on_click=lambda: label.set_text(f"{int(label.text.split()[0]) + 1} times"))
    ui.button("fail", on_click=lambda: 1 / 0)

serve(build, title="Counter", open_browser=False)
print("ended")
"""


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("counter") / "counter.py"
    path.write_text(COUNTER, "utf-8")
    return path


@pytest.fixture(scope="module")
def page(counter: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One that is served for all tests that leave it running."""
    with served(counter, cwd=tmp_path_factory.mktemp("empty")) as one:
        yield one


def token_of(page: Served) -> str:
    return parse_qs(urlsplit(page.address).query)["token"][0]


def ask(page: Served, path: str = "/", method: str = "GET", **headers: str) -> http.client.HTTPResponse:
    place = urlsplit(page.address)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=20)
    try:
        connection.putrequest(method, path, skip_host=True)
        for name, value in {"Host": place.netloc, "Connection": "close", **headers}.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        answer = connection.getresponse()
        answer.body = answer.read()  # type: ignore[attr-defined]
        return answer
    finally:
        connection.close()


def cookie_of(page: Served) -> str:
    answer = ask(page, f"/?token={token_of(page)}")
    given = answer.getheader("Set-Cookie", "")
    assert answer.status == 200
    assert all(part in given for part in ("HttpOnly", "SameSite=Strict", "Path=/"))
    return given.partition(";")[0]


def websocket(page: Served, **headers: str) -> int:
    """The status that a websocket is answered with."""
    upgrade = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec_WebSocket_Version": "13",
        "Sec_WebSocket_Key": base64.b64encode(secrets.token_bytes(16)).decode(),
    }
    place = urlsplit(page.address)
    lines = [
        f"{name.replace('_', '-')}: {value}" for name, value in {"Host": place.netloc, **upgrade, **headers}.items()
    ]
    path = "/_nicegui_ws/socket.io/?EIO=4&transport=websocket"
    with socket.create_connection((place.hostname, place.port), timeout=20) as connection:
        connection.sendall("\r\n".join([f"GET {path} HTTP/1.1", *lines, "", ""]).encode())
        return int(connection.recv(100).split()[1])


def test_a_page_works_and_complains_of_nothing(page: Served, browsing: Browsing) -> None:
    window = browsing.open(page.address)
    window.get_by_text("count").click()
    window.get_by_text("1 times").wait_for()
    assert "token" not in window.url
    assert window.title() == "Counter"
    window.reload()
    window.get_by_text("0 times").wait_for()


def test_the_address_is_on_a_line_of_its_own_and_can_be_opened_again(page: Served) -> None:
    assert page.address.startswith("http://127.0.0.1:")
    assert len(token_of(page)) >= 32
    assert cookie_of(page) == cookie_of(page)


@pytest.mark.parametrize("path", ["/", "/?token=", "/?token=wrong", "/favicon.ico", "/_nicegui/", "/else"])
def test_without_the_token_nothing_is_answered(page: Served, path: str) -> None:
    answer = ask(page, path)
    assert answer.status == 403
    assert answer.getheader("Content-Type", "").startswith("text/plain")
    assert b"token" in answer.body  # type: ignore[attr-defined]
    assert answer.getheader("Set-Cookie") is None


@pytest.mark.parametrize("other", ['seen={"a": [1, 2]}', "a b=1", "x[y]=1", "=", "nothing"])
def test_cookies_of_other_ports_are_no_hindrance(page: Served, other: str) -> None:
    cookie = cookie_of(page)
    assert ask(page, Cookie=f"{other}; {cookie}").status == 200
    assert ask(page, Cookie=other).status == 403


def test_static_files_and_the_websocket_want_the_cookie_too(page: Served) -> None:
    cookie = cookie_of(page)
    html = ask(page, Cookie=cookie).body.decode()  # type: ignore[attr-defined]
    script = next(part for part in html.split('"') if part.startswith("/_nicegui/") and part.endswith(".js"))
    assert ask(page, script, Cookie=cookie).status == 200
    assert ask(page, script).status == 403
    assert ask(page, f"{script}?token={token_of(page)}", "HEAD").status == 403
    assert websocket(page, Cookie=cookie) == 101
    assert websocket(page) == 403
    assert websocket(page, Cookie=cookie.partition("=")[0] + "=other") == 403


def test_other_names_and_other_pages_are_refused(page: Served) -> None:
    cookie, place = cookie_of(page), urlsplit(page.address)
    for host in ("evil.example", f"evil.example:{place.port}", "127.0.0.1.evil.example", "", "192.0.2.1"):
        assert ask(page, Host=host, Cookie=cookie).status == 403
        assert websocket(page, Host=host, Cookie=cookie) in (400, 403)
    for host in (f"localhost:{place.port}", "127.0.0.1:4711"):  # also the beginning of a tunnel
        assert ask(page, Host=host, Cookie=cookie).status == 200
        assert websocket(page, Host=host, Cookie=cookie, Origin=f"http://{host}") == 101
    for origin in ("http://evil.example", "null", "http://127.0.0.1:1", f"https://{place.netloc}", ""):
        assert ask(page, Cookie=cookie, Origin=origin).status == 403
        assert websocket(page, Cookie=cookie, Origin=origin) == 403
    assert ask(page, Cookie=cookie, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors").status == 403
    assert ask(page, Cookie=cookie, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate").status == 200


def test_a_page_may_not_be_shown_within_another(page: Served) -> None:
    policy = ask(page, Cookie=cookie_of(page)).getheader("Content-Security-Policy", "")
    assert "frame-ancestors 'none'" in policy
    assert "default-src 'self'" in policy


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_it_ends_in_silence_while_a_window_is_open(counter: Path, tmp_path: Path, browsing: Browsing) -> None:
    browsing.forgiven = ["WebSocket", "ERR_CONNECTION"]
    with served(counter, cwd=tmp_path) as page:
        browsing.open(page.address).get_by_text("0 times").wait_for()
        assert page.end(signal.SIGTERM) == (0, "")  # by Ctrl-C all others end so
    assert list(tmp_path.iterdir()) == []


def test_a_mistake_in_a_page_is_told_in_a_line(counter: Path, tmp_path: Path, browsing: Browsing) -> None:
    def look(complaints: str) -> None:
        assert complaints == "error: this should not have happened (ZeroDivisionError: division by zero)\n"

    browsing.forgiven = ["WebSocket", "ERR_CONNECTION"]
    with served(counter, cwd=tmp_path, check=look) as page:
        window = browsing.open(page.address)
        window.get_by_text("fail").click()
        window.get_by_text("Something went wrong").wait_for()
        window.get_by_text("count").click()
        window.get_by_text("1 times").wait_for()


def test_a_port_in_use_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"the port {port} is in use"):
            serve(lambda: None, title="", port=port, open_browser=False)


@pytest.mark.parametrize(
    ("where", "what"), [({"port": 65536}, "no port"), ({"host": "192.0.2.1"}, "this machine only")]
)
def test_what_cannot_be_served_on_is_told(where: dict[str, object], what: str) -> None:
    with pytest.raises(UsageError, match=what):
        serve(lambda: None, title="", open_browser=False, **where)  # type: ignore[arg-type]


def test_without_nicegui_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingPartError, match=r"decisight\[console\]"):
        serve(lambda: None, title="", open_browser=False)


def test_nothing_of_nicegui_is_imported_before() -> None:
    program = "import sys, decisight.server.local; sys.exit('nicegui' in sys.modules or 'fastapi' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_browser_is_given_an_address_that_opens_once(tmp_path: Path) -> None:
    opened = tmp_path / "opened"
    program = tmp_path / "opening.py"
    program.write_text(
        f"import os, sys, webbrowser\nos.environ['DISPLAY'] = ':99'\n"
        f"webbrowser.open = lambda url: open({str(opened)!r} + '.part', 'w').write(url) and "
        f"os.replace({str(opened)!r} + '.part', {str(opened)!r})\n"
        + COUNTER.replace("open_browser=False", "open_browser=True"),
        "utf-8",
    )
    with served(program, cwd=tmp_path) as page:
        deadline = time.monotonic() + 20
        while not opened.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        address = urlsplit(opened.read_text("utf-8"))
        assert parse_qs(address.query)["token"][0] != token_of(page)
        assert ask(page, f"/?{address.query}").status == 200
        assert ask(page, f"/?{address.query}").status == 403
