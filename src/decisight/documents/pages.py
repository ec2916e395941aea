"""From a template and values to a page, and to its file."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from decisight.errors import OutputError
from decisight.files import draft_of, printable

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["render", "write_page"]

_HERE = Path(__file__).parent
_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {scripts}; base-uri 'none'; "
    "form-action 'none'; require-trusted-types-for 'script'"
)
"""Nothing is loaded or connected to; the page's own scripts run, by their digests, and may not make markup of text."""


def write_page(path: Path, template: Path, *, scripts: Sequence[Path] = (), **values: Any) -> int:
    """Write a page, whole or not at all.

    Args:
        path: the file; what it held is replaced when the page is complete.
        template: as :func:`render` takes it.
        scripts: as :func:`render` takes them.
        values: as :func:`render` takes them.

    Returns:
        How many bytes the page has.

    Raises:
        OutputError: it cannot be written, or the disk is full.
    """
    content = render(template, scripts=scripts, **values).encode("utf-8", "backslashreplace")
    if not path.parent.is_dir():
        raise OutputError(
            f"there is no folder {printable(path.parent)}", hint="make it first, or name another place for the page"
        )
    with draft_of(path) as draft:
        draft.write_bytes(content)
    return len(content)


def render(template: Path, *, scripts: Sequence[Path] = (), **values: Any) -> str:
    """A page as text.

    A template may say, besides what Jinja2 has:

    - ``{{ value | json }}``: JSON for a ``<script type="application/json">`` that the page's scripts read;
    - ``{{ share | percent }}``: ``93.4 %``, of a number in 0..1; an en dash where it is not known;
    - ``{{ number | grouped }}``: ``12,345``;
    - ``{{ number | figure }}``: ``0.934``; an en dash where it is not known.

    All text is escaped, and what would turn the direction of writing or is no character at all is shown as an escape.

    Args:
        template: a file; it extends ``page.html`` of this package and may include others beside it.
        scripts: files of JavaScript that the page runs, besides the one that sorts tables. They stand at the end of
            the page, and no other script runs in it.
        values: what the template shows. ``title`` is the page's title.
    """
    from jinja2.filters import do_mark_safe

    environment = _environment(template.parent)
    code = [file.read_text("utf-8") for file in (_HERE / "tables.js", *scripts)]
    digests = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii") for text in code)
    return environment.get_template(template.name).render(
        policy=_POLICY.format(scripts=" ".join(f"'sha256-{digest}'" for digest in digests)),
        style=do_mark_safe((_HERE / "page.css").read_text("utf-8")),
        scripts=[do_mark_safe(text) for text in code],
        **values,
    )


@cache
def _environment(folder: Path) -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader([folder, _HERE]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters |= {"json": _json, "percent": _percent, "grouped": _grouped, "figure": _figure}
    return environment


def _shown(value: Any) -> Any:
    """What a template puts out, before it is escaped: text from outside without what no page should hold."""
    return printable(value) if type(value) is str else value


def _json(value: Any) -> str:
    """JSON that can stand in a script: ``<``, ``>`` and ``&`` are escaped in it."""
    from jinja2.filters import do_mark_safe

    text = json.dumps(_plain(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return do_mark_safe(text)


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {printable(str(key)): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value


def _unknown(value: float | None) -> bool:
    return value is None or not math.isfinite(value)


def _percent(share: float | None, digits: int = 1) -> str:
    """Never 0 or 100 of what is not quite."""
    if share is None or _unknown(share):
        return "\N{EN DASH}"
    text, least = f"{100 * share:.{digits}f}", 10**-digits
    if float(text) == 0.0 < share:
        return f"<{least:g} %"
    return f">{100 - least:g} %" if float(text) == 100.0 and share < 1.0 else f"{text} %"


def _figure(value: float | None, digits: int = 3) -> str:
    return "\N{EN DASH}" if value is None or _unknown(value) else f"{value:.{digits}f}"


def _grouped(number: int) -> str:
    return f"{number:,}"
