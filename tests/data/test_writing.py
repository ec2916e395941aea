"""Parquet files as other programs read them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from decisight.data import write_parquet
from decisight.errors import MissingPartError, OutputError

pq = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")

COLUMNS: dict[str, type[str] | type[float] | type[int] | type[bool]] = {
    "image": str,
    "helmet": float,
    "votes": int,
    "accepted": bool,
}


def rows(count: int) -> Iterator[tuple[object, ...]]:
    for at in range(count):
        yield (f"{at}.jpg", at / 7, at, at % 2 == 0) if at % 3 else (f"{at}.jpg", None, None, None)


@pytest.mark.parametrize("count", [0, 1, 25])
def test_what_is_written_is_read(tmp_path: Path, count: int) -> None:
    path = tmp_path / "p.parquet"
    assert write_parquet(path, COLUMNS, rows(count), rows_per_group=10) == count
    file = pq.ParquetFile(path)
    table = file.read()
    assert list(zip(*(table.column(name).to_pylist() for name in COLUMNS), strict=True)) == list(rows(count))
    assert [str(field.type) for field in table.schema] == ["string", "double", "int64", "bool"]
    assert file.metadata.num_row_groups == -(-count // 10)
    file.close()
    assert os.listdir(tmp_path) == ["p.parquet"]


def failing() -> Iterator[tuple[object, ...]]:
    yield from rows(15)
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (failing(), KeyboardInterrupt),
        ([("a.jpg", 0.5)], ValueError),
        ([("a.jpg", "much", 1, True)], ValueError),
        ([("a\udce9.jpg", 0.5, 1, True)], ValueError),
        ([("a.jpg", 0.5, 2**80, True)], ValueError),
    ],
)
def test_what_was_there_stays_where_it_fails(tmp_path: Path, bad: object, error: type[BaseException]) -> None:
    path = tmp_path / "p.parquet"
    path.write_bytes(b"old")
    with pytest.raises(error):
        write_parquet(path, COLUMNS, bad, rows_per_group=10)  # type: ignore[arg-type]  # on purpose
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["p.parquet"]


@pytest.mark.skipif(os.name != "posix", reason="links and permissions are those of POSIX")
def test_a_link_and_permissions_stay(tmp_path: Path) -> None:
    (tmp_path / "real.parquet").write_bytes(b"old")
    (tmp_path / "real.parquet").chmod(0o640)
    (tmp_path / "link.parquet").symlink_to("real.parquet")
    write_parquet(tmp_path / "link.parquet", COLUMNS, rows(3))
    assert (tmp_path / "link.parquet").is_symlink()
    assert pq.read_metadata(tmp_path / "real.parquet").num_rows == 3
    assert (tmp_path / "real.parquet").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("name", ["", "no/such/p.parquet"])
def test_where_nothing_can_be_written_it_is_said(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError) as caught:
        write_parquet(tmp_path / name, COLUMNS, rows(3))
    assert str(tmp_path) in caught.value.message
    assert caught.value.hint


def test_without_pyarrow_what_to_install_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(MissingPartError, match=r"needs decisight\[parquet\]"):
        write_parquet(tmp_path / "p.parquet", COLUMNS, rows(3))
