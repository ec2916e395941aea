"""Policies: from readings to decisions. One file each, found by name.

Example:
    >>> POLICIES.names()
    ('consecutive', 'least_cost', 'majority_vote', 'sequential_test', 'threshold', 'weighted_average')
"""

from __future__ import annotations

from decisight.protocols import Policy
from decisight.registry import Registry

__all__ = ["POLICIES"]

POLICIES: Registry[Policy] = Registry("policy", package=__name__)
"""Every policy there is."""
