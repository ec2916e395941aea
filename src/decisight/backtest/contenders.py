"""The sites whose rules are tried: what a back-test must know of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from decisight.errors import UsageError
from decisight.pipeline import Pipeline
from decisight.protocols import Policy
from decisight.types import LabelGroup

if TYPE_CHECKING:
    from decisight.models.classifier import Classifier
    from decisight.regions import Region

__all__ = ["SINGLE", "Contender", "WatchedCamera", "WatchedView"]

SINGLE = "single"
"""The name of the base line: each picture alone."""


class WatchedView(Protocol):
    """A region of a camera seen by a model, and the rules that decide on it."""

    @property
    def region(self) -> Region | None:
        """Where; ``None`` for all of the picture."""

    @property
    def model(self) -> Classifier:
        """The classifier."""

    @property
    def policies(self) -> Mapping[str, Policy]:
        """The rule of each label group that is watched."""

    @property
    def quiet(self) -> Mapping[str, frozenset[str]]:
        """Labels that open no event, by group."""


class WatchedCamera(Protocol):
    """A camera as a site file says it, with its models loaded."""

    @property
    def fps(self) -> float | None:
        """Pictures a second that are looked at; ``None``: all."""

    @property
    def views(self) -> Sequence[WatchedView]:
        """What is watched."""

    def pipeline(self, numbers: Sequence[int], store_id: str, *, threads: int, identity: str = "") -> Pipeline:
        """The camera at work; the numbers are those of its views, in their order."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A site whose rules are tried.

    Args:
        name: what its figures are called.
        single: what those of its base line are called.
        cameras: by name, those that there are clips of.
    """

    name: str
    single: str
    cameras: Mapping[str, WatchedCamera]

    def watched(self, camera: str) -> dict[str | None, list[LabelGroup]]:
        """The label groups that are decided on, by region.

        Raises:
            UsageError: two models decide on a group of one name in one region.
        """
        found: dict[str | None, list[LabelGroup]] = {}
        for view in self.cameras[camera].views:
            region = None if view.region is None else view.region.name
            groups = found.setdefault(region, [])
            for name in view.policies:
                if any(group.name == name for group in groups):
                    place = "all of the picture" if region is None else f"the region {region!r}"
                    raise UsageError(
                        f"{self.name}: two models decide on a group {name!r} in {place} of the camera {camera!r}, "
                        "and a clip's table cannot say which is meant",
                        hint="try them one after the other, each with a site file of its own",
                    )
                groups.append(view.model.task.group(name))
        return found
