"""Every planted fault is found, a clean set has none, and what cannot be audited is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.auditing.conftest import HUES, SIZE, Faulty, colours
from tests.drawn import drawn, save

from decisight.auditing import KINDS, Audit, AuditOptions, Severity, audit, audit_lines
from decisight.data.reading import read_dataset
from decisight.sources.rendered import write_dataset

PLANTED = {
    "unreadable": [("train/red/broken.jpg",)],
    "copy_labelled_differently": [("train/blue/03.png", "train/red/conflict.png")],
    "copy_across_splits": [("test/red/exact.png", "train/red/00.png"), ("test/blue/again.jpg", "train/blue/01.png")],
    "copy": [("train/blue/02.png", "train/blue/twice.webp")],
    "tiny": [("train/red/tiny.png",)],
    "dark": [("train/red/dark.png",)],
    "bright": [("train/red/bright.png",)],
    "low_contrast": [("train/red/flat.png",)],
    "blurred": [("train/red/blurred.png",)],
    "odd_shape": [("train/red/long.png",)],
}


@pytest.mark.parametrize("kind", PLANTED)
def test_what_was_planted_is_found_and_nothing_else(faulty: Faulty, kind: str) -> None:
    assert faulty.names(kind) == PLANTED[kind]


def test_a_label_that_was_exchanged_is_found(faulty: Faulty) -> None:
    assert faulty.names("suspected_label")[0] == ("test/blue/wrong.png",)
    first = faulty.of("suspected_label")[0]
    assert (first.details["given"], first.details["suggested"]) == ("blue", "red")
    assert first.details["confidence"] < 0.2 < 0.8 < first.details["confidence_suggested"]


def test_what_matters_most_comes_first(faulty: Faulty) -> None:
    kinds = [finding.kind for finding in faulty.found.findings]
    assert kinds == sorted(kinds, key=list(KINDS).index)
    assert [KINDS[kind].severity for kind in KINDS] == sorted((kind.severity for kind in KINDS.values()), key=str)
    assert faulty.found.errors == 4


def test_a_mistake_in_the_test_part_has_what_it_was_learnt_from(faulty: Faulty) -> None:
    mistake = next(m for m in faulty.found.mistakes if faulty.found.name(m.example) == "test/blue/wrong.png")
    assert (mistake.given, mistake.said) == ("blue", "red")
    assert len(mistake.learnt_from) == 5
    splits = {faulty.found.dataset.examples[near.example].split for near in mistake.learnt_from}
    assert splits == {"train"}
    likeness = [near.likeness for near in mistake.learnt_from]
    assert likeness == sorted(likeness, reverse=True)


def test_the_report_is_short_and_tells_what_to_do(faulty: Faulty) -> None:
    lines = list(audit_lines(faulty.found))
    assert lines[0].endswith("colours: 40 pictures (train 29, test 11)")
    assert lines[1].startswith("4 errors, ")
    text = "\n".join(lines)
    assert text.index("ERROR: Pictures that cannot be read (1)") < text.index(
        "ERROR: The same picture in two splits (2)"
    )
    assert text.index("two splits (2)") < text.index("WARNING: Labels that are probably wrong")
    assert "test/red/exact.png and train/red/00.png: the very same file: in test and in train" in text
    assert text.count("What to do: ") == len(faulty.found.counts)
    assert len(lines) < 120


def test_json_is_complete(faulty: Faulty) -> None:
    values = json.loads(json.dumps(faulty.found.to_json(), allow_nan=False))
    assert values["errors"] + values["warnings"] == len(values["findings"]) == sum(values["counts"].values())
    assert values["labels"] == {"class": {"blue": 17, "red": 23}}
    across = [finding for finding in values["findings"] if finding["kind"] == "copy_across_splits"]
    assert across[0]["splits"] == ["test", "train"]
    assert across[0]["same_content"] is True


def test_a_clean_set_gives_no_error(clean_folder: Path, look: Callable[[Path], Audit]) -> None:
    found = look(clean_folder)
    assert found.errors == 0
    assert set(found.counts) <= {"scarce"}
    assert found.judged == 28


def test_the_rendered_set_gives_no_error(tmp_path: Path) -> None:
    root = write_dataset(tmp_path / "gate", pictures=48, seed=1, size=(160, 200))
    found = audit(read_dataset(root), AuditOptions(labels=False), threads=2)
    assert found.errors == 0
    assert set(found.counts) <= {"scarce", "imbalance"}


def test_sources_on_both_sides_and_labels_in_one_part_are_told(tmp_path: Path) -> None:
    rows = ["file_name,split,source,colour,marks"]
    for at in range(12):
        split = "test" if at >= 8 else "train"
        source = f"clip{at // 3}"
        colour = "blue" if at % 2 and split == "train" else "red"
        marks = "a|b" if at == 0 else "a" if at % 2 else "-"
        save(tmp_path / f"{at}.png", drawn(at, SIZE, hue=HUES[colour]))
        rows.append(f"{at}.png,{split},{source},{colour},{marks}")
    (tmp_path / "metadata.csv").write_text("\n".join(rows) + "\n")
    found = audit(read_dataset(tmp_path), AuditOptions(labels=False), threads=2)
    told = {finding.kind: finding.text for finding in found.findings}
    assert told["source_across_splits"] == "clip2: 2 in train, 1 in test"
    assert "'blue' (colour): no picture in the test part" in [f.text for f in found.findings if f.kind == "untested"]
    assert told["not_learnt"] == "'b' (marks): 1 picture to learn from"


def test_very_different_frequencies_are_told(tmp_path: Path) -> None:
    for at in range(42):
        label = "rare" if at < 3 else "usual"
        save(tmp_path / label / f"{at}.png", drawn(at, (64, 48)))
    found = audit(read_dataset(tmp_path), AuditOptions(labels=False), threads=2)
    assert found.counts == {"scarce": 1, "imbalance": 1}
    (uneven,) = (finding for finding in found.findings if finding.kind == "imbalance")
    assert uneven.text.startswith(
        "class: 'usual' has 39 pictures, 'rare' 3; whoever always says 'usual' is right in 93%"
    )


def test_labels_of_one_source_are_not_checked_and_that_is_said(tmp_path: Path, kept_features: object) -> None:
    rows = ["file_name,source,colour"]
    for at in range(6):
        colour = "red" if at < 3 else "blue"
        save(tmp_path / f"{at}.png", drawn(at, SIZE, hue=HUES[colour]))
        rows.append(f"{at}.png,{'one' if at < 3 else at},{colour}")
    (tmp_path / "metadata.csv").write_text("\n".join(rows) + "\n")
    found = audit(read_dataset(tmp_path), threads=2)
    assert found.judged == 0
    assert found.notes == ("labels of 'colour' were not checked: too few of them have pictures of two sources",)


def test_all_pictures_unreadable(tmp_path: Path) -> None:
    for label in ("a", "b"):
        for at in range(3):
            path = tmp_path / label / f"{at}.jpg"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(f"{label}{at}".encode())
    found = audit(read_dataset(tmp_path), threads=2)
    assert found.counts == {"unreadable": 6, "too_few": 2}


def test_one_picture_of_each_of_two_labels(tmp_path: Path) -> None:
    for at, (label, hue) in enumerate(HUES.items()):
        save(tmp_path / label / "0.png", drawn(at, SIZE, hue=hue))
    found = audit(read_dataset(tmp_path), threads=2)
    assert found.counts == {"too_few": 2}
    assert "were not checked" in found.notes[0]


def test_without_cleanlab_the_rest_goes_on(
    clean_folder: Path, look: Callable[[Path], Audit], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("decisight.auditing.inspection.can_suspect", lambda: False)
    found = look(clean_folder)
    assert "pip install 'decisight[audit]'" in found.notes[-1]
    assert found.judged == 28


def test_more_pictures_than_choices_are_made_on_are_all_judged(
    faulty: Faulty, look: Callable[[Path], Audit], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("decisight.auditing.confidences._SELECTION_PICTURES", 30)
    found = look(faulty.root)
    assert found.judged == 39
    named = [found.name(mistake.example) for mistake in found.mistakes]
    assert "test/blue/wrong.png" in named
    # So many that the features themselves are worked on.
    monkeypatch.setattr("decisight.auditing.confidences._DUAL_ROWS", 10)
    again = look(faulty.root)
    assert again.judged == 39
    assert [again.name(mistake.example) for mistake in again.mistakes] == named


def test_the_same_audit_twice_finds_the_same(faulty: Faulty, look: Callable[[Path], Audit]) -> None:
    assert look(faulty.root).findings == faulty.found.findings


def test_independent_labels_are_checked_one_by_one(tmp_path: Path, kept_features: object) -> None:
    rows = ["file_name,marks"]
    for at in range(24):
        red, blue = at % 2 == 0, at % 4 < 2
        picture = drawn(at, SIZE).copy()
        if red:
            picture[:50, :60] = HUES["red"]
        if blue:
            picture[50:, 60:] = HUES["blue"]
        save(tmp_path / f"{at:02}.png", picture)
        # The first lacks a mark that it has.
        marks = "-" if at == 0 else "|".join(name for name, there in (("blue", blue), ("red", red)) if there) or "-"
        rows.append(f"{at:02}.png,{marks}")
    (tmp_path / "metadata.csv").write_text("\n".join(rows) + "\n")
    found = audit(read_dataset(tmp_path), threads=2)
    suspected = [finding for finding in found.findings if finding.kind == "suspected_label"]
    assert {found.name(finding.examples[0]) for finding in suspected} == {"00.png"}
    assert {(f.details["given"], f.details["suggested"]) for f in suspected} <= {("-", "red"), ("-", "blue")}


def test_colours_are_learnt_from_all_splits(tmp_path: Path, look: Callable[[Path], Audit]) -> None:
    root = colours(tmp_path / "colours", train=6, test=2)
    assert look(root).judged == 16
    assert [severity.value for severity in Severity] == ["error", "warning"]
