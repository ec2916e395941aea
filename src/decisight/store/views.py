"""Views: what readings were made with, each stored once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Connection, insert, select

from decisight.errors import StoreError
from decisight.store.chain import Seals, canonical
from decisight.store.ledger import changed_store
from decisight.store.schema import VIEWS
from decisight.types import LabelGroup, Task

__all__ = ["StoredView", "ViewKey", "find_view", "read_views", "task_from_stored", "task_to_stored", "write_view"]


@dataclass(frozen=True)
class ViewKey:
    """Everything that, beside the picture, decides what is decided: one camera's region, its model, and its rules.

    Args:
        camera: its name.
        region: the region's name; ``None`` for all of the picture.
        region_text: everything that decides what is cut out; empty for all of the picture.
        region_digest: of the region.
        model: the model's name.
        graph_digest: of what computes.
        settings_digest: of the model file's settings.
        runtime: what computed, in words: ``onnxruntime 1.26 fp32``.
        task: groups, their labels and kinds, as :func:`task_to_stored` gives them.
        policies: by the name of each group, its ``section`` and its ``digest``.
        gates: their sections, in order.
        fps: how many pictures a second were wanted; ``None``: all.
        source: the identity of what was looked at: nothing that was counted in one recording holds for another.
    """

    camera: str
    region: str | None
    region_text: str
    region_digest: str
    model: str
    graph_digest: str
    settings_digest: str
    runtime: str
    task: Mapping[str, Any]
    policies: Mapping[str, Mapping[str, Any]]
    gates: Sequence[Any] = ()
    fps: float | None = None
    source: str = ""

    def __post_init__(self) -> None:
        # As it is read back: a list would make it unequal to what it equals in all else.
        object.__setattr__(self, "gates", tuple(self.gates))

    def to_stored(self) -> dict[str, Any]:
        """As JSON values."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_stored(cls, values: Mapping[str, Any]) -> ViewKey:
        """What :meth:`to_stored` gave.

        Raises:
            ValueError: they are none of a view.
        """
        try:
            return cls(**values)
        except TypeError as error:
            raise ValueError(f"this was not stored of a view: {values!r}") from error

    def to_text(self) -> str:
        """As canonical JSON: equal views give equal texts.

        What is at its default is left out, so that a setting that comes with a later version leaves the texts, and so
        the digests, of all views that do not use it as they are.

        Raises:
            ValueError: it holds what JSON has not.
        """
        try:
            return canonical({f.name: value for f in fields(self) if (value := getattr(self, f.name)) != f.default})
        except TypeError as error:
            raise ValueError(f"a view is made of JSON values: {error}") from error

    @property
    def digest(self) -> str:
        """SHA-256 of its text, 64 hexadecimal digits."""
        return hashlib.sha256(self.to_text().encode()).hexdigest()

    def read_task(self) -> Task:
        """The task that its readings' predictions are of."""
        return task_from_stored(self.task)

    @property
    def fallbacks(self) -> dict[str, str]:
        """The fall-back of each group's policy, by the name of the group."""
        return {group: str(policy["section"]["fallback"]) for group, policy in self.policies.items()}


@dataclass(frozen=True)
class StoredView:
    """A view and its number."""

    id: int
    key: ViewKey


def task_to_stored(task: Task) -> dict[str, Any]:
    """A task as JSON values."""
    return {"groups": [{"name": g.name, "kind": g.kind, "labels": list(g.labels)} for g in task.groups]}


def task_from_stored(values: Mapping[str, Any]) -> Task:
    """What :func:`task_to_stored` gave.

    Raises:
        ValueError: they are none of a task.
    """
    try:
        return Task(tuple(LabelGroup(g["name"], tuple(g["labels"]), g["kind"]) for g in values["groups"]))
    except (KeyError, TypeError) as error:
        raise ValueError(f"this was not stored of a task: {values!r}") from error


def find_view(connection: Connection, seals: Seals, view: ViewKey) -> int | None:
    """The number of a view; ``None`` where it was never written.

    Raises:
        StoreError: its row was altered.
    """
    row = connection.execute(select(VIEWS).where(VIEWS.c.digest == view.digest)).mappings().first()
    if row is None:
        return None
    seals.check(VIEWS, row, f"the view {row['id']}")
    return int(row["id"])


def write_view(connection: Connection, seals: Seals, view: ViewKey) -> int:
    """Write a view that is not there yet; its number."""
    with changed_store(connection, seals) as store:
        store["views"] += 1
        number = int(store["views"])
    values = {"id": number, "camera": view.camera, "digest": view.digest, "view": view.to_text()}
    connection.execute(insert(VIEWS), seals.sealed(VIEWS, values))
    return number


def read_views(connection: Connection, camera: str | None = None) -> list[StoredView]:
    """The views of a camera, or all, in the order in which they came.

    Raises:
        StoreError: a row cannot be read.
    """
    query = select(VIEWS.c.id, VIEWS.c.view).order_by(VIEWS.c.id)
    if camera is not None:
        query = query.where(VIEWS.c.camera == camera)
    found = []
    for number, text in connection.execute(query):
        try:
            found.append(StoredView(number, ViewKey.from_stored(json.loads(text))))
        except (ValueError, TypeError) as error:
            raise StoreError(f"the view {number} cannot be read", hint="have the store verified") from error
    return found
