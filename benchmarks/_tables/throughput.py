"""Speed."""

from __future__ import annotations

import statistics

from _tables._layout import Results, spread, table

__all__ = ["NEEDS", "TABLES"]

NEEDS = ("throughput",)

_RUNTIMES = {"": "ONNX Runtime", "openvino: ": "OpenVINO"}
"""What the rows of ``throughput.json`` begin with, and what tables call it."""


def _speed(results: Results) -> list[str]:
    found = results["throughput"]
    rates = found["rates"]

    def fastest(kind: str) -> str:
        return f"{max(r['median'] for name, r in rates.items() if name.startswith(kind)):.0f}"

    def per_runtime(way: str) -> list[str]:
        return [f"{rates[start + way]['median']:.0f}" if start + way in rates else "-" for start in _RUNTIMES]

    rows = [
        ["JPEG files to confidences of 1,000 classes, `predict_stream`", *per_runtime("end to end")],
        ["the same as `decisight predict --format jsonl`, the start left out", *per_runtime("command line, started")],
        ["the network alone, its fastest way", *(fastest(f"{start}forward") for start in _RUNTIMES)],
        ["decoding alone (simplejpeg, resized to 224 x 224)", *[f"{rates['decode']['median']:.0f}"] * 2],
        ["timm in eager PyTorch, photos by Pillow, its faster way", *[fastest("peer")] * 2],
    ]
    alone = [
        [name, *(f"{statistics.median(r[part] for r in rounds):.1f} ms" for part in ("whole", "decode", "forward"))]
        for name, rounds in zip(_RUNTIMES.values(), found["one_photo_alone_ms"].values(), strict=True)
    ]
    return [
        *table(["pictures a second", *_RUNTIMES.values()], rows),
        "",
        *table(["one photo alone", "its content to JSON", "decoding", "the network"], alone),
        "",
        *table(["ratio within a round", *_RUNTIMES.values()], _ratios(found["ratios"])),
        "",
        f"{found['rounds']} rounds of {found['photos_a_round']} photos, {found['threads']} threads; "
        "medians, with the least and the most.",
    ]


def _ratios(ratios: Results) -> list[list[str]]:
    titles = {
        "end to end / limit": "end to end, of what decoding and the network allow together",
        "end to end / peer": "end to end, by PyTorch's faster way",
        "one photo alone / its parts": "one photo alone, by decoding it and computing it",
    }

    def cell(name: str) -> str:
        ratio = ratios[name]
        limit = f"at least {ratio['least']:g}" if ratio["least"] is not None else f"at most {ratio['most']:g}"
        return f"{spread(ratio['rounds'])}; {limit}: {'kept' if ratio['kept'] else '**not kept**'}"

    return [[title, *(cell(start + name) for start in _RUNTIMES)] for name, title in titles.items()]


TABLES = {"speed": _speed}
