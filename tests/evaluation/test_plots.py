"""Plots: that the files are there, open, have a size to read, and that drawing changes nothing global."""

import itertools
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from decisight.errors import DataError, OutputError
from decisight.evaluation import plots
from decisight.evaluation.lettering import font_families, plot_names
from decisight.evaluation.plots import write_plots
from decisight.evaluation.scored import score
from decisight.types import LabelGroup, Task

KINDS = ["confusion-matrix", "roc", "precision-recall", "reliability"]


def write(made, folder, **options):
    return write_plots(
        Task((made.group,)), [(target,) for target in made.targets], [made.confidences], folder, **options
    )


def size(path):
    with Image.open(path) as image:
        image.load()
        assert image.format == "PNG"
        assert len(image.convert("RGB").getcolors(2**24)) > 10  # something is drawn
        return image.size


@pytest.mark.parametrize(
    ("labels", "at_least", "at_most"),
    [(2, 300, 900), (5, 500, 1000), (14, 900, 1500), (30, 1400, 2400), (45, 1000, 2000)],
)
def test_an_exclusive_group(made_exclusive, tmp_path, labels, at_least, at_most):
    made = made_exclusive(n=120, labels=labels, of_a_source=2)
    files = write(made, tmp_path / "new" / "folder", sources=made.sources)
    assert [path.name for path in files] == [f"class-{kind}.png" for kind in KINDS]
    assert all(at_least <= side <= at_most for side in size(files[0]))
    assert all(min(size(path)) >= 400 for path in files[1:])


@pytest.mark.parametrize("labels", [1, 4, 34])
def test_an_independent_group(made_independent, tmp_path, labels):
    files = write(made_independent(labels=labels, of_a_source=2), tmp_path)
    assert [path.name for path in files] == [f"tags-{kind}.png" for kind in KINDS]
    assert all(min(size(path)) >= 200 for path in files)


def test_curves_are_left_out_where_one_class_only_is_there(made_exclusive, tmp_path):
    made = made_exclusive(n=10, labels=2, prior=[1.0, 0.0])
    assert [path.stem for path in write(made, tmp_path)] == ["class-confusion-matrix", "class-reliability"]


def test_a_single_picture_can_be_plotted(made_exclusive, tmp_path):
    assert len(write(made_exclusive(n=1), tmp_path)) == 2


def test_labels_that_fonts_or_markup_would_trip_over(made_exclusive, tmp_path):
    made = made_exclusive(names=("安全帽", "$x^2$", "100 % \\alpha_1", "a b"))
    assert len(write(made, tmp_path)) == 4  # warnings, of a missing glyph for one, are errors here


def test_a_character_without_a_font_is_a_square_with_the_number_of_the_label(monkeypatch):
    from matplotlib.font_manager import fontManager

    monkeypatch.setattr(fontManager, "ttflist", [e for e in fontManager.ttflist if e.name == "DejaVu Sans"])
    assert plot_names(["plain", "安全", "安 b"], 20) == ["plain", "□□ 2", "□ b 3"]


def test_dollar_signs_are_not_read_as_formulas():
    assert plot_names(["5$ or 6$"], 20) == [r"5\$ or 6\$"]


def test_another_font_is_found_for_what_the_first_has_not():
    from matplotlib.font_manager import findfont, fontManager, get_font

    first = set(get_font(findfont("DejaVu Sans")).get_charmap())
    stix = next(entry.fname for entry in fontManager.ttflist if entry.name == "STIXGeneral")
    missing = chr(next(code for code in get_font(stix).get_charmap() if code not in first and chr(code).isprintable()))
    families = font_families(f"label {missing}")
    assert families[0] == "DejaVu Sans"
    assert len(families) == 2
    assert plot_names([missing], 20) == [missing]


@pytest.mark.parametrize(
    "names",
    [
        ("person with a hard hat worn", "person without any hard hat"),
        ("worker_with_vest", "worker_no_vest"),
        ("安全帽と安全ベストを着用している作業員", "安全帽と安全ベストを着用していない作業員"),
        ("a", "b"),
    ],
)
def test_names_of_columns_do_not_overlap(made_exclusive, names):
    made = made_exclusive(n=30, names=names)
    figure = plots._confusion(score(made.group, made.targets, made.confidences))
    axes = figure.axes[0]
    figure.draw_without_rendering()
    upright = [label for label in axes.get_xticklabels() if label.get_rotation() == 0]
    boxes = [label.get_window_extent() for label in upright]
    assert not any(a.overlaps(b) for a, b in itertools.pairwise(boxes))
    assert len(upright) == (0 if len(names[0]) > 16 else 2)


def test_labels_with_an_underscore_in_front_are_in_the_legend(made_exclusive):
    made = made_exclusive(n=60, names=("_hidden", "__b", "plain"))
    figures = dict(plots._figures(score(made.group, made.targets, made.confidences)))
    for kind, others in (("roc", 1), ("precision-recall", 0)):
        legend = figures[kind].axes[0].get_legend()
        named = [text.get_text() for text in legend.get_texts()]
        assert len(named) == 3 + others
        assert {text.partition(" (")[0] for text in named} >= {"_hidden", "__b", "plain"}
        assert legend.get_title().get_text() == ("label (ROC-AUC)" if kind == "roc" else "label (average precision)")


def test_many_curves_have_one_name_together(made_exclusive):
    made = made_exclusive(n=120, labels=10)
    legend = dict(plots._figures(score(made.group, made.targets, made.confidences)))["roc"].axes[0].get_legend()
    assert len(legend.get_texts()) == 1 + 1 + 7
    assert legend.get_texts()[1].get_text() == "3 better ones"


def test_the_reliability_diagram_says_what_is_counted(made_exclusive, made_independent):
    for made, whose, counted in (
        (made_exclusive(), "confidence of the top label", "pictures"),
        (made_independent(), "confidence of a label", "pictures x labels"),
    ):
        figure = plots._reliability(score(made.group, made.targets, made.confidences))
        assert figure.axes[1].get_xlabel() == whose
        assert figure.axes[1].get_ylabel() == counted


def test_groups_of_similar_names_get_files_of_their_own(made_exclusive, tmp_path):
    made = made_exclusive(n=12, labels=2)
    groups = tuple(LabelGroup(name, made.group.labels) for name in ("a/b", "a?b", "A_B", "../..", "x" * 300))
    targets = [(target,) * 5 for target in made.targets]
    files = write_plots(Task(groups), targets, [made.confidences] * 5, tmp_path)
    assert len({path.name.casefold() for path in files}) == 5 * 4
    assert {path.parent for path in files} == {tmp_path}
    assert sorted(tmp_path.iterdir()) == sorted(files)
    assert {path.name for path in files} >= {"a_b-roc.png", "a_b_2-roc.png", "A_B_3-roc.png", "group-roc.png"}


def test_a_folder_that_cannot_be_written_to(made_exclusive, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="cannot be written to"):
        write(made_exclusive(), tmp_path / "file")


def test_nothing_to_plot(tmp_path):
    with pytest.raises(DataError, match="nothing can be evaluated"):
        write_plots(Task((LabelGroup("class", ("a", "b")),)), [], [np.empty((0, 2))], tmp_path)


def test_neither_pyplot_nor_global_settings_are_touched(made_exclusive, tmp_path, monkeypatch):
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)  # importing it would raise
    write(made_exclusive(), tmp_path)
    assert dict(mpl.rcParams) == before


def test_the_same_examples_give_the_same_files(made_exclusive, tmp_path):
    made = made_exclusive(n=40)
    first, second = write(made, tmp_path / "1"), write(made, tmp_path / "2")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_importing_the_package_brings_no_heavy_library():
    check = (
        "import sys, decisight.evaluation.evaluate, decisight.evaluation.text, decisight.evaluation.plots;"
        "print([name for name in ('matplotlib', 'scipy', 'sklearn', 'PIL') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
