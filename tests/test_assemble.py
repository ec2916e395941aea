"""From a site file to running objects: where everything is kept, and with which key."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from tests.servers import session_server

from decisight.assemble import chain_key, load_model, open_site_store, retention, store_place
from decisight.config import Site, parse_site
from decisight.errors import DecisightError, SiteError, StoreError, StoreInUseError
from decisight.store import Limit


def site(folder: Path, **values: Any) -> Site:
    content = {
        "site": "plant",
        "models": {"gear": {"path": "gear.onnx"}},
        "cameras": {"gate": {"source": {"type": "folder", "path": "photos"}, "watch": [{}]}},
        **values,
    }
    return parse_site(content, folder / "plant.yaml")


@pytest.mark.parametrize(
    ("store", "expected"),
    [
        (None, "plant.db"),
        ("sqlite:///kept.db", "kept.db"),
        ("sqlite:///below/kept.db", "below/kept.db"),
        ("sqlite:////elsewhere/kept.db", "/elsewhere/kept.db"),
        # A name, whatever a URL would make of it.
        ("sqlite:///50% of #3?.db", "50% of #3?.db"),
    ],
)
def test_a_file_beside_the_site_file(tmp_path: Path, store: str | None, expected: str) -> None:
    assert store_place(site(tmp_path, store=store)) == tmp_path / expected


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "postgresql+psycopg://user@host/name"])
def test_what_is_no_file_is_left_as_it_is(tmp_path: Path, url: str) -> None:
    assert store_place(site(tmp_path, store=url)) == url


def test_names_that_mean_something_in_a_url(tmp_path: Path) -> None:
    folder = tmp_path / "50% of #3?mode=ro"
    folder.mkdir()
    with open_site_store(site(folder, site="a?b#c%20d")) as store:
        assert store.checkpoint("gate") is None
    assert {path.name for path in folder.iterdir() if path.suffix in (".db", ".key")} == {
        "a?b#c%20d.db",
        "a?b#c%20d.key",
    }


@pytest.mark.skipif(os.name != "posix", reason="folders cannot be synchronised on this system")
def test_the_name_of_a_new_key_is_on_the_disk_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[Path] = []
    monkeypatch.setattr("decisight.assemble.keeping.sync_folder", synced.append)
    key = chain_key(site(tmp_path), make=True)
    assert synced == [tmp_path]
    assert chain_key(site(tmp_path), make=True) == key
    assert synced == [tmp_path]


def test_a_model_that_cannot_be_loaded_is_told_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match=r"models\.gear: .*gear\.onnx"):
        load_model(site(tmp_path), "gear")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, {"default": Limit(30 * 86_400.0)}),
        ({"false_alarm": "2d"}, {"default": Limit(30 * 86_400.0), "false_alarm": Limit(2 * 86_400.0)}),
        ({"default": None, "false_alarm": "2d"}, {"false_alarm": Limit(2 * 86_400.0)}),
    ],
)
def test_how_long_pictures_are_kept(tmp_path: Path, said: dict[str, Any], expected: dict[str, Limit]) -> None:
    assert retention(site(tmp_path, retention={"evidence": said})).evidence == expected


def in_a_database(folder: Path) -> Site:
    server = session_server()
    return site(folder, store=server.url(server.emptied()))


def test_the_key_that_a_database_was_begun_with_stays(tmp_path: Path) -> None:
    plant = in_a_database(tmp_path)
    (tmp_path / "plant.evidence").write_text("in the way of a folder")
    with pytest.raises(DecisightError):
        open_site_store(plant)
    (tmp_path / "plant.evidence").unlink()
    with open_site_store(plant) as store:
        assert not list(store.verify())


@pytest.mark.parametrize(
    ("error", "stays"),
    [
        (StoreError("this is no database for a store"), False),
        (StoreError("the connection was lost", passing=True), True),
        # Who writes it may have begun it with this key.
        (StoreInUseError("another process writes it"), True),
    ],
)
def test_a_key_that_nothing_was_written_with_is_taken_away(
    error: StoreError, stays: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant = in_a_database(tmp_path)

    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("decisight.store.open_store", fails)
    with pytest.raises(StoreError):
        open_site_store(plant)
    assert (tmp_path / "plant.key").exists() is stays
