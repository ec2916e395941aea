"""Why it was decided so: decisions derived again from what is stored, without the model, bit for bit."""

from __future__ import annotations

import contextlib
import json
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from decisight.errors import StoreError
from decisight.policies.parsing import policy_from_section
from decisight.policies.task_fold import TaskFold
from decisight.store.records import Beginning
from decisight.types import Decision, Reading, Tick

if TYPE_CHECKING:
    from decisight.protocols import Policy
    from decisight.store import Store, StoredEvent, ViewKey

__all__ = ["Replay", "ReplayedStep", "fold_of", "policies_of", "replay", "steps_json", "understanding"]


def policies_of(key: ViewKey) -> dict[str, Policy]:
    """The rules of a stored view, by label group.

    Raises:
        UsageError: this version has no such policy, or it has other settings now.
        MissingPartError: the policy is of a package that is not installed.
    """
    return {name: policy_from_section(policy["section"]) for name, policy in key.policies.items()}


def fold_of(key: ViewKey) -> TaskFold:
    """The same at work.

    Raises:
        UsageError: see :func:`policies_of`.
        MissingPartError: see :func:`policies_of`.
    """
    return TaskFold.of(policies_of(key), key.read_task())


@dataclass(frozen=True, slots=True)
class ReplayedStep:
    """One stored reading, and what is made of it now.

    Args:
        seq: its number in the chain of its camera's readings.
        item: what the policies were given.
        stored: what was decided then.
        derived: what is decided now.
        why: one line a group: what the policy counted, and what was needed.
        repeated: the picture was not classified: a gate took it to say the same as the one before.
    """

    seq: int
    item: Reading | Tick
    stored: tuple[Decision, ...]
    derived: tuple[Decision, ...]
    why: tuple[str, ...] = ()
    repeated: bool = False

    @property
    def same(self) -> bool:
        """Whether both are the same to the bit."""
        return _exact(self.stored) == _exact(self.derived)


@dataclass(frozen=True, slots=True)
class Replay:
    """An event derived again.

    Args:
        event: as it is stored.
        key: of the view that it is of.
        policies: the rules, by label group.
        steps: from some readings before it was opened until some after it was closed.
        compared: how many readings were derived again, those before the first step included.
        differing: the numbers of those that came out otherwise.
        begun: whether it was derived from the very first reading of the view, not from a state kept on the way.
    """

    event: StoredEvent
    key: ViewKey
    policies: Mapping[str, Policy]
    steps: tuple[ReplayedStep, ...]
    compared: int
    differing: tuple[int, ...]
    begun: bool


def replay(store: Store, event: StoredEvent, *, before: int = 10, after: int = 5, most: int = 1_000_000) -> Replay:
    """Derive an event again from stored readings.

    It begins at the last state that was kept before the event, or at the view's first reading, and compares every
    decision on the way with the one that is stored.

    Args:
        store: where it is; only read.
        event: one of its events.
        before: how many readings before it was opened are given.
        after: the same after it was closed.
        most: how many steps of the event are given at most; the others are compared all the same.

    Raises:
        StoreError: its readings are no longer there, or cannot be understood.
        UsageError: this version has no such policy.
    """
    with understanding():
        return _replay(store, event, before, after, most)


@contextlib.contextmanager
def understanding() -> Iterator[None]:
    """Let what is stored be altered in any way, and say so where nothing can be made of it.

    Raises:
        StoreError: within, something was not of the kind that it was written as.
    """
    try:
        yield
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
        raise StoreError(
            f"something is stored that was not written so ({type(error).__name__}: {str(error)[:80]})",
            hint="see what was altered: decisight verify",
        ) from error


def _replay(store: Store, event: StoredEvent, before: int, after: int, most: int) -> Replay:
    camera, number = event.event.camera, event.view_id
    view = next((view for view in store.views(camera) if view.id == number), None)
    if view is None:
        raise StoreError(
            f"what the event {event.event.event_id[:12]} was decided by is not in the store",
            hint="have the store verified: decisight verify",
        )
    policies = policies_of(view.key)
    fold = TaskFold.of(policies, view.key.read_task())
    kept = store.state_before(camera, view.id, event.opened_seq)
    states = fold.resume(None if kept is None else kept[1])
    # Explaining a step costs more than the step, so those that are not shown in the end are not explained.
    earlier: deque[tuple[ReplayedStep, dict[str, Any]]] = deque(maxlen=before)
    shown: list[ReplayedStep] = []
    differing: list[int] = []
    compared = beyond = 0
    last, is_there = 0, False
    begun = kept is None
    classified: Any = None
    for seq, found in store.course(camera, view, 1 if kept is None else kept[0]):
        if isinstance(found, Beginning):
            # A restart with other settings, or of another recording: what was counted before counts no more.
            states, begun = fold.resume(found.states), begun or not compared
            continue
        item, decisions = found
        over = event.closed_seq is not None and seq > event.closed_seq
        if over and beyond == after:
            break
        beyond += over
        states, derived = fold.step(states, item)
        prediction = getattr(item, "prediction", None)
        # What is repeated is not stored twice, and so is the very same when it is read.
        step = ReplayedStep(seq, item, decisions, derived, repeated=prediction is not None and prediction is classified)
        classified = classified if prediction is None else prediction
        compared += 1
        is_there = is_there or seq == event.opened_seq
        last = seq if event.closed_seq is None else min(seq, event.closed_seq)
        if not step.same:
            differing.append(seq)
        if seq < event.opened_seq:
            earlier.append((step, states))
        elif len(shown) < most:
            shown.append(replace(step, why=fold.explain(states)))
    if not is_there or not _is_whole(store, camera, event.opened_seq, last):
        raise StoreError(
            f"the readings of the event {event.event.event_id[:12]} are no longer there, or not all of them",
            hint="they were dropped when their time was over; keep them longer, or hold events: decisight mark --hold",
        )
    led = [replace(step, why=fold.explain(by)) for step, by in earlier]
    return Replay(event, view.key, policies, (*led, *shown), compared, tuple(differing), begun)


def _is_whole(store: Store, camera: str, first: int, last: int) -> bool:
    """Whether no record is missing from one to another: behind a gap all may seem to be decided otherwise."""
    there = sum(1 for _ in store.readings(camera, None, first, last))
    return there >= last - first + 1


def _exact(decisions: Sequence[Decision]) -> str:
    """Decisions as a text that differs in every bit that they do."""
    return json.dumps([decision.to_stored() for decision in decisions])


def steps_json(steps: Sequence[ReplayedStep]) -> Iterator[dict[str, Any]]:
    """Steps as JSON values."""
    for step in steps:
        stored: dict[str, Any] = step.item.to_stored()
        values = {
            "seq": step.seq,
            **stored,
            "decisions": [
                decision.to_json() | {"group": decision.group, "why": why}
                for decision, why in zip(step.derived, step.why, strict=True)
            ],
            "repeated": step.repeated,
            "same": step.same,
        }
        # As they are, unrounded: they may differ in the last bit.
        yield values if step.same else values | {"stored": [decision.to_stored() for decision in step.stored]}
