"""How far a model can be trusted, as one page that a manager can read and an engineer can dig into."""

from __future__ import annotations

from decisight.evaluation.report.kept import Kept, kept_here
from decisight.evaluation.report.page import PAGE_NAME, Written, write_report
from decisight.evaluation.report.subject import Subject

__all__ = ["PAGE_NAME", "Kept", "Subject", "Written", "kept_here", "write_report"]
