"""Arguments and options that several commands have."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "CropOnlyOption",
    "DataArgument",
    "FallbackOption",
    "GroupsOption",
    "LearntRegionOption",
    "MinFamiliarityOption",
    "ModelArgument",
    "ReferenceOption",
    "RegionOption",
    "ReportFormat",
    "RuntimeOption",
    "SourcePatternOption",
    "Split",
    "ThreadsOption",
    "ThresholdOption",
]

ModelArgument = Annotated[
    str,
    typer.Argument(
        metavar="MODEL", help="A model file, or imagenet:efficientnet_lite0 for the 1,000 ImageNet classes."
    ),
]
ThresholdOption = Annotated[
    list[str] | None,
    typer.Option(
        "--threshold",
        metavar="LABEL=0.8",
        help="Accept this label only from this confidence on. May be given several times; GROUP:LABEL=0.8 where two "
        "groups have the label.",
    ),
]
FallbackOption = Annotated[
    str | None, typer.Option(metavar="STATE", help="The decision where no threshold is met.  [default: the model's]")
]
MinFamiliarityOption = Annotated[
    float | None,
    typer.Option(
        "--min-familiarity",
        metavar="0..1",
        min=0.0,
        max=1.0,
        help="Decide only on pictures that are at least so familiar to the model: 0.01 refuses about one in a hundred "
        "of those like the ones it has learnt from, and most that are of something else.  [default: the model's]",
    ),
]
ThreadsOption = Annotated[
    int | None, typer.Option(metavar="N", min=1, max=9999, help="Threads to compute with.  [default: one a CPU]")
]
RuntimeOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME[:PRECISION]",
        help="What computes: onnxruntime or openvino, in fp32 or bf16.  [default: the fastest that is installed]",
    ),
]
DataArgument = Annotated[
    Path, typer.Argument(metavar="DATA", help="Labelled pictures: a folder, or a CSV or JSONL file.")
]
GroupsOption = Annotated[
    str | None,
    typer.Option(metavar="A,B", help="The columns that hold labels.  [default: all but file_name, split, source]"),
]
SourcePatternOption = Annotated[
    str | None,
    typer.Option(
        metavar="REGEX",
        help="Finds in a file's name the photo, clip or vehicle that it was cut from; its pictures are kept together.",
    ),
]
RegionOption = Annotated[
    list[str] | None,
    typer.Option(
        "--region",
        metavar="NAME=X,Y X,Y ...",
        help='Look only inside this polygon, for example --region bay="0.1,0.2 0.5,0.2 0.5,0.9": corners as shares of '
        "width and height. May be given several times.",
    ),
]
LearntRegionOption = Annotated[
    list[str] | None,
    typer.Option(
        "--region",
        metavar="NAME=X,Y X,Y ...",
        help="Look only inside this polygon, as predict --region does; the labels are those of what is seen there.",
    ),
]
ReferenceOption = Annotated[
    str | None,
    typer.Option(metavar="WIDTHxHEIGHT", help="The corners of regions are pixels, measured on a picture of this size."),
]
CropOnlyOption = Annotated[
    bool,
    typer.Option("--crop-only", help="Leave what lies in a region's rectangle but outside its polygon unmasked."),
]


class Split(StrEnum):
    """Which part of a dataset."""

    TRAIN = "train"
    VAL = "val"
    TEST = "test"
    ALL = "all"


class ReportFormat(StrEnum):
    """How a report is printed."""

    TEXT = "text"
    JSON = "json"
