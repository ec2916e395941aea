"""How long one photo alone takes, beside its parts."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

import simplejpeg

from decisight import imaging
from decisight.cli.predict import rule_for
from decisight.models.classifier import Classifier
from decisight.types import Answer

__all__ = ["Singles", "measure_singles"]


@dataclass(frozen=True)
class Singles:
    """Photos, each alone: medians over them, in milliseconds.

    Args:
        whole: from the content of its file to a line of JSON.
        decode: from the content to pixels as the model wants them, with nothing checked.
        forward: the network, all threads on it.
        overhead: how many times as long as the two parts the whole took; the median of that, not of medians.
    """

    whole: float
    decode: float
    forward: float
    overhead: float

    def milliseconds(self) -> tuple[float, float, float]:
        """The whole, and the two parts."""
        return self.whole, self.decode, self.forward


def measure_singles(model: Classifier, contents: Sequence[bytes]) -> Singles:
    """Measure photos alone: each as a whole, then its parts, so that all see the same machine.

    Args:
        model: what classifies.
        contents: of JPEG files, at least one.
    """
    wanted, network = model.card.preprocessing, model.network(model.threads)
    rule = rule_for(model, (), None)
    times = []
    for content in contents:
        begin = time.perf_counter()
        prediction = model.predict(content)
        Answer("photo.jpg", model.reference, prediction, rule.decide(prediction)).to_text()
        answered = time.perf_counter()
        pixels = simplejpeg.decode_jpeg(content, "RGB")
        batch = imaging.fit(pixels, wanted.size, wanted.fit, wanted.fill)[None]
        decoded = time.perf_counter()
        network.run(batch)
        times.append((answered - begin, decoded - answered, time.perf_counter() - decoded))
    whole, decode, forward = (1e3 * statistics.median(part) for part in zip(*times, strict=True))
    return Singles(whole, decode, forward, statistics.median(w / (d + f) for w, d, f in times))
