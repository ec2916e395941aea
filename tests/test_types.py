"""The words of the field hold together: names that can be told apart, confidences that are some."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisight.errors import DecisightError, LabelError, UsageError
from decisight.imaging import printable
from decisight.types import (
    DEFAULT_FALLBACK,
    Answer,
    Decision,
    Event,
    EventChange,
    Frame,
    LabelConfidence,
    LabelGroup,
    ModelRef,
    Prediction,
    Reason,
    Runtime,
    Task,
    Verdict,
    check_fallback,
    is_label,
    resolve_thresholds,
)

HELMET = LabelGroup("helmet", ("yes", "no"))
VEST = LabelGroup("vest", ("yes", "no", "torn"))
TAGS = LabelGroup("tags", ("dirty",), "independent")
GEAR = Task((HELMET, VEST, TAGS))
SEEN = Prediction(GEAR, ((0.25, 0.75), (0.4, 0.2, 0.4), (0.125,)))
MODEL = ModelRef("gear", "sha256:00")


class TestLabelGroup:
    @pytest.mark.parametrize(
        ("name", "labels", "kind", "says"),
        [
            ("", ("a", "b"), "exclusive", "name that cannot be used: ''"),
            ("  ", ("a", "b"), "exclusive", "name that cannot be used"),
            ("caf\udce9", ("a", "b"), "exclusive", "name that cannot be used"),
            ("g", ("a", ""), "exclusive", "label that cannot be used: ''"),
            ("g", ("a", "-"), "exclusive", "label that cannot be used: '-'"),
            ("g", ("a", "b|c"), "exclusive", r"label that cannot be used: 'b\|c'"),
            ("g", ("a", " b"), "exclusive", "label that cannot be used: ' b'"),
            ("g", ("a", "b\n"), "exclusive", "label that cannot be used"),
            # what a terminal obeys, what turns the writing round
            ("g", ("a", "b\x1b[2Jc"), "exclusive", r"label that cannot be used: 'b\\x1b\[2Jc'"),
            ("g", ("a", "b\x7fc"), "exclusive", "label that cannot be used"),
            ("g", ("a", "b\u202ec"), "exclusive", "label that cannot be used"),
            ("g", ("a", "b\tc"), "exclusive", "label that cannot be used"),
            ("g\x1b[2J", ("a", "b"), "exclusive", r"name that cannot be used: 'g\\x1b\[2J'"),
            ("g\nh", ("a", "b"), "exclusive", "name that cannot be used"),
            ("gear:vest", ("a", "b"), "exclusive", "name that cannot be used: 'gear:vest'"),
            # a folder's name that is not UTF-8, as Python hands it over
            ("g", ("a", "caf\udce9"), "exclusive", r"label that cannot be used: 'caf\\udce9'"),
            ("g", ("a", "b", "a", "c", "c"), "exclusive", "stand twice: a, c"),
            ("g", ("a",), "exclusive", r"has 1 label\(s\): a"),
            ("g", (), "exclusive", r"has 0 label\(s\): none"),
            ("g", (), "independent", "at least 1"),
            ("g", ("a", "b"), "fuzzy", "exclusive or independent"),
        ],
    )
    def test_names_that_cannot_be(self, name: str, labels: tuple[str, ...], kind: str, says: str) -> None:
        with pytest.raises(LabelError) as caught:
            LabelGroup(name, labels, kind)  # type: ignore[arg-type]
        assert caught.match(says)

    def test_one_label_is_enough_where_any_number_holds(self) -> None:
        assert not TAGS.exclusive
        assert HELMET.exclusive

    def test_labels_may_be_in_any_script(self) -> None:
        LabelGroup("Größe", ("groß", "小さい", "très petit", "a:b", "-a"))

    def test_what_can_be_a_label_is_what_is_shown_as_it_is(self) -> None:
        for character in map(chr, range(0x10000)):
            assert is_label(f"a{character}b") == (printable(character) == character and character != "|"), character

    def test_values_cannot_be_changed(self) -> None:
        with pytest.raises(dataclasses.FrozenInstanceError):
            HELMET.name = "other"  # type: ignore[misc]


class TestTask:
    @pytest.mark.parametrize(
        ("groups", "kind"),
        [
            ((HELMET,), "binary"),
            ((VEST,), "multi-class"),
            ((TAGS,), "multi-label"),
            ((HELMET, VEST), "multi-label"),
        ],
    )
    def test_kind(self, groups: tuple[LabelGroup, ...], kind: str) -> None:
        assert Task(groups).kind == kind

    @pytest.mark.parametrize("groups", [(), (HELMET, HELMET), (HELMET, VEST, LabelGroup("helmet", ("a", "b")))])
    def test_groups_that_cannot_be(self, groups: tuple[LabelGroup, ...]) -> None:
        with pytest.raises(LabelError):
            Task(groups)

    def test_a_group_by_its_name(self) -> None:
        assert GEAR.group("vest") is VEST
        with pytest.raises(LabelError, match="no label group 'boots'") as caught:
            GEAR.group("boots")
        assert "helmet, vest, tags" in str(caught.value)

    @pytest.mark.parametrize(
        ("name", "found"),
        [
            ("torn", (VEST, "torn")),
            ("vest:torn", (VEST, "torn")),
            ("vest:no", (VEST, "no")),
            ("dirty", (TAGS, "dirty")),
        ],
    )
    def test_a_label_by_its_name(self, name: str, found: tuple[LabelGroup, str]) -> None:
        assert GEAR.find(name) == found

    def test_a_group_and_its_label_come_before_a_label_with_a_colon(self) -> None:
        one, other = LabelGroup("a", ("x", "a:x")), LabelGroup("b", ("a:x", "z"))
        task = Task((other, one))
        assert task.find("a:x") == (one, "x")
        assert task.find("a:a:x") == (one, "a:x")
        assert task.find("b:a:x") == (other, "a:x")

    def test_every_label_is_found_by_its_full_name(self) -> None:
        names = ("a", "b", "a:b", "b:a", "a:a:b", ":", ":a", "a:")
        task = Task(tuple(LabelGroup(name, names) for name in ("a", "b")))
        for group in task.groups:
            assert [task.find(f"{group.name}:{label}") for label in names] == [(group, label) for label in names]

    def test_a_label_of_two_groups_says_how_to_name_it(self) -> None:
        with pytest.raises(LabelError, match="stands in 2 groups") as caught:
            GEAR.find("yes")
        assert "helmet:yes, vest:yes" in str(caught.value)

    @pytest.mark.parametrize("name", ["", "Torn", "helmet:torn", "vest", ":torn", "vest:"])
    def test_a_label_that_is_not_there(self, name: str) -> None:
        with pytest.raises(LabelError, match="no label") as caught:
            GEAR.find(name)
        assert "the labels are: yes, no, yes, no, torn, dirty" in str(caught.value)

    @pytest.mark.parametrize(
        ("name", "meant"),
        [
            ("Torn", "'torn'"),
            ("dirtty", "'dirty'"),
            ("helmet:torn", "'vest:torn'"),
            ("vset:torn", "'vest:torn'"),
        ],
    )
    def test_what_was_probably_meant(self, name: str, meant: str) -> None:
        with pytest.raises(LabelError) as caught:
            GEAR.find(name)
        suggested, _, _ = str(caught.value.hint).partition("? the labels are: ")
        assert suggested.startswith("did you mean ")
        assert meant in suggested

    def test_of_many_labels_a_few_are_named(self) -> None:
        task = Task((LabelGroup("class", tuple(f"kind {at}" for at in range(1000))),))
        with pytest.raises(LabelError) as caught:
            task.find("zebra")
        assert str(caught.value.hint).endswith("kind 18, kind 19, ... and 980 more")
        with pytest.raises(LabelError) as caught:
            task.find("kimd 777")
        assert str(caught.value.hint).startswith("did you mean 'kind 777' or ")
        assert len(str(caught.value.hint)) < 350


class TestSettings:
    def test_thresholds_by_group_and_label(self) -> None:
        assert resolve_thresholds(GEAR, {"torn": 0.5, "helmet:yes": 1}) == {"vest:torn": 0.5, "helmet:yes": 1}
        assert resolve_thresholds(GEAR, {}) == {}

    @pytest.mark.parametrize(
        ("thresholds", "error", "says"),
        [
            ({"yes": 0.5}, LabelError, "stands in 2 groups"),
            ({"boots": 0.5}, LabelError, "no label 'boots'"),
            ({"torn": 1.01}, UsageError, "'torn' is 1.01, which is not between 0 and 1"),
            ({"torn": math.nan}, UsageError, "not between 0 and 1"),
            ({"torn": 0.5, "vest:torn": 0.5}, UsageError, "two thresholds"),
        ],
    )
    def test_thresholds_that_cannot_be(
        self, thresholds: dict[str, float], error: type[DecisightError], says: str
    ) -> None:
        with pytest.raises(error, match=says) as caught:
            resolve_thresholds(GEAR, thresholds)
        assert caught.value.hint

    @pytest.mark.parametrize("state", ["", " ", "\x1b[2J", "a\nb"])
    def test_fallbacks_that_cannot_be(self, state: str) -> None:
        check_fallback(DEFAULT_FALLBACK)
        with pytest.raises(UsageError, match="fall-back state") as caught:
            check_fallback(state)
        assert "\x1b" not in str(caught.value)


class TestPrediction:
    @pytest.mark.parametrize(
        "confidences",
        [
            (),
            ((0.5, 0.5), (0.5, 0.5), (0.5,)),
            ((0.5, 0.5), (0.25, 0.5, 0.25)),
            ((0.5, 0.5), (0.25, 0.5, 0.25), (0.5, 0.5)),
        ],
    )
    def test_others_than_the_task_has(self, confidences: tuple[tuple[float, ...], ...]) -> None:
        with pytest.raises(ValueError, match=r"expected \[2, 3, 1\] confidences a group, got"):
            Prediction(GEAR, confidences)

    @pytest.mark.parametrize("value", [math.nan, math.inf, -0.01, 1.000001])
    def test_what_is_no_confidence(self, value: float) -> None:
        with pytest.raises(ValueError, match=r"0\.\.1"):
            Prediction(Task((TAGS,)), ((value,),))

    def test_results_are_by_group_and_by_confidence(self) -> None:
        assert [(r.group, r.label, r.confidence) for r in SEEN.results()] == [
            ("helmet", "no", 0.75),
            ("helmet", "yes", 0.25),
            # of two that tie, the first in the model's order
            ("vest", "yes", 0.4),
            ("vest", "torn", 0.4),
            ("vest", "no", 0.2),
            ("tags", "dirty", 0.125),
        ]
        assert [r.label for r in SEEN.results("vest")] == ["yes", "torn", "no"]

    def test_the_top_label(self) -> None:
        assert SEEN.top() == LabelConfidence("helmet", "no", 0.75)
        assert SEEN.top("vest") == LabelConfidence("vest", "yes", 0.4)

    @pytest.mark.parametrize("name", ["boots", ""])
    def test_of_a_group_that_is_not_there(self, name: str) -> None:
        with pytest.raises(LabelError, match="no label group"):
            SEEN.top(name)
        with pytest.raises(LabelError, match="no label group"):
            SEEN.results(name)

    def test_the_confidence_of_a_label(self) -> None:
        assert SEEN.confidence("torn") == 0.4
        assert SEEN.confidence("helmet:yes") == 0.25
        with pytest.raises(LabelError):
            SEEN.confidence("yes")

    @given(st.lists(st.floats(0, 1), min_size=3, max_size=3))
    def test_results_are_the_confidences_in_falling_order(self, row: list[float]) -> None:
        prediction = Prediction(Task((VEST,)), (tuple(row),))
        found = [r.confidence for r in prediction.results()]
        assert found == sorted(row, reverse=True)
        assert prediction.top().confidence == max(row)
        assert {r.label: r.confidence for r in prediction.results()} == dict(zip(VEST.labels, row, strict=True))


class TestJson:
    def test_one_group(self) -> None:
        task = Task((LabelGroup("class", ("no_frog", "frog")),))
        prediction = Prediction(task, ((0.158618281234, 0.841381718766),))
        decision = Decision("class", "frog", 0.841381718766, Reason.ACCEPTED)
        assert Answer("a.jpg", ModelRef("frogs", "sha256:1f"), prediction, (decision,)).to_json() == {
            "image": "a.jpg",
            "model": {"name": "frogs", "digest": "sha256:1f"},
            "classifierResults": [
                {"label": "frog", "confidence": 0.84138172},
                {"label": "no_frog", "confidence": 0.15861828},
            ],
            "decision": {"state": "frog", "confidence": 0.84138172, "reason": "accepted"},
        }

    def test_several_groups(self) -> None:
        decisions = (
            Decision("helmet", "unknown", 0.75, Reason.BELOW_THRESHOLD),
            Decision("vest", "yes", 0.4, Reason.ACCEPTED),
            Decision("tags", (), 0.875, Reason.ACCEPTED),
        )
        answer = Answer("a.jpg", MODEL, SEEN, decisions).to_json()
        assert "decision" not in answer
        assert answer["decisions"] == {
            "helmet": {"state": "unknown", "confidence": 0.75, "reason": "below_threshold"},
            "vest": {"state": "yes", "confidence": 0.4, "reason": "accepted"},
            "tags": {"state": [], "confidence": 0.875, "reason": "accepted"},
        }
        assert answer["classifierResults"][0] == {"group": "helmet", "label": "no", "confidence": 0.75}
        assert len(answer["classifierResults"]) == 6

    def test_a_picture_that_could_not_be_read(self) -> None:
        assert Answer("a.jpg", MODEL, error="is empty").to_json() == {"image": "a.jpg", "error": "is empty"}

    @pytest.mark.parametrize("region", [None, "bay"])
    @pytest.mark.parametrize("runtime", [None, Runtime("onnxruntime", "1.20", "CPUExecutionProvider")])
    @given(st.lists(st.floats(0, 1), min_size=6, max_size=6), st.sampled_from(["a.jpg", 'b "c"\\é.jpg', "\u2028"]))
    def test_the_text_says_the_same(
        self, runtime: Runtime | None, region: str | None, values: list[float], name: str
    ) -> None:
        decision = Decision("tags", ("dirty",), values[0], Reason.ACCEPTED)
        prediction = Prediction(SEEN.task, (tuple(values[:2]), tuple(values[2:5]), tuple(values[5:])))
        for decisions in ((decision,), (decision, decision), ()):
            answer = Answer(name, replace(MODEL, runtime=runtime), prediction, decisions, region=region)
            text = answer.to_text()
            assert json.loads(text) == answer.to_json()
            assert "\n" not in text
            assert list(json.loads(text)) == list(answer.to_json())
        # A group alone does not name itself.
        alone = Prediction(Task((VEST,)), (tuple(values[:3]),))
        assert json.loads(alone.to_text()) == alone.to_json()
        unread = Answer(name, MODEL, error="is empty", region=region)
        assert json.loads(unread.to_text()) == unread.to_json()

    def test_the_runtime_is_named_where_it_is_known(self) -> None:
        model = replace(MODEL, runtime=Runtime("openvino", "2026.1", "CPU", "bf16"))
        answer = Answer("a.jpg", model, SEEN).to_json()
        assert answer["runtime"] == {"name": "openvino", "version": "2026.1", "precision": "bf16"}

    def test_it_is_json(self) -> None:
        decision = Decision("tags", ("dirty",), 1 / 3, Reason.ACCEPTED)
        text = json.dumps(Answer("a.jpg", MODEL, SEEN, (decision,)).to_json(), allow_nan=False)
        assert json.loads(text)["decision"]["state"] == ["dirty"]


class TestFrame:
    PIXELS = np.zeros((2, 3, 3), np.uint8)

    def test_a_picture_or_the_cause_why_there_is_none(self) -> None:
        assert Frame("a.jpg", 1.5, self.PIXELS).cause is None
        assert Frame("a.jpg", -1.5, None, cause="is truncated", position=[7]).pixels is None
        for pixels, cause in ((None, None), (self.PIXELS, "is truncated")):
            with pytest.raises(ValueError, match=r"a frame has pixels, or a cause why it has none: a\.jpg"):
                Frame("a.jpg", 1.5, pixels, cause=cause)

    @pytest.mark.parametrize("time", [math.nan, math.inf, -math.inf])
    def test_times_that_cannot_be(self, time: float) -> None:
        with pytest.raises(ValueError, match="time must be finite"):
            Frame("a.jpg", time, self.PIXELS)

    def test_frames_are_compared_by_what_they_are_not_by_their_pixels(self) -> None:
        one = Frame("a.jpg", 1.5, self.PIXELS)
        assert one != Frame("a.jpg", 1.5, self.PIXELS)
        assert one in [one]

    def test_a_verdict_is_that_a_picture_cannot_be_judged_unless_it_says_otherwise(self) -> None:
        assert not Verdict("too dark").unchanged
        assert Verdict("too dark") == Verdict("too dark") != Verdict("too dark", unchanged=True)


OPENED = Event("0f" * 16, "plant", "gate-1", None, "gear", "vest", "worn", 1.5, None, 0.0, 0.9, 0.9, 1, "3 of 5")
EVENTS = st.builds(
    Event,
    *[st.text(max_size=5)] * 3,
    st.none() | st.text(max_size=5),
    *[st.text(max_size=5)] * 3,
    st.floats(-1e12, 1e12),
    st.none() | st.floats(-1e12, 1e12),
    st.floats(0, 1e12),
    st.floats(0, 1),
    st.floats(0, 1),
    st.integers(1, 10**9),
    st.text(max_size=5),
    st.none() | st.text(max_size=5),
)


class TestEvent:
    def test_it_is_open_until_it_ends(self) -> None:
        assert OPENED.is_open
        assert not replace(OPENED, end_time=0.0).is_open

    @given(EVENTS)
    def test_what_is_stored_is_the_same_again(self, event: Event) -> None:
        assert Event.from_stored(json.loads(json.dumps(event.to_stored()))) == event

    @pytest.mark.parametrize("values", [{}, {"event_id": "a"}, {**OPENED.to_stored(), "colour": 1}])
    def test_what_was_not_stored_of_one(self, values: dict[str, object]) -> None:
        with pytest.raises(ValueError, match="this was not stored of an event"):
            Event.from_stored(values)

    def test_as_people_read_it(self) -> None:
        closed = replace(OPENED, end_time=1_767_225_600.25, duration=2.00049, least_confidence=1 / 3, ended_by="empty")
        change = EventChange("closed", closed)
        assert change.key == f"{'0f' * 16}:closed"
        assert change.to_json() == {
            "change": "closed",
            "event_id": "0f" * 16,
            "site": "plant",
            "camera": "gate-1",
            "region": None,
            "model": "gear",
            "group": "vest",
            "state": "worn",
            "start_time": "1970-01-01T00:00:01.500Z",
            "end_time": "2026-01-01T00:00:00.250Z",
            "duration": 2.0,
            "confidence": 0.9,
            "least_confidence": 0.33333333,
            "readings": 1,
            "why": "3 of 5",
            "ended_by": "empty",
        }
        assert OPENED.to_json()["end_time"] is None

    @given(EVENTS)
    def test_it_is_json_whenever_it_was(self, event: Event) -> None:
        for change in (EventChange("opened", event), EventChange("closed", event)):
            assert json.loads(json.dumps(change.to_json(), allow_nan=False)) == change.to_json()
