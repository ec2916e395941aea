"""The command line: thin commands over the package, each in a module of its own."""

from __future__ import annotations

from decisight.cli.entry import main

__all__ = ["main"]
