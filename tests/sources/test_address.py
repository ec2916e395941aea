from __future__ import annotations

import traceback
from pathlib import Path
from urllib.parse import quote

import pytest

from decisight.errors import SourceError, UsageError
from decisight.sources.address import Address, Login

CANARY = "canary"
HERE, NOWHERE = "GATE_PASSWORD", "NO_SUCH_THING"
CANARIES = ["canary", "c@n:a/r#y?&%", "canarÿ 日本", "p%40ss", "'\"canary"]


def test_an_address_is_taken_apart_and_put_together_again() -> None:
    address = Address.parse("rtsp://ad%40min:p%3A%2F%23@10.0.0.5:8554/live/1?channel=2&sub=0")
    assert (address.scheme, address.host, address.port) == ("rtsp", "10.0.0.5", 8554)
    assert (address.user, address.password) == ("ad@min", "p:/#")
    assert address.path == "/live/1?channel=2&sub=0"
    assert Address.parse(address.with_credentials) == address
    assert Address.parse("RTSP://Gate.local").with_credentials == "rtsp://gate.local"
    assert Address.parse("http://[fe80::1]:8080/x").with_credentials == "http://[fe80::1]:8080/x"


@pytest.mark.parametrize("secret", CANARIES)
def test_it_shows_no_credentials(secret: str) -> None:
    address = Address("rtsp", "gate", 554, f"/user=me&password={quote(secret)}&channel=1", secret, secret)
    for text in (str(address), repr(address), address.identity, f"{address}", f"{address!r}"):
        assert secret not in text
        assert "gate" in text
    assert Address.parse(address.with_credentials.split("/user")[0]).password == secret


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("rtsp://a:b@gate/live", "rtsp://c:d@gate/live"),
        ("rtsp://gate/live", "rtsp://a:b@gate:554/live"),
        ("rtsp://gate/user=a&password=b&channel=1", "rtsp://gate/user=c&password=d&channel=1"),
        ("rtsp://gate/user=a_password=b_channel=1.sdp", "rtsp://gate/user=c_password=d_channel=1.sdp"),
        ("http://gate/x?token=1&channel=2", "http://gate/x?token=2&channel=2"),
    ],
)
def test_another_password_is_no_other_camera(one: str, other: str) -> None:
    assert Address.parse(one).identity == Address.parse(other).identity


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("rtsp://gate/live", "rtsp://gate/live2"),
        ("rtsp://gate/live", "rtsp://gate:8554/live"),
        ("rtsp://gate/live?channel=1", "rtsp://gate/live?channel=2"),
        ("rtsp://gate/user=a&password=b&channel=1", "rtsp://gate/user=a&password=b&channel=2"),
        ("http://gate/live", "https://gate/live"),
    ],
)
def test_another_stream_is_another_camera(one: str, other: str) -> None:
    assert Address.parse(one).identity != Address.parse(other).identity


@pytest.mark.parametrize(
    "text",
    [
        "rtsp://me:canary@",
        "rtsp://me:canary",
        "rtsp://me:1canary/live",
        "rtsp://me:12/canary@gate/live",
        "rtsp://me/canary@gate/live",
        "rtsp://me?canary@gate/live",
        "rtsp://me#canary@gate/live",
        "rtsp://me:12#canary@gate/live",
        "rtsp://me:12?canary@gate/live",
        "rtsp://me:?canary@gate/live",
        "rtsp://me:x@12/canary@gate/live",
        "rtsp://me:canary/x@gate/live",
        "rtsp://me:can#ary@gate/live",
        "rtsp://me:canary@gate:port/",
        "rtsp://me:canary@gate:99999/",
        "rtsp://me:canary@[::1/",
        "me:canary@gate/live",
        "file://me:canary@gate/etc/passwd",
        "rtsp://me:canary@ga te/",
        "rtsp://me:canary@gate/\n",
        "",
        "gate",
        "//gate/x=canary",
        "concat:rtsp://me:canary@gate",
    ],
)
def test_what_is_no_address_is_refused_without_showing_credentials(text: str) -> None:
    with pytest.raises(UsageError, match="url = ") as caught:
        Address.parse(text)
    assert "canary" not in "".join(traceback.format_exception(caught.value))
    assert caught.value.hint


def test_a_password_of_which_a_part_looks_like_a_port_is_told_how_to_be_written() -> None:
    with pytest.raises(UsageError, match="in two ways") as caught:
        Address.parse("rtsp://me:12/34@gate/live")
    assert "%2F" in str(caught.value.hint)
    assert Address.parse("rtsp://me:12%2F34@gate/live").password == "12/34"  # noqa: S105 - of nobody
    # Where there is neither a port nor a password, nothing else can be meant.
    assert Address.parse("http://gate/still.jpg?to=me@plant").host == "gate"


def test_credentials_are_led_on_only_within_the_same_service() -> None:
    address = Address.parse("http://me:canary@gate/a/b?x=1")
    assert address.joined("/c", ("http",)) == Address("http", "gate", 80, "/c", "me", "canary")
    assert address.joined("d", ("http",)).path == "/a/d"
    for elsewhere in ("http://other/c", "http://gate:81/c", "https://gate/c", "//other/c", "http://you:pw@other/"):
        found = address.joined(elsewhere, ("http", "https"))
        assert (found.user, found.password) == (None, None)
    for refused in ("file:///etc/passwd", "rtsp://gate/", "javascript:1"):
        with pytest.raises(UsageError):
            address.joined(refused, ("http", "https"))


def test_a_password_comes_from_the_environment_or_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = Address.parse("rtsp://gate/live")
    monkeypatch.setenv(HERE, CANARY)
    assert Login(user="me", password_env=HERE).complete(address).password == CANARY
    (tmp_path / "secret").write_text(f"{CANARY} {CANARY}\n", "utf-8")
    assert Login(user="me", password_file=str(tmp_path / "secret")).complete(address).password == f"{CANARY} {CANARY}"
    assert Login(user="me").complete(address).password is None
    assert Login().complete(address) == address


@pytest.mark.parametrize(
    ("content", "said"), [(b"", "no password"), (b"a\nb", "no password"), (b"\xff\xfe\x00", "not text")]
)
def test_a_file_that_holds_no_password_is_said(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(content)
    with pytest.raises(SourceError, match=said):
        Login(user="me", password_file=str(tmp_path / "secret")).complete(Address.parse("rtsp://gate"))


def test_what_is_missing_of_a_password_is_said(tmp_path: Path) -> None:
    address = Address.parse("rtsp://gate")
    with pytest.raises(SourceError, match="NO_SUCH_THING of password_env is not set"):
        Login(user="me", password_env=NOWHERE).complete(address)
    with pytest.raises(SourceError, match="cannot be read"):
        Login(user="me", password_file=str(tmp_path / "none")).complete(address)


def test_credentials_that_contradict_are_refused() -> None:
    with pytest.raises(UsageError, match="password and password_env are both given"):
        Login(user="me", password=CANARY, password_env=HERE)
    with pytest.raises(UsageError, match="password is given without user"):
        Login(password=CANARY)
    with pytest.raises(UsageError, match="stands in url too"):
        Login(user="me").complete(Address.parse("rtsp://me:x@gate"))
    assert "canary" not in repr(Login(user="me", password=CANARY))
