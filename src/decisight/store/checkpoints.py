"""Checkpoints: where each camera is to go on, tied to the end of its readings."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from decisight.errors import StoreError
from decisight.store.chain import Seals, plain_json
from decisight.store.records import Lane
from decisight.store.schema import CHAINS, CHECKPOINTS

__all__ = ["read_checkpoint", "sealed_checkpoint", "write_checkpoints"]


def sealed_checkpoint(seals: Seals, camera: str, seq: int, checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    """A camera's row, ready to be written.

    Args:
        seals: the store's digests.
        camera: whose.
        seq: the record of its readings that it comes after.
        checkpoint: JSON values.

    Raises:
        ValueError: it holds what JSON has not.
        TypeError: likewise.
    """
    values = {"camera": camera, "seq": seq, "checkpoint": plain_json(checkpoint)}
    return seals.sealed(CHECKPOINTS, values)


def write_checkpoints(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows that :func:`sealed_checkpoint` has made, in the place of the cameras' earlier ones."""
    cameras = [row["camera"] for row in rows]
    query = select(CHECKPOINTS.c.camera).where(CHECKPOINTS.c.camera.in_(cameras))
    known = set(connection.execute(query).scalars()) if rows else set()
    if old := [{**row, "this": row["camera"]} for row in rows if row["camera"] in known]:
        connection.execute(update(CHECKPOINTS).where(CHECKPOINTS.c.camera == bindparam("this")), old)
    if new := [dict(row) for row in rows if row["camera"] not in known]:
        connection.execute(insert(CHECKPOINTS), new)


def read_checkpoint(connection: Connection, seals: Seals, camera: str) -> tuple[int, Mapping[str, Any]] | None:
    """A camera's checkpoint, with the reading that it comes after; ``None`` where none was ever written.

    Raises:
        StoreError: it was altered, is missing, or is not the last one that was written.
    """
    row = connection.execute(select(CHECKPOINTS).where(CHECKPOINTS.c.camera == camera)).mappings().first()
    query = select(CHAINS).where(CHAINS.c.camera == camera, CHAINS.c.lane == Lane.READINGS.value)
    chain = connection.execute(query).mappings().first()
    if row is not None:
        seals.check(CHECKPOINTS, row, f"the checkpoint of {camera}")
    if chain is not None:
        seals.check(CHAINS, chain, f"the end of the {Lane.READINGS} of {camera}")
    expected = None if chain is None or chain["checkpoint_mac"] is None else bytes(chain["checkpoint_mac"])
    found = None if row is None else bytes(row["mac"])
    if found != expected:
        what = "is missing" if row is None else "is not the last one that was written"
        raise StoreError(
            f"the checkpoint of {camera} {what}: the store was altered from outside",
            hint="have the store verified; go on with a backup or a new store",
        )
    return None if row is None else (int(row["seq"]), json.loads(row["checkpoint"]))
