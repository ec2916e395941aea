"""``decisight verify`` and ``decisight retain``: whether the store is as it was written, and what it need not keep."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from decisight.cli import output
from decisight.cli.console import say, warn
from decisight.errors import StoreError, UsageError
from decisight.files import printable
from decisight.registry import shortened

__all__ = ["retain", "run"]

_MOST_SHOWN = 50


def run(path: Path, *, heads: Path | None = None, as_json: bool = False) -> int:
    """Check the store of a site.

    Returns:
        The exit status: 0, or 1 where something was altered, removed or reordered.

    Raises:
        DecisightError: there is no store, or no key to check it with.
    """
    from decisight.assemble import chain_key, is_there, open_site_store
    from decisight.config import read_site
    from decisight.store import Fault, read_heads

    site = read_site(path)
    kept = heads or (None if site.section.chain.heads is None else site.folder / site.section.chain.heads)
    if heads is not None and not heads.is_file():
        raise UsageError(f"there is no file {printable(heads)}", hint="name the file with the heads that were kept")
    known = read_heads(kept) if kept is not None and kept.is_file() else ()
    chain_key(site, make=False)
    faults: list[Fault] = []
    if kept is not None and not known:
        faults.append(Fault(None, None, None, f"the heads that the site file names are gone: {printable(kept)}"))
    try:
        with open_site_store(site, read_only=True) as store:
            faults += store.verify(known)
    except StoreError as error:
        if error.passing or not is_there(site):
            raise
        # It is there, and not such as it was written: that is what was asked.
        faults.append(Fault(None, None, None, error.message))
    if as_json:
        values: dict[str, Any] = {
            "heads": len(known),
            "faults": [
                {"camera": fault.camera, "lane": None if fault.lane is None else str(fault.lane), "seq": fault.seq,
                 "what": fault.what}
                for fault in faults
            ],
        }  # fmt: skip
        with output.standard_output(utf8=True) as stream:
            stream.write(json.dumps(values, indent=2, ensure_ascii=False) + "\n")
        return 1 if faults else 0
    for fault in faults[:_MOST_SHOWN]:
        where = " ".join(str(part) for part in (fault.camera, fault.lane, fault.seq) if part is not None)
        say(printable(f"{where or 'store'}: {fault.what}"))
    if len(faults) > _MOST_SHOWN:
        say(f"... and {len(faults) - _MOST_SHOWN} more")
    if faults:
        say(f"{len(faults)} fault{'' if len(faults) == 1 else 's'}: the store is not as it was written.")
        return 1
    say("The store is as it was written: nothing was altered, removed or reordered.")
    if not known:
        warn(
            "no heads were kept elsewhere: if the whole store was put back to an earlier state, that does not show",
            "keep them: chain: {heads: FILE} in the site file, best on another machine",
        )
    return 0


def retain(path: Path, *, dry_run: bool, forget: Sequence[str] = ()) -> int:
    """Drop what is too old or too much, and what waits for sinks that there are no more.

    Args:
        path: the site file.
        dry_run: only say what would be dropped.
        forget: the names of these sinks.

    Raises:
        UsageError: the site file names such a sink, or nothing waits for one.
        StoreError: there is no store, or another process writes it.
    """
    from decisight.assemble import open_site_store, retention
    from decisight.config import read_site

    site = read_site(path)
    for sink in forget:
        if sink in site.section.sinks:
            raise UsageError(
                f"--forget {shortened(sink)}: the site file names that sink, so what waits for it will be reported",
                hint="take it out of the site file first",
            )
    with open_site_store(site) as store:
        waiting = store.outbox_sinks() if forget else {}
        for sink in dict.fromkeys(forget):
            if not waiting.get(sink):
                known = ", ".join(name for name, number in waiting.items() if number) or "none"
                raise UsageError(f"--forget {shortened(sink)}: nothing waits for it", hint=f"sinks with some: {known}")
            if not dry_run:
                store.forget(sink)
            verb = "would be dropped" if dry_run else "dropped"
            say(f"{waiting[sink]} changes of events for the sink {printable(sink)} {verb}")
        report = store.retain(retention(site), dry_run=dry_run)
    for line in report.lines(dry_run=dry_run):
        say(line)
    return 0
