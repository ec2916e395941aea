"""Whether a picture is familiar enough to be decided on."""

from __future__ import annotations

from decisight.errors import UsageError
from decisight.types import Prediction

__all__ = ["check_familiarity_known", "check_min_familiarity", "refused_familiarity"]

_TRAIN_ANEW = "train the model anew, or ask for none: 0"


def refused_familiarity(prediction: Prediction, least: float | None) -> float | None:
    """How familiar a picture is that is less so than is asked for; ``None`` where it is familiar enough.

        >>> from decisight.types import LabelGroup, Task
        >>> task = Task((LabelGroup("class", ("frog", "toad")),))
        >>> refused_familiarity(Prediction(task, ((0.75, 0.25),), 0.01), 0.05)
        0.01
        >>> refused_familiarity(Prediction(task, ((0.75, 0.25),), 0.05), 0.05)

    Args:
        prediction: of the picture.
        least: the least familiarity, 0..1; ``None`` or 0: every picture is familiar enough.

    Raises:
        UsageError: one is asked for, and the prediction does not have any.
    """
    if not least:
        return None
    if prediction.familiarity is None:
        raise UsageError(
            f"min_familiarity = {least:g} is asked for, and the model does not say how familiar a picture is",
            hint=_TRAIN_ANEW,
        )
    return prediction.familiarity if prediction.familiarity < least else None


def check_familiarity_known(least: float | None, model: str, *, known: bool) -> None:
    """Find out before any picture is looked at whether a model says what a rule asks for.

    Args:
        least: the least familiarity; ``None`` or 0: none is asked for.
        model: its name.
        known: whether it says how familiar a picture is.

    Raises:
        UsageError: it does not, and one is asked for.
    """
    if least and not known:
        raise UsageError(
            f"min_familiarity = {least:g} is asked for, and the model {model!r} does not say how familiar a picture is",
            hint=_TRAIN_ANEW,
        )


def check_min_familiarity(least: float | None) -> None:
    """Refuse what is no familiarity.

    Raises:
        UsageError: it does not lie in 0..1.
    """
    if least is not None and not 0.0 <= least <= 1.0:
        raise UsageError(
            f"min_familiarity = {least:g} is not between 0 and 1",
            hint="0.01 refuses about one in a hundred pictures like those that the model has learnt from",
        )
