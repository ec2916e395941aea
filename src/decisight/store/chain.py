"""Keyed digests: of records, each tied to the one before, and of rows that may change.

A record's digest is HMAC-SHA256 (RFC 2104, FIPS 180-4), cut to 16 bytes, of the store's id, the digest of the record
before, and everything in the record. So whoever does not have the key can neither alter, insert, remove nor swap
records without its showing, nor put records of another store in their place. Rows that may change are sealed by the
same over their content, and the store's own row holds a digest of where all chains end, so that no chain can be
taken back to an earlier state without the others. Taking a whole store back to an earlier day is seen by nothing in it:
for that, heads are kept elsewhere; see :mod:`decisight.store.heads`.
"""

from __future__ import annotations

import hmac
import json
import struct
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import BigInteger, Double, Integer, LargeBinary, SmallInteger, Table

from decisight.errors import StoreError, UsageError

__all__ = ["GENESIS", "LEAST_KEY", "MAC_SIZE", "Seals", "canonical", "plain_json", "xor"]

MAC_SIZE = 16
"""Bytes: 128 bits, which nobody guesses."""

GENESIS = bytes(MAC_SIZE)
"""What stands in the place of a digest before a chain's first record."""

LEAST_KEY = 16
"""Bytes that a key has at least."""

_HEADER = struct.Struct("<iq?ihd").pack
"""Chain, seq, whether there is a view, the view, kind, time."""


class Seals:
    """The keyed digests of one store.

    Args:
        key: the store's secret, 16 bytes or more.
        store_id: of the store; digests of another store are others.

    Raises:
        UsageError: the key is too short.
    """

    def __init__(self, key: bytes, store_id: str) -> None:
        if len(key) < LEAST_KEY:
            raise UsageError(
                f"the store's key has {len(key)} bytes", hint=f"give one of at least {LEAST_KEY} random bytes"
            )
        # Keyed once: a copy of a begun digest is half the work of beginning one.
        self._records = hmac.new(key, f"decisight record 1 {store_id} ".encode(), "sha256")
        self._rows = hmac.new(key, f"decisight row 1 {store_id} ".encode(), "sha256")
        self._sums = hmac.new(key, f"decisight sum 1 {store_id} ".encode(), "sha256")

    def record(
        self, previous: bytes, chain_id: int, seq: int, view_id: int | None, kind: int, time: float, data: bytes
    ) -> bytes:
        """The digest of a record.

        Raises:
            struct.error: a value is none that a record can have.
            TypeError: likewise.
        """
        digest = self._records.copy()
        digest.update(previous + _HEADER(chain_id, seq, view_id is not None, view_id or 0, kind, time) + data)
        return digest.digest()[:MAC_SIZE]

    def row(self, table: Table, values: Mapping[Any, Any]) -> bytes:
        """The digest of a row: of its table's name and all of its values but ``mac``.

        Args:
            table: where it stands.
            values: by the name of each column, also as SQLite gives them, which knows types only loosely.

        Raises:
            ValueError: a value is none that the column can have.
            TypeError: likewise.
        """
        plain = [_plain(column.type, values[column.name]) for column in table.columns if column.name != "mac"]
        digest = self._rows.copy()
        digest.update(canonical([table.name, plain]).encode())
        return digest.digest()[:MAC_SIZE]

    def ends(self, macs: Iterable[bytes]) -> bytes:
        """The digest of the rows of all chains, by their digests in the order of their numbers."""
        return self._sum(b"ends " + b"".join(macs))

    def share(self, mac: bytes) -> bytes:
        """What a row adds to a sum of rows.

        It stands nowhere: of digests that anybody can read, others could be found that add up to the same.
        """
        return self._sum(b"share " + mac)

    def mask(self, revision: int) -> bytes:
        """What a sum of rows is written with, so that two of them do not tell what was added in between."""
        return self._sum(b"mask " + str(revision).encode())

    def _sum(self, content: bytes) -> bytes:
        digest = self._sums.copy()
        digest.update(content)
        return digest.digest()[:MAC_SIZE]

    def sealed(self, table: Table, values: Mapping[Any, Any]) -> dict[str, Any]:
        """A row with its digest, ready to be written."""
        return {**values, "mac": self.row(table, values)}

    def is_intact(self, table: Table, values: Mapping[Any, Any]) -> bool:
        """Whether a row is as it was written."""
        try:
            mac = bytes(values["mac"])
            return hmac.compare_digest(self.row(table, values), mac)
        except (TypeError, ValueError, OverflowError):
            return False

    def check(self, table: Table, values: Mapping[Any, Any], title: str) -> None:
        """Refuse a row that is not as it was written, before anything is built on it.

        Raises:
            StoreError: it is not.
        """
        if not self.is_intact(table, values):
            raise StoreError(
                f"{title} was altered from outside, or this is not the key that it was written with",
                hint="have the store verified; go on with a backup or a new store",
            )


def canonical(value: Any) -> str:
    """JSON as it is digested: one way to write each value, keys sorted, ASCII alone.

    Raises:
        ValueError: a number is not finite.
        TypeError: a value is none that JSON has.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def plain_json(value: Any) -> str:
    """JSON in short, keys in their order.

    Raises:
        ValueError: a number is not finite.
        TypeError: a value is none that JSON has.
    """
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def xor(digests: Iterable[bytes]) -> bytes:
    """A sum of digests in which their order does not count, and from which one is taken by adding it again."""
    total = 0
    for digest in digests:
        total ^= int.from_bytes(digest, "big")
    return total.to_bytes(MAC_SIZE, "big")


def _plain(kind: Any, value: Any) -> Any:
    """A value as the column's type has it; numbers of equal value are written in one way."""
    if value is None:
        return None
    if isinstance(kind, LargeBinary):
        if isinstance(value, str | int):
            raise TypeError("bytes are expected")
        return bytes(value).hex()
    if isinstance(kind, Double):
        return float(value) + 0.0
    if isinstance(kind, Integer | BigInteger | SmallInteger):
        if not isinstance(value, int):
            raise TypeError("a whole number is expected")
        return value
    if not isinstance(value, str):
        raise TypeError("text is expected")
    return value
