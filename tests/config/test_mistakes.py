"""Mistakes in a site file: each is told with its file, its line, its key and what would be right."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisight.config import Site, parse_site, read_site
from decisight.errors import SiteError
from decisight.types import UNPRINTABLE

Read = Callable[[str], Site]

POLYGON = "[[0.1, 0.2], [0.5, 0.2], [0.5, 0.9], [0.1, 0.9]]"
SOURCE = "{type: video, path: clips/gate-1.mp4}"
POLICY = "policy: {type: majority_vote, window: 5, required: 3,\n         thresholds: {vest: 0.8}, fallback: unknown}"
WATCH = "      - {region: gate, model: gear, group: vest, " + POLICY + "}\n"
MODELS = "models: {gear: {path: gear.onnx}}\n"

GATE = "cameras.gate-1"
TWICE = "region, model and group are those of entry"

MISTAKES: list[tuple[str, str, str, int, str, str]] = [
    # what is replaced, by what; the line and the message; the hint
    # keys that there are not
    ("site:", "Site:", "", 1, "Site: there is no such key", "did you mean 'site'?"),
    ("timezone:", "time_zone:", "", 2, "time_zone: there is no such key", "did you mean 'timezone'?"),
    ("{path: gear.onnx}", "{path: a, runtim: b}", "", 4, "models.gear.runtim: there is no such key", "'runtime'?"),
    ("fps:", "fpss:", "", 8, f"{GATE}.fpss: there is no such key", "did you mean 'fps'? there is: source, fps"),
    ("polygon:", "poligon:", "", 10, f"{GATE}.regions.gate.poligon: there is no such key", "'polygon'?"),
    ("{region: gate", "{regoin: gate", "", 12, f"{GATE}.watch.0.regoin: there is no such key", "'region'?"),
    ("{readings:", "{reading:", "", 14, "retention.reading: there is no such key", "did you mean 'readings'?"),
    ("default: 30d", "default: {ages: 1d}", "", 14, "retention.evidence.default.ages: there is no", "'age'?"),
    ("readings: 30d", "readings: {sise: 1GB}", "", 14, "retention.readings.sise: there is no such key", "'size'?"),
    ("", "", "evidence: {keeps: []}", 15, "evidence.keeps: there is no such key", "did you mean 'keep'?"),
    ("", "", "evidence: {conceal: {who: all}}", 15, "evidence.conceal.who: there is no", "there is: what, how"),
    ("", "", "chain: {keys: a}", 15, "chain.keys: there is no such key", "did you mean 'key'?"),
    ("fps: 5", "evidence: {qualiti: 3}", "", 8, f"{GATE}.evidence.qualiti: there is no such key", "'quality'?"),
    # keys that are missing
    ("site: plant-7\n", "", "", 1, "site is missing", "add site"),
    (MODELS, "", "", 11, f"{GATE}.watch.0: something is to be watched, and the site has no models", "name the model"),
    ("{path: gear.onnx}", "{}", "", 4, "models.gear.path is missing", "add path"),
    (f"    source: {SOURCE}\n", "", "", 6, f"{GATE}.source is missing", "add source"),
    (f"polygon: {POLYGON}", "mask: false", "", 10, f"{GATE}.regions.gate.polygon is missing", "add polygon"),
    ("{type: video, path: clips/gate-1.mp4}", "{type: video}", "", 7, "path is missing", "add path"),
    # keys that are no names
    ("gate-1:\n", "true:\n", "", 6, "cameras.true: this key is no text", "put it in quotes"),
    ("gate-1:\n", "7:\n", "", 6, "cameras.7: this key is no text", "put it in quotes"),
    ("gate-1:\n", "null:\n", "", 6, "cameras.null: this key is no text", "put it in quotes"),
    ("gate-1:\n", "? [a, b]\n  :\n", "", 6, "this key is no text", "put it in quotes"),
    ("{vest: 0.8}", "{false: 0.8}", "", 13, f"{GATE}.watch.0.policy.thresholds.false: this key", "put it in quotes"),
    ("gate-1:\n", "a/b:\n", "", 6, "cameras.a/b: the name 'a/b' cannot be used", "without / \\ : = |"),
    ("gate-1:\n", '"a\\e[2Jb":\n', "", 6, "cameras.a\\x1b[2Jb: the name 'a\\x1b[2Jb' cannot", "without / \\ : = |"),
    ("gate-1:\n", "..:\n", "", 6, "cameras...: the name '..' cannot be used", "1 to 63 characters"),
    ("gate-1:\n", "'':\n", "", 6, "the name '' cannot be used", "1 to 63 characters"),
    ("gate-1:\n", "' a':\n", "", 6, "the name ' a' cannot be used", "without a space"),
    ("gate-1:\n", "'a ':\n", "", 6, "the name 'a ' cannot be used", "without a space"),
    ("{gear:", "{a:b:", "", 4, "models.a:b: the name 'a:b' cannot be used", "without / \\ : = |"),
    ("gate: {", "a=b: {", "", 10, f"{GATE}.regions.a=b: the name 'a=b' cannot be used", "without / \\ : = |"),
    ("plant-7\n", "a/b\n", "", 1, "site: the name 'a/b' cannot be used", "without / \\ : = |"),
    ("plant-7\n", "x" * 64 + "\n", "", 1, "site: the name", "1 to 63 characters"),
    ("", "", "sinks: {a|b: {type: jsonl, path: a}}", 15, "sinks.a|b: the name 'a|b' cannot", "without / \\ : = |"),
    ("sqlite:///plant-7.db", "plant-7.db", "", 3, "store = 'plant-7.db' is no place for a store", "sqlite:///"),
    ("sqlite:///plant-7.db", "sqlite://x.db", "", 3, "store = 'sqlite://x.db' is no", "three strokes: sqlite:///x.db"),
    ("sqlite:///plant-7.db", "sqlite:x.db", "", 3, "store = 'sqlite:x.db' is no", "three strokes: sqlite:///x.db"),
    ("sqlite:///plant-7.db", "sqlite:/x.db", "", 3, "store = 'sqlite:/x.db' is no", "three strokes: sqlite:///x.db"),
    ("sqlite:///plant-7.db", "SQLITE://x", "", 3, "store = 'SQLITE://x' is no", "three strokes: sqlite:///x"),
    ("sqlite:///plant-7.db", "SQLite:////x", "", 3, "store = 'SQLite:////x' is no", "strokes: sqlite:////x"),
    ("sqlite:///plant-7.db", "sqlite+pysqlite://x", "", 3, "store = 'sqlite+pysqlite://x'", "strokes: sqlite:///x"),
    ("sqlite:///plant-7.db", "postgresql://u:hunter2@host", "", 3, "store = 'postgresql://...@host'", "user@host/name"),
    # values of another kind
    ("site: plant-7", "site: 7", "", 1, "site = 7 cannot be used", "site should be a text"),
    ("site: plant-7", "site: true", "", 1, "site = true cannot be used", "site should be a text"),
    ("site: plant-7", "site:", "", 1, "site is empty", "site should be a text"),
    ("{path: gear.onnx}", "gear.onnx", "", 4, "models.gear = 'gear.onnx' cannot", "keys with values: path, runtime"),
    (MODELS, "models: {}\n", "", 4, "models is empty", "models should be keys with values, at least 1"),
    (MODELS, "models: [gear.onnx]\n", "", 4, "models = ['gear.onnx'] cannot be used", "models should be keys with"),
    (WATCH, "", "", 11, f"{GATE}.watch is empty", "watch should be a list"),
    (WATCH, "      gear\n", "", 11, f"{GATE}.watch = 'gear' cannot be used", "watch should be a list"),
    (WATCH, "      - gear\n", "", 12, f"{GATE}.watch.0 = 'gear' cannot be used", "keys with values: region, model"),
    (WATCH, "      []\n", "", 11, f"{GATE}.watch is empty", "watch should be a list of at least 1"),
    (POLICY, "policy: 3", "", 12, f"{GATE}.watch.0.policy = 3 cannot be used", "keys with values or a text"),
    (POLICY, "quiet: empty", "", 12, f"{GATE}.watch.0.quiet = 'empty' cannot be used", "quiet should be a list"),
    (POLICY, "quiet: [true]", "", 12, f"{GATE}.watch.0.quiet.0 = true cannot be used", "quiet.0 should be a text"),
    (f"source: {SOURCE}", "source: a.mp4", "", 7, f"{GATE}.source = 'a.mp4' cannot be used", "keys with values"),
    ("", "", "evidence:", 15, "evidence is empty", "evidence should be keys with values: keep, quality, conceal"),
    ("", "", "sinks: [a]", 15, "sinks = ['a'] cannot be used", "sinks should be keys with values"),
    # values out of their range
    ("fps: 5", "fps: 0", "", 8, f"{GATE}.fps = 0 cannot be used", "fps should be more than 0"),
    ("fps: 5", "fps: -1", "", 8, f"{GATE}.fps = -1 cannot be used", "fps should be more than 0"),
    ("fps: 5", "fps: .nan", "", 8, f"{GATE}.fps = nan cannot be used", "fps should be"),
    ("fps: 5", "fps: .inf", "", 8, f"{GATE}.fps = inf cannot be used", "fps should be at most 1000"),
    ("fps: 5", "fps: fast", "", 8, f"{GATE}.fps = 'fast' cannot be used", "fps should be a number"),
    ("fps: 5", "fps: '5'", "", 8, f"{GATE}.fps = '5' cannot be used", "fps should be a number"),
    ("fps: 5", "fps: true", "", 8, f"{GATE}.fps = true cannot be used", "fps should be a number"),
    ("fps: 5", "fps: 0x" + "f" * 9000, "", 8, f"{GATE}.fps: the number is larger than", "give a smaller one"),
    ("", "", "evidence: {quality: 101}", 15, "evidence.quality = 101 cannot be used", "should be at most 100"),
    ("", "", "evidence: {quality: 8.5}", 15, "evidence.quality = 8.5 cannot be used", "a whole number"),
    ("", "", "evidence: {keep: [crop, video]}", 15, "evidence.keep.1 = 'video' cannot", "be 'crop' or 'frame'"),
    ("", "", "evidence: {conceal: {what: hands}}", 15, "evidence.conceal.what = 'hands'", "be 'faces' or 'all'"),
    ("Berlin", "Belrin", "", 2, "timezone = 'Europe/Belrin' cannot be used", "a time zone that this system knows"),
    ("Europe/Berlin", "../../etc/passwd", "", 2, "timezone = '../../etc/passwd' cannot", "the name of a time zone"),
    ("Europe/Berlin", "2", "", 2, "timezone = 2 cannot be used", "timezone should be a text"),
    ("Europe/Berlin", "''", "", 2, "timezone = '' cannot be used", "the name of a time zone"),
    # regions
    (POLYGON, "[[0.1, 0.2], [0.5, 0.2]]", "", 10, f"{GATE}.regions.gate.polygon = [[", "a list of at least 3"),
    (POLYGON, "[[0.1, 0.2], [0.5, 0.2], [0.7, 0.2]]", "", 10, "the region 'gate' has no area", "polygon: [["),
    ("[0.5, 0.9]", "[0.5, 1.9]", "", 10, "gate.polygon.2: the corner 0.5, 1.9 lies outside", "0 to 1"),
    ("[0.5, 0.9]", "[0.5, .nan]", "", 10, "gate.polygon.2: the corner 0.5, nan lies outside", "0 to 1"),
    ("[0.5, 0.9]", "[0.5, 0.9, 1]", "", 10, "polygon.2 = [0.5, 0.9, 1] cannot be used", "a list of at most 2"),
    ("[0.5, 0.9]", "[0.5]", "", 10, "gate.polygon.2.1 is missing", "polygon.2 is too short"),
    ("[0.5, 0.9]", "0.5", "", 10, "gate.polygon.2 = 0.5 cannot be used", "polygon.2 should be a list"),
    ("[0.5, 0.9]", "[0.5, left]", "", 10, "gate.polygon.2.1 = 'left' cannot", "polygon.2.1 should be a number"),
    ("[0.5, 0.9]", "[0.5, true]", "", 10, "gate.polygon.2.1 = true cannot be used", "polygon.2.1 should be a number"),
    (POLYGON, "[[100, 200], [500, 200], [500, 900]]", "", 10, "corner 100, 200 lies outside", "reference: 1920"),
    (
        f"    regions:\n      gate: {{polygon: {POLYGON}}}",
        "    reference: 300x400\n    regions:\n      gate: {polygon: [[0, 0], [300, 0], [300, 401]]}",
        "", 11, "polygon.2: the corner 300, 401 lies outside the picture of 300x400", "reference: 1920x1080",
    ),
    ("fps: 5", "reference: big", "", 8, f"{GATE}.reference: 'big' is not understood", "for example 1920x1080"),
    ("fps: 5", "reference: [19, 10]", "", 8, f"{GATE}.reference = [19, 10] cannot", "reference should be a text"),
    ("{polygon", "{mask: 1, polygon", "", 10, f"{GATE}.regions.gate.mask = 1 cannot", "mask should be true or false"),
    # what is watched
    ("{region: gate", "{region: gat", "", 12, f"{GATE}.watch.0.region: the camera has no region 'gat'", "are: gate"),
    ("model: gear,", "model: gaer,", "", 12, f"{GATE}.watch.0.model: there is no model 'gaer'", "models are: gear"),
    (WATCH, "      - {}\n", "cameras: {}", 14, "not YAML: the key 'cameras' stands twice", "a site file begins"),
    (WATCH, WATCH + "      - {region: gate, group: vest}\n", "", 14, f"{GATE}.watch.1: {TWICE} 0", "name"),
    (WATCH, WATCH + "      - {region: gate}\n", "", 14, f"{GATE}.watch.1: {TWICE} 0", "name the group"),
    ("majority_vote", "majority", "", 12, f"{GATE}.watch.0.policy: there is no policy 'majority'", "did you mean"),
    ("window: 5", "windw: 5", "", 12, f"{GATE}.watch.0.policy.windw: policy", "did you mean 'window'?"),
    ("window: 5", "window: long", "", 12, f"{GATE}.watch.0.policy.window: window = 'long' is not", "window: 2s"),
    ("required: 3", "required: 9", "", 12, "required = 9 does not fit a window of 5 images", "at most 5"),
    ("required: 3", "default_threshold: 7", "", 12, f"{GATE}.watch.0.policy.default_threshold: ", "for example 0.8"),
    ("fallback: unknown", "fallback: ''", "", 12, f"{GATE}.watch.0.policy: the fall-back state is empty", "name one"),
    ("type: majority_vote, ", "", "", 12, f"{GATE}.watch.0.policy: the policy has no type", "type: is one of"),
    (POLICY, "policy: majority_vote:3", "", 12, f"{GATE}.watch.0.policy: majority_vote:3 is not", "majority_vote:3/5"),
    # parts
    ("fps: 5", "gates: [{type: brightnes}]", "", 8, f"{GATE}.gates.0: there is no gate 'brightnes'", "'brightness'?"),
    ("fps: 5", "gates: [{type: size}, {type: brightness, darkets: 3}]", "", 8, "gates.1.darkets: gate", "'darkest'?"),
    ("fps: 5", "gates: [{darkest: 3}]", "", 8, f"{GATE}.gates.0: the gate has no type", "type: is one of"),
    ("fps: 5", "gates: [size]", "", 8, f"{GATE}.gates.0 = 'size' cannot be used", "gates.0 should be keys with values"),
    ("fps: 5", "gates: {type: size}", "", 8, f"{GATE}.gates = {{'type': 'size'}} cannot", "gates should be a list"),
    ("type: video", "type: vidio", "", 7, f"{GATE}.source: there is no source 'vidio'", "did you mean 'video'?"),
    ("type: video, ", "", "", 7, f"{GATE}.source: the source has no type", "type: is one of"),
    ("path: clips", "paht: clips", "", 7, f"{GATE}.source.paht: source 'video':", "did you mean 'path'?"),
    ("gate-1.mp4", "gate-1.mp4, start: noon", "", 7, f"{GATE}.source.start: start = 'noon'", "for example start"),
    ("", "", "sinks: {a: {type: jsonn, path: a}}", 15, "sinks.a: there is no sink 'jsonn'", "did you mean 'jsonl'?"),
    ("", "", "sinks: {a: {path: a}}", 15, "sinks.a: the sink has no type", "type: is one of"),
    # what is kept
    ("readings: 30d", "readings: 30", "", 14, "retention.readings = 30 cannot be used", "a text such as 30d or keys"),
    ("readings: 30d", "readings: true", "", 14, "retention.readings = true cannot be used", "a text such as 30d"),
    ("readings: 30d", "readings: long", "", 14, "retention.readings: age = 'long' is not understood", "as 30d, 12h"),
    ("readings: 30d", "readings: '30'", "", 14, "retention.readings: age = '30' has no unit", "write it as 30d"),
    ("readings: 30d", "readings: 0d", "", 14, "retention.readings: age = '0d' is too short", "write it as 30d"),
    ("readings: 30d", "readings: {size: 20}", "", 14, "retention.readings.size = 20 cannot be used", "such as 20GB"),
    ("readings: 30d", "readings: {size: much}", "", 14, "retention.readings: size = 'much' is not", "500MB or 20GB"),
    ("readings: 30d", "readings: {age: 3}", "", 14, "retention.readings.age = 3 cannot be used", "a text such as 30d"),
    ("default: 30d", "default: [30d]", "", 14, "retention.evidence.default = ['30d'] cannot", "a text such as 30d"),
    ("false_alarm: 2d", "false_alarm: null", "", 14, "retention.evidence.false_alarm is empty", "a text such as 30d"),
    # what is no YAML of ours
    ("plant-7", "!x plant-7", "", 1, "the tag !x has no meaning here", "leave it out"),
    ("plant-7", "[plant-7", "", 2, "this is not YAML", "a site file begins so"),
]  # fmt: skip

JARGON = re.compile(
    r"valid (string|dict|list|int|num|bool|tuple)|Input|instance of|Section\b|union\[|\b(dict|int|str|float)\b|None"
    r"|True|False|datetime|after validation|unable to parse|pydantic|Value error|Traceback|Commented|Scalar"
)
"""Words of Python and of its libraries, which mean nothing to who writes a site file."""


def test_there_is_a_mistake_of_each_kind(read: Read, site_text: str) -> None:
    read(site_text)
    for old, *_ in MISTAKES:
        assert old in site_text


@pytest.mark.parametrize(("old", "new", "added", "line", "says", "hint"), MISTAKES)
def test_what_is_told_of_a_mistake(
    read: Read, site_text: str, tmp_path: Path, old: str, new: str, added: str, line: int, says: str, hint: str
) -> None:
    with pytest.raises(SiteError) as caught:
        read(site_text.replace(old, new, 1) + added)
    message, given = caught.value.message, str(caught.value.hint)
    assert message.startswith(f"{tmp_path}/plant.yaml, line {line}: ")
    assert says in message
    assert hint in given
    for text in (message.removeprefix(str(tmp_path)), given):
        assert text.isprintable()
        assert len(text) < 600
        assert not JARGON.search(text), JARGON.search(text)


def test_a_model_that_is_not_named(read: Read, site_text: str) -> None:
    two = site_text.replace("{gear: {path: gear.onnx}}", "{gear: {path: gear.onnx}, other: {path: b.onnx}}")
    read(two)
    with pytest.raises(SiteError, match=r"line 12: cameras.gate-1.watch.0: no model is named") as caught:
        read(two.replace("model: gear, ", ""))
    assert caught.value.hint == "the models are: gear, other"


def test_several_mistakes_are_told_at_once(read: Read, site_text: str) -> None:
    with pytest.raises(SiteError) as caught:
        read(site_text.replace("plant-7\n", "7\n", 1).replace("fps: 5", "fps: fast").replace("Berlin", "Belrin"))
    said, hint = caught.value.message, str(caught.value.hint)
    assert "line 1: site = 7 cannot be used; line 2: timezone = 'Europe/Belrin' cannot be used; line 8: cameras" in said
    assert "site should be a text; timezone should be a time zone" in hint
    assert "fps should be a number" in hint


def test_of_very_many_mistakes_a_few_are_told(read: Read, site_text: str) -> None:
    with pytest.raises(SiteError, match="and 95 more") as caught:
        read(site_text + "\n".join(f"key{at}: 1" for at in range(100)))
    assert len(str(caught.value)) < 1_500


@pytest.mark.parametrize("text", ["", "[]", "site", "7", "null"])
def test_what_holds_no_site(read: Read, text: str) -> None:
    with pytest.raises(SiteError, match="there is no site in it") as caught:
        read(text)
    assert str(caught.value.hint).startswith("a site file begins so: site: plant-7")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"site: caf\xe9\n")
    for name, says in (
        ("latin.yaml", "not text in UTF-8"),
        ("none.yaml", "cannot be read: No such file"),
        (".", "read"),
    ):
        with pytest.raises(SiteError, match=says) as caught:
            read_site(tmp_path / name)
        assert caught.value.hint


def test_what_has_no_file_is_told_without_lines() -> None:
    with pytest.raises(SiteError) as caught:
        parse_site({"site": "a", "models": {"m": {"path": "m"}}, "cameras": {"c": {"source": {}, "watch": 3}}})
    assert caught.value.message == "the site: cameras.c.watch = 3 cannot be used"


def test_the_hint_shows_what_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "empty.yaml").write_text("")
    with pytest.raises(SiteError) as caught:
        read_site(tmp_path / "empty.yaml")
    _, _, example = str(caught.value.hint).partition(": ")
    (tmp_path / "example.yaml").write_text("{" + example + "}")
    assert read_site(tmp_path / "example.yaml").section.site == "plant-7"


WHOLE: dict[str, Any] = {
    "site": "plant-7",
    "timezone": "UTC",
    "store": "sqlite:///a.db",
    "models": {"gear": {"path": "gear.onnx", "runtime": "onnxruntime"}},
    "cameras": {
        "gate": {
            "source": {"type": "folder", "path": "photos", "fps": 2, "start": "2026-01-01"},
            "fps": 5,
            "reference": "100x100",
            "regions": {"bay": {"polygon": [[10, 20], [50, 20], [50, 90]], "mask": True}},
            "gates": [{"type": "brightness", "darkest": 10}, {"type": "motion", "at_least_every": "2s"}],
            "watch": [
                {
                    "region": "bay",
                    "model": "gear",
                    "group": "vest",
                    "policy": {"type": "majority_vote", "thresholds": {"vest": 0.8}, "fallback": "unknown"},
                    "quiet": ["empty"],
                }
            ],
            "evidence": {"keep": ["crop"], "quality": 90, "conceal": {"what": "all", "how": "blur"}},
        }
    },
    "evidence_folder": "pictures",
    "sinks": {"lines": {"type": "jsonl", "path": "events.jsonl"}},
    "retention": {"readings": {"age": "3d", "size": "1GB"}, "events": "90d", "evidence": {"default": "30d"}},
    "chain": {"key": "a.key", "heads": "heads.jsonl"},
}


def places(value: Any, way: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [way, *(place for key, one in inner for place in places(one, (*way, key)))]


def with_value(value: Any, way: tuple[str | int, ...], new: Any) -> Any:
    if not way:
        return new
    changed = dict(value) if isinstance(value, dict) else list(value)
    changed[way[0]] = with_value(value[way[0]], way[1:], new)
    return changed


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([0, -1, 10**30, 10**4000, -(2**63)]),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["", "..", "a/b", "\x00", "\ud800", "5s", "3/5", "majority_vote:3/5", "video", "1e9", "x" * 2000]),
)
VALUES = st.recursive(
    ODD,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(max_size=6) | st.sampled_from(["type", "path", "age", "int", "str", "default"]), inner, max_size=4
        )
        | st.dictionaries(st.integers() | st.booleans() | st.none(), inner, max_size=2)
    ),
    max_leaves=8,
)


def test_the_whole_of_it_can_be_used(tmp_path: Path) -> None:
    (tmp_path / "whole.yaml").write_text(json.dumps(WHOLE), "utf-8")
    read_site(tmp_path / "whole.yaml")


@given(st.sampled_from(places(WHOLE)[1:]), VALUES)
def test_any_value_in_any_place_is_used_or_refused(
    tmp_path_factory: pytest.TempPathFactory, way: tuple[str | int, ...], value: Any
) -> None:
    folder = tmp_path_factory.getbasetemp() / "sites"
    folder.mkdir(exist_ok=True)
    content = with_value(WHOLE, way, value)
    path = folder / "fuzz.yaml"
    refused: list[SiteError] = []
    try:
        # As YAML gives it, where a file can hold it.
        path.write_text(json.dumps(content), "utf-8")
        read_site(path)
    except SiteError as error:
        refused.append(error)
    except ValueError:  # too many digits for Python to write
        pass
    try:
        parse_site(content)
    except SiteError as error:
        refused.append(error)
    for error in refused:
        assert not UNPRINTABLE.search(error.message)
        assert len(str(error)) < 3_000
        assert error.hint
