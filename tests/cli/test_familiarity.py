"""What commands do with pictures that a model does not know: predict, decide, evaluate, watch, and what comes of it."""

from __future__ import annotations

import csv
import io
import json
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.clips import BRIGHT, DARK, scripted_source, write_clip
from tests.familiar import KNOWN, STRANGE
from tests.familiar import knowing as knowing_of
from tests.plants import SiteFile, changes

import decisight
from decisight.errors import UsageError
from decisight.models.classifier import load
from decisight.models.model_file import read_model, with_card, write_model
from decisight.types import Prediction, Reading, Reason

from .conftest import BLACK, WHITE, Run, picture

GREY, MIDDLE = (180, 180, 180), 180


@pytest.fixture
def knowing(small_model: Path, tmp_path: Path) -> Path:
    """The small model, to which bright and dark pictures are familiar, and grey ones are not."""
    return knowing_of(small_model, tmp_path / "knowing.onnx")


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """A cat, a grey picture that is taken for one, and a dog."""
    folder = tmp_path / "mixed"
    for name, colour in {"a.png": WHITE, "b.png": GREY, "c.png": BLACK}.items():
        picture(folder / name, colour)
    return folder


def with_least(model: Path, least: float) -> Path:
    """The same, asking for a familiarity itself."""
    file = read_model(model)
    path = model.with_name("asking.onnx")
    write_model(path, with_card(file, replace(file.card, min_familiarity=least)))
    return path


def reasons(answers: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(one["decision"]["state"], one["decision"]["reason"]) for one in answers]


CAT, DOG, UNFAMILIAR = ("cat", "accepted"), ("dog", "accepted"), ("unknown", "unfamiliar")


class TestPredict:
    def test_json(self, run: Run, knowing: Path, mixed: Path) -> None:
        result = run("predict", knowing, mixed, "--format", "json", "--min-familiarity", "0.01")
        assert (result.status, result.err) == (0, "")
        found = json.loads(result.out)
        keys = [key for key in found[1] if key != "runtime"]
        assert keys == ["image", "model", "classifierResults", "familiarity", "decision"]
        assert [one["familiarity"] for one in found] == [KNOWN, STRANGE, KNOWN]
        assert reasons(found) == [CAT, UNFAMILIAR, DOG]
        # It is as sure of it as of others.
        assert found[1]["decision"]["confidence"] == found[1]["classifierResults"][0]["confidence"] > 0.8

    def test_nobody_asks(self, run: Run, knowing: Path, mixed: Path) -> None:
        found = json.loads(run("predict", knowing, mixed, "--format", "json").out)
        assert reasons(found) == [CAT, CAT, DOG]
        lines = run("predict", knowing, mixed).out.splitlines()
        assert "familiarity" not in lines[0] + lines[1] + lines[3]
        assert lines[2].endswith("(familiarity 0.004)")

    @pytest.mark.parametrize(("least", "middle"), [("0.00390625", CAT), ("0.00390626", UNFAMILIAR), ("0", CAT)])
    def test_how_much_is_enough(self, run: Run, knowing: Path, mixed: Path, least: str, middle: Any) -> None:
        found = json.loads(run("predict", knowing, mixed, "--format", "json", "--min-familiarity", least).out)
        assert reasons(found)[1] == middle

    def test_a_table(self, run: Run, knowing: Path, mixed: Path) -> None:
        lines = run("predict", knowing, mixed, "--min-familiarity", "0.01").out.splitlines()
        assert lines[0].split() == ["image", "decision", "confidence", "familiarity", "reason", "labels"]
        assert lines[2].split()[1:5] == ["unknown", lines[2].split()[2], "0.004", "unfamiliar"]
        assert lines[3].split()[3:5] == ["0.500", "accepted"]

    def test_csv_and_parquet(self, run: Run, knowing: Path, mixed: Path, tmp_path: Path, small_model: Path) -> None:
        (mixed / "d.jpg").write_bytes(b"no picture")
        asked = ("--min-familiarity", "0.01")
        rows = list(csv.DictReader(io.StringIO(run("predict", knowing, mixed, "--format", "csv", *asked).out)))
        assert list(rows[0]) == ["image", "state", "confidence", "reason", "cat", "dog", "familiarity", "error"]
        assert [row["familiarity"] for row in rows] == ["0.5", "0.00390625", "0.5", ""]
        assert [row["reason"] for row in rows] == ["accepted", "unfamiliar", "accepted", ""]
        assert rows[3]["error"]
        import pyarrow.parquet as pq

        run("predict", knowing, mixed, "-o", tmp_path / "found.parquet", *asked)
        table = pq.read_table(tmp_path / "found.parquet")
        assert table.schema.names == list(rows[0])
        assert table["familiarity"].to_pylist() == [0.5, STRANGE, 0.5, None]
        # A model that does not say it has no column for it.
        assert "familiarity" not in run("predict", small_model, mixed, "--format", "csv").out

    def test_of_several_groups_it_is_said_once(self, run: Run, gear_model: Path, mixed: Path, tmp_path: Path) -> None:
        gear = knowing_of(gear_model, tmp_path / "gear.onnx")
        result = run("predict", gear, mixed / "b.png", "--min-familiarity", "0.01")
        _, first, *others = result.out.splitlines()
        assert "0.004" in first
        assert len(others) == 2
        assert not any("0.004" in line for line in others)
        # The independent group too.
        assert all("unfamiliar" in line for line in (first, *others))

    def test_what_the_model_asks_for(self, run: Run, knowing: Path, mixed: Path) -> None:
        asking = with_least(knowing, 0.01)
        assert reasons(json.loads(run("predict", asking, mixed, "--format", "json").out)) == [CAT, UNFAMILIAR, DOG]
        for least, middle in (("0", CAT), ("0.003", CAT), ("0.4", UNFAMILIAR)):
            found = json.loads(run("predict", asking, mixed, "--format", "json", "--min-familiarity", least).out)
            assert reasons(found) == [CAT, middle, DOG]
        assert reasons(json.loads(run("predict", asking, mixed, "--format", "json", "--threshold", "cat=0.5").out)) == [
            CAT,
            UNFAMILIAR,
            DOG,
        ]

    @pytest.mark.parametrize("command", ["predict", "decide", "evaluate", "watch"])
    def test_a_model_that_does_not_say_it(self, run: Run, small_model: Path, mixed: Path, command: str) -> None:
        data = mixed
        if command == "evaluate":
            data = mixed.parent / "labelled"
            for label, colour in (("cat", WHITE), ("dog", BLACK)):
                picture(data / label / "1.png", colour)
        result = run(command, small_model, data, "--min-familiarity", "0.05")
        assert result.status == 2
        assert "min_familiarity = 0.05 is asked for, and the model 'small' does not say how familiar" in result.err
        assert "train the model anew" in result.err
        assert "min-familiarity" in result.err or "min_familiarity" in result.err
        if command != "watch":
            assert run(command, small_model, data, "--min-familiarity", "0").status == 0

    @pytest.mark.parametrize("least", ["1.5", "-0.1", "nan", "much"])
    def test_what_is_no_familiarity(self, run: Run, knowing: Path, mixed: Path, least: str) -> None:
        for command in ("predict", "decide", "evaluate"):
            result = run(command, knowing, mixed, f"--min-familiarity={least}")
            assert result.status == 2
            assert "familiarity" in result.err


class TestDecide:
    def test_it_speaks_for_nothing(self, run: Run, knowing: Path, mixed: Path) -> None:
        for name, colour in {"d.png": GREY, "e.png": GREY}.items():
            picture(mixed / name, colour)
        asked = ("--policy", "majority_vote:1/2", "--min-familiarity", "0.01")
        (found,) = json.loads(run("decide", knowing, mixed, "--format", "json", *asked).out)
        told = [
            (one["decision"]["state"], one["decision"]["reason"], one["decision"].get("held"))
            for one in found["readings"]
        ]
        assert told == [
            ("cat", "accepted", None),
            ("cat", "accepted", "unfamiliar"),
            ("dog", "accepted", None),
            ("dog", "accepted", "unfamiliar"),
            ("unknown", "unfamiliar", None),
        ]
        assert [one["familiarity"] for one in found["readings"]] == [KNOWN, STRANGE, KNOWN, STRANGE, STRANGE]
        assert found["policy"]["min_familiarity"] == 0.01
        assert "familiarity 0.00391, 0.01 needed" in found["decision"]["why"]
        lines = run("decide", knowing, mixed, *asked).out.splitlines()
        assert "the last picture is unfamiliar: familiarity 0.00391, 0.01 needed" in lines[2]
        assert "=> unknown (nothing accepted" in lines[-2]
        assert "unfamiliar" in lines[-2]
        kept = run("decide", knowing, mixed / "a.png", mixed / "b.png", *asked).out
        assert "=> cat (confidence 1.000, accepted, from earlier, familiar pictures)" in kept

    def test_nobody_asks(self, run: Run, knowing: Path, mixed: Path) -> None:
        result = run("decide", knowing, mixed, "--policy", "threshold")
        assert result.out.count("(familiarity 0.004)") == 1
        assert "min_familiarity" not in json.loads(run("decide", knowing, mixed, "--format", "json").out)[0]["policy"]

    def test_a_file_of_policies_and_the_command_line(
        self, run: Run, knowing: Path, mixed: Path, tmp_path: Path
    ) -> None:
        rule = tmp_path / "rule.yaml"
        rule.write_text("type: threshold\nmin_familiarity: 0.01\n")

        def said(*options: str | Path) -> list[tuple[str, str]]:
            (found,) = json.loads(run("decide", knowing, mixed, "--format", "json", *options).out)
            return reasons(found["readings"])

        assert said("--policy", rule) == [CAT, UNFAMILIAR, DOG]
        assert said("--policy", rule, "--min-familiarity", "0") == [CAT, CAT, DOG]
        rule.write_text("type: threshold\nmin_familiarity: 2\n")
        result = run("decide", knowing, mixed, "--policy", rule)
        assert result.status == 2
        assert "rule.yaml, line 1: min_familiarity = 2 is not between 0 and 1" in result.err

    def test_a_policy_that_has_no_such_setting(
        self, run: Run, knowing: Path, mixed: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As one of another package that was written before there was one: nothing is dropped unsaid."""
        old = decisight.policy("threshold")
        monkeypatch.setattr("decisight.deciding.policy_from_section", lambda *_: old)
        result = run("decide", knowing, mixed, "--policy", "old", "--min-familiarity", "0.01")
        assert result.status == 2
        assert "the least familiarity does nothing: a policy has none" in result.err
        assert run("decide", knowing, mixed, "--policy", "old", "--min-familiarity", "0").status == 0

    def test_from_python(self, knowing: Path, small_model: Path, mixed: Path) -> None:
        model = load(knowing)
        pictures = [mixed / name for name in ("a.png", "b.png")]
        rule = decisight.policy("threshold", min_familiarity=0.01)
        assert decisight.decide(model, pictures, rule).decision.reason is Reason.UNFAMILIAR
        asking = load(with_least(knowing, 0.01))
        assert decisight.decide(asking, pictures, "threshold").decision.reason is Reason.UNFAMILIAR
        with pytest.raises(UsageError, match="the model 'small' does not say how familiar"):
            decisight.decide(load(small_model), pictures, rule)


def test_evaluate(run: Run, knowing: Path, tmp_path: Path) -> None:
    folder = tmp_path / "animals"
    for at in range(6):
        picture(folder / "cat" / f"{at}.png", GREY if at < 2 else WHITE, mark=at)
        picture(folder / "dog" / f"{at}.png", BLACK, mark=10 + at)
    asked = ("--min-familiarity", "0.01")
    result = run("evaluate", knowing, folder, *asked, "-o", tmp_path / "out")
    assert result.status == 0
    said = " ".join(result.out.split())
    assert "2 of 12 pictures are less familiar than 0.01, so 'unknown'" in said
    assert "class: with the thresholds (familiarity 0.01) 10 of 12 pictures are decided" in said
    found = json.loads((tmp_path / "out" / "evaluation.json").read_text("utf-8"))
    assert (found["min_familiarity"], found["unfamiliar"]) == (0.01, 2)
    assert found["accepted"]["class"]["accepted"] == 10
    # Figures of the confidences are of all pictures.
    assert found["groups"]["class"]["n"] == 12
    with (tmp_path / "out" / "predictions.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["familiarity"] for row in rows] == ["0.00390625"] * 2 + ["0.5"] * 10
    assert [row["reason"] for row in rows[:3]] == ["unfamiliar", "unfamiliar", "accepted"]
    plain = json.loads(run("evaluate", knowing, folder, "--json", "-").out)
    assert (plain["min_familiarity"], plain["unfamiliar"]) == (None, 0)


LEVELS = [BRIGHT] * 8 + [MIDDLE] * 12 + [DARK] * 8
"""At ten pictures a second: a cat, what is not known, a dog."""


class TestWatch:
    def test_a_model_and_a_clip(self, run: Run, knowing: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        clip = write_clip(tmp_path / "gate.mp4", LEVELS)
        asked = ("--fps", "10", "--min-familiarity", "0.01")
        result = run("watch", knowing, clip, *asked)
        assert result.status == 0
        assert "12 unfamiliar" in result.out
        assert "100 % of the time could be judged" in result.out
        told = changes((tmp_path / "gate.events.jsonl").read_text("utf-8"))
        assert [(one["change"], one["state"], one["ended_by"]) for one in told[:2]] == [
            ("opened", "cat", None),
            ("closed", "cat", "unknown (unfamiliar)"),
        ]
        assert "unfamiliar" not in run("watch", knowing, clip, "--fps", "10").out

    def test_a_site_from_its_file_to_its_replay(self, run: Run, knowing: Path, tmp_path: Path) -> None:
        with scripted_source():
            site = SiteFile(tmp_path, knowing)
            policy = {"type": "majority_vote", "required": 3, "window": 5, "min_familiarity": 0.01}
            motion = {"type": "motion", "at_least_every": "30s"}
            site.camera("gate", levels=LEVELS, policy=policy)  # type: ignore[arg-type]
            # Pictures that are taken to say the same are as familiar as the one that they repeat.
            site.camera("door", levels=LEVELS, policy=policy, gates=[motion])  # type: ignore[arg-type]
            assert run("check", site.write()).status == 0
            watched = run("watch", site.path, "--health", tmp_path / "health.json")
            assert watched.status == 0
            assert watched.out.count("12 unfamiliar") == 2
            health = json.loads((tmp_path / "health.json").read_text("utf-8"))
            assert [one["unfamiliar"] for one in health["cameras"]] == [12, 12]
            assert [one["coverage"] for one in health["cameras"]] == [1.0, 1.0]
            for camera in ("gate", "door"):
                event = site.event(camera)
                replayed = json.loads(run("replay", site.path, "--event", event, "--json", "--after", "20").out)
                assert replayed["differing"] == []
                steps = replayed["steps"]
                assert {step["familiarity"] for step in steps} == {KNOWN, STRANGE}
                closed = next(one for one in steps if one["decisions"][0]["reason"] == "unfamiliar")
                assert "familiarity 0.00391, 0.01 needed" in closed["decisions"][0]["why"]
                shown = run("replay", site.path, "--event", event, "--after", "20").out
                assert ", familiarity 0.004" in shown
                assert "min_familiarity 0.01" in shown
            assert any(step["repeated"] for step in steps)
            assert run("verify", site.path).status == 0
            assert "unknown (unfamiliar)" in run("events", site.path, "--json").out

    @pytest.mark.parametrize(
        ("policy", "says"),
        [
            (
                "{type: threshold,\n  min_familiarity: 0.05}",
                "min_familiarity = 0.05 is asked for, and the model 'light'",
            ),
            ("{type: threshold,\n  min_familiarity: 1.5}", "min_familiarity = 1.5 is not between 0 and 1"),
            ("{type: threshold,\n  min_familiarity: much}", "min_familiarity = 'much' cannot be used"),
            ("{type: threshold,\n  min_familiarity: yes}", "min_familiarity = "),
        ],
    )
    def test_the_line_of_what_cannot_be(
        self, run: Run, small_model: Path, tmp_path: Path, policy: str, says: str
    ) -> None:
        path = tmp_path / "site.yaml"
        write_clip(tmp_path / "gate.mp4", [BRIGHT])
        path.write_text(
            f"site: plant\nmodels: {{light: {{path: {small_model}}}}}\ncameras:\n  gate:\n"
            f"    source: {{type: video, path: gate.mp4}}\n    watch:\n    - policy: {policy}\n"
        )
        for command in ("watch", "check"):
            result = run(command, path)
            assert result.status != 0
            assert says in result.err
            assert "line 8" in result.err

    def test_of_a_site_it_stands_in_the_file(self, run: Run, knowing: Path, tmp_path: Path) -> None:
        site = SiteFile(tmp_path, knowing)
        site.camera("gate")
        result = run("watch", site.write(), "--min-familiarity", "0")
        assert result.status == 2
        assert "--min-familiarity is for a model and a source" in result.err

    def test_what_the_model_asks_for_holds_at_a_site(self, run: Run, knowing: Path, tmp_path: Path) -> None:
        with scripted_source():
            site = SiteFile(tmp_path, with_least(knowing, 0.01))
            site.camera("gate", levels=LEVELS)
            site.camera("door", levels=LEVELS, policy={"type": "majority_vote", "min_familiarity": 0})  # type: ignore[arg-type]
            out = run("watch", site.write()).out
        assert out.count("12 unfamiliar") == 1
        assert {e["camera"]: e["ended_by"] for e in site.reported() if e["state"] == "cat" and e["ended_by"]} == {
            "gate": "unknown (unfamiliar)",
            "door": "dog",
        }


def test_a_model_that_was_trained_so(run: Run, tmp_path: Path) -> None:
    """Of reddish and bluish noise; then it is asked about more of it, and about what is drawn."""
    random = np.random.default_rng(0)

    def noise(path: Path, colour: tuple[int, int, int]) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.clip(random.normal(colour, 40, (48, 64, 3)), 0, 255).astype(np.uint8)).save(path)
        return path

    blue, red = (40, 60, 200), (200, 60, 40)
    for at in range(16):
        noise(tmp_path / "data" / "blue" / f"{at}.png", blue)
        noise(tmp_path / "data" / "red" / f"{at}.png", red)
    strange = tmp_path / "strange.png"
    squares = np.kron(np.indices((6, 8)).sum(axis=0) % 2 * 255, np.ones((8, 8)))
    Image.fromarray(squares.astype(np.uint8)).convert("RGB").save(strange)
    model = tmp_path / "noise.onnx"
    quick = shlex.split("--fit stretch --depths last --pooling mean --no-mirror --strength 10 --folds 2 --holdout 0")
    asked = ("--no-cache", "--min-familiarity", "0.05")
    trained = run("train", tmp_path / "data", "-o", model, *quick, *asked)
    assert trained.status == 0, trained.err
    assert "refuses nothing" not in trained.err
    pictures = [noise(tmp_path / f"new{at}.png", blue if at % 2 else red) for at in range(20)]
    found = json.loads(run("predict", model, *pictures, strange, "--format", "json").out)
    *of_noise, of_squares = [one["decision"]["reason"] for one in found]
    # One in twenty is to be expected.
    assert of_noise.count("unfamiliar") <= 3
    assert of_squares == "unfamiliar"
    # 1 / 33: nothing could be less familiar.
    assert found[-1]["familiarity"] == pytest.approx(1 / 33, abs=1e-6)
    said = run("predict", model, strange, "--min-familiarity", "0.03")
    assert "a least familiarity of 0.03 refuses nothing: noise says 0.0303" in said.err
    assert "unfamiliar" not in said.out


def test_a_reading_is_stored_with_it_exactly(small_model: Path) -> None:
    task = load(small_model).task
    reading = Reading(Prediction(task, ((0.1 + 0.2, 0.7),), 0.1 + 0.2), 1.0)
    stored = json.loads(json.dumps(reading.to_stored()))
    assert list(stored) == ["time", "quality", "confidences", "familiarity"]
    assert Reading.from_stored(task, stored) == reading
    without = replace(reading, prediction=Prediction(task, ((0.5, 0.5),)))
    assert "familiarity" not in without.to_stored()
    with pytest.raises(ValueError, match=r"the familiarity must lie in 0\.\.1"):
        Reading.from_stored(task, {**stored, "familiarity": 1.5})
    with pytest.raises(ValueError, match="was not stored of a reading"):
        Reading.from_stored(task, {**stored, "familiarity": []})


@pytest.mark.parametrize("command", ["predict", "decide", "evaluate", "watch"])
def test_what_refuses_nothing_is_warned_of(
    run: Run, knowing: Path, tmp_path: Path, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for label, colour in (("cat", WHITE), ("dog", BLACK)):
        picture(tmp_path / "data" / label / "1.png", colour)
    data = tmp_path / "data" / "cat" if command == "watch" else tmp_path / "data"
    says = "warning: a least familiarity of 0.001 refuses nothing: knowing says 0.001 of what is least familiar to it"
    result = run(command, knowing, data, "--min-familiarity", "0.001")
    assert result.status == 0
    assert says in result.err
    assert "pictures of 1000 sources or more" in result.err
    assert "refuses nothing" not in run(command, knowing, data, "--min-familiarity", "0.0011").err


def test_a_model_of_few_sources_tells_of_the_least_that_it_can_say(
    run: Run, small_model: Path, mixed: Path, tmp_path: Path
) -> None:
    one = knowing_of(small_model, tmp_path / "one.onnx", sources=1)
    for command in ("predict", "decide"):
        assert run(command, one, mixed).out.count("(familiarity 0.500)") == 2
    card = read_model(one).card
    assert card.low_familiarity(0.6) == 0.6
    assert card.low_familiarity(0.01) == pytest.approx(0.5, abs=1e-6)
    assert card.low_familiarity(0.01) > 0.5
    for told in ({}, {"least": "much"}, {"least": True}, {"least": -1.0}, {"least": 2}, {"least": None}):
        other = replace(card, familiarity=told)
        assert (other.least_familiarity, other.low_familiarity(0.01)) == (None, 0.01)


def test_info(run: Run, knowing: Path, small_model: Path) -> None:
    def said(model: Path) -> str:
        return next(line for line in run("info", model).out.splitlines() if line.startswith("familiarity"))

    assert said(small_model).endswith("none: the model does not tell what is unfamiliar to it")
    told = "calibrated on 999 pictures, out of fold; the least that it can be is 0.001"
    assert said(knowing).endswith(told)
    asking = with_least(knowing, 0.01)
    assert said(asking).endswith(f"{told}; at least 0.01 is asked for")
    assert json.loads(run("info", asking, "--json").out)["min_familiarity"] == 0.01


def test_the_schema_knows_it(run: Run) -> None:
    schema = json.loads(run("schema").out)
    for name in ("threshold", "majority_vote", "sequential_test"):
        told = schema["$defs"][f"policy.{name}"]["properties"]["min_familiarity"]
        assert "speaks for nothing" in told["description"]
