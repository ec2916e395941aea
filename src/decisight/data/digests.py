"""What tells labelled pictures from others, whatever their names and their order."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from decisight.data.dataset import Example

__all__ = ["data_digest"]


def data_digest(examples: Sequence[Example], digests: Sequence[str]) -> str:
    """The digest of pictures and of what is true of them, in any order.

    Args:
        examples: N of them.
        digests: N, SHA-256 of what each shows, in hexadecimal: of :meth:`~decisight.data.dataset.Example.digest`.

    Returns:
        ``sha256:`` and 64 hexadecimal digits.
    """
    rows = sorted(
        f"{digest} {[sorted(t) if isinstance(t, frozenset) else t for t in example.targets]}"
        for digest, example in zip(digests, examples, strict=True)
    )
    return f"sha256:{hashlib.sha256(chr(10).join(rows).encode()).hexdigest()}"
