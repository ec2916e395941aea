from __future__ import annotations

import string
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisight.registry import shortened
from decisight.types.secrecy import is_secret, redacted, without_secrets


@pytest.mark.parametrize(
    "text",
    [
        "rtsp://me:canary@gate/live",
        "rtsp://canary@gate/live",
        "rtsp://me:ca@canary@gate/live",
        "rtsp://me:ca/canary@gate/live",
        "rtsp://me:ca canary@gate/live",
        "rtsp://me:ca#canary?x=y@gate/live",
        "rtsp://gate/live?token=canary",
        "rtsp://gate/live?a=1&b=canary/canary",
        "rtsp://gate/user=canary&password=canary&channel=1",
        "rtsp://gate/user=canary_password=canary_channel=1.sdp",
        "rtsp//me:canary@gate/live",
        "rtsp//canary@gate/live",
        "rtsp/me:canary@gate/live",
        "rtsp/me:ca//canary@gate/live",
        "rtsp:/me:canary@gate/live",
        "rtsp:me:canary@gate/live",
        "rtsp//gate/live?token=canary",
        "//me:canary@gate/live",
        "rtsp://gate:554/me:canary@gate",
        "me:a://canary@gate/live",
        "me:canary@gate/live",
        "canary@gate:554/live",
        "postgresql://me:canary@db/store?password=canary",
        "cannot open 'rtsp://me:canary@gate/live': refused",
    ],
)
def test_credentials_in_a_text_are_hidden(text: str) -> None:
    assert "canary" not in redacted(text)
    assert "canary" not in shortened(text)
    assert "canary" not in shortened([{"url": text}])
    assert "canary" not in shortened({text: 1})


SCHEMES = ["rtsp", "rtsps", "http", "https", "postgresql+psycopg", "rtps", ""]
MARKS = ["://", "//", ":/", ":", ":///"]
SIGNS = st.text(string.printable, max_size=6)


@given(st.sampled_from(SCHEMES), st.sampled_from(MARKS), SIGNS, SIGNS, st.booleans(), st.sampled_from(["/a", ":9/a@b"]))
def test_no_password_is_shown_whatever_is_in_it(
    scheme: str, mark: str, before: str, after: str, quoted: bool, rest: str
) -> None:
    password = f"{before}canary{after}"
    text = f"{scheme}{mark}me:{quote(password, safe='') if quoted else password}@gate{rest}"
    assert "canary" not in redacted(text)
    assert "canary" not in shortened(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "gate",
        "clips/a=b.mp4",
        "rtsp://gate/live",
        "sqlite:///plant-7.db",
        "10:30",
        "a@b",
        "a/b@2x.mp4",
        "x: y",
        "é://é",
    ],
)
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert redacted(text) == text


@pytest.mark.parametrize(
    "name", ["password", "pasword", "Passwort", "passwd", "pwd", "user_password", "secret", "token", "api_key", "key"]
)
def test_names_of_secrets_are_known(name: str) -> None:
    assert is_secret(name)
    assert shortened("canary", name) == "..."
    assert "canary" not in shortened({"a": [{name: "canary"}]})
    assert "canary" not in shortened({name: {"x": "canary"}})


@pytest.mark.parametrize("name", ["polygon", "keep", "url", "type", 3, None, "monkey"])
def test_other_names_are_not(name: object) -> None:
    assert not is_secret(name)


def test_values_are_shown_otherwise() -> None:
    value = {"a": [1, "b", None, (2.0, True)], "password": None}
    assert without_secrets(value) == value
