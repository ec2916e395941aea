"""Pictures made on the spot: those that models are tested with."""

from __future__ import annotations

from tests.models.conftest import pictures

__all__ = ["pictures"]
