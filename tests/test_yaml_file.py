"""YAML files: what they hold, on which line it stands, and what is refused before it can do harm."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisight.errors import SiteError, UsageError
from decisight.yaml_file import Kind, line_of, read_yaml

SMALL = Kind("site", "sites", "for example: {site: plant}", most_values=100, error=SiteError)


def read(folder: Path, text: str | bytes, kind: Kind = SMALL) -> dict[str, Any]:
    path = folder / "a.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_yaml(path, kind)


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("{a: 1, b: [x, 2.5, null, true]}", {"a": 1, "b": ["x", 2.5, None, True]}),
        ("\ufeffa: 1", {"a": 1}),
        ("a: 1\r\nb: 2\r\n", {"a": 1, "b": 2}),
        ("{}", {}),
        # YAML 1.2: only true and false are truth values
        ("{a: no, b: on, c: false}", {"a": "no", "b": "on", "c": False}),
        ("a: &x true\nb: *x", {"a": True, "b": True}),
        # moments are texts, as the settings that take them
        ("{a: 2024-05-03, b: 2024-05-03T08:15:00Z}", {"a": "2024-05-03", "b": "2024-05-03T08:15:00Z"}),
        ("2024-05-03: x", {"2024-05-03": "x"}),
        ("a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  c: 3", {"a": {"b": 1, "c": 2}, "d": {"b": 1, "c": 3}}),
        ("a: |\n  x\n  y\n", {"a": "x\ny\n"}),
    ],
)
def test_what_is_read(tmp_path: Path, text: str, content: dict[str, Any]) -> None:
    found = read(tmp_path, text)
    assert found == content
    assert {key: type(value) for key, value in found.items() if isinstance(value, bool)} == {
        key: bool for key, value in content.items() if isinstance(value, bool)
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "there is no site in it"),
        ("- a\n- b", "there is no site in it"),
        ("text", "there is no site in it"),
        ("7", "there is no site in it"),
        (b"a: caf\xe9", "is not text in UTF-8"),
        (b"a\x00b: 1", "this is not YAML"),
        (b"#" * (1 << 20) + b"\na: 1", "is larger than a file of sites can be"),
        ("a: 1\nb: 2\na: 3", "line 3: this is not YAML"),
        ("a:\n  b: 1\n  b: 1", "line 3: this is not YAML"),
        ("a: [1", "this is not YAML"),
        ("a: 1\n\tb: 2", "line 2: this is not YAML"),
        ("a: 1\n---\nb: 2", "this is not YAML"),
        ("a: *b", "this is not YAML"),
        ("a: b: c", "line 1: this is not YAML"),
        ("a: " + "[" * 5000, "more here than sites can have"),
        ("a: [" + "1, " * 100 + "]", "line 1: there is more here than sites can have (100 values, in 20 levels)"),
        ("a: &a [x, *a]", "the alias *a stands within what it means"),
        ("a: &a 1\nb: &a 2", "line 2: the anchor &a stands twice"),
        ("a: &a [x, x, x, x]\nb: &b [*a, *a, *a, *a]\nc: &c [*b, *b, *b, *b]\nd: [*c, *c]", "more here than"),
        # what would make something else of a value
        ("a: 1\nb: !!python/object:os.system x", "line 2: the tag tag:yaml.org,2002:python/object:os.system"),
        ("a: !!binary aGk=", "the tag tag:yaml.org,2002:binary"),
        ("a: !!set {x}", "the tag tag:yaml.org,2002:set"),
        ("!x {a: 1}", "line 1: the tag !x has no meaning here"),
        ("a: " + "9" * 5000, "this is not YAML"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(SiteError) as caught:
        read(tmp_path, text)
    assert message in caught.value.message
    assert "a.yaml" in caught.value.message
    assert caught.value.hint in ("for example: {site: plant}", "leave it out; what is to be a text is put in quotes")
    assert len(caught.value.message) < 400 + len(str(tmp_path))
    assert caught.value.message.isprintable()


@pytest.mark.parametrize("key", ["x" * 100_000, '"\\e[2Jx"'])
def test_what_is_told_of_the_file_is_short_and_harmless(tmp_path: Path, key: str) -> None:
    with pytest.raises(SiteError) as caught:
        read(tmp_path, f"{key}: 1\n{key}: 2\n")
    assert len(caught.value.message) < 400 + len(str(tmp_path))
    assert caught.value.message.isprintable()


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(UsageError, match="cannot be read") as caught:
            read_yaml(path, Kind("policy", "policies", "x"))
        assert caught.value.hint == "name a YAML file, or a policy"


def test_what_has_no_end_is_not_read_to_it() -> None:
    endless = Path("/dev/zero")
    if not endless.exists():
        pytest.skip("there is no such device on this system")
    with pytest.raises(SiteError, match="larger than a file of sites can be"):
        read_yaml(endless, SMALL)


TEXT = """\
# a comment

site: plant
cameras:
  gate:
    fps: 5
    watch:
      - region: a
        group: b

      - {region: c,
         group: d}
shared: &shared
  one: 1
other:
  <<: *shared
  two: 2
"""


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ([], 1),
        (["site"], 3),
        (["cameras"], 4),
        (["cameras", "gate"], 5),
        (["cameras", "gate", "fps"], 6),
        (["cameras", "gate", "watch", 0], 8),
        (["cameras", "gate", "watch", 0, "group"], 9),
        (["cameras", "gate", "watch", 1], 11),
        (["cameras", "gate", "watch", 1, "group"], 12),
        (["other", "two"], 17),
        # what a merge brings stands where it is brought to, as far as anybody knows
        (["other", "one"], 15),
        # what is not there stands where it would
        (["nothing"], 1),
        (["cameras", "nothing", "fps"], 4),
        (["cameras", "gate", "watch", 7], 7),
        (["cameras", "gate", "watch", "region"], 7),
        (["site", "of", "nothing"], 3),
        (["site", 0], 3),
        (["cameras", "gate", "fps", 0, 1], 6),
    ],
)
def test_where_something_stands(tmp_path: Path, keys: list[str | int], line: int) -> None:
    assert line_of(read(tmp_path, TEXT), keys) == line


def test_plain_values_stand_nowhere() -> None:
    assert line_of({"a": [{"b": 1}]}, ["a", 0, "b"]) == 1


@given(st.one_of(st.text(max_size=60), st.text("{}[]:,&*!?|->#%@ \n\t\"'ab1.<~", max_size=60)))
def test_any_text_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.getbasetemp() / "fuzz"
    folder.mkdir(exist_ok=True)
    content, refused = None, None
    try:
        content = read(folder, text.encode("utf-8", "surrogatepass"))
    except SiteError as error:
        refused = error
    if refused is not None:
        assert refused.hint
        assert refused.message.isprintable()
    else:
        assert isinstance(content, dict)
        assert all(line_of(content, [key]) >= 1 for key in content)
