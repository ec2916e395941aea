"""One module a format of labelled pictures; each reads into a :class:`~decisight.data.records.Table`.

Example:
    >>> [form.title for form in in_order()]
    ['a CSV or JSON Lines table', 'COCO JSON', 'Parquet', 'a Hugging Face dataset on disk', 'class folders']
"""

from __future__ import annotations

from decisight.data.formats.base import Asked, Format
from decisight.registry import Registry

__all__ = ["Asked", "Format", "formats", "in_order"]

formats: Registry[Format] = Registry("format", package=__name__)
"""Every format there is."""


def in_order() -> tuple[Format, ...]:
    """Every format that can be used, in the order in which they are asked whether they know a path.

    Other packages' formats that cannot be imported are passed over; ``formats.broken`` tells them.
    """
    broken = formats.broken
    usable = [formats.build(name) for name in formats.names() if name not in broken]
    return tuple(sorted(usable, key=lambda form: form.order))
