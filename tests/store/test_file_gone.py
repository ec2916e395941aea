"""A store whose file is taken away from under who writes it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from decisight.errors import StoreError

from .conftest import Place, batch, fill, only_sqlite


@only_sqlite("PostgreSQL looks after its files itself")
@pytest.mark.parametrize(("replaced", "said"), [(False, "was removed while"), (True, "was replaced by another file")])
def test_what_would_go_with_the_process_is_not_said_to_be_stored(
    place: Place, tmp_path: Path, replaced: bool, said: str
) -> None:
    with place() as store:
        number = fill(store, batches=2)
        file = tmp_path / "store.db"
        copy = shutil.copy2(file, tmp_path / "copy.db")
        file.unlink()
        if replaced:
            Path(copy).rename(file)
        with pytest.raises(StoreError, match=said) as caught:
            store.commit([batch(number, at=2)])
        # Waiting would not bring it back.
        assert not caught.value.passing
        assert caught.value.hint
