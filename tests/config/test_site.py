"""A site file that can be used: what it says, and what holds where it says nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from decisight.config import (
    DEFAULT_FPS,
    DEFAULT_GATES,
    DEFAULT_POLICY,
    EvidenceSection,
    Site,
    model_of,
    parse_limit,
    parse_site,
)
from decisight.config.sections import LimitSection
from decisight.errors import SiteError
from decisight.regions import Region
from decisight.spans import parse_seconds
from decisight.types import LabelGroup, Task

Read = Callable[[str], Site]

TASK = Task((LabelGroup("helmet", ("worn", "missing")), LabelGroup("vest", ("vest", "no_vest"))))
SMALLEST: dict[str, Any] = {
    "site": "plant",
    "models": {"gear": {"path": "gear.onnx"}},
    "cameras": {"gate": {"source": {"type": "folder", "path": "photos"}, "watch": [{}]}},
}


def smallest(**camera: Any) -> Site:
    return parse_site({**SMALLEST, "cameras": {"gate": SMALLEST["cameras"]["gate"] | camera}})


def test_what_a_site_file_says(read: Read, site_text: str, tmp_path: Path) -> None:
    site = read(site_text)
    section, camera = site.section, site.section.cameras["gate-1"]
    assert (section.site, section.timezone, section.store) == ("plant-7", "Europe/Berlin", "sqlite:///plant-7.db")
    assert section.models["gear"].path == "gear.onnx"
    assert camera.fps == 5.0
    assert site.folder == tmp_path
    assert site.regions("gate-1") == {"gate": Region("gate", ((0.1, 0.2), (0.5, 0.2), (0.5, 0.9), (0.1, 0.9)))}
    assert vars(site.source("gate-1"))["path"] == str(tmp_path / "clips/gate-1.mp4")
    assert model_of(site, "gate-1", 0) == "gear"
    policies = site.policy("gate-1", 0, TASK, {})
    assert list(policies) == ["vest"]
    said = {
        "type": "majority_vote",
        "window": 5,
        "required": 3,
        "thresholds": {"vest:vest": 0.8},
        "fallback": "unknown",
    }
    assert said.items() <= policies["vest"].to_section(TASK).items()
    assert parse_limit(section.retention.readings) == (30 * 86400.0, None)
    limits = {outcome: parse_limit(limit) for outcome, limit in section.retention.evidence.items()}
    assert limits == {"default": (30 * 86400.0, None), "false_alarm": (2 * 86400.0, None)}


def test_what_holds_where_nothing_is_said() -> None:
    site = parse_site(SMALLEST)
    section, camera = site.section, site.section.cameras["gate"]
    assert (section.timezone, section.store, section.sinks) == ("UTC", None, {})
    assert (camera.fps, camera.reference, camera.regions, camera.evidence) == (DEFAULT_FPS, None, {}, None)
    assert section.evidence == EvidenceSection(keep=["crop", "frame"], quality=85, conceal=None)
    assert section.retention.events is None
    assert parse_limit(section.retention.readings) == parse_limit(section.retention.evidence["default"])
    assert (section.chain.key, section.chain.heads) == (None, None)
    assert site.folder == Path()
    assert [gate.name for gate in site.gates("gate")] == [gate["type"] for gate in DEFAULT_GATES]
    assert model_of(site, "gate", 0) == "gear"
    policies = site.policy("gate", 0, TASK, {})
    assert list(policies) == ["helmet", "vest"]
    sections = {name: policy.to_section(TASK) for name, policy in policies.items()}
    for one in sections.values():
        assert DEFAULT_POLICY.items() <= one.items()
        assert one["stale_after"] == "10s"


@pytest.mark.parametrize(
    ("fps", "stale"),
    # Three pictures, and ten seconds at least; that where pictures come as they may.
    [
        (5, "10s"),
        (0.3, "10s"),
        (0.1, "30s"),
        (0.007, "428.571s"),
        (0.00001, "300000s"),
        (1e-6, "3000000s"),
        (1e-300, "1000000000s"),
        (None, "10s"),
    ],
)
def test_when_nothing_is_known_any_more(fps: float | None, stale: str) -> None:
    policy = smallest(fps=fps).policy("gate", 0, TASK, {})["vest"]
    assert policy.to_section(TASK)["stale_after"] == stale


def test_whose_word_counts() -> None:
    watch = {"policy": {"type": "majority_vote", "fallback": "look", "stale_after": None}}
    policy = smallest(watch=[watch]).policy("gate", 0, TASK, {"fallback": "unsure", "thresholds": {"vest:vest": 0.9}})
    section = policy["vest"].to_section(TASK)
    assert (section["fallback"], section["thresholds"], section["stale_after"]) == ("look", {"vest:vest": 0.9}, None)
    given = {"fallback": "unsure", "priors": {}}
    assert smallest().policy("gate", 0, TASK, given)["vest"].fallback == "unsure"


@pytest.mark.parametrize(
    ("fps", "every", "expected", "stale"),
    [
        ({}, "5s", 0.2, "15s"),
        ({"fps": 5}, "60s", pytest.approx(1 / 60), "180s"),
        ({"fps": 0.1}, "5s", 0.1, "30s"),
        ({"fps": None}, "500ms", 2.0, "10s"),
        # What is wrong with it is said where it is opened.
        ({}, "soon", DEFAULT_FPS, "10s"),
    ],
)
def test_what_is_fetched_now_and_then_is_looked_at_so_often(
    fps: dict[str, Any], every: str, expected: float, stale: str
) -> None:
    site = smallest(source={"type": "snapshot", "url": "http://10.0.0.5/a.jpg", "every": every}, **fps)
    assert site.fps("gate") == expected
    section = site.policy("gate", 0, TASK, {})["vest"].to_section(TASK)
    assert parse_seconds(section["stale_after"], "stale_after") == pytest.approx(parse_seconds(stale, "stale"))


@pytest.mark.parametrize("fps", [5, None])
@pytest.mark.parametrize("stale", [None, "1h"])
def test_what_is_said_of_staleness_is_kept(fps: float | None, stale: str | None) -> None:
    watch = {"policy": {"type": "consecutive", "stale_after": stale}}
    policy = smallest(fps=fps, watch=[watch]).policy("gate", 0, TASK, {"stale_after": "2s"})["vest"]
    assert policy.to_section(TASK)["stale_after"] == (None if stale is None else "3600s")


def test_a_policy_in_short() -> None:
    policies = smallest(watch=[{"policy": "consecutive:4"}]).policy("gate", 0, TASK, {})
    assert {policy.name for policy in policies.values()} == {"consecutive"}


FACES = {"what": "faces", "how": "blur"}


@pytest.mark.parametrize(
    ("general", "own", "expected"),
    [
        # Who asks for fewer pictures at one camera has not asked for uncovered faces.
        ({"conceal": FACES}, {"keep": ["crop"]}, {"keep": ["crop"], "conceal": FACES}),
        ({"conceal": FACES, "quality": 70}, {}, {"conceal": FACES, "quality": 70}),
        ({"conceal": FACES, "quality": 70}, None, {"conceal": FACES, "quality": 70}),
        # Nor who asks for another way of concealing for less to be concealed.
        ({"conceal": {"what": "all"}}, {"conceal": {"how": "blur"}}, {"conceal": {"what": "all", "how": "blur"}}),
        ({"conceal": FACES}, {"conceal": {"what": "all"}}, {"conceal": {"what": "all", "how": "blur"}}),
        ({"conceal": FACES}, {"conceal": None}, {}),
        ({}, {"conceal": FACES}, {"conceal": FACES}),
        ({"keep": []}, {"keep": ["frame"], "quality": 90}, {"keep": ["frame"], "quality": 90}),
        # What is said is said, also where it is what would hold anyway.
        ({"quality": 70}, {"quality": 85}, {"quality": 85}),
    ],
)
def test_a_camera_keeps_pictures_as_its_site_but_for_what_it_says(
    general: dict[str, Any], own: dict[str, Any] | None, expected: dict[str, Any]
) -> None:
    camera = SMALLEST["cameras"]["gate"] | {"evidence": own}
    site = parse_site({**SMALLEST, "evidence": general, "cameras": {"gate": camera}})
    assert site.evidence("gate") == EvidenceSection.model_validate(expected)
    assert site.section.evidence == EvidenceSection.model_validate(general)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("{false_alarm: 2d}", {"default": "30d", "false_alarm": "2d"}),
        ("{}", {"default": "30d"}),
        ("{default: 5d}", {"default": "5d"}),
        ("{default: null, false_alarm: 2d}", {"false_alarm": "2d"}),
    ],
)
def test_pictures_go_after_thirty_days_unless_something_else_is_said(
    read: Read, site_text: str, said: str, expected: dict[str, str]
) -> None:
    site = read(site_text.replace("{default: 30d, false_alarm: 2d}", said))
    assert site.section.retention.evidence == expected


def test_regions_in_pixels() -> None:
    regions = {
        "gate": {"polygon": [[0, 0], [960, 0], [960, 1080]], "mask": False},
        "all": {"polygon": [[0, 0], [1920, 0], [1920, 1080], [0, 1080]]},
    }
    assert smallest(regions=regions, reference="1920x1080").regions("gate") == {
        "gate": Region("gate", ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0)), masked=False),
        "all": Region.box("all", 0.0, 0.0, 1.0, 1.0),
    }


def test_paths_are_relative_to_the_site_file(read: Read, site_text: str, tmp_path: Path) -> None:
    text = site_text + "sinks: {lines: {type: jsonl, path: out/events.jsonl}}\n"
    (sink,) = read(text).sinks().values()
    assert vars(sink)["path"] == str(tmp_path / "out/events.jsonl")
    absolute = site_text.replace("clips/gate-1.mp4", "/clips/gate-1.mp4")
    assert vars(read(absolute).source("gate-1"))["path"] == "/clips/gate-1.mp4"


@pytest.mark.parametrize(
    "line",
    [
        # what YAML 1.2 takes for texts, and older readers did not
        "site: no",
        "site: 2026-01-01",
        "site: Größe 小さい",
        "site: 'x'",
        f"site: {'x' * 63}",
    ],
)
def test_names_of_all_kinds(read: Read, site_text: str, line: str) -> None:
    read(site_text.replace("site: plant-7", line))


def test_a_moment_need_not_be_put_in_quotes(read: Read, site_text: str) -> None:
    text = site_text.replace("gate-1.mp4", "gate-1.mp4, start: 2024-05-03T08:15:00+02:00")
    assert vars(read(text).source("gate-1"))["start"] == "2024-05-03T08:15:00+02:00"


def test_sections_may_share_settings(read: Read, site_text: str) -> None:
    shared = site_text.replace("    fps: 5\n", "    <<: &all {fps: 2}\n")
    assert read(shared).section.cameras["gate-1"].fps == 2


@pytest.mark.parametrize(
    ("limit", "found"),
    [
        ("30d", (2_592_000.0, None)),
        ("90s", (90.0, None)),
        (LimitSection(age="12h"), (43_200.0, None)),
        (LimitSection(size="20GB"), (None, 20_000_000_000)),
        (LimitSection(size=" 1.5 kB "), (None, 1_500)),
        (LimitSection(age="1h", size="500MB"), (3_600.0, 500_000_000)),
        (LimitSection(), (None, None)),
    ],
)
def test_how_long_and_how_much(limit: str | LimitSection, found: tuple[float | None, int | None]) -> None:
    assert parse_limit(limit) == found


def test_an_error_of_a_part_is_told_with_its_place(read: Read, site_text: str, tmp_path: Path) -> None:
    site = read(site_text)
    assert site.where("cameras", "gate-1", "fps") == f"{tmp_path}/plant.yaml, line 8: cameras.gate-1.fps"
    assert parse_site(SMALLEST).where("cameras", "gate") == "cameras.gate"
    error = site.blamed(SiteError("path = 3 cannot be used", hint="h"), "cameras", "gate-1", "source")
    assert error.message.endswith("line 7: cameras.gate-1.source.path: path = 3 cannot be used")
    # No key of the section is named in it.
    error = site.blamed(SiteError("it is away", hint="h"), "cameras", "gate-1", "source")
    assert (error.message.rpartition("line ")[2], error.hint) == ("7: cameras.gate-1.source: it is away", "h")


@pytest.mark.parametrize(
    ("watch", "says"),
    [
        ({"group": "boots"}, "cameras.gate.watch.0.group: there is no label group 'boots'"),
        (
            {"policy": {"type": "majority_vote", "thresholds": {"hat": 0.5}}},
            "cameras.gate.watch.0.policy: there is no label 'hat'",
        ),
        ({"policy": {"type": "majority_vote", "thresholds": {"vest": 1.5}}}, "'vest' is 1.5, which is not between"),
        ({"quiet": ["empty"]}, "cameras.gate.watch.0.quiet.0: there is no label 'empty'"),
        ({"group": "helmet", "quiet": ["vest"]}, "quiet.0: there is no label 'vest'"),
    ],
)
def test_what_does_not_fit_the_model(watch: dict[str, Any], says: str) -> None:
    site = smallest(watch=[watch])
    with pytest.raises(SiteError, match=says) as caught:
        site.policy("gate", 0, TASK, {})
    assert caught.value.hint


@pytest.mark.parametrize("gates", [("interval", "motion"), ("motion", "size", "motion")])
def test_only_one_gate_saves_work(gates: tuple[str, ...]) -> None:
    with pytest.raises(SiteError, match=r"cameras\.gate\.gates\.\d: \w+ and motion both save work"):
        smallest(gates=[{"type": gate} for gate in gates]).gates("gate")


def test_a_site_without_a_model_can_be_read() -> None:
    site = parse_site({"site": "plant", "cameras": {"gate": {"source": {"type": "folder", "path": "photos"}}}})
    assert (site.section.models, site.section.cameras["gate"].watch, site.watched()) == ({}, [], [])
    assert parse_site(SMALLEST).watched() == ["gate"]
