"""The card survives the way into a file's metadata and back, and nothing else is taken for one."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisight.errors import NewerFormatError, NotAModelError
from decisight.models.card import Calibration, ModelCard, Preprocessing
from decisight.types import FitMode, LabelGroup, Task, is_label

CARD = ModelCard(
    name="gear",
    task=Task((LabelGroup("helmet", ("worn", "missing")), LabelGroup("extras", ("gloves",), "independent"))),
    preprocessing=Preprocessing(FitMode.LETTERBOX, 224, (127, 0, 255)),
    backbone={"name": "efficientnet_lite0", "digest": "sha256:00"},
    features=("stem.all.mean", "head.all.max"),
    calibration=(Calibration(1.5, (0.25, -0.125)), Calibration(0.5, (1e-9,))),
    thresholds={"helmet:worn": 0.8, "gloves": 1.0},
    fallback="look again",
    data={"digest": "sha256:11", "pictures": 12},
    training={"seed": 3, "choices": [{"name": "fit", "why": "it was asked for"}]},
    metrics={"accuracy": {"value": 0.9, "low": None}},
    versions={"decisight": "1.2.3"},
)

names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12).filter(is_label)
kinds = ("exclusive", "independent")
byte = st.integers(0, 255)
finite = st.floats(allow_nan=False, allow_infinity=False)
values = st.dictionaries(
    st.text(max_size=5),
    st.recursive(st.none() | st.booleans() | finite | st.text(), st.lists, max_leaves=5),
    max_size=3,
)


@st.composite
def cards(draw: st.DrawFn) -> ModelCard:
    groups = tuple(
        LabelGroup(
            name, tuple(draw(st.lists(names, min_size=2, max_size=4, unique=True))), draw(st.sampled_from(kinds))
        )
        for name in draw(st.lists(names.filter(lambda name: ":" not in name), min_size=1, max_size=3, unique=True))
    )
    return ModelCard(
        name=draw(st.text()),
        task=Task(groups),
        preprocessing=Preprocessing(
            draw(st.sampled_from(FitMode)), draw(st.integers(8, 1024)), (draw(byte), draw(byte), draw(byte))
        ),
        backbone=draw(st.dictionaries(st.text(), st.text(), max_size=2)),
        features=tuple(draw(st.lists(st.text(), max_size=3))),
        calibration=tuple(
            Calibration(
                draw(st.floats(min_value=1e-3, max_value=1e3)), tuple(draw(finite) for _ in range(len(group.labels)))
            )
            for group in groups
        ),
        fallback=draw(names),
        data=draw(values),
        training=draw(values),
        metrics=draw(values),
        versions=draw(st.dictionaries(st.text(), st.text(), max_size=2)),
    )


@settings(max_examples=40, deadline=None)
@given(cards())
def test_round_trip(card: ModelCard) -> None:
    metadata = card.to_metadata()
    assert ModelCard.from_metadata(metadata) == card
    assert all(isinstance(text, str) and key.startswith("decisight.") for key, text in metadata.items())


def test_round_trip_of_thresholds() -> None:
    assert ModelCard.from_metadata(CARD.to_metadata()) == CARD


def test_what_others_wrote_beside_it_is_passed_over() -> None:
    assert ModelCard.from_metadata({**CARD.to_metadata(), "author": "x", "decisight": "not JSON"}) == CARD


@pytest.mark.parametrize(
    ("key", "text"),
    [
        # what a newer version may decide by: passing over it would be deciding without
        ("operating_points", "[]"),
        ("colour", "not JSON"),
        ("", "{}"),
        ("groups", '[{"name": "helmet", "kind": "exclusive", "labels": ["a", "b"], "parent": "gear"}]'),
        ("preprocessing", '{"fit": "crop", "size": 224, "fill": [0, 0, 0], "rotate": 90}'),
        ("calibration", '[{"temperature": 1, "bias": [0, 0], "power": 2}, {"temperature": 1, "bias": [0]}]'),
    ],
)
def test_what_a_newer_version_says_is_not_passed_over(key: str, text: str) -> None:
    with pytest.raises(NewerFormatError, match="this version does not know") as caught:
        ModelCard.from_metadata({**CARD.to_metadata(), f"decisight.{key}": text})
    assert "newer Decisight" in str(caught.value.hint)


INFORMATIVE = ("data", "metrics", "training", "versions")


@pytest.mark.parametrize("key", INFORMATIVE)
def test_what_only_informs_may_be_lacking(key: str) -> None:
    metadata = CARD.to_metadata()
    del metadata[f"decisight.{key}"]
    assert ModelCard.from_metadata(metadata) == replace(CARD, **{key: {}})


def test_metadata_can_be_read_by_anybody() -> None:
    metadata = replace(CARD, name="Schutzhelm für Größe").to_metadata()
    assert json.loads(metadata["decisight.groups"])[0] == {
        "name": "helmet",
        "kind": "exclusive",
        "labels": ["worn", "missing"],
    }
    assert metadata["decisight.name"] == '"Schutzhelm für Größe"'


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_json_is_not_written(value: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        replace(CARD, metrics={"accuracy": value}).to_metadata()


@pytest.mark.parametrize("key", sorted(CARD.to_metadata().keys() - {f"decisight.{key}" for key in INFORMATIVE}))
def test_a_missing_key_is_named(key: str) -> None:
    metadata = CARD.to_metadata()
    del metadata[key]
    with pytest.raises(NotAModelError, match=f"lack '{key}'"):
        ModelCard.from_metadata(metadata)


@pytest.mark.parametrize("key", sorted(CARD.to_metadata()))
@pytest.mark.parametrize("text", ["", "{", "nul", "NaN", "1e999", '"\\ud800"', "[" * 100_000, "'", "\x00", "9" * 5000])
def test_what_is_no_json_is_refused(key: str, text: str) -> None:
    with pytest.raises(NotAModelError, match="metadata cannot be understood"):
        ModelCard.from_metadata({**CARD.to_metadata(), key: text})


def test_numbers_that_are_none_are_refused_however_deep() -> None:
    for text in ('{"a": [NaN]}', '{"a": {"b": -Infinity}}', '{"a": 1e999}', f'{{"a": 1{400 * "0"}}}', '{"\\udfff": 1}'):
        with pytest.raises(NotAModelError):
            ModelCard.from_metadata({**CARD.to_metadata(), "decisight.metrics": text})


HELMET = {"name": "helmet", "kind": "exclusive", "labels": ["worn", "missing"]}
FIT = {"fit": "crop", "size": 224, "fill": [127, 127, 127]}

WRONG: list[tuple[str, Any]] = [
    ("name", 3),
    ("name", None),
    ("name", ["gear"]),
    # groups: other shapes, names that cannot be, kinds that are not known
    ("groups", {}),
    ("groups", "helmet"),
    ("groups", []),
    ("groups", [1]),
    ("groups", [[]]),
    ("groups", [HELMET, HELMET]),
    ("groups", [{**HELMET, "labels": "ab"}]),
    ("groups", [{**HELMET, "labels": ["worn"]}]),
    ("groups", [{**HELMET, "labels": ["worn", "worn"]}]),
    ("groups", [{**HELMET, "labels": ["worn", "-"]}]),
    ("groups", [{**HELMET, "labels": ["worn", "\x1b[2J"]}]),
    ("groups", [{**HELMET, "name": "helmet\x1b[2J"}]),
    ("groups", [{**HELMET, "name": "gear:helmet"}]),
    ("groups", [{**HELMET, "labels": ["worn", 1]}]),
    ("groups", [{**HELMET, "labels": ["worn", ["x"]]}]),
    ("groups", [{**HELMET, "labels": {"worn": 1, "missing": 2}}]),
    ("groups", [{**HELMET, "kind": "fuzzy"}]),
    ("groups", [{**HELMET, "kind": None}]),
    ("groups", [{**HELMET, "name": ""}]),
    ("groups", [{"name": "helmet", "kind": "exclusive"}]),
    # preprocessing
    ("preprocessing", []),
    ("preprocessing", {}),
    ("preprocessing", {**FIT, "fit": "squeeze"}),
    ("preprocessing", {**FIT, "fit": 1}),
    ("preprocessing", {**FIT, "size": "224"}),
    ("preprocessing", {**FIT, "size": 224.5}),
    ("preprocessing", {**FIT, "size": True}),
    ("preprocessing", {**FIT, "size": 0}),
    ("preprocessing", {**FIT, "size": -224}),
    ("preprocessing", {**FIT, "size": 10**30}),
    ("preprocessing", {**FIT, "fill": [1, 2]}),
    ("preprocessing", {**FIT, "fill": [1, 2, 3, 4]}),
    ("preprocessing", {**FIT, "fill": [1, 2, 256]}),
    ("preprocessing", {**FIT, "fill": [-1, 2, 3]}),
    ("preprocessing", {**FIT, "fill": [0.5, 2, 3]}),
    ("preprocessing", {**FIT, "fill": "127"}),
    ("backbone", []),
    ("backbone", {"name": 1}),
    ("features", "stem.all.mean"),
    ("features", [1]),
    # calibration that does not fit the groups, or cannot be
    ("calibration", {}),
    ("calibration", []),
    ("calibration", [{"temperature": 1.0, "bias": [0.0, 0.0]}]),
    ("calibration", [{"temperature": 1.0, "bias": [0.0]}, {"temperature": 1.0, "bias": [0.0]}]),
    ("calibration", [{"temperature": t, "bias": [0.0, 0.0]} for t in (0.0, 1.0)]),
    ("calibration", [{"temperature": -1.0, "bias": [0.0, 0.0]}, {"temperature": 1.0, "bias": [0.0]}]),
    ("calibration", [{"temperature": 10**400, "bias": [0.0, 0.0]}, {"temperature": 1.0, "bias": [0.0]}]),
    ("calibration", [{"temperature": "1", "bias": [0.0, 0.0]}, {"temperature": 1.0, "bias": [0.0]}]),
    ("calibration", [{"temperature": True, "bias": [0.0, 0.0]}, {"temperature": 1.0, "bias": [0.0]}]),
    ("calibration", [{"temperature": 1.0, "bias": "00"}, {"temperature": 1.0, "bias": [0.0]}]),
    ("calibration", [{"bias": [0.0, 0.0]}, {"temperature": 1.0, "bias": [0.0]}]),
    # thresholds of labels that are not there, that stand in no group, or outside 0..1
    ("thresholds", []),
    ("thresholds", {"boots": 0.5}),
    ("thresholds", {"extras:worn": 0.5}),
    ("thresholds", {"worn": 1.01}),
    ("thresholds", {"worn": -0.01}),
    ("thresholds", {"worn": "0.5"}),
    ("thresholds", {"worn": None}),
    ("thresholds", {"worn": True}),
    ("thresholds", {"worn": 0.5, "helmet:worn": 0.6}),
    ("fallback", None),
    ("fallback", ""),
    ("fallback", " "),
    ("fallback", 0),
    ("fallback", "\x1b[2J"),
    ("data", []),
    ("training", 1),
    ("metrics", None),
    ("versions", {"decisight": 1}),
    ("versions", []),
]


@pytest.mark.parametrize(("key", "value"), WRONG)
def test_other_values_are_refused(key: str, value: Any) -> None:
    with pytest.raises(NotAModelError, match="metadata"):
        ModelCard.from_metadata({**CARD.to_metadata(), f"decisight.{key}": json.dumps(value)})


def test_the_message_says_what_is_wrong() -> None:
    metadata = {**CARD.to_metadata(), "decisight.thresholds": '{"boots": 0.5}'}
    with pytest.raises(NotAModelError, match="there is no label 'boots'"):
        ModelCard.from_metadata(metadata)


def test_a_threshold_of_a_label_in_two_groups_says_which() -> None:
    both = Task((LabelGroup("helmet", ("yes", "no")), LabelGroup("vest", ("yes", "no"))))
    card = replace(CARD, task=both, calibration=(Calibration(1.0, (0.0, 0.0)),) * 2, thresholds={"vest:yes": 0.5})
    assert ModelCard.from_metadata(card.to_metadata()) == card
    with pytest.raises(NotAModelError, match="stands in 2 groups"):
        ModelCard.from_metadata(replace(card, thresholds={"yes": 0.5}).to_metadata())


@pytest.mark.parametrize(
    ("data", "seen"),
    [
        ({}, set()),
        ({"seen": ""}, set()),
        ({"seen": base64.b64encode(b"12345678abcdefgh").decode()}, {b"12345678", b"abcdefgh"}),
        ({"seen": base64.b64encode(b"12345678abc").decode()}, {b"12345678"}),
        ({"seen": "not base64!"}, set()),
        ({"seen": None}, set()),
    ],
)
def test_pictures_seen_in_training(data: dict[str, Any], seen: set[bytes]) -> None:
    assert replace(CARD, data=data).seen_in_training == seen
