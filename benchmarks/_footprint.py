"""What software takes: room on disk, and memory."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

__all__ = ["disk_usage", "memory_of"]


def disk_usage(folder: Path) -> Counter[str]:
    """Bytes on disk of each entry of a folder, as ``du`` counts them: whole blocks, and a hard link once."""
    sizes: Counter[str] = Counter()
    seen: set[tuple[int, int]] = set()
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(parent, name)
            status = path.lstat()
            # Without an inode (some Windows file systems) no two files can be told to be one.
            if status.st_ino and (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            blocks = getattr(status, "st_blocks", None)
            sizes[path.relative_to(folder).parts[0]] += status.st_size if blocks is None else blocks * 512
    return sizes


def memory_of(pid: int) -> tuple[float, float] | None:
    """``VmRSS`` and ``VmHWM`` of a process in units of 1,000 bytes; ``None`` where it has ended."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    facts = dict(line.split(":", 1) for line in text.splitlines())
    if "VmHWM" not in facts:
        return None
    resident, peak = (int(facts[name].split()[0]) * 1.024 for name in ("VmRSS", "VmHWM"))
    return resident, peak
