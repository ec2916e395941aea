"""Labelled pictures: formats, splits and folds."""

from __future__ import annotations

from decisight.data.checks import check_trainable, contradictions, spread_sources
from decisight.data.dataset import Dataset, Example, Skipped
from decisight.data.folds import assign_folds, sources_per_label
from decisight.data.reading import read_dataset
from decisight.data.splits import LabelShare, SplitReport, assign_splits
from decisight.data.writing import check_parquet, write_parquet

__all__ = [
    "Dataset",
    "Example",
    "LabelShare",
    "Skipped",
    "SplitReport",
    "assign_folds",
    "assign_splits",
    "check_parquet",
    "check_trainable",
    "contradictions",
    "read_dataset",
    "sources_per_label",
    "spread_sources",
    "write_parquet",
]
