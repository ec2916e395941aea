"""What was measured on what."""

from __future__ import annotations

from _tables._layout import Results, table

__all__ = ["NEEDS", "TABLES"]

NEEDS = ()


def _machines(results: Results) -> list[str]:
    rows = []
    for name, found in results.items():
        machine = found["machine"]
        versions = machine["versions"] or found["versions"]
        features = ", ".join(f for f in machine["features"] if f.startswith(("amx", "avx512_"))) or "-"
        libraries = [versions.get(library, "-") for library in ("onnxruntime", "openvino", "scikit-learn")]
        rows.append([f"`{name}.py`", machine["date"], machine["chip"], features, machine["python"], *libraries])
    return table(["figures of", "day", "chip", "features", "Python", "ONNX Runtime", "OpenVINO", "scikit-learn"], rows)


TABLES = {"machines": _machines}
