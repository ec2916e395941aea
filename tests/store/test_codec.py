"""Records hold readings, ticks and decisions to the bit, in few bytes; and nothing else passes for them."""

from __future__ import annotations

import contextlib
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisight.errors import StoreError
from decisight.policies import POLICIES
from decisight.policies.task_fold import TaskFold
from decisight.store import Codec, RecordKind
from decisight.store.codec import read_cause, read_skipped
from decisight.types import Decision, Held, LabelGroup, Prediction, Reading, Reason, Task, Tick

THREE = Task((LabelGroup("class", ("a", "b", "c")),))

names = st.text("abcdé日", min_size=1, max_size=3)
label_sets = st.lists(names, min_size=2, max_size=5, unique=True).map(tuple)
groups = st.builds(LabelGroup, names, label_sets, st.sampled_from(["exclusive", "independent"]))
tasks = st.lists(groups, min_size=1, max_size=3, unique_by=lambda group: group.name).map(lambda g: Task(tuple(g)))
shares = st.floats(0.0, 1.0) | st.sampled_from([-0.0, 5e-324, 0.1 + 0.2])
numbers = st.floats() | st.integers(0, 256).map(float) | st.just(-0.0)
times = st.floats(allow_nan=False, allow_infinity=False) | st.just(-0.0)


@st.composite
def decisions(draw: st.DrawFn, task: Task, fallback: str) -> Decision:
    group = draw(st.sampled_from(task.groups))
    some = st.lists(st.sampled_from(group.labels), unique=True).map(tuple)
    state: Any = draw(st.sampled_from([*group.labels, fallback, "neither"]) | some)
    return Decision(
        group.name,
        state,
        draw(numbers),
        draw(st.sampled_from(Reason)),
        draw(st.none() | st.sampled_from(Held)),
        draw(some),
        draw(st.lists(numbers, max_size=5).map(tuple)),
    )


@st.composite
def cases(draw: st.DrawFn) -> tuple[Codec, Reading | Tick, tuple[Decision, ...], bool]:
    task = draw(tasks)
    # A fall-back that is called as a label is must be told apart.
    fallback = draw(st.sampled_from(["unknown", task.groups[0].labels[0]]))
    codec = Codec(task, draw(st.sampled_from([{}, {group.name: fallback for group in task.groups}])))
    made = tuple(draw(st.lists(decisions(task, fallback), max_size=4)))
    kind = draw(st.sampled_from(["judged", "repeated", "unjudged", "tick"]))
    time, quality = draw(times), draw(shares)
    if kind == "tick":
        return codec, Tick(time), made, False
    if kind == "unjudged":
        return codec, Reading(None, time, quality, draw(st.text(st.characters(), max_size=20))), made, False
    rows = tuple(tuple(draw(shares) for _ in group.labels) for group in task.groups)
    familiarity = draw(st.none() | shares)
    return codec, Reading(Prediction(task, rows, familiarity), time, quality), made, kind == "repeated"


@given(case=cases(), view_id=st.integers(1, 9))
def test_what_was_written_is_read_to_the_bit(case: Any, view_id: int) -> None:
    codec, item, made, again = case
    record = codec.record(view_id, item, made, repeated=again)
    assert record.view_id == view_id
    last = item.prediction if again else None
    # The database keeps the time, but for the sign of zero.
    assert repr(codec.read(record.kind, record.time + 0.0, record.data, last)) == repr((item, made))


@given(case=cases(), data=st.data())
def test_damage_is_an_error_and_never_a_crash(case: Any, data: st.DataObject) -> None:
    codec, item, made, again = case
    record = codec.record(1, item, made, repeated=again)
    last = item.prediction if again else None
    for cut in range(len(record.data)):
        with pytest.raises(StoreError, match="a record cannot be read"):
            codec.read(record.kind, record.time, record.data[:cut], last)
    with pytest.raises(StoreError, match="there is more in it"):
        codec.read(record.kind, record.time, record.data + b"\0", last)
    altered = bytearray(record.data)
    altered[data.draw(st.integers(0, len(altered) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(StoreError):
        codec.read(record.kind, record.time, bytes(altered), last)


def test_a_record_without_a_familiarity_is_what_it_always_was() -> None:
    """As it was written before there could be one; with a quality, and three pictures passed over."""
    task = Task((LabelGroup("class", ("a", "b")),))
    item = Reading(Prediction(task, ((0.75, 0.25),)), 1.0, 0.5)
    made = (Decision("class", "a", 0.75, Reason.ACCEPTED, Held.TICK, scores=(2.0, 0.0)),)
    codec = Codec(task, {"class": "unknown"})
    old = bytes.fromhex("010503000000000000e03f000000000000e83f000000000000d03f0100400500000000000000e83f020200")
    record = codec.record(1, item, made, skipped=3)
    assert record.data == old
    assert codec.read(record.kind, 1.0, old) == (item, made)
    with_it = codec.record(1, replace(item, prediction=Prediction(task, ((0.75, 0.25),), 0.1)), made, skipped=3)
    assert len(with_it.data) == len(old) + 8
    # An older Decisight would take the familiarity for the first confidence: it refuses the version.
    assert (old[0], with_it.data[0], codec.record(1, Tick(1.0), made).data[0]) == (1, 2, 1)
    assert codec.read(with_it.kind, 1.0, with_it.data)[0].prediction.familiarity == 0.1


def test_what_repeats_a_reading_has_its_familiarity() -> None:
    codec = Codec(THREE, {"class": "unknown"})
    first = Reading(Prediction(THREE, ((0.5, 0.25, 0.25),), 0.1 + 0.2), 1.0)
    record = codec.record(1, first, ())
    again = codec.record(1, replace(first, time=2.0), (), repeated=True)
    assert len(again.data) == 3
    assert codec.read(again.kind, 2.0, again.data, codec.prediction(record.data))[0] == replace(first, time=2.0)


def test_what_a_newer_version_says_is_not_passed_over() -> None:
    codec = Codec(THREE, {"class": "unknown"})
    record = codec.record(1, Tick(1.0), ())
    for version, bit in [(1, 0x08), *((version, bit) for version in (1, 2) for bit in (0x10, 0x20, 0x40, 0x80))]:
        with pytest.raises(StoreError, match="it says what its version does not know") as caught:
            codec.read(record.kind, 1.0, bytes((version, bit)) + record.data[2:])
        assert "newer Decisight" in (caught.value.hint or "")


def test_all_reasons_are_known() -> None:
    # One that is new must get a number in the codec, after the others.
    codec = Codec(THREE, {})
    for reason in Reason:
        for held in (None, *Held):
            made = (Decision("class", "a", 0.5, reason, held),)
            record = codec.record(1, Tick(1.0), made)
            assert codec.read(record.kind, 1.0, record.data)[1] == made


@pytest.mark.parametrize(
    ("state", "reason", "fallback", "size"),
    [
        ("a", Reason.ACCEPTED, "unknown", 15),  # a label: its index
        ("unknown", Reason.ABSTAINED, "unknown", 14),  # the fall-back: nothing
        ("a", Reason.ABSTAINED, "a", 14),  # the fall-back, though it is called as a label
        ("a", Reason.ACCEPTED, "a", 15),  # the label that the fall-back is called as
        ("a", Reason.ABSTAINED, "unknown", 15),  # a label that was not accepted: as it is
        ("other", Reason.ABSTAINED, "unknown", 20),  # neither: in words
    ],
)
def test_the_fall_back_is_told_from_a_label(state: str, reason: Reason, fallback: str, size: int) -> None:
    codec = Codec(THREE, {"class": fallback})
    made = (Decision("class", state, 0.5, reason),)
    record = codec.record(1, Tick(1.0), made)
    assert len(record.data) == size
    assert codec.read(record.kind, 1.0, record.data)[1] == made


def test_another_fall_back_gives_another_state_only_where_it_was_the_fall_back() -> None:
    made = (Decision("class", "a", 0.5, Reason.ABSTAINED), Decision("class", "a", 0.5, Reason.ACCEPTED))
    record = Codec(THREE, {"class": "a"}).record(1, Tick(1.0), made)
    read = Codec(THREE, {"class": "ask"}).read(record.kind, 1.0, record.data)[1]
    assert [decision.state for decision in read] == ["ask", "a"]


def test_a_thousand_labels() -> None:
    labels = tuple(f"label {at}" for at in range(1000))
    task = Task((LabelGroup("things", labels, "independent"), LabelGroup("class", labels)))
    codec = Codec(task, {"class": "unknown"})
    item = Reading(Prediction(task, (tuple(at / 1000 for at in range(1000)), (0.001,) * 1000)), 1.0)
    made = (
        Decision("things", labels[::3], 0.1, Reason.ACCEPTED, None, labels[1::3], tuple(at / 7 for at in range(1000))),
        Decision("class", labels[999], 0.001, Reason.ACCEPTED, None, (), (0.0,) * 999 + (5.0,)),
    )
    record = codec.record(1, item, made)
    assert codec.read(record.kind, 1.0, record.data) == (item, made)
    # Confidences and evidence are exact numbers; votes and labels are small.
    assert len(record.data) < 16_000 + 8_000 + 1_000 + 1_400


@pytest.mark.parametrize("name", POLICIES.names())
@pytest.mark.parametrize("kind", ["exclusive", "independent"])
def test_what_every_policy_decides(name: str, kind: Any) -> None:
    task = Task((LabelGroup("class", ("a", "b", "c"), kind),))
    policy = POLICIES.build(name, {"fallback": "ask"})
    codec = Codec(task, {"class": "ask"})
    rows = [(0.9, 0.05, 0.05), (0.1, 0.8, 0.1), (1 / 3, 1 / 3, 1 / 3)]
    items: list[Reading | Tick] = []
    for at in range(40):
        if at % 7 == 3:
            items.append(Tick(at / 10))
        elif at % 11 == 5:
            items.append(Reading(None, at / 10, cause="too dark"))
        else:
            items.append(Reading(Prediction(task, (rows[at // 6 % 3],)), at / 10))
    seen = set()
    for item, (_, made) in zip(items, TaskFold.of({"class": policy}, task).run(items), strict=True):
        record = codec.record(1, item, made)
        assert repr(codec.read(record.kind, record.time, record.data)) == repr((item, made))
        seen.add((made[0].state, made[0].reason))
    assert len(seen) > 1


@pytest.mark.parametrize(
    ("item", "made", "message"),
    [
        (Reading(None, None, cause="dark"), (), "without a time"),
        (Reading(Prediction(Task((LabelGroup("class", ("a", "b")),)), ((0.5, 0.5),)), 1.0), (), "of another task"),
        (Tick(1.0), (Decision("colour", "a", 0.5, Reason.ACCEPTED),), "'colour'"),
        (Tick(1.0), (Decision("class", ("a", "x"), 0.5, Reason.ACCEPTED),), "'x'"),
        (Tick(1.0), (Decision("class", "a", 0.5, Reason.ACCEPTED, None, ("x",)),), "'x'"),
    ],
)
def test_what_is_not_of_this_view_is_refused(item: Any, made: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Codec(THREE, {"class": "unknown"}).record(1, item, made)


def test_what_cannot_be_read() -> None:
    codec = Codec(THREE, {"class": "unknown"})
    judged = Reading(Prediction(THREE, ((0.5, 0.25, 0.25),)), 1.0)
    again = codec.record(1, judged, (), repeated=True)
    assert again.kind is RecordKind.REPEATED
    with pytest.raises(StoreError, match="the reading that it repeats is not there"):
        codec.read(again.kind, 1.0, again.data)
    with pytest.raises(StoreError, match="it is of version 3"):
        codec.read(again.kind, 1.0, b"\3" + again.data[1:], judged.prediction)
    with pytest.raises(StoreError, match="it is no reading but STATE"):
        codec.read(RecordKind.STATE, 1.0, again.data)
    with pytest.raises(StoreError, match="99 is not a valid RecordKind"):
        codec.read(99, 1.0, again.data)
    unsure = codec.record(1, Tick(1.0), (Decision("class", "unknown", 0.5, Reason.ABSTAINED),))
    with pytest.raises(StoreError, match="the fall-back of group 'class' is not known"):
        Codec(THREE, {}).read(unsure.kind, 1.0, unsure.data)


def test_the_cause_is_read_without_a_view() -> None:
    codec = Codec(THREE, {})
    for quality in (1.0, 0.25):
        assert read_cause(codec.record(1, Reading(None, 1.0, quality, "too dark"), ()).data) == "too dark"
    for damaged in (b"", b"\1", b"\3\0\0", b"\1\1\0", b"\1\0\5abc"):
        with pytest.raises(StoreError, match="a record cannot be read"):
            read_cause(damaged)


def test_the_sign_of_a_zero_time_is_kept() -> None:
    codec = Codec(THREE, {})
    record = codec.record(1, Tick(-0.0), ())
    item, _ = codec.read(record.kind, 0.0, record.data)
    assert item.time is not None
    assert math.copysign(1.0, item.time) == -1.0


@given(case=cases(), skipped=st.integers(0, 2**40))
def test_how_many_pictures_were_passed_over(case: Any, skipped: int) -> None:
    codec, item, made, repeated = case
    plain = codec.record(1, item, made, repeated=repeated)
    record = codec.record(1, item, made, repeated=repeated, skipped=skipped)
    assert read_skipped(record.data) == skipped
    assert read_skipped(plain.data) == 0
    # It says nothing of the rest, and takes no room where there were none.
    last = item.prediction if repeated else None
    assert repr(codec.read(record.kind, record.time + 0.0, record.data, last)) == repr((item, made))
    assert (record.data == plain.data) == (skipped == 0)
    if record.kind is RecordKind.UNJUDGED:
        assert read_cause(record.data) == item.cause


@pytest.mark.parametrize("data", [b"", b"\x01", b"\3\0", b"\x01\x04", b"\x01\x04\x80"])
def test_a_number_of_pictures_that_cannot_be_read(data: bytes) -> None:
    with pytest.raises(StoreError, match="a record cannot be read"):
        read_skipped(data)


def test_a_number_of_pictures_is_not_negative() -> None:
    with pytest.raises(ValueError, match="must be 0 or more"):
        Codec(THREE, {}).record(1, Tick(0.0), (), skipped=-1)
