"""Data audit: what is wrong with labelled pictures before anything is learnt from them.

>>> from decisight.auditing import audit
>>> found = audit(read_dataset(Path("photos")))             # doctest: +SKIP
>>> found.counts                                            # doctest: +SKIP
{'copy_across_splits': 2, 'suspected_label': 7}
"""

from __future__ import annotations

from decisight.auditing.cleaning import Change, Cleaned, changes_beside, check_cleaned_list, clean, write_cleaned_list
from decisight.auditing.findings import KINDS, Finding, Kind, Severity
from decisight.auditing.inspection import Audit, AuditOptions, audit
from decisight.auditing.mistakes import Mistake, Neighbour
from decisight.auditing.page import write_audit_page
from decisight.auditing.text import audit_lines, counted

__all__ = [
    "KINDS",
    "Audit",
    "AuditOptions",
    "Change",
    "Cleaned",
    "Finding",
    "Kind",
    "Mistake",
    "Neighbour",
    "Severity",
    "audit",
    "audit_lines",
    "changes_beside",
    "check_cleaned_list",
    "clean",
    "counted",
    "write_audit_page",
    "write_cleaned_list",
]
