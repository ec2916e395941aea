"""Versions of Decisight and of the libraries that a result depends on."""

from __future__ import annotations

from importlib import metadata

__all__ = ["decisight_version", "library_versions"]

_LIBRARIES = ("numpy", "onnx", "onnxruntime", "pillow", "scikit-learn", "scipy", "simplejpeg")


def decisight_version() -> str:
    """The version of this package."""
    return metadata.version("decisight")


def library_versions() -> dict[str, str]:
    """Versions by distribution name, of Decisight and of the libraries that its numbers come from."""
    versions = {"decisight": decisight_version()}
    for name in _LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions
