"""What this process may use of its machine: CPUs, memory, and how many threads follow from that.

A container is often given a part of its machine only: by affinity (these CPUs) or by a control group's quota (so much
CPU time, so much memory). Libraries that count the machine's CPUs start too many threads there and slow each other
down, so Decisight asks here.

Functions that read the system take ``root``, the folder that stands for ``/``; nothing is read at import.
"""

from __future__ import annotations

import importlib
import math
import os
import platform
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from decisight.errors import UsageError

__all__ = [
    "THREADS_VARIABLE",
    "Chip",
    "Cpus",
    "Memory",
    "Threads",
    "available_cpus",
    "chip",
    "cpus",
    "memory",
    "memory_limit_bytes",
    "one_blas_thread",
    "peak_memory_bytes",
    "resident_memory_bytes",
    "thread_count",
    "threads",
]

THREADS_VARIABLE = "DECISIGHT_THREADS"
"""The environment variable that says how many threads to use, where no argument does."""

_ROOT = Path("/")
_UNLIMITED = 1 << 60
"""Version 1 control groups write "no limit" as the largest page-aligned number; nobody has an exabyte."""

_X86_FEATURES = ("avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")
_ARM_FEATURES = ("neon", "asimd", "asimdhp", "asimddp", "bf16", "i8mm", "sve", "sve2", "sme")


@dataclass(frozen=True, slots=True)
class Cpus:
    """How much CPU this process may use.

    Args:
        machine: logical CPUs of the machine.
        allowed: those of them that it may run on (affinity, which includes a container's cpuset).
        quota: CPU time per time that its control groups grant, in CPUs, for example 1.5; ``None`` where they do not
            limit it.
    """

    machine: int
    allowed: int
    quota: float | None = None

    @property
    def available(self) -> float:
        """The smaller of affinity and quota, in CPUs; more than 0."""
        return float(self.allowed) if self.quota is None else min(float(self.allowed), self.quota)

    @property
    def why(self) -> str:
        """Where that comes from, for example ``affinity 2 of 64, cgroup quota 1.5``."""
        affinity = f"affinity {self.allowed} of {self.machine}"
        return affinity if self.quota is None else f"{affinity}, cgroup quota {self.quota:g}"


@dataclass(frozen=True, slots=True)
class Memory:
    """How much memory this process may use, in bytes; ``None`` where it is not known or not limited."""

    machine: int | None
    cgroup: int | None = None

    @property
    def limit(self) -> int | None:
        """The smaller of what the machine has and its control groups grant, in bytes."""
        return min((n for n in (self.machine, self.cgroup) if n is not None), default=None)


@dataclass(frozen=True, slots=True)
class Threads:
    """How many threads to use, at least 1, and why so many."""

    count: int
    why: str


@dataclass(frozen=True, slots=True)
class Chip:
    """The processor: its name, and those of its features that decide how fast a network runs."""

    name: str
    features: frozenset[str]


def cpus(root: Path = _ROOT) -> Cpus:
    """How much CPU this process may use, by affinity and by control groups (v1 and v2, the tightest of all levels)."""
    machine = os.cpu_count() or 1
    # Affinity is Linux's; macOS and Windows have none that Python shows.
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else machine
    return Cpus(machine, allowed, min(filter(None, map(_cpu_quota, _control_groups("cpu", root))), default=None))


def available_cpus(root: Path = _ROOT) -> float:
    """How many CPUs this process may use; a part of one is possible, for example 0.5."""
    return cpus(root).available


def memory(root: Path = _ROOT) -> Memory:
    """How much memory this process may use, by the machine and by control groups."""
    try:
        machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf; other systems not every name
        machine = None
    limits = filter(None, map(_memory_limit, _control_groups("memory", root)))
    return Memory(machine, min(limits, default=None))


def memory_limit_bytes(root: Path = _ROOT) -> int | None:
    """The most memory that this process may use, in bytes; ``None`` where the system does not say."""
    return memory(root).limit


def peak_memory_bytes(root: Path = _ROOT) -> int | None:
    """The most memory that this process has held so far, in bytes; ``None`` on other systems than Linux."""
    return _own_memory("VmHWM:", root)


def resident_memory_bytes(root: Path = _ROOT) -> int | None:
    """The memory that this process holds now, in bytes; ``None`` on other systems than Linux."""
    return _own_memory("VmRSS:", root)


def _own_memory(what: str, root: Path) -> int | None:
    for line in _read(root / "proc/self/status").splitlines():
        if line.startswith(what):
            return int(line.split()[1]) << 10
    return None


def threads(requested: int | None = None, root: Path = _ROOT) -> Threads:
    """How many threads to use: as asked for, else as ``DECISIGHT_THREADS`` says, else one per available CPU.

    A part of a CPU is rounded up: with a quota of 1.5, two threads that are held back now and then do more than one.

    Args:
        requested: from ``--threads`` or a caller's argument.
        root: the folder that stands for ``/``.

    Raises:
        UsageError: the argument or the variable is not a whole number from 1 to 9999.
    """
    if requested is not None:
        return Threads(thread_count(str(requested), "threads"), "asked for")
    variable = os.environ.get(THREADS_VARIABLE, "").strip()
    if variable:
        return Threads(thread_count(variable, THREADS_VARIABLE), THREADS_VARIABLE)
    found = cpus(root)
    return Threads(max(1, math.ceil(found.available)), found.why)


def chip(root: Path = _ROOT) -> Chip:
    """The processor, from ``/proc/cpuinfo`` on Linux; elsewhere its name only, and what every chip of its kind has."""
    facts: dict[str, str] = {}
    for line in _read(root / "proc/cpuinfo").splitlines():
        key, _, value = line.partition(":")
        facts.setdefault(key.strip().lower(), value.strip())
    machine = platform.machine()
    # Every 64-bit Arm processor has the Advanced SIMD instructions.
    always = frozenset({"asimd"} if machine.lower() in ("arm64", "aarch64") else ())
    flags = f"{facts.get('flags', '')} {facts.get('features', '')}".split()
    features = always.union(flag for flag in flags if flag in _X86_FEATURES + _ARM_FEATURES)
    return Chip(facts.get("model name") or platform.processor() or machine or "unknown", features)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Within it, matrix arithmetic runs on the thread that calls it.

    For many small problems, worked on by threads of our own: BLAS's threads spin while they wait for one another, and
    made fitting twenty times as slow on two busy CPUs. NumPy and SciPy carry a BLAS each, and only one that is loaded
    can be limited.
    """
    for module in ("numpy.linalg", "scipy.linalg", "scipy.optimize"):
        importlib.import_module(module)
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        yield


def thread_count(value: str, origin: str) -> int:
    """A number of threads that somebody gave.

    Args:
        value: as it was given.
        origin: what error messages call it.

    Raises:
        UsageError: it is not a whole number from 1 to 9999.
    """
    if not re.fullmatch(r"0*[1-9]\d{0,3}", value):
        raise UsageError(f"{origin} = {value} is not a number of threads", hint="give a whole number from 1 to 9999")
    return int(value)


def _control_groups(controller: str, root: Path) -> Iterator[Path]:
    """The folders of this process's control groups, from the innermost outwards.

    Version 2 has one hierarchy, version 1 one for each controller; a machine may have both. What is mounted in a
    container may begin further down than the path that the process has on the machine.
    """
    membership = {}
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if not controllers or controller in controllers.split(","):
            membership["cgroup" if controllers else "cgroup2"] = path
    for line in _read(root / "proc/self/mountinfo").splitlines():
        mount, _, system = line.partition(" - ")
        kind, _, options = [*system.split(" ", 2), "", ""][:3]
        if kind not in membership or (kind == "cgroup" and controller not in options.split(",")):
            continue
        mounted, point = mount.split(" ")[3:5]
        inside = membership[kind].removeprefix("" if mounted == "/" else mounted).strip("/")
        top = root / point.lstrip("/")
        folder = top if ".." in inside.split("/") else top / inside
        yield from (f for f in (folder, *folder.parents) if f.is_relative_to(top) and f.is_dir())


def _cpu_quota(group: Path) -> float | None:
    """In CPUs: ``cpu.max`` in version 2, ``cpu.cfs_quota_us`` by ``cpu.cfs_period_us`` in version 1."""
    quota, period = [*_read(group / "cpu.max").split(), "", ""][:2]
    quota, period = quota or _read(group / "cpu.cfs_quota_us"), period or _read(group / "cpu.cfs_period_us")
    granted, per = _number(quota), _number(period)
    return granted / per if granted and per else None


def _memory_limit(group: Path) -> int | None:
    """In bytes: ``memory.max`` in version 2, ``memory.limit_in_bytes`` in version 1."""
    limit = _number(_read(group / "memory.max") or _read(group / "memory.limit_in_bytes"))
    return limit if limit and limit < _UNLIMITED else None


def _number(text: str) -> int | None:
    """A number above 0; ``max`` and ``-1`` mean no limit."""
    return int(text) if text.strip().isdecimal() else None


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
