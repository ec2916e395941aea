"""Threads and runtimes: the one place that sets them, from what this process may use of the machine.

:mod:`~decisight.compute.machine` says how much that is, :mod:`~decisight.compute.runtimes` holds what can run a
network, one file each, and :mod:`~decisight.compute.choice` chooses among them.

Example:
    >>> str(choose("onnxruntime"))
    'onnxruntime:fp32'
"""

from __future__ import annotations

from decisight.compute.choice import RUNTIME_VARIABLE, RuntimeChoice, choose, open_network, runtime
from decisight.compute.machine import (
    THREADS_VARIABLE,
    Chip,
    Cpus,
    Memory,
    Threads,
    available_cpus,
    chip,
    cpus,
    memory,
    memory_limit_bytes,
    one_blas_thread,
    peak_memory_bytes,
    resident_memory_bytes,
    threads,
)
from decisight.compute.runtimes import Engine, Network
from decisight.compute.runtimes.onnxruntime import open_session
from decisight.types import Runtime

__all__ = [
    "RUNTIME_VARIABLE",
    "THREADS_VARIABLE",
    "Chip",
    "Cpus",
    "Engine",
    "Memory",
    "Network",
    "Runtime",
    "RuntimeChoice",
    "Threads",
    "available_cpus",
    "chip",
    "choose",
    "cpus",
    "memory",
    "memory_limit_bytes",
    "one_blas_thread",
    "open_network",
    "open_session",
    "peak_memory_bytes",
    "resident_memory_bytes",
    "runtime",
    "threads",
]
