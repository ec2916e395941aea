"""``decisight predict --format parquet``: the columns of the CSV, with types."""

from __future__ import annotations

import csv
import os
import sys
from pathlib import Path

import pytest

from .conftest import Run

pq = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")


def as_text(value: str | float | None) -> str:
    return "" if value is None else value if isinstance(value, str) else repr(value)


@pytest.mark.parametrize(
    "regions", [(), ("--region", "left=0,0 0.5,0 0.5,1 0,1", "--region", "up=0,0 1,0 1,0.5 0,0.5")]
)
@pytest.mark.parametrize("model", ["small_model", "gear_model"])
def test_parquet_says_what_the_csv_says(
    run: Run, model: str, photos: Path, tmp_path: Path, regions: tuple[str, ...], request: pytest.FixtureRequest
) -> None:
    (photos / "broken.jpg").write_bytes(b"")
    asked = ("predict", request.getfixturevalue(model), photos, *regions)
    assert run(*asked, "-o", tmp_path / "found.csv").status == 1
    result = run(*asked, "-o", tmp_path / "found.parquet")
    assert result.status == 1
    table = pq.read_table(tmp_path / "found.parquet")
    with (tmp_path / "found.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert table.column_names == header
    assert [[as_text(value) for value in row.values()] for row in table.to_pylist()] == rows
    assert {str(field.type) for field in table.schema} == {"string", "double"}
    assert table.column("image").null_count == 0
    assert table.column("error").null_count == len(rows) - max(1, len(regions) // 2)


@pytest.mark.skipif(os.name != "posix", reason="names of other systems are text")
def test_a_name_that_is_not_utf8_becomes_escapes(run: Run, small_model: Path, tmp_path: Path, photos: Path) -> None:
    name = os.fsdecode(os.fsencode(tmp_path / "caf") + b"\xe9.jpg")
    try:
        Path(name).write_bytes((photos / "dark1.jpg").read_bytes())
    except OSError:
        pytest.skip("this file system holds UTF-8 names only")
    assert run("predict", small_model, name, "-o", tmp_path / "found.parquet").status == 0
    (image,) = pq.read_table(tmp_path / "found.parquet").column("image").to_pylist()
    assert image.endswith("caf\\xe9.jpg")


def test_it_is_not_written_to_standard_output(run: Run, small_model: Path, photos: Path) -> None:
    result = run("predict", small_model, photos, "--format", "parquet")
    assert (result.status, result.out) == (2, "")
    assert "Parquet is not written to standard output" in result.err
    assert "hint: name a file with -o predictions.parquet; or --format csv" in result.err


@pytest.mark.skipif(not os.path.exists("/dev/null"), reason="only POSIX has such a device")
def test_it_is_not_written_to_a_device(run: Run, small_model: Path, photos: Path) -> None:
    result = run("predict", small_model, photos, "--format", "parquet", "-o", "/dev/null")
    assert result.status == 2
    assert "/dev/null is a device or a pipe" in result.err


def test_what_is_not_installed_is_said_before_the_work(
    run: Run, small_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    result = run("predict", small_model, tmp_path / "no such folder", "-o", tmp_path / "found.parquet")
    assert result.status == 2
    assert "writing it needs decisight[parquet]" in result.err
    assert not (tmp_path / "found.parquet").exists()
