"""What ``decisight doctor`` finds, and what it makes of an installation that is not well."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import pytest

import decisight
from decisight import compute
from decisight.cli import doctor
from decisight.models.backbones import Backbone, backbones

WEIGHTS = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's own cache folder, so that this machine's is neither needed nor shown."""
    import decisight.training.cache as cache

    monkeypatch.setattr(cache, "default_cache_path", lambda: tmp_path / "cache" / "features.sqlite3")
    monkeypatch.delenv(compute.THREADS_VARIABLE, raising=False)
    return tmp_path


def problems() -> dict[str, str | None]:
    return {problem.what: problem.hint for problem in doctor.examine().problems}


def offer(folder: Path, entry_points: str) -> None:
    """Install a package that offers parts, as far as its metadata say."""
    info = folder / "nets_of_others-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: nets-of-others\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[decisight.parts]\n{entry_points}")


def exchange(monkeypatch: pytest.MonkeyPatch, backbone: Backbone) -> None:
    """Another backbone in the place of ``efficientnet_lite0``; those that extras bring stay."""
    build = type(backbones).build
    monkeypatch.setattr(
        backbones, "build", lambda name: backbone if name == "efficientnet_lite0" else build(backbones, name)
    )


class TestHealthy:
    def test_json(self, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert doctor.run(as_json=True) == 0
        found = json.loads(capsys.readouterr().out)
        assert list(found) == [
            "decisight",
            "packages",
            "extras",
            "machine",
            "runtime",
            "weights",
            "storage",
            "parts",
            "problems",
        ]
        assert found["problems"] == []
        assert found["decisight"]["version"] == decisight.__version__
        assert found["packages"]["numpy"] == metadata.version("numpy")
        assert "pytest" not in found["packages"]
        assert "test" in found["extras"]["installed"]
        assert found["machine"]["threads"] == compute.threads().count
        assert found["machine"]["threads_why"].startswith("affinity ")
        assert found["machine"]["features"] == sorted(compute.chip().features)
        assert found["runtime"]["provider"] == "CPUExecutionProvider"
        assert found["weights"]["efficientnet_lite0"] == f"sha256:{WEIGHTS}"
        assert found["parts"]["runtime"][0] == "onnxruntime"
        assert found["storage"]["feature_cache"] == str(home / "cache" / "features.sqlite3")
        assert found["storage"]["feature_cache_size_bytes"] is None
        assert "efficientnet_lite0" in found["parts"]["backbone"]

    def test_text(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert doctor.run(as_json=False) == 0
        shown = capsys.readouterr().out
        assert shown.endswith("nothing is wrong\n")
        # One fact a line, whole: digests and paths can be copied.
        assert f"sha256:{WEIGHTS}\n" in shown
        assert compute.cpus().why in shown
        assert "\x1b" not in shown

    def test_a_reader_that_leaves_early(self) -> None:
        for options in ([], ["--json"]):
            reader, writer = os.pipe()
            os.close(reader)
            done = subprocess.run(
                [sys.executable, "-m", "decisight", "doctor", *options],
                stdout=writer,
                stderr=subprocess.PIPE,
                check=False,
            )
            os.close(writer)
            assert (done.returncode, done.stderr) == (141, b"")

    def test_it_leaves_nothing_behind(self, home: Path) -> None:
        doctor.examine()
        assert list(home.iterdir()) == []

    def test_the_cache_is_measured(self, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (home / "cache").mkdir()
        (home / "cache" / "features.sqlite3").write_bytes(b"SQLite format 3\0" + bytes(2_000_000 - 16))
        assert doctor.examine().sections["storage"]["feature_cache_size_bytes"] == 2_000_000
        doctor.run(as_json=False)
        assert "2.0 MB" in capsys.readouterr().out


class TestIll:
    def test_a_problem_is_told_with_what_to_do(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv(compute.THREADS_VARIABLE, "many")
        assert doctor.run(as_json=False) == 1
        shown = capsys.readouterr().out
        assert "wrong: DECISIGHT_THREADS = many is not a number of threads\n       give a whole number" in shown
        assert "nothing is wrong" not in shown
        assert doctor.run(as_json=True) == 1
        found = json.loads(capsys.readouterr().out)
        assert found["problems"] == [
            {
                "what": "DECISIGHT_THREADS = many is not a number of threads",
                "hint": "give a whole number from 1 to 9999",
            }
        ]
        # What can be said of the machine is said all the same.
        assert found["machine"]["chip"]
        assert found["machine"]["threads"] is None

    def test_a_package_too_old_and_one_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def version(name: str, real: Callable[[str], str] = metadata.version) -> str:
            if name == "scipy":
                raise metadata.PackageNotFoundError(name)
            return "1.0" if name == "numpy" else real(name)

        monkeypatch.setattr(metadata, "version", version)
        found = problems()
        assert found["the package numpy is 1.0, but >=1.26 is needed"] == "install it: pip install 'numpy>=1.26'"
        assert found["the package scipy is not installed"] == "install it: pip install 'scipy>=1.13'"
        assert len(found) == 2

    def test_an_extra_that_is_not_complete_is_no_problem(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def version(name: str, real: Callable[[str], str] = metadata.version) -> str:
            if name == "hypothesis":
                raise metadata.PackageNotFoundError(name)
            return real(name)

        monkeypatch.setattr(metadata, "version", version)
        report = doctor.examine()
        assert "test" in report.sections["extras"]["absent"]
        assert report.problems == []

    def test_decisight_is_not_installed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def missing(name: str) -> None:
            raise metadata.PackageNotFoundError(name)

        monkeypatch.setattr(metadata, "requires", missing)
        assert any(what.startswith("packages cannot be examined") for what in problems())

    def test_a_runtime_that_cannot_be_loaded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "onnxruntime", None)
        (problem,) = problems().items()
        assert "ONNX Runtime cannot be loaded" in problem[0]
        assert problem[1] == "reinstall it: pip install --force-reinstall onnxruntime"

    def test_weights_that_are_damaged(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        package = home / "weights_of_tests"
        (package / "models").mkdir(parents=True)
        (package / "__init__.py").write_text("")
        (package / "models" / "net.pth").write_bytes(b"damaged")
        monkeypatch.syspath_prepend(str(home))
        damaged = type(backbones.build("efficientnet_lite0"))(
            name="efficientnet_lite0",
            package="weights_of_tests",
            file="models/net.pth",
            size=224,
            published_digest=f"sha256:{WEIGHTS}",
        )
        exchange(monkeypatch, damaged)
        ((what, hint),) = problems().items()
        assert what.startswith("the weights of efficientnet_lite0 are not those that were published: sha256:")
        assert hint == "they may be damaged: reinstall the package they come from"
        (package / "models" / "net.pth").unlink()
        fresh = replace(damaged)  # which has not read its weights
        exchange(monkeypatch, fresh)
        ((what, _),) = problems().items()
        assert what.startswith("the weights of efficientnet_lite0 cannot be read")

    def test_weights_that_are_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        missing = type(backbones.build("efficientnet_lite0"))(
            name="efficientnet_lite0", package="no_such_weights", file="net.pth", size=224
        )
        exchange(monkeypatch, missing)
        assert "the backbone efficientnet_lite0 needs the package no-such-weights" in problems()
        assert doctor.examine().sections["weights"]["efficientnet_lite0"] is None

    def test_weights_of_other_packages_are_examined_as_well(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (home / "nets_of_others.py").write_text(
            "class Net:\n    digest = 'sha256:11'\n    published_digest = None\n"
            "class Exchanged(Net):\n    published_digest = 'sha256:22'\n"
            "class Old:\n    digest = 'sha256:33'\n"
        )
        offer(
            home,
            "backbone.net = nets_of_others:Net\n"
            "backbone.exchanged = nets_of_others:Exchanged\n"
            "backbone.old = nets_of_others:Old\n",
        )
        monkeypatch.syspath_prepend(str(home))
        report = doctor.examine()
        weights = report.sections["weights"]
        assert {name: digest for name, digest in weights.items() if not name.startswith("efficientnet")} == {
            "exchanged": "sha256:11",
            "net": "sha256:11",
            "old": None,
        }
        exchanged, old = (problem.what for problem in report.problems)
        assert exchanged.endswith("not those that were published: sha256:11 instead of sha256:22")
        assert old.startswith("the weights of old cannot be examined: AttributeError")

    def test_a_cache_folder_that_is_a_file(self, home: Path) -> None:
        (home / "cache").write_text("in the way")
        ((what, _),) = problems().items()
        assert what == f"{home / 'cache'} cannot be written to, so features are not kept: Not a directory"

    def test_a_damaged_cache(self, home: Path) -> None:
        (home / "cache").mkdir()
        (home / "cache" / "features.sqlite3").write_text("not a database")
        assert problems() == {
            f"the feature cache {home / 'cache' / 'features.sqlite3'} is damaged": "delete it; it is made again"
        }

    def test_parts_of_others_that_are_broken(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        offer(home, "backbone.net = no_such_module:Net\nbackbon.other = json:loads\n")
        monkeypatch.syspath_prepend(str(home))
        found = problems()
        assert len(found) == len(doctor.examine().problems) == 2
        assert any("the backbone 'net' of nets-of-others cannot be imported" in what for what in found)
        assert "the entry point 'backbon.other' in decisight.parts names no kind of part: 'backbon'" in found
