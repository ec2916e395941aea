"""Labelled pictures of which one region is meant, where the data does not say so itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from decisight.data.dataset import Dataset
from decisight.errors import UsageError
from decisight.imaging import printable
from decisight.regions import Region

__all__ = ["with_regions"]


def with_regions(dataset: Dataset, regions: Sequence[Region]) -> Dataset:
    """The same examples, each of them only the region of its picture that was asked for; without one, unchanged.

    Args:
        dataset: of whole pictures.
        regions: where to look in each of them: none, or one.

    Raises:
        UsageError: several regions, where a picture's labels are of one; or the data says itself which part of a
            picture is meant, for example by a box.
    """
    if not regions:
        return dataset
    if len(regions) > 1:
        raise UsageError(
            f"{len(regions)} regions are given ({', '.join(region.name for region in regions)}), and labels of one",
            hint="take one region at a time, with the labels of what is seen there; or give the data as COCO JSON, "
            "where each part of a picture has a label of its own",
        )
    own = next((example for example in dataset.examples if example.region is not None), None)
    if own is not None:
        raise UsageError(
            f"the region {regions[0].name!r} is given, but {printable(dataset.root)} says itself which part of a "
            f"picture is meant, for example of {printable(own.path)}",
            hint="leave out --region, or give the pictures without boxes",
        )
    return replace(dataset, examples=tuple(replace(example, region=regions[0]) for example in dataset.examples))
