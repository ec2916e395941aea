"""How far a model can be trusted, as one page that a manager can read and an engineer can dig into."""

from __future__ import annotations

from decisight.evaluation.report.page import PAGE_NAME, Written, write_report
from decisight.evaluation.report.subject import Subject

__all__ = ["PAGE_NAME", "Subject", "Written", "write_report"]
