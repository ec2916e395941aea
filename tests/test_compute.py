"""What a process may use of its machine, and the runtime that it is given to."""

from __future__ import annotations

import dataclasses
import importlib.util
import os
import platform
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisight import compute
from decisight.compute import Cpus, Memory
from decisight.compute.runtimes import runtimes
from decisight.errors import MissingPartError, ModelError, UsageError

V2 = "31 23 0:28 {root} /sys/fs/cgroup rw,relatime shared:9 - cgroup2 cgroup rw,nsdelegate"
V1 = "32 31 0:29 {root} /sys/fs/cgroup/{controller} rw,relatime - cgroup cgroup rw,{controller}"

Machine = Callable[..., Path]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Writes a root folder: ``machine(cgroup=..., mountinfo=..., **{"sys/fs/cgroup/cpu.max": "100000 100000"})``."""

    def write(cgroup: str, mountinfo: str, files: dict[str, str]) -> Path:
        for name, text in {"proc/self/cgroup": cgroup, "proc/self/mountinfo": mountinfo, **files}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text + "\n")
        return tmp_path

    return write


QUOTAS = [
    # Version 2: a limit, none, and none written at all.
    ("0::/", V2.format(root="/"), {"sys/fs/cgroup/cpu.max": "150000 100000"}, 1.5),
    ("0::/", V2.format(root="/"), {"sys/fs/cgroup/cpu.max": "max 100000"}, None),
    ("0::/", V2.format(root="/"), {}, None),
    # The tightest of all levels, wherever it stands.
    (
        "0::/a/b",
        V2.format(root="/"),
        {"sys/fs/cgroup/a/b/cpu.max": "max 100000", "sys/fs/cgroup/a/cpu.max": "50000 100000"},
        0.5,
    ),
    (
        "0::/a/b",
        V2.format(root="/"),
        {"sys/fs/cgroup/a/b/cpu.max": "20000 10000", "sys/fs/cgroup/a/cpu.max": "300000 100000"},
        2.0,
    ),
    # A container sees its own part of the hierarchy at the mount point, and the machine's path in its membership.
    ("0::/docker/12", V2.format(root="/docker/12"), {"sys/fs/cgroup/cpu.max": "250000 100000"}, 2.5),
    ("0::/docker/12/x", V2.format(root="/docker/12"), {"sys/fs/cgroup/x/cpu.max": "100000 100000"}, 1.0),
    (
        "0::/../other",
        V2.format(root="/"),
        {"sys/fs/cgroup/cpu.max": "100000 50000", "sys/fs/other/cpu.max": "1 2"},
        2.0,
    ),
    ("0::/gone", V2.format(root="/"), {"sys/fs/cgroup/cpu.max": "300000 100000"}, 3.0),
    # Version 1, alone, among other controllers, and beside version 2.
    (
        "4:memory:/\n3:cpu,cpuacct:/a",
        V1.format(root="/", controller="memory") + "\n" + V1.format(root="/", controller="cpu,cpuacct"),
        {
            "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us": "120000",
            "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us": "100000",
            "sys/fs/cgroup/memory/cpu.cfs_quota_us": "10000",
            "sys/fs/cgroup/memory/cpu.cfs_period_us": "100000",
        },
        1.2,
    ),
    (
        "1:cpu:/\n0::/",
        V1.format(root="/", controller="cpu") + "\n" + V2.format(root="/"),
        {"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000"},
        None,
    ),
    # Files that cannot be made sense of, and no control groups at all.
    ("0::/", V2.format(root="/"), {"sys/fs/cgroup/cpu.max": "much"}, None),
    ("0::/", V2.format(root="/"), {"sys/fs/cgroup/cpu.max": "0 0"}, None),
    ("what is this", "and this", {}, None),
    ("", "", {}, None),
]


@pytest.mark.parametrize(("cgroup", "mountinfo", "files", "quota"), QUOTAS)
def test_quota(machine: Machine, cgroup: str, mountinfo: str, files: dict[str, str], quota: float | None) -> None:
    found = compute.cpus(machine(cgroup, mountinfo, files))
    assert found.quota == quota
    assert compute.available_cpus(machine(cgroup, mountinfo, files)) == min(found.allowed, quota or found.allowed)


@pytest.mark.parametrize(
    ("cgroup", "mountinfo", "files", "limit"),
    [
        ("0::/", V2.format(root="/"), {"sys/fs/cgroup/memory.max": "1048576"}, 1 << 20),
        ("0::/", V2.format(root="/"), {"sys/fs/cgroup/memory.max": "max"}, None),
        (
            "0::/a",
            V2.format(root="/"),
            {"sys/fs/cgroup/a/memory.max": "2097152", "sys/fs/cgroup/memory.max": "1048576"},
            1 << 20,
        ),
        # Version 1 writes "no limit" as a number.
        (
            "5:memory:/a",
            V1.format(root="/", controller="memory"),
            {
                "sys/fs/cgroup/memory/a/memory.limit_in_bytes": "9223372036854771712",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
            },
            None,
        ),
        (
            "5:memory:/a",
            V1.format(root="/", controller="memory"),
            {"sys/fs/cgroup/memory/a/memory.limit_in_bytes": "3145728"},
            3 << 20,
        ),
        ("", "", {}, None),
    ],
)
def test_memory(machine: Machine, cgroup: str, mountinfo: str, files: dict[str, str], limit: int | None) -> None:
    root = machine(cgroup, mountinfo, files)
    assert compute.memory(root).cgroup == limit
    if limit is not None:
        assert compute.memory_limit_bytes(root) == limit
    else:
        assert compute.memory_limit_bytes(root) == compute.memory(root).machine


def test_what_limits_is_the_smaller() -> None:
    assert Cpus(64, 2, 1.5).available == 1.5
    assert Cpus(64, 2, 8.0).available == 2.0
    assert Cpus(64, 2).available == 2.0
    assert Memory(100, 50).limit == 50
    assert Memory(100, 500).limit == 100
    assert Memory(None, 500).limit == 500
    assert Memory(None, None).limit is None


def test_this_machine() -> None:
    found = compute.cpus()
    assert 0 < compute.available_cpus() <= found.allowed <= found.machine
    assert compute.threads().count >= 1
    if hasattr(os, "sched_getaffinity"):
        assert found.allowed == len(os.sched_getaffinity(0))
        assert (compute.memory_limit_bytes() or 0) > 1 << 20


def test_a_system_without_affinity_or_sysconf(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.delattr(os, "sysconf", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    root = machine("", "", {})
    assert compute.cpus(root) == Cpus(1, 1)
    assert compute.memory_limit_bytes(root) is None


class TestThreads:
    @pytest.fixture(autouse=True)
    def _no_variable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv(compute.THREADS_VARIABLE, raising=False)

    @given(st.integers(1, 9999))
    def test_as_asked_for(self, count: int) -> None:
        assert compute.threads(count) == compute.Threads(count, "asked for")

    def test_as_the_variable_says_unless_asked_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DECISIGHT_THREADS", " 3 ")
        assert compute.threads() == compute.Threads(3, "DECISIGHT_THREADS")
        assert compute.threads(2).count == 2

    def test_an_empty_variable_says_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DECISIGHT_THREADS", "")
        assert compute.threads().why == compute.cpus().why

    @pytest.mark.parametrize(("quota", "count"), [("10000", 1), ("100000", 1), ("100001", 2), ("150000", 2)])
    def test_a_part_of_a_cpu_is_rounded_up(
        self, machine: Machine, monkeypatch: pytest.MonkeyPatch, quota: str, count: int
    ) -> None:
        monkeypatch.setattr(os, "cpu_count", lambda: 64)
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
        root = machine("0::/", V2.format(root="/"), {"sys/fs/cgroup/cpu.max": f"{quota} 100000"})
        found = compute.threads(root=root)
        assert found.count == count
        assert found.why == f"affinity 8 of 64, cgroup quota {int(quota) / 100000:g}"

    @pytest.mark.parametrize("wrong", ["0", "-1", "two", "1.5", "10000", "½"])
    def test_what_is_no_number_of_threads(self, monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
        monkeypatch.setenv("DECISIGHT_THREADS", wrong)
        with pytest.raises(UsageError, match=f"DECISIGHT_THREADS = {wrong} is not a number of threads"):
            compute.threads()

    @pytest.mark.parametrize("wrong", [0, -1])
    def test_nor_as_an_argument(self, wrong: int) -> None:
        # An option of the command line and an argument of Python have one name.
        with pytest.raises(UsageError, match=f"^threads = {wrong} is not a number of threads"):
            compute.threads(wrong)


ZEN = """processor\t: 0
model name\t: AMD EPYC 9124 16-Core Processor
flags\t\t: fpu sse2 avx2 fma avx512f avx512_vnni avx512_bf16

processor\t: 1
model name\t: something else
flags\t\t: fpu amx_int8"""

GRAVITON = """processor\t: 0
BogoMIPS\t: 2100.00
Features\t: fp asimd asimddp i8mm bf16 sve
CPU implementer\t: 0x41"""


class TestChip:
    def test_x86(self, tmp_path: Path) -> None:
        (tmp_path / "proc").mkdir()
        (tmp_path / "proc/cpuinfo").write_text(ZEN)
        found = compute.chip(tmp_path)
        assert found.name == "AMD EPYC 9124 16-Core Processor"
        assert found.features >= {"avx2", "avx512f", "avx512_vnni", "avx512_bf16"}
        assert not found.features & {"fpu", "amx_int8"}

    def test_arm(self, tmp_path: Path) -> None:
        (tmp_path / "proc").mkdir()
        (tmp_path / "proc/cpuinfo").write_text(GRAVITON)
        found = compute.chip(tmp_path)
        assert found.features == {"asimd", "asimddp", "i8mm", "bf16", "sve"}
        assert found.name

    @pytest.mark.parametrize(("kind", "features"), [("arm64", {"asimd"}), ("AMD64", set())])
    def test_a_system_without_cpuinfo(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, features: set[str]
    ) -> None:
        monkeypatch.setattr(platform, "machine", lambda: kind)
        monkeypatch.setattr(platform, "processor", lambda: "")
        assert compute.chip(tmp_path) == compute.Chip(kind, frozenset(features))


def network(operator: str = "Relu", domain: str = "", **attributes: int) -> bytes:
    """An ONNX file with one node, float32 (N, 3) to (N, 3)."""
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        [helper.make_node(operator, ["x"], ["y"], domain=domain, **attributes)],
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3])],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("elsewhere", 1)]
    return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())


class TestSession:
    @pytest.mark.parametrize("threads", [1, 2])
    def test_it_runs_on_the_cpu_as_it_was_told(self, threads: int) -> None:
        session = compute.open_session(network(), threads=threads)
        x = np.array([[-1, 0, 2]], np.float32)
        np.testing.assert_array_equal(session.run(None, {"x": x})[0], [[0, 0, 2]])
        options = session.get_session_options()
        assert session.get_providers() == ["CPUExecutionProvider"]
        assert (options.intra_op_num_threads, options.inter_op_num_threads) == (threads, 1)
        assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"

    def test_one_session_serves_several_threads(self) -> None:
        session = compute.open_session(network())
        inputs = [np.full((n, 3), n, np.float32) for n in range(1, 9)]
        results: dict[int, object] = {}

        def work(n: int) -> None:
            for _ in range(20):
                results[n] = session.run(None, {"x": inputs[n - 1]})[0]

        workers = [threading.Thread(target=work, args=(n,)) for n in range(1, 9)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        for n in range(1, 9):
            np.testing.assert_array_equal(results[n], inputs[n - 1])

    @pytest.mark.parametrize(
        ("model", "reason"),
        [
            (b"", "graph"),
            (b"not a model", "protobuf parsing failed"),
            (network()[:40], ""),
            (network("NoSuchOperator"), "NoSuchOperator"),
            (network("Relu", "elsewhere"), "elsewhere"),
            (network("Cast", to=99), "Cast"),
        ],
    )
    def test_a_network_that_cannot_be_run(self, capfd: pytest.CaptureFixture[str], model: bytes, reason: str) -> None:
        with pytest.raises(ModelError, match=r"gear\.onnx cannot be run") as caught:
            compute.open_session(model, name="gear.onnx")
        assert reason in caught.value.message
        assert "ONNXRuntimeError" not in caught.value.message
        assert "\n" not in caught.value.message
        # The runtime's own log stays silent: the error says it all.
        assert capfd.readouterr() == ("", "")

    def test_no_threads(self) -> None:
        with pytest.raises(UsageError, match="threads = 0"):
            compute.open_session(network(), threads=0)

    def test_a_runtime_that_cannot_be_loaded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "onnxruntime", None)
        with pytest.raises(MissingPartError, match="ONNX Runtime cannot be loaded") as caught:
            compute.open_session(network())
        assert caught.value.hint == "reinstall it: pip install --force-reinstall onnxruntime"
        with pytest.raises(MissingPartError):
            compute.runtime()


def test_runtime() -> None:
    import onnxruntime

    found = compute.runtime(compute.choose("onnxruntime"))
    assert dataclasses.asdict(found) == {
        "name": "onnxruntime",
        "version": onnxruntime.__version__,
        "provider": "CPUExecutionProvider",
        "precision": "fp32",
    }


PLAIN = compute.Chip("plain", frozenset({"avx2"}))
SAPPHIRE = compute.Chip("with bf16", frozenset({"avx2", "amx_bf16"}))

needs_openvino = pytest.mark.skipif("openvino" not in runtimes.names(), reason="OpenVINO is not installed")


class TestChoice:
    @pytest.fixture(autouse=True)
    def _no_variable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv(compute.RUNTIME_VARIABLE, raising=False)
        monkeypatch.setattr(platform, "machine", lambda: "x86_64")

    @needs_openvino
    @pytest.mark.parametrize(
        ("wanted", "chip", "found"),
        [
            # The fastest that is installed, in the fastest that the chip has.
            (None, SAPPHIRE, "openvino:bf16"),
            (None, PLAIN, "openvino:fp32"),
            ("auto", SAPPHIRE, "openvino:bf16"),
            ("auto:fp32", SAPPHIRE, "openvino:fp32"),
            ("openvino", SAPPHIRE, "openvino:bf16"),
            ("openvino:auto", PLAIN, "openvino:fp32"),
            (" openvino:fp32 ", SAPPHIRE, "openvino:fp32"),
        ],
    )
    def test_with_openvino(self, wanted: str | None, chip: compute.Chip, found: str) -> None:
        assert str(compute.choose(wanted, on=chip)) == found

    @pytest.mark.parametrize("wanted", ["onnxruntime", "onnxruntime:fp32", "onnxruntime:auto"])
    def test_onnxruntime(self, wanted: str) -> None:
        assert str(compute.choose(wanted, on=SAPPHIRE)) == "onnxruntime:fp32"

    def test_on_arm_the_portable_one_is_taken(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(platform, "machine", lambda: "aarch64")
        assert str(compute.choose(on=PLAIN)) == "onnxruntime:fp32"

    def test_the_variable_says_it_where_no_argument_does(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DECISIGHT_RUNTIME", "onnxruntime")
        assert str(compute.choose(on=SAPPHIRE)) == "onnxruntime:fp32"
        monkeypatch.setenv("DECISIGHT_RUNTIME", "")  # is as if it were not set
        assert compute.choose(on=SAPPHIRE) == compute.choose("auto", on=SAPPHIRE)
        monkeypatch.setenv("DECISIGHT_RUNTIME", "nowhere")
        with pytest.raises(MissingPartError, match="nowhere"):
            compute.choose()
        assert compute.choose("onnxruntime").name == "onnxruntime"

    @pytest.mark.parametrize(
        ("wanted", "error", "says", "hint"),
        [
            ("openvin", MissingPartError, "there is no runtime 'openvin'", "onnxruntime"),
            ("onnxruntime:fp16", UsageError, "the precision 'fp16'", "fp32 or bf16"),
            ("", MissingPartError, "there is no runtime ''", "onnxruntime"),
            ("onnxruntime:", UsageError, "the precision ''", "NAME:PRECISION"),
            ("onnxruntime:bf16", UsageError, "onnxruntime does not compute in bf16", "here it computes in fp32"),
        ],
    )
    def test_what_cannot_be_used(self, wanted: str, error: type[Exception], says: str, hint: str) -> None:
        with pytest.raises(error, match=says) as caught:
            compute.choose(wanted, on=SAPPHIRE)
        assert hint in str(caught.value)

    @needs_openvino
    def test_bf16_is_refused_where_the_chip_would_emulate_it(self) -> None:
        with pytest.raises(UsageError, match="does not compute in bf16 on this machine") as caught:
            compute.choose("openvino:bf16", on=PLAIN)
        assert "amx_bf16" in str(caught.value)

    def test_without_openvino(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def find_spec(name: str, real: Callable[[str], object] = importlib.util.find_spec) -> object:
            return None if name == "openvino" else real(name)

        monkeypatch.setattr(importlib.util, "find_spec", find_spec)
        assert str(compute.choose(on=SAPPHIRE)) == "onnxruntime:fp32"
        with pytest.raises(MissingPartError, match="needs decisight") as caught:
            compute.choose("openvino")
        assert caught.value.hint == "install it: pip install 'decisight[openvino]'"

    @needs_openvino
    def test_an_openvino_that_cannot_be_loaded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from decisight.compute.runtimes import openvino

        monkeypatch.setitem(sys.modules, "openvino", None)
        monkeypatch.setattr(importlib.util, "find_spec", lambda _: object())
        openvino._loaded.cache_clear()
        with pytest.raises(MissingPartError, match="OpenVINO cannot be loaded") as caught:
            compute.open_network(network(), ["y"], runtime=compute.RuntimeChoice("openvino", "fp32"))
        assert "--runtime onnxruntime" in str(caught.value)


def test_peak_memory(tmp_path: Path) -> None:
    assert compute.peak_memory_bytes(tmp_path) is None
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/status").write_text("Name:\tpython\nVmHWM:\t    2048 kB\n")
    assert compute.peak_memory_bytes(tmp_path) == 2 << 20


@needs_openvino
@pytest.mark.parametrize("together", [False, True])
def test_threads_that_are_the_first_do_not_wait_for_each_other_for_ever(tmp_path: Path, together: bool) -> None:
    """Of OpenVINO's bindings, see its module: without the first use on one thread, every other of these ends here."""
    script = f"""
        import sys, threading
        sys.setswitchinterval(1e-6)
        import numpy as np
        from decisight import compute
        graph, together = open(sys.argv[1], "rb").read(), threading.Barrier(8)
        opened = lambda: compute.open_network(graph, ["y"], runtime=compute.choose("openvino"), callers=2)
        once = opened() if {together} else None
        def work():
            together.wait()
            (once or opened()).run(np.ones((1, 3), np.float32))
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    """
    model = tmp_path / "model.onnx"
    model.write_bytes(network())
    subprocess.run([sys.executable, "-c", textwrap.dedent(script), str(model)], check=True, timeout=120)


@needs_openvino
@pytest.mark.parametrize("before", ["", "import openvino_telemetry as before"])
def test_openvino_reports_to_nobody_and_leaves_no_identifier(tmp_path: Path, before: str) -> None:
    script = f"""
        import socket, sys, threading
        def refuse(*arguments, **options):
            raise SystemExit("something was to be sent")
        socket.socket.connect = refuse
        {before}
        there = set(sys.modules)
        from decisight import compute
        compute.open_network(open(sys.argv[1], "rb").read(), ["y"], runtime=compute.choose("openvino"))
        assert "openvino" in sys.modules
        new = [name for name in sys.modules.keys() - there if name.startswith("openvino_telemetry")]
        assert not new, new
        assert ("openvino_telemetry" in there) == (sys.modules.get("openvino_telemetry") is not None)
        assert [thread.name for thread in threading.enumerate()] == ["MainThread"]
    """
    model = tmp_path / "model.onnx"
    model.write_bytes(network())
    home = tmp_path / "home"
    home.mkdir()
    # Where these are set OpenVINO keeps quiet by itself.
    environment = {n: v for n, v in os.environ.items() if n not in ("CI", "TF_BUILD", "JENKINS_URL")}
    environment |= {"HOME": str(home)}
    subprocess.run([sys.executable, "-c", textwrap.dedent(script), str(model)], env=environment, check=True)
    assert list(home.rglob("*")) == []


def test_the_runtime_reports_to_nobody_and_leaves_no_identifier(tmp_path: Path) -> None:
    script = """
        import pathlib, sys
        from decisight import compute
        compute.open_session(pathlib.Path(sys.argv[1]).read_bytes()).get_inputs()
    """
    model = tmp_path / "model.onnx"
    model.write_bytes(network())
    home = tmp_path / "home"
    home.mkdir()
    # Where these are set the runtime keeps quiet by itself.
    quiet = ("CI", "TF_BUILD", "GITHUB_ACTIONS", "ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS", "XDG_CACHE_HOME")
    environment = {name: value for name, value in os.environ.items() if name not in quiet} | {"HOME": str(home)}
    subprocess.run([sys.executable, "-c", textwrap.dedent(script), str(model)], env=environment, check=True)
    assert list(home.rglob("*")) == []


def test_importing_the_module_loads_no_runtime() -> None:
    script = "import sys, decisight.compute\nassert not {'numpy', 'onnxruntime', 'openvino'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=True)
