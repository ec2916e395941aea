"""``decisight bench``: what it measures, and what it says of it. Not how fast this machine is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from decisight import compute
from decisight.cli import bench
from decisight.evaluation import speed
from decisight.evaluation.speed import Latency, Round, Speed

from .conftest import Run

QUICK = ("--seconds", "1", "--threads", "1")


@pytest.fixture(autouse=True)
def _few_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "ROUNDS", 2)
    monkeypatch.setattr(bench, "_RENDERED", 1)


def test_json_says_what_was_measured_on_what(run: Run, gear_model: Path, photos: Path) -> None:
    found = run("bench", gear_model, photos, *QUICK, "--runtime", "onnxruntime", "--format", "json")
    assert found.status == 0
    told = json.loads(found.out)
    assert told["model"]["name"] == "gear"
    assert told["runtime"] == compute.runtime(compute.choose("onnxruntime")).to_json()
    assert told["threads"] == 1
    assert told["chip"] == compute.chip().name
    assert told["pictures"]["count"] == 5
    assert not told["pictures"]["rendered"]
    rates, one = told["pictures_per_second"], told["one_picture_ms"]
    assert all(rates[name] > 0 for name in ("end_to_end", "decode", "forward", "limit", "share_of_limit"))
    assert rates["limit"] < min(rates["decode"], rates["forward"])
    assert 0 < one["p50"] <= one["p95"] <= one["p99"]
    assert one["by_decode_and_forward"] > 0
    assert told["rounds"] == 2
    assert told["unsteady"] == ("warning: the rounds differ" in found.err)


def test_without_pictures_rendered_ones_are_used(run: Run, gear_model: Path) -> None:
    found = run("bench", gear_model, *QUICK)
    assert found.status == 0
    assert "1 pictures, rendered, 1280 x 720 pixels" in found.out
    for line in ("end to end", "decoding alone", "network alone", "share of limit", "one picture", "99 of 100"):
        assert line in found.out
    assert "onnxruntime" in found.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("empty",), "there is nothing to measure with"),
        (("none.jpg",), "none.jpg"),
        (("broken.jpg",), "broken.jpg"),
        (("--runtime", "nowhere"), "there is no runtime 'nowhere'"),
        (("--runtime", "onnxruntime:bf16"), "does not compute in bf16"),
        (("--seconds", "0"), "seconds"),
    ],
)
def test_what_cannot_be_measured(
    run: Run, gear_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    found = run("bench", gear_model, *arguments)
    assert found.status == 2
    assert says in found.err


@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_other_commands_take_a_runtime_too(run: Run, gear_model: Path, photos: Path, command: str) -> None:
    found = run(command, gear_model, photos, "--runtime", "nowhere")
    assert (found.status, "there is no runtime 'nowhere'" in found.err) == (2, True)


def test_answers_name_their_runtime(run: Run, gear_model: Path, photos: Path) -> None:
    found = run("predict", gear_model, photos / "dark1.jpg", "--runtime", "onnxruntime:fp32", "--format", "json")
    (answer,) = json.loads(found.out)
    assert answer["runtime"] == compute.runtime(compute.choose("onnxruntime")).to_json()
    assert list(answer)[:3] == ["image", "model", "runtime"]


def _round(end_to_end: float, decode: float, forward: float, *wholes: float) -> Round:
    return Round(end_to_end, decode, forward, tuple(Latency(whole, 1.0, 3.0) for whole in wholes))


def test_the_arithmetic_of_rounds() -> None:
    found = Speed((_round(150, 400, 400, 4.0, 5.0, 8.0), _round(300, 600, 600, 4.4), _round(160, 400, 400, 4.0)))
    assert [r.limit for r in found.rounds] == [200, 300, 200]
    # Ratios are taken within a round: a machine that speeds up between them changes none.
    assert [round(r.share, 3) for r in found.rounds] == [0.75, 1.0, 0.8]
    assert found.rate(lambda r: r.share) == pytest.approx(0.8)
    assert [r.overhead for r in found.rounds] == [1.25, 1.1, 1.0]
    assert found.rate(lambda r: r.end_to_end) == 160
    assert found.spread(lambda r: r.end_to_end) == 2.0
    assert found.percentile(50) == 4.4
    assert found.percentile(100) == 8.0
