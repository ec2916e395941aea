"""The public namespace: what it holds, that it is documented, and that importing it is cheap."""

from __future__ import annotations

import importlib
import json
import pkgutil
import subprocess
import sys

import pytest

import decisight

HEAVY = {"PIL", "av", "cv2", "matplotlib", "onnx", "onnxruntime", "scipy", "simplejpeg", "skimage", "sklearn", "torch"}
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(decisight.__path__, "decisight.")
    if module.name.rpartition(".")[2] != "__main__"
)


def loaded_after(script: str) -> set[str]:
    """The top-level modules that a fresh interpreter has loaded after a script."""
    script += "\nimport json, sys; print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    run = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    return set(json.loads(run.stdout))


def test_all_is_sorted_and_each_name_is_there() -> None:
    assert decisight.__all__ == sorted(decisight.__all__)
    assert dir(decisight) == decisight.__all__
    for name in decisight.__all__:
        assert getattr(decisight, name) is not None


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="module 'decisight' has no attribute 'clasify'"):
        _ = decisight.clasify


def test_a_star_import_gives_all() -> None:
    names: dict[str, object] = {}
    exec("from decisight import *", names)  # noqa: S102 - the only way to import a star in a function
    assert set(decisight.__all__) <= names.keys()


def test_importing_decisight_loads_no_heavy_library() -> None:
    assert not loaded_after("import decisight") & (HEAVY | {"numpy", "pydantic", "rich", "typer"})


def test_importing_every_module_loads_no_heavy_library() -> None:
    # Heavy libraries are imported in the functions that use them, so that no command waits for those it does not need.
    assert not loaded_after("\n".join(f"import {name}" for name in MODULES)) & HEAVY


@pytest.mark.parametrize("name", MODULES)
def test_every_module_says_what_it_is_and_what_it_offers(name: str) -> None:
    module = importlib.import_module(name)
    assert (module.__doc__ or "").strip()
    if any(part.startswith("_") for part in name.split(".")):
        return
    offered = getattr(module, "__all__", [])
    assert len(set(offered)) == len(offered)
    for public in offered:
        assert hasattr(module, public), f"{name}.__all__ names {public}, which is not there"
