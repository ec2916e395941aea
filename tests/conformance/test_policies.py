"""What every policy must keep to, whatever it counts: run over all that are registered, and over the one in the docs.

A new policy is covered by being registered. ``VARIANTS`` holds settings of its own that are worth trying besides.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from decisight.errors import LabelError, UsageError
from decisight.policies import POLICIES
from decisight.policies.identity import policy_digest
from decisight.protocols import Fold, Policy
from decisight.types import Decision, Held, LabelGroup, Prediction, Reading, Reason, Task, Tick

LABELS = ("frog", "toad", "newt")
FROGS = Task((LabelGroup("class", LABELS),))
GEAR = Task((LabelGroup("class", ("gloves", "mask"), "independent"),))
TASKS = {"exclusive": FROGS, "independent": GEAR}
FALLBACK = "ask"

COMMON: tuple[dict[str, Any], ...] = (
    {},
    {"thresholds": {0: 0.75, 1: 0.5}},
    {"thresholds": {0: 0.75}, "default_threshold": 0.625, "leave_thresholds": {0: 0.25}},
    {"min_dwell": 3},
    {"gap_tolerance": 2},
    {"gap_tolerance": "250ms", "thresholds": {0: 0.75, 1: 0.5}, "leave_thresholds": {0: 0.25}, "stale_after": "1s"},
    {"min_dwell": "250ms", "gap_tolerance": "500ms"},
    {"stale_after": "1s"},
    {"min_dwell": 2, "gap_tolerance": 1, "stale_after": "2s", "thresholds": {1: 0.75}},
    {"min_familiarity": 0.25, "min_dwell": 2, "gap_tolerance": "250ms", "stale_after": "1s", "thresholds": {0: 0.75}},
)
"""Settings tried on every policy that has them; labels by their place, since tasks differ."""

VARIANTS: dict[str, tuple[dict[str, Any], ...]] = {
    "majority_vote": ({"required": 1, "window": 1}, {"required": 2, "window": 4}, {"required": 2, "window": "500ms"}),
    "weighted_average": (
        {"window": 4, "required": 2, "half_life": None},
        {"window": "500ms", "half_life": "250ms", "required": 2},
        {"window": 3, "weights": (0.0, 1.0, 2.0), "by_quality": True},
    ),
    "consecutive": ({"required": 1}, {"required": 2}, {"required": "250ms"}),
    "least_cost": ({"review": 0.25}, {"default_cost": 2.0, "review": 0.5}, {"review": 0.0, "min_dwell": 2}),
    "sequential_test": (
        {"error_rate": 0.2, "correlation": 0.0},
        {"error_rates": {0: 0.05, 1: 0.3}, "inertia": 0.0},
        {"decorrelation_time": "250ms", "inertia": 1.0, "error_rate": 0.1},
    ),
}

WITHOUT_ORDER = {
    "majority_vote": {"required": 3, "window": 5},
    "weighted_average": {"window": 5, "half_life": None},
}
"""Policies that ask what was said in a window, and not in which order; with a window of five."""


def example_of_the_docs() -> type[Any]:
    """The class in the section "A policy of your own"."""
    page = Path(__file__).resolve().parents[2].joinpath("docs/extending.md").read_text("utf-8")
    section = page.partition("## A policy of your own\n")[2]
    (block, *_) = re.findall(r"^```python\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
    names: dict[str, Any] = {"__name__": "docs.extending"}
    exec(compile(block, "docs/extending.md", "exec", dont_inherit=True), names)  # noqa: S102  our own page
    found: type[Any] = next(
        v for v in names.values() if getattr(v, "__module__", "") == "docs.extending" and "fold" in dir(v)
    )
    return found


PARTS: dict[str, Callable[..., Any]] = {
    **{name: POLICIES.factory(name) for name in POLICIES.names()},
    "docs/extending.md": example_of_the_docs(),
}
every_policy = pytest.mark.parametrize("name", list(PARTS))
every_task = pytest.mark.parametrize("kind", list(TASKS))
few = settings(max_examples=40, deadline=None)
more = settings(max_examples=120, deadline=None)


def has(name: str, given: Mapping[str, Any]) -> bool:
    return given.keys() <= {field.name for field in fields(PARTS[name])}


def named(given: Mapping[str, Any], labels: Sequence[str]) -> dict[str, Any]:
    """Settings with labels by their names, in place of places."""
    return {
        key: {labels[at]: number for at, number in value.items()} if isinstance(value, dict) else value
        for key, value in given.items()
    }


def policy(name: str, given: Mapping[str, Any], labels: Sequence[str] = LABELS) -> Policy:
    built: Policy = PARTS[name](**{"fallback": FALLBACK, **named(given, labels)})
    return built


def variants(name: str) -> list[dict[str, Any]]:
    return [given for given in (*COMMON, *VARIANTS.get(name, ())) if has(name, given)]


# --- sequences -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """A reading or a tick, and the eighths of a second since the one before: sums of them are exact."""

    row: tuple[float, ...] | None
    tick: bool = False
    eighths: int = 1
    quality: float = 1.0


def items(steps: Sequence[Step], task: Task, begin: float = 1000.0) -> list[Reading | Tick]:
    found: list[Reading | Tick] = []
    time = begin
    for step in steps:
        time += step.eighths / 8
        if step.tick:
            found.append(Tick(time))
        else:
            row = None if step.row is None else Prediction(task, (step.row[: len(task.groups[0].labels)],), 0.25)
            found.append(Reading(row, time, step.quality, "dark" if row is None else None))
    return found


# Few values, so that ties and thresholds are met exactly; and any.
coarse = st.sampled_from([(1.0, 0.0, 0.0), (0.75, 0.25, 0.0), (0.5, 0.5, 0.0), (0.25, 0.5, 0.25), (0.0, 0.25, 0.75)])
fine = st.tuples(*[st.floats(0.01, 1.0)] * 3).map(lambda row: tuple(value / sum(row) for value in row))
rows = st.one_of(coarse, coarse.map(lambda row: row[::-1]), fine)
judged_steps = st.builds(
    Step, rows, st.just(False), st.integers(0, 4), st.sampled_from([0.0, 0.5, 1.0])
)  # a reading that says something
steps = st.one_of(
    judged_steps,
    judged_steps,
    judged_steps,
    st.builds(Step, st.none(), st.booleans(), st.sampled_from([0, 1, 2, 4, 12])),
)
sequences = st.lists(steps, max_size=25)


def follow(fold: Fold, sequence: Sequence[Reading | Tick], state: Any = None) -> Iterator[tuple[Any, Decision]]:
    state = fold.initial() if state is None else state
    for item in sequence:
        state, decision = fold.step(state, item)
        yield state, decision


def decisions(fold: Fold, sequence: Sequence[Reading | Tick]) -> list[Decision]:
    return [decision for _, decision in follow(fold, sequence)]


def decided(decision: Decision, labels: Sequence[str]) -> set[tuple[str, bool]]:
    """The labels that a decision says something of, and what."""
    if isinstance(decision.state, str):
        return {(decision.state, True)} - {(FALLBACK, True)}
    return {(label, label in decision.state) for label in labels if label not in decision.undecided}


# --- a pure fold -----------------------------------------------------------------------------------------------------


@every_task
@every_policy
@few
@given(sequence=sequences, data=st.data())
def test_a_fold_is_pure_and_can_be_resumed_anywhere(
    name: str, kind: str, sequence: list[Step], data: st.DataObject
) -> None:
    task = TASKS[kind]
    labels = task.groups[0].labels
    given = data.draw(st.sampled_from(variants(name)))
    read = items(sequence, task)
    expected = [repr(decision) for decision in decisions(policy(name, given, labels).fold(task, "class"), read)]
    assert [repr(d) for d in decisions(policy(name, given, labels).fold(task, "class"), read)] == expected
    fold = policy(name, given, labels).fold(task, "class")
    stored = json.dumps(fold.initial(), allow_nan=False)
    for item, then in zip(read, expected, strict=True):
        state = json.loads(stored)
        after, decision = fold.step(state, item)
        assert repr(decision) == then
        assert json.dumps(state, allow_nan=False) == stored, "the given state was changed"
        stored = json.dumps(after, allow_nan=False)
        explained = fold.explain(json.loads(stored))
        assert explained == fold.explain(after)
        assert explained
        assert explained.isprintable()


@every_task
@every_policy
@few
@given(sequence=sequences, data=st.data())
def test_what_was_stored_is_decided_alike_to_the_bit(
    name: str, kind: str, sequence: list[Step], data: st.DataObject
) -> None:
    task = TASKS[kind]
    given = data.draw(st.sampled_from(variants(name)))
    fold = policy(name, given, task.groups[0].labels).fold(task, "class")
    read = items(sequence, task)
    stored = [json.dumps(item.to_stored(), allow_nan=False) for item in read]
    again = [type(item).from_stored(task, json.loads(text)) for item, text in zip(read, stored, strict=True)]
    assert again == read
    for one, other in zip(follow(fold, read), follow(fold, again), strict=True):
        assert repr(one) == repr(other)
        kept = json.dumps(one[1].to_stored(), allow_nan=False)
        assert repr(Decision.from_stored(task, json.loads(kept))) == repr(one[1])


@every_task
@every_policy
def test_a_rule_is_written_in_one_way(name: str, kind: str) -> None:
    """Its section makes the same rule again, and every other rule has another digest."""
    task = TASKS[kind]
    labels = task.groups[0].labels
    found = {}
    for chosen in [{}, *variants(name)]:
        rule = policy(name, chosen, labels)
        section = json.loads(json.dumps(rule.to_section(task), allow_nan=False))
        assert section["type"] == rule.name
        assert section["fallback"] == FALLBACK
        settings = {key: value for key, value in section.items() if key != "type"}
        again = PARTS[name](**settings)
        assert again.to_section(task) == section
        digest = policy_digest(rule, task, "class")
        assert policy_digest(again, task, "class") == digest
        found[digest] = section
    assert len(found) == len({json.dumps(section, sort_keys=True) for section in found.values()})
    if name in POLICIES.names():
        assert POLICIES.factory(rule.name) is PARTS[name]


# --- pictures that are not familiar enough ---------------------------------------------------------------------------


def as_unjudged(decision: Decision) -> Decision:
    """The same decision, had the unfamiliar pictures been such as cannot be judged."""
    reason = Reason.CANNOT_JUDGE if decision.reason is Reason.UNFAMILIAR else decision.reason
    held = Held.BLIND if decision.held is Held.UNFAMILIAR else decision.held
    return replace(decision, reason=reason, held=held)


@every_task
@every_policy
@few
@given(sequence=sequences, data=st.data())
def test_an_unfamiliar_picture_speaks_for_nothing_and_says_so(
    name: str, kind: str, sequence: list[Step], data: st.DataObject
) -> None:
    task = TASKS[kind]
    given = {**data.draw(st.sampled_from(variants(name))), "min_familiarity": 0.125}
    if not has(name, given):
        pytest.skip("it does not ask how familiar a picture is")
    fold = policy(name, given, task.groups[0].labels).fold(task, "class")
    strange, unjudged, is_strange = [], [], []
    for item in items(sequence, task):
        prediction = getattr(item, "prediction", None)
        how = data.draw(st.sampled_from([None, 0.0, 0.0625, 0.125, 1.0])) if prediction else None
        familiar = item if how is None else replace(item, prediction=replace(prediction, familiarity=how))
        is_strange.append(how is not None and how < 0.125)
        strange.append(familiar)
        unjudged.append(Reading(None, item.time, item.quality, "strange") if is_strange[-1] else familiar)
    last_was_strange = False
    state = fold.initial()
    for item, then, now in zip(strange, follow(fold, unjudged), is_strange, strict=True):
        state, decision = fold.step(json.loads(json.dumps(state)), item)
        assert repr(as_unjudged(decision)) == repr(then[1])
        last_was_strange = now if isinstance(item, Reading) else last_was_strange
        told = Reason.UNFAMILIAR in (decision.reason, decision.held)
        assert last_was_strange or not told
        assert ("familiarity" in fold.explain(state)) == last_was_strange
        if last_was_strange:
            assert decision.reason is not Reason.CANNOT_JUDGE
            assert decision.held is not Held.BLIND


@every_task
@every_policy
@few
@given(sequence=sequences, data=st.data())
def test_who_asks_for_no_familiarity_heeds_none(
    name: str, kind: str, sequence: list[Step], data: st.DataObject
) -> None:
    """State and all, so that what was stored before anybody could ask for one goes on."""
    task = TASKS[kind]
    given = {key: value for key, value in data.draw(st.sampled_from(variants(name))).items() if key[:5] != "min_f"}
    rule = policy(name, given, task.groups[0].labels)
    read = items(sequence, task)
    without = [
        replace(item, prediction=replace(item.prediction, familiarity=None))
        if isinstance(item, Reading) and item.prediction
        else item
        for item in read
    ]
    fold = rule.fold(task, "class")
    for one, other in zip(follow(fold, read), follow(fold, without), strict=True):
        assert repr(one) == repr(other)
    assert "min_familiarity" not in rule.to_section(task)
    if has(name, {"min_familiarity": 0.0}):
        nothing = policy(name, {**given, "min_familiarity": 0.0}, task.groups[0].labels)
        assert policy_digest(nothing, task, "class") == policy_digest(rule, task, "class")


# --- what a decision is ----------------------------------------------------------------------------------------------


@every_task
@every_policy
@few
@given(sequence=sequences, data=st.data())
def test_a_decision_names_a_label_or_the_fallback_with_its_reason(
    name: str, kind: str, sequence: list[Step], data: st.DataObject
) -> None:
    task = TASKS[kind]
    labels = task.groups[0].labels
    given = data.draw(st.sampled_from(variants(name)))
    fold = policy(name, given, labels).fold(task, "class")
    judged = 0
    for item, decision in zip(items(sequence, task), decisions(fold, items(sequence, task)), strict=True):
        judged += isinstance(item, Reading) and item.prediction is not None
        assert decision.group == "class"
        assert 0.0 <= decision.confidence <= 1.0
        assert len(decision.scores) in (0, len(labels))
        assert (decision.reason is Reason.ACCEPTED) == (decision.state != FALLBACK)
        if decision.state != FALLBACK and kind == "exclusive":
            assert decision.state in labels
        elif decision.state != FALLBACK:
            assert list(decision.state) == [label for label in labels if label in decision.state]
            assert set(decision.undecided) < set(labels)
            assert not set(decision.undecided) & set(decision.state)
        if judged < fold.fewest:
            assert decision.state == FALLBACK
            assert decision.reason in (Reason.ABSTAINED, Reason.CANNOT_JUDGE)
        if not judged:
            assert decision.reason is Reason.CANNOT_JUDGE
        json.dumps(decision.to_json(), allow_nan=False)


@every_task
@every_policy
@few
@given(sequence=sequences, data=st.data())
def test_a_label_is_decided_only_where_it_was_seen(
    name: str, kind: str, sequence: list[Step], data: st.DataObject
) -> None:
    """In some reading it reached its threshold, and in some reading it was not behind, of each other label."""
    task = TASKS[kind]
    labels = task.groups[0].labels
    given = data.draw(st.sampled_from(variants(name)))
    fold = policy(name, given, labels).fold(task, "class")
    default = given.get("default_threshold", 0.0 if kind == "exclusive" else 0.5)
    bars = [given.get("thresholds", {}).get(at, default) for at in range(len(labels))]
    seen: list[tuple[float, ...]] = []
    read = items(sequence, task)
    for item, decision in zip(read, decisions(fold, read), strict=True):
        if isinstance(item, Reading) and item.prediction is not None:
            seen.append(item.prediction.confidences[0])
        for label, present in decided(decision, labels):
            at = labels.index(label)
            if present:
                assert any(row[at] >= bars[at] for row in seen)
            else:
                assert any(row[at] < bars[at] or row[at] <= 0.5 for row in seen)
            if kind == "exclusive":
                assert all(any(row[at] >= row[other] for row in seen) for other in range(len(labels)))


@every_task
@every_policy
@more
@given(burst=st.lists(st.one_of(rows, st.none()), min_size=1, max_size=8), later=sequences, data=st.data())
def test_ticks_alone_enter_no_label(
    name: str, kind: str, burst: list[tuple[float, ...] | None], later: list[Step], data: st.DataObject
) -> None:
    task = TASKS[kind]
    labels = task.groups[0].labels
    # Only a window in seconds changes by time alone: one reading after the other leaves it.
    in_seconds = [given for given in variants(name) if "s" in str(given.get("window"))]
    given = data.draw(st.sampled_from(in_seconds or variants(name)))
    read = items([*map(Step, burst), *[Step(None, tick=True)] * 5, *later], task)
    found = decisions(policy(name, given, labels).fold(task, "class"), read)
    for (before, after), item in zip(pairwise(found), read[1:], strict=True):
        if isinstance(item, Tick):
            assert decided(after, labels) <= decided(before, labels)


def in_seconds(value: Any) -> bool:
    return isinstance(value, str)


def by_readings_alone(given: Mapping[str, Any]) -> bool:
    """Whether ticks can make no difference at readings: see :class:`~decisight.policies.fold.Stability`."""
    dwell, gap = given.get("min_dwell", 0), given.get("gap_tolerance", 0)
    return not (in_seconds(given.get("window")) or in_seconds(dwell) or (dwell and in_seconds(gap)))


def with_ticks(read: Sequence[Reading | Tick], data: st.DataObject) -> list[Reading | Tick]:
    """The same, with ticks at moments between and at those of the readings, and after them."""
    found: list[Reading | Tick] = []
    for item, after in zip_longest(read, read[1:]):
        begin = item.time or 0.0
        end = begin + 3.0 if after is None else after.time or 0.0
        parts = data.draw(st.lists(st.integers(0, 4), max_size=3).map(sorted))
        found += [item, *(Tick(begin + (end - begin) * part / 4) for part in parts)]
    return found


@every_task
@every_policy
@more
@given(sequence=sequences, data=st.data())
def test_ticks_make_no_difference_at_a_reading(name: str, kind: str, sequence: list[Step], data: st.DataObject) -> None:
    task = TASKS[kind]
    given = data.draw(st.sampled_from([given for given in variants(name) if by_readings_alone(given)]))
    fold = policy(name, given, task.groups[0].labels).fold(task, "class")
    read = [item for item in items(sequence, task) if isinstance(item, Reading)]
    ticked = with_ticks(read, data)
    found = [d for d, item in zip(decisions(fold, ticked), ticked, strict=True) if isinstance(item, Reading)]
    assert [repr(d) for d in found] == [repr(d) for d in decisions(fold, read)]


@every_policy
@pytest.mark.parametrize("gap", [1, 2, "250ms", "1s"])
@few
@given(sequence=sequences, data=st.data())
def test_no_state_outlives_its_gap(name: str, gap: int | str, sequence: list[Step], data: st.DataObject) -> None:
    """It is no longer than that since a judged reading gave it, or since it was entered; however many ticks come."""
    given = {**data.draw(st.sampled_from(variants(name))), "gap_tolerance": gap}
    if not has(name, given):
        pytest.skip("it has no gap_tolerance")
    read = with_ticks([item for item in items(sequence, FROGS) if isinstance(item, Reading)], data)
    held, readings, last = FALLBACK, 0, (0, 0.0)
    for item, decision in zip(read, decisions(policy(name, given).fold(FROGS, "class"), read), strict=True):
        judged = isinstance(item, Reading) and item.prediction is not None
        readings += isinstance(item, Reading)
        # A run or a test that leans to another label still stands for the one that it decided.
        if decision.state != held or (judged and decision.held in (None, Held.EVIDENCE)):
            held, last = str(decision.state), (readings, item.time or 0.0)
        if decision.held is Held.GAP:
            images, seconds = readings - last[0], (item.time or 0.0) - last[1]
            assert images <= gap if isinstance(gap, int) else seconds <= {"250ms": 0.25, "1s": 1.0}[gap]


LONG_ENOUGH = 8
"""Seconds after which no window, dwell or gap and no staleness of any variant is still to come."""


@every_task
@every_policy
@more
@given(before=sequences, waits=st.lists(st.integers(1, 30), max_size=5), later=sequences, data=st.data())
def test_once_it_is_settled_time_alone_makes_no_difference(
    name: str, kind: str, before: list[Step], waits: list[int], later: list[Step], data: st.DataObject
) -> None:
    """Neither at once, nor to what is decided later."""
    task = TASKS[kind]
    given = data.draw(st.sampled_from(variants(name)))
    fold = policy(name, given, task.groups[0].labels).fold(task, "class")
    eighths = data.draw(st.integers(1, 8))
    read = items([*before, *[Step(None, tick=True, eighths=eighths)] * (1 + LONG_ENOUGH * 8 // eighths)], task)
    found = list(follow(fold, read))
    quiet = next((at for at in range(len(before), len(read)) if fold.settled(found[at][0])), None)
    assert quiet is not None, "it never settles"
    state, decision = found[quiet]
    assert fold.settled(json.loads(json.dumps(state)))
    assert {repr(decision) for _, decision in found[quiet:]} == {repr(decision)}
    begin = 1000.0 + sum(step.eighths for step in before) / 8 + 1000.0
    after = items(later, task, begin)
    waited = state
    for tick in items([Step(None, tick=True, eighths=wait) for wait in waits], task, read[quiet].time or 0.0):
        waited, still = fold.step(waited, tick)
        assert repr(still) == repr(decision)
        assert fold.settled(waited)
    expected = [repr(decision) for _, decision in follow(fold, after, state)]
    assert [repr(decision) for _, decision in follow(fold, after, waited)] == expected


# --- what must make no difference ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(WITHOUT_ORDER))
@few
@given(chosen=st.lists(judged_steps, min_size=5, max_size=5), data=st.data())
def test_the_order_of_a_full_window_makes_no_difference(name: str, chosen: list[Step], data: st.DataObject) -> None:
    fold = policy(name, WITHOUT_ORDER[name]).fold(FROGS, "class")
    shuffled = data.draw(st.permutations(chosen))
    expected = decisions(fold, items(chosen, FROGS))[-1]
    assert repr(decisions(fold, items(shuffled, FROGS))[-1]) == repr(expected)


@every_policy
@more
@given(
    sequence=st.lists(st.tuples(st.tuples(*[st.integers(1, 10**6)] * 3), st.integers(0, 9)), max_size=25),
    order=st.permutations(range(3)),
    data=st.data(),
)
def test_the_order_of_labels_makes_no_difference(
    name: str, sequence: list[tuple[tuple[int, ...], int]], order: list[int], data: st.DataObject
) -> None:
    given = data.draw(st.sampled_from([*VARIANTS.get(name, ()), *variants(name)]))
    turned = Task((LabelGroup("class", tuple(LABELS[at] for at in order)),))
    plain, other = [], []
    for counts, luck in sequence:
        assume(len(set(counts)) == 3)
        row = tuple(count / sum(counts) for count in counts)
        plain.append(Step(None if luck == 0 else row, eighths=luck % 4))
        other.append(Step(None if luck == 0 else tuple(row[at] for at in order), eighths=luck % 4))
    found = decisions(policy(name, given).fold(FROGS, "class"), items(plain, FROGS))
    mirrored = decisions(policy(name, given).fold(turned, "class"), items(other, turned))
    for one, same in zip(found, mirrored, strict=True):
        assert (one.state, one.reason, one.held) == (same.state, same.reason, same.held)
        assert one.confidence == pytest.approx(same.confidence, abs=1e-12)


@every_task
@every_policy
@few
@given(sequence=sequences.filter(len), back=st.integers(2, 10_000), data=st.data())
def test_a_clock_that_is_set_back_stops_no_time(
    name: str, kind: str, sequence: list[Step], back: int, data: st.DataObject
) -> None:
    """From then on it is as if the clock had gone on, but for the one step in which nobody knows how long it was.

    It is set back by more than any step lasts: one that leads over it would be taken for its being set right again.
    """
    task = TASKS[kind]
    labels = task.groups[0].labels
    given = data.draw(st.sampled_from(variants(name)))
    at = data.draw(st.integers(1, len(sequence)))
    paused = items(
        [*sequence[:at], *(Step(s.row, s.tick, s.eighths * (i > 0), s.quality) for i, s in enumerate(sequence[at:]))],
        task,
    )
    wound_back = [
        item
        if i < at
        else Tick(item.time - back)
        if isinstance(item, Tick)
        else Reading(item.prediction, (item.time or 0.0) - back, item.quality, item.cause)
        for i, item in enumerate(paused)
    ]
    fold = policy(name, given, labels).fold(task, "class")
    assert decisions(fold, wound_back) == decisions(fold, paused)


# --- what keeps a state ----------------------------------------------------------------------------------------------


@every_task
@every_policy
@few
@given(before=sequences, after=sequences, data=st.data())
def test_when_readings_are_stale_it_begins_anew(
    name: str, kind: str, before: list[Step], after: list[Step], data: st.DataObject
) -> None:
    task = TASKS[kind]
    labels = task.groups[0].labels
    given = {**data.draw(st.sampled_from(variants(name))), "stale_after": "5s"}
    if not has(name, given):
        pytest.skip("it has no stale_after")
    fold = policy(name, given, labels).fold(task, "class")
    read = items([*before, Step(None, tick=True, eighths=5 * 8 + 1), *after], task)
    *_, (state, found) = follow(fold, read[: len(before) + 1])
    assert (found.state, found.reason, found.confidence, found.held) == (FALLBACK, Reason.CANNOT_JUDGE, 0.0, None)
    rest = read[len(before) + 1 :]
    assert [decision for _, decision in follow(fold, rest, state)] == decisions(fold, rest)


@every_policy
@pytest.mark.parametrize("dwell", [1, 3, "250ms", "1s"])
@few
@given(sequence=sequences, data=st.data())
def test_a_state_is_kept_for_its_dwell(name: str, dwell: int | str, sequence: list[Step], data: st.DataObject) -> None:
    given = {**data.draw(st.sampled_from(variants(name))), "min_dwell": dwell}
    if not has(name, given):
        pytest.skip("it has no min_dwell")
    assume("stale_after" not in given)
    read = items(sequence, FROGS)
    entered: tuple[int, float] | None = None
    held, readings = FALLBACK, 0
    for item, decision in zip(read, decisions(policy(name, given).fold(FROGS, "class"), read), strict=True):
        readings += isinstance(item, Reading)
        if decision.state == held:
            continue
        if entered is not None:
            images, seconds = readings - entered[0], (item.time or 0.0) - entered[1]
            assert images >= dwell if isinstance(dwell, int) else seconds >= {"250ms": 0.25, "1s": 1.0}[dwell]
        held, entered = str(decision.state), (readings, item.time or 0.0)


@every_task
@every_policy
@few
@given(chosen=judged_steps, data=st.data())
def test_what_counts_in_seconds_needs_times(name: str, kind: str, chosen: Step, data: st.DataObject) -> None:
    task = TASKS[kind]
    labels = task.groups[0].labels
    given = data.draw(st.sampled_from(variants(name)))
    timed = any(isinstance(value, str) and key != "fallback" for key, value in given.items())
    fold = policy(name, given, labels).fold(task, "class")
    (reading,) = items([chosen], task)
    assert isinstance(reading, Reading)
    without = Reading(reading.prediction, cause=reading.cause)
    if timed:
        with pytest.raises(UsageError, match="counts in seconds, and a reading has no time"):
            fold.step(fold.initial(), without)
    else:
        plain = [Step(chosen.row)] * 6
        untimed = [Reading(reading.prediction, cause=reading.cause)] * 6
        assert decisions(fold, untimed) == decisions(fold, items(plain, task))


# --- stricter settings -----------------------------------------------------------------------------------------------


@every_policy
@few
@given(sequence=sequences, low=st.floats(0.0, 1.0), high=st.floats(0.0, 1.0), data=st.data())
def test_a_higher_threshold_decides_a_label_no_oftener(
    name: str, sequence: list[Step], low: float, high: float, data: st.DataObject
) -> None:
    low, high = sorted((low, high))
    own = [given for given in VARIANTS.get(name, ()) if "thresholds" not in given]
    given = data.draw(st.sampled_from([{}, *own]))
    if not has(name, {"thresholds": {}}):
        pytest.skip("it has no thresholds")
    read = items(sequence, FROGS)
    eager, strict = (
        decisions(policy(name, {**given, "thresholds": {0: bar, 1: 0.5}}).fold(FROGS, "class"), read)
        for bar in (low, high)
    )
    for one, other in zip(eager, strict, strict=True):
        assert other.state != LABELS[0] or one.state == LABELS[0]


@every_policy
@few
@given(sequence=sequences, low=st.floats(0.001, 0.49), high=st.floats(0.001, 0.49))
def test_a_lower_error_rate_decides_no_earlier(name: str, sequence: list[Step], low: float, high: float) -> None:
    if not has(name, {"error_rate": 0.1}):
        pytest.skip("it has no error rate")
    low, high = sorted((low, high))
    pair = Task((LabelGroup("class", LABELS[:2]),))
    binary = [Step(s.row and (s.row[0], 1.0 - s.row[0]), s.tick, s.eighths, s.quality) for s in sequence]
    read = items(binary, pair)
    eager, strict = (decisions(policy(name, {"error_rate": e}).fold(pair, "class"), read) for e in (high, low))
    first = [next((i for i, d in enumerate(found) if d.state != FALLBACK), len(read)) for found in (eager, strict)]
    assert first[0] <= first[1]


# --- what it is asked for --------------------------------------------------------------------------------------------


@every_policy
def test_labels_that_are_not_there_are_refused(name: str) -> None:
    with pytest.raises(LabelError, match="no label group 'colour'"):
        policy(name, {}).fold(FROGS, "colour")
    for setting in ("thresholds", "leave_thresholds", "error_rates", "priors"):
        if has(name, {setting: {}}):
            with pytest.raises(LabelError, match="no label 'frgo'") as caught:
                PARTS[name](**{setting: {"frgo": 0.1}}).fold(FROGS, "class")
            assert "did you mean 'frog'?" in str(caught.value)


@every_task
@every_policy
def test_readings_of_another_task_are_refused(name: str, kind: str) -> None:
    task = TASKS[kind]
    fold = policy(name, {}, task.groups[0].labels).fold(task, "class")
    other = Task((LabelGroup("class", ("newt", "frog")),))
    with pytest.raises(LabelError, match="a reading has other labels than group 'class'"):
        fold.step(fold.initial(), Reading(Prediction(other, ((0.5, 0.5),))))


@every_policy
def test_a_group_is_decided_by_its_own_confidences(name: str) -> None:
    both = Task((LabelGroup("colour", ("red", "blue")), FROGS.groups[0]))
    alone = items([Step((0.9, 0.05, 0.05))] * 6, FROGS)
    beside = [Reading(Prediction(both, ((0.1, 0.9), (0.9, 0.05, 0.05))), item.time) for item in alone]
    assert decisions(policy(name, {}).fold(both, "class"), beside) == decisions(
        policy(name, {}).fold(FROGS, "class"), alone
    )


@every_policy
def test_it_says_how_it_is_written_in_short(name: str) -> None:
    assert isinstance(PARTS[name].shorthand, str)
    assert bool(PARTS[name].shorthand) == hasattr(PARTS[name], "from_shorthand")
