"""What a server does that a file does not: it goes away, it lets others in, and its answer may never come."""

from __future__ import annotations
