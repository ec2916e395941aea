"""The site file: what one site watches, as YAML. Read, checked, and explained where it cannot be used.

Sources, gates, policies and sinks are parts: their sections have a ``type``, and the fields of that part. They are
built as far as they can be without opening anything, so that whatever is wrong is told with its line and its key.
"""

from __future__ import annotations

from decisight.config.amounts import parse_limit
from decisight.config.reading import parse_site, read_site
from decisight.config.schema import site_schema
from decisight.config.sections import DEFAULT_FPS, EvidenceSection, SiteSection
from decisight.config.site import DEFAULT_GATES, DEFAULT_POLICY, Site, model_of

__all__ = [
    "DEFAULT_FPS",
    "DEFAULT_GATES",
    "DEFAULT_POLICY",
    "EvidenceSection",
    "Site",
    "SiteSection",
    "model_of",
    "parse_limit",
    "parse_site",
    "read_site",
    "site_schema",
]
