"""CSV and JSON Lines tables, as people and programs write them."""

from __future__ import annotations

import csv
import io
import json
import os
import tempfile
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisight.data import read_dataset
from decisight.errors import DataError, DecisightError, LabelError, UsageError
from decisight.types import LabelGroup, Task

Make = Callable[[Mapping[str, str | bytes | int]], Path]

PICTURES = {f"{name}.jpg": "x" for name in "abcdef"}


def targets(root: Path, **options: object) -> dict[str, object]:
    """The targets of each picture, by its name; alone where there is one group."""
    dataset = read_dataset(root, **options)  # type: ignore[arg-type]  # the options are read_dataset's
    return {e.path.name: e.targets if len(e.targets) > 1 else e.targets[0] for e in dataset.examples}


CSV = "file_name,helmet,vest\na.jpg,yes,no\nb.jpg,no,\nc.jpg,,yes\nd.jpg,yes,yes\ne.jpg,,\n"
EXPECTED = {"a.jpg": ("yes", "no"), "b.jpg": ("no", None), "c.jpg": (None, "yes"), "d.jpg": ("yes", "yes")}

SPELLINGS: list[tuple[str, bytes]] = [
    ("plain", CSV.encode()),
    ("byte-order mark", b"\xef\xbb\xbf" + CSV.encode()),
    ("Windows line ends", CSV.replace("\n", "\r\n").encode()),
    ("semicolons", CSV.replace(",", ";").encode()),
    ("Excel's line that names the semicolon", ("sep=;\n" + CSV.replace(",", ";")).encode()),
    ("the same with a byte-order mark", ("\ufeffsep=;\r\n" + CSV.replace(",", ";").replace("\n", "\r\n")).encode()),
    ("the same saved anew", ('"sep=,"\n' + CSV).encode()),
    ("a line that names the tab", ("SEP=\t\n" + CSV.replace(",", "\t")).encode()),
    ("tabs", CSV.replace(",", "\t").encode()),
    ("quotes", CSV.replace("a.jpg", '"a.jpg"').replace("helmet", '"helmet"').encode()),
    ("spaces", CSV.replace(",", " , ").encode()),
    ("empty lines", ("\n" + CSV.replace("\nb.jpg", "\n\n,,\nb.jpg") + "\n\n").encode()),
]


@pytest.mark.parametrize("content", [s[1] for s in SPELLINGS], ids=[s[0] for s in SPELLINGS])
def test_csv_is_read_however_it_is_spelt(make: Make, content: bytes) -> None:
    root = make({**PICTURES, "metadata.csv": content})
    assert targets(root) == EXPECTED
    # A row that says nothing is left out, and named.
    assert [s.path.name for s in read_dataset(root).skipped] == ["e.jpg"]


def test_json_lines_say_the_same(make: Make) -> None:
    rows = [
        {"file_name": "a.jpg", "helmet": "yes", "vest": "no"},
        {"file_name": "b.jpg", "helmet": "no", "vest": None},
        {"file_name": "c.jpg", "vest": "yes"},
        {"file_name": "d.jpg", "helmet": " yes ", "vest": "yes"},
    ]
    root = make({**PICTURES, "metadata.jsonl": "\n\n".join(map(json.dumps, rows))})
    assert targets(root) == EXPECTED
    # With a byte-order mark as well.
    assert targets(make({"metadata.jsonl": "\ufeff" + "\r\n".join(map(json.dumps, rows))})) == EXPECTED


def test_json_values_become_labels(make: Make) -> None:
    rows = [
        {"file_name": "a.jpg", "worn": True, "bay": 1, "tags": ["hat", "coat"]},
        {"file_name": "b.jpg", "worn": False, "bay": 2, "tags": []},
        {"file_name": "c.jpg", "worn": None, "bay": 10, "tags": "-"},
        {"file_name": "d.jpg", "worn": True, "bay": 1, "tags": "hat"},
        {"file_name": "e.jpg", "worn": True, "bay": 1, "tags": "hat|coat"},
    ]
    root = make({**PICTURES, "metadata.jsonl": "\n".join(map(json.dumps, rows))})
    assert targets(root) == {
        "a.jpg": ("true", "1", frozenset({"hat", "coat"})),
        "b.jpg": ("false", "2", frozenset()),
        "c.jpg": (None, "10", frozenset()),
        "d.jpg": ("true", "1", frozenset({"hat"})),
        "e.jpg": ("true", "1", frozenset({"hat", "coat"})),
    }
    assert [g.labels for g in read_dataset(root).task.groups] == [("false", "true"), ("1", "2", "10"), ("coat", "hat")]


@pytest.mark.parametrize(
    ("cells", "options", "kind"),
    [
        (["hat", "coat", "hat"], {}, "exclusive"),
        (["hat", "coat|hat", "hat"], {}, "independent"),
        (["hat", "-", "hat"], {}, "independent"),
        (["hat", "coat", "hat"], {"independent": ["worn"]}, "independent"),
        # one label is enough where it can be absent
        (["hat", "-", "-"], {}, "independent"),
    ],
)
def test_a_column_is_independent_if_a_cell_or_the_user_says_so(
    make: Make, cells: list[str], options: dict[str, object], kind: str
) -> None:
    rows = "".join(f"{name}.jpg,{cell}\n" for name, cell in zip("abc", cells, strict=True))
    root = make({**PICTURES, "metadata.csv": f"file_name,worn\n{rows}"})
    assert read_dataset(root, **options).task.groups[0].kind == kind  # type: ignore[arg-type]  # as above


def test_a_table_in_each_split(make: Make) -> None:
    root = make(
        {
            "train/metadata.csv": "file_name,label,by\nimages/1.jpg,yes,me\nimages/2.jpg,no,you\n",
            "valid/metadata.csv": "file_name,by,label\nimages/1.jpg,me,no\n",
            "train/images/1.jpg": "x", "train/images/2.jpg": "x", "valid/images/1.jpg": "x",
        }
    )  # fmt: skip
    dataset = read_dataset(root)
    assert dataset.splits == ("train", "val")
    assert [e.targets for e in dataset.only("val").examples] == [("no", "me")]


def test_a_table_with_splits_and_sources_anywhere(make: Make) -> None:
    root = make(
        {
            "x/1.jpg": "x", "x/2.jpg": "x", "y/3.jpg": "x",
            "x/tables/gear.csv": "file_name,split,source,label\n../1.jpg,train,clip1,yes\n"
            "..\\2.jpg,Test,clip2,no\n../../y/3.jpg,validation,,yes\n",
        }
    )  # fmt: skip
    dataset = read_dataset(root / "x/tables/gear.csv")
    found = {e.path.name: (e.split, e.source) for e in dataset.examples}
    assert found == {"1.jpg": ("train", "clip1"), "2.jpg": ("test", "clip2"), "3.jpg": ("val", None)}
    assert dataset.root == root / "x/tables/gear.csv"


def test_sources_may_be_numbers(make: Make) -> None:
    rows = [
        {"file_name": "a.jpg", "label": "yes", "source": 7},
        {"file_name": "b.jpg", "label": "no", "source": "7"},
        {"file_name": "c.jpg", "label": "no", "source": 0},
        {"file_name": "d.jpg", "label": "no", "source": None},
        {"file_name": "e.jpg", "label": "no", "source": " "},
    ]
    root = make({**PICTURES, "metadata.jsonl": "\n".join(map(json.dumps, rows))})
    assert [e.source for e in read_dataset(root).examples] == ["7", "7", "0", None, None]


def test_an_accent_may_be_stored_in_two_ways(make: Make) -> None:
    # As a Mac stores it in the one place, as it is typed in the other.
    apart, together = "cafe\u0301", "caf\u00e9"
    root = make(
        {
            **PICTURES,
            "metadata.csv": f"file_name,{apart},source\na.jpg,{apart},{together}\nb.jpg,{together},{apart}\nc.jpg,x,\n",
        }
    )
    (group,) = read_dataset(root, groups=[apart], independent=[apart]).task.groups
    assert (group.name, group.labels) == (together, (together, "x"))
    model = Task((LabelGroup(together, ("x", together)), LabelGroup("other", ("a", "b"))))
    examples = read_dataset(root, task=model).examples
    assert [e.targets[0] for e in examples] == [together, together, "x"]
    assert [e.source for e in examples] == [together, together, None]


def test_where_collected_pictures_come_from_is_no_label(make: Make) -> None:
    table = "file_name,camera,region,time,source,helmet\na.jpg,g1,bay,1,s,yes\nb.jpg,g2,bay,2,s,no\n"
    root = make({"metadata.csv": table, **PICTURES})
    assert targets(root) == {"a.jpg": "yes", "b.jpg": "no"}
    assert targets(root, groups=["camera"]) == {"a.jpg": "g1", "b.jpg": "g2"}
    # Where one of the three is missing, it is somebody's own table.
    other = make(
        {"o/metadata.csv": "file_name,camera,region\na.jpg,g1,x\nb.jpg,g2,y\n", "o/a.jpg": "x", "o/b.jpg": "x"}
    )
    assert targets(other / "o") == {"a.jpg": ("g1", "x"), "b.jpg": ("g2", "y")}


def test_collected_pictures_that_nobody_has_labelled_are_refused(make: Make) -> None:
    root = make({"metadata.csv": "file_name,camera,region,time,source\na.jpg,g1,bay,1,s\n", **PICTURES})
    with pytest.raises(DataError, match="none is labelled yet") as caught:
        read_dataset(root)
    assert caught.value.hint == f"label them: decisight label {root}"


def test_absolute_names_and_tab_separated_tables(make: Make) -> None:
    root = make(PICTURES)
    table = make({"t.tsv": f"file_name\tlabel\n{root / 'a.jpg'}\tyes\n{root / 'b.jpg'}\tno\n"}) / "t.tsv"
    assert targets(table) == {"a.jpg": "yes", "b.jpg": "no"}


def test_columns_are_chosen_in_the_order_asked_for(make: Make) -> None:
    # What the other columns hold does not matter: broken labels, free text, numbers.
    rows = "".join(
        f"{name}.jpg,{at}.5,what|-|{name},{'yn'[at % 2]},{'pq'[at % 2]}\n" for at, name in enumerate("abcdef")
    )
    root = make({**PICTURES, "metadata.csv": f"file_name,weight,note,helmet,vest\n{rows}"})
    assert targets(root, groups=["vest", "helmet"])["b.jpg"] == ("q", "n")
    # Numbers that the user asks for are labels.
    assert targets(root, groups=["weight"])["a.jpg"] == "0.5"


def with_rows(*rows: str, header: str = "file_name,label") -> bytes:
    return "\n".join([header, *rows, ""]).encode()


REFUSED: list[tuple[str, str, bytes, str]] = [
    ("empty file", "metadata.csv", b" \n", "the file is empty"),
    ("byte-order mark only", "metadata.csv", b"\xef\xbb\xbf", "the file is empty"),
    ("byte-order mark and a line end", "metadata.csv", b"\xef\xbb\xbf\r\n", "the file is empty"),
    ("no-break space only", "metadata.csv", b"\xc2\xa0\n", "the file is empty"),
    ("byte-order mark only, JSON", "metadata.jsonl", b"\xef\xbb\xbf\n", "the file is empty"),
    ("a separator only", "metadata.csv", b"sep=;", "a header but no row"),
    ("a separator, and a row too short", "metadata.csv", b"sep=;\nfile_name;label\na.jpg\n", "line 3: 1 cells"),
    ("header only", "metadata.csv", b"file_name,label\n", "a header but no row"),
    ("no file_name", "metadata.csv", b"Filename,label\na.jpg,x\n", "no column 'file_name'; there are: Filename, label"),
    ("no labels", "metadata.csv", b"file_name,split\na.jpg,train\n", "no column with labels"),
    ("column twice", "metadata.csv", b"file_name,label,label\n", "line 1: the column 'label' stands twice"),
    ("column without a name", "metadata.csv", b",file_name,label\n0,a.jpg,x\n", "line 1: column 1 has no name"),
    ("too few cells", "metadata.csv", with_rows("a.jpg,yes", "b.jpg"), "line 3: 1 cells, where the header has 2"),
    ("too many cells", "metadata.csv", with_rows("a.jpg,yes,no"), "line 2: 3 cells, where the header has 2"),
    (
        "quote never closed",
        "metadata.csv",
        with_rows("a.jpg,yes", 'b.jpg,"no', "c.jpg,yes"),
        "line 3: a quote is broken",
    ),
    ("text after a quote", "metadata.csv", with_rows('a.jpg,"yes" or no'), "line 2: a quote is broken"),
    ("not UTF-8", "metadata.csv", with_rows("a.jpg,yes") + b"b.jpg,caf\xe9\n", "line 3: the byte 0xe9 is not UTF-8"),
    ("UTF-16", "metadata.csv", "file_name,label\n".encode("utf-16"), "UTF-16"),
    ("zero byte", "metadata.csv", b"file_name,label\na.jpg,y\0es\n", "line 2: there is a zero byte"),
    ("no file", "metadata.csv", with_rows(",yes"), "line 2: the cell of file_name is empty"),
    ("unknown split", "metadata.csv", b"file_name,label,split\na.jpg,x,dev\n", "line 2: there is no split 'dev'"),
    (
        "split missing in a row",
        "metadata.csv",
        b"file_name,label,split\na.jpg,x,train\nb.jpg,y,\n",
        "line 3: the cell of 'split' is empty",
    ),
    (
        "two rows that contradict each other",
        "metadata.csv",
        with_rows("a.jpg,yes", "b.jpg,no", "./a.jpg,no"),
        "metadata.csv, line 2, and ",
    ),
    ("no row has its file", "metadata.csv", with_rows("x.jpg,yes", "y.jpg,no"), "none of its 2 rows has its file"),
    ("one label only", "metadata.csv", with_rows("a.jpg,yes", "b.jpg,yes"), "one label only: 'yes' (2 pictures)"),
    ("no label at all", "metadata.csv", with_rows("a.jpg,", "b.jpg,"), "has no label in any row"),
    ("label twice in a cell", "metadata.csv", with_rows("a.jpg,x|x"), "line 2, 'label': a label stands twice"),
    ("empty label in a cell", "metadata.csv", with_rows("a.jpg,x|"), "line 2, 'label': '' cannot be a label"),
    ("- among labels", "metadata.csv", with_rows("a.jpg,x|-"), "line 2, 'label': '-' cannot be a label"),
    ("label on two lines", "metadata.csv", with_rows('a.jpg,"x\ny"'), r"line 2, 'label': 'x\ny' cannot be a label"),
    (
        "labels that differ in case",
        "metadata.csv",
        with_rows("a.jpg,Yes", "b.jpg,yes", "c.jpg,no"),
        "'Yes' (1 picture) and 'yes' (1)",
    ),
    (
        "a column of numbers",
        "metadata.csv",
        with_rows(*[f"{name}.jpg,{20 + at / 3:.2f}" for at, name in enumerate("abcdef")]),
        "looks like a measurement, not a label",
    ),
    (
        "a column of free text",
        "metadata.csv",
        with_rows(*[f"{name}.jpg,photo no {at} of the gate" for at, name in enumerate("abcdef")]),
        "looks like free text",
    ),
    ("not JSON", "metadata.jsonl", b'{"file_name": "a.jpg", "label": "x"}\n{oops}\n', "line 2: this is not JSON"),
    ("no object", "metadata.jsonl", b'["a.jpg", "x"]\n', "line 1: this is not a JSON object"),
    ("key twice", "metadata.jsonl", b'{"file_name": "a.jpg", "label": "x", "label": "y"}', "a key stands twice"),
    ("not a number", "metadata.jsonl", b'{"file_name": "a.jpg", "label": NaN}', "NaN is not a value"),
    (
        "nested",
        "metadata.jsonl",
        b'{"file_name": "a.jpg", "label": {"x": 1}}',
        "line 1, 'label': the value is nested",
    ),
    ("list in a list", "metadata.jsonl", b'{"file_name": "a.jpg", "label": [["x"]]}', "the value is nested"),
    (
        "nested source",
        "metadata.jsonl",
        b'{"file_name": "a.jpg", "label": "x", "source": ["clip"]}',
        "line 1, 'source': the value is nested",
    ),
    (
        "nested split",
        "metadata.jsonl",
        b'{"file_name": "a.jpg", "label": "x", "split": {}}',
        "line 1, 'split': the value is nested",
    ),
    (
        "numeric split",
        "metadata.jsonl",
        b'{"file_name": "a.jpg", "label": "x", "split": 0}',
        "line 1: there is no split '0'",
    ),
    (
        "columns that differ only in how an accent is stored",
        "metadata.csv",
        "file_name,caf\u00e9,cafe\u0301\na.jpg,x,y\n".encode(),
        "line 2: two columns have names that differ only",
    ),
    (
        "no name",
        "metadata.jsonl",
        b'{"label": "x"}\n{"file_name": "a.jpg", "label": "y"}',
        "line 1: the cell of file_name",
    ),
    ("deeply nested", "metadata.jsonl", b'{"file_name": ' + b"[" * 100_000, "this is not JSON"),
]


@pytest.mark.parametrize(("file", "content", "says"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_a_bad_table_is_refused_with_file_and_line(make: Make, file: str, content: bytes, says: str) -> None:
    root = make({**PICTURES, file: content})
    with pytest.raises(DataError) as caught:
        read_dataset(root)
    assert says in caught.value.message
    assert str(root) in caught.value.message
    assert caught.value.hint


def test_both_lines_of_a_contradiction_are_named(make: Make) -> None:
    root = make({**PICTURES, "metadata.csv": with_rows("a.jpg,yes", "b.jpg,no", "a.jpg,no")})
    with pytest.raises(DataError, match=r"a\.jpg: .*line 2, and .*line 4\n") as caught:
        read_dataset(root)
    assert caught.value.hint


@pytest.mark.skipif(os.name != "posix", reason="links are made as on Linux")
def test_a_link_and_its_file_may_not_contradict_each_other(make: Make) -> None:
    root = make({**PICTURES, "metadata.csv": with_rows("a.jpg,yes", "link.jpg,no", "b.jpg,no")})
    (root / "link.jpg").symlink_to("a.jpg")
    with pytest.raises(DataError, match=r"lead to one file.*a\.jpg \(yes\), and link\.jpg \(no\)") as caught:
        read_dataset(root)
    assert caught.value.hint


def test_rows_without_a_file_and_repeated_rows_are_left_out_and_named(make: Make) -> None:
    rows = with_rows(
        "a.jpg,yes",
        "gone.jpg,no",
        "b.jpg,no",
        "a.jpg,yes",
        "folder,yes",
        "https://example.com/c.jpg,no",
        f"{'x' * 400},no",
    )
    root = make({**PICTURES, "folder/x.jpg": "x", "metadata.csv": rows})
    dataset = read_dataset(root)
    assert len(dataset) == 2
    assert [(s.path.name[:9], s.why.removeprefix(f"{root}/metadata.csv, ")) for s in dataset.skipped] == [
        ("gone.jpg", "line 3: there is no such file"),
        ("folder", "line 6: is a folder, not a picture"),
        ("c.jpg", "line 7: a web address; download the pictures first"),
        ("xxxxxxxxx", "line 8: there is no such file"),
        ("a.jpg", f"line 5: the same row as in {root}/metadata.csv, line 2"),
    ]


TREES_REFUSED = [
    (
        "two tables",
        {"metadata.csv": "file_name,label\n", "metadata.jsonl": "{}"},
        "both metadata.csv and metadata.jsonl",
    ),
    (
        "a split without a table",
        {"train/metadata.csv": "file_name,label\n1.jpg,x\n", "train/1.jpg": "x", "test/a": 1, "test/b": 1},
        "there is no metadata.csv here, but in another split there is",
    ),
    (
        "other columns in another split",
        {
            "train/metadata.csv": "file_name,label\n1.jpg,x\n", "train/1.jpg": "x",
            "test/metadata.csv": "file_name,class\n1.jpg,x\n", "test/1.jpg": "x",
        },
        "its columns differ",
    ),
    (
        "a split that denies its folder",
        {"train/metadata.csv": "file_name,label,split\n1.jpg,x,test\n", "train/1.jpg": "x"},
        "the split is 'test', but the table lies in the folder of 'train'",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("tree", "says"), [t[1:] for t in TREES_REFUSED], ids=[t[0] for t in TREES_REFUSED])
def test_tables_that_do_not_go_together_are_refused(make: Make, tree: Mapping[str, str | int], says: str) -> None:
    with pytest.raises(DataError, match=says) as caught:
        read_dataset(make(tree))
    assert caught.value.hint


def test_a_path_that_is_no_dataset_is_refused(make: Make) -> None:
    root = make({"a.jpg": "x", "notes.txt": "x"})
    for name, says in [("a.jpg", "is one picture"), ("notes.txt", "not a table"), ("nowhere", "does not exist")]:
        with pytest.raises(DataError, match=says) as caught:
            read_dataset(root / name)
        assert caught.value.hint


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"groups": ["helmt"]}, "no column 'helmt'"),
        ({"groups": ["helmet", "helmet"]}, "one stands twice"),
        ({"groups": []}, "are none"),
        ({"groups": ["file_name"]}, "no column 'file_name'"),
        ({"independent": ["helmt"]}, "no label group 'helmt'"),
    ],
)
def test_columns_that_are_not_there_are_refused(make: Make, options: dict[str, object], says: str) -> None:
    root = make({**PICTURES, "metadata.csv": CSV})
    with pytest.raises(UsageError, match=says) as caught:
        read_dataset(root, **options)  # type: ignore[arg-type]  # as above
    assert caught.value.hint


NUMBERS_THAT_ARE_LABELS = [
    # ten digits, a few of each
    [str(at % 10) for at in range(30)],
    # many classes by number, five of each
    [str(at % 20) for at in range(100)],
    # half sizes
    [f"{36 + at % 5 / 2}" for at in range(20)],
    # too few rows to judge
    ["1.5", "2.5", "3.5"],
]


@pytest.mark.parametrize("cells", NUMBERS_THAT_ARE_LABELS)
def test_numbers_may_be_labels(make: Make, cells: list[str]) -> None:
    rows = [f"p/{at:03}.jpg,{cell}" for at, cell in enumerate(cells)]
    root = make({"p": len(cells), "metadata.csv": with_rows(*rows)})
    assert set(read_dataset(root).task.groups[0].labels) == set(cells)


@pytest.mark.parametrize(
    "cells",
    [
        [str(at % 60) for at in range(200)],
        [f"{at % 40}.{at % 10}" for at in range(400)],
        [f"{at}e-3" for at in range(9)],
    ],
)
def test_measurements_are_not_labels(make: Make, cells: list[str]) -> None:
    rows = [f"p/{at:03}.jpg,{cell}" for at, cell in enumerate(cells)]
    with pytest.raises(DataError, match="measurement") as caught:
        read_dataset(make({"p": len(cells), "metadata.csv": with_rows(*rows)}))
    assert caught.value.hint is not None
    assert "--groups" in caught.value.hint


# --- with the task of a model ---

HELMET = LabelGroup("helmet", ("yes", "no"))
TAGS = LabelGroup("tags", ("hat", "coat"), "independent")


def test_the_model_gives_labels_order_and_groups(make: Make) -> None:
    root = make({**PICTURES, "metadata.csv": "file_name,note,tags,helmet\na.jpg,free|-text,hat,yes\nb.jpg,,-,\n"})
    task = Task((HELMET, LabelGroup("bay", ("1", "2")), TAGS))
    dataset = read_dataset(root, task=task)
    assert dataset.task is task
    assert [e.targets for e in dataset.examples] == [("yes", None, frozenset({"hat"})), (None, None, frozenset())]


def test_one_group_matches_one_group_whatever_their_names(make: Make) -> None:
    root = make({**PICTURES, "metadata.csv": with_rows("a.jpg,yes", "b.jpg,no")})
    assert [e.targets for e in read_dataset(root, task=Task((HELMET,))).examples] == [("yes",), ("no",)]


@pytest.mark.parametrize(
    ("table", "task", "says"),
    [
        ("file_name,a,b\na.jpg,yes,no\n", Task((HELMET,)), "none of the model's label groups: it has a, b"),
        ("file_name,a\na.jpg,yes\n", Task((HELMET, TAGS)), "none of the model's label groups: it has a"),
        ("file_name,helmet\na.jpg,maybe\n", Task((HELMET,)), r"does not know in the group 'helmet': 'maybe' \(1 pict"),
        ("file_name,helmet\na.jpg,yes|no\n", Task((HELMET,)), "line 2: 'no|yes' in the group 'helmet'"),
        ("file_name,helmet\na.jpg,-\n", Task((HELMET,)), "line 2: '-' in the group 'helmet'"),
    ],
)
def test_what_the_model_does_not_know_is_refused(make: Make, table: str, task: Task, says: str) -> None:
    root = make({**PICTURES, "metadata.csv": table})
    with pytest.raises(LabelError, match=says) as caught:
        read_dataset(root, task=task)
    assert caught.value.hint


# --- properties ---

LABELS = st.text(
    st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp", "Cf"), exclude_characters="|"), min_size=1, max_size=8
).map(lambda text: unicodedata.normalize("NFC", text).strip()).filter(lambda text: text not in ("", "-"))  # fmt: skip
CELLS = st.one_of(st.none(), LABELS, st.frozensets(LABELS, max_size=3))


def written(cell: str | frozenset[str] | None) -> str:
    if cell is None:
        return ""
    return cell if isinstance(cell, str) else "|".join(sorted(cell)) or "-"


@settings(max_examples=60, deadline=None)
@given(
    cells=st.lists(CELLS, min_size=1, max_size=5), delimiter=st.sampled_from(",;\t"), quoting=st.sampled_from([0, 1])
)
def test_what_is_written_is_read(cells: list[str | frozenset[str] | None], delimiter: str, quoting: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        names = [f"{at}.jpg" for at in range(len(cells))]
        for name in names:
            Path(folder, name).write_bytes(b"x")
        text = io.StringIO()
        writer = csv.writer(text, delimiter=delimiter, quoting=quoting)
        writer.writerow(["file_name", "label"])
        writer.writerows(zip(names, map(written, cells), strict=True))
        Path(folder, "metadata.csv").write_text(text.getvalue(), encoding="utf-8", newline="")
        try:
            found = targets(Path(folder), independent=["label"], groups=["label"])
        except DataError as error:
            # Labels that a reader would take for one, or none at all, are refused on purpose.
            assert "differ only" in error.message or "no label" in error.message  # noqa: PT017 - both outcomes are right
            return
    as_sets = [None if c is None else frozenset({c}) if isinstance(c, str) else c for c in cells]
    assert found == {name: cell for name, cell in zip(names, as_sets, strict=True) if cell is not None}


@settings(max_examples=150, deadline=None)
@given(content=st.one_of(st.binary(max_size=80), st.text(alphabet='a.jpg,\n"|-;x\t{}[]:', max_size=60).map(str.encode)))
@pytest.mark.parametrize("name", ["t.csv", "t.jsonl"])
def test_any_content_gives_a_dataset_or_an_error_of_ours(name: str, content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder, name)
        table.write_bytes(b"file_name,label\n" + content if name == "t.csv" else content)
        Path(folder, "a.jpg").write_bytes(b"x")
        try:
            read_dataset(table)
        except DecisightError as error:
            assert str(error)  # noqa: PT017 - both outcomes are right
