"""Files of evidence: pictures by the digest of their content, each written whole or not at all.

Nobody but their owner may read them, where the system has such permissions.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from decisight.errors import StoreError
from decisight.files import printable, sync_folder
from decisight.store.failures import failure_of_file

__all__ = ["EvidenceFolder"]

_MARK = "decisight-store"
_FILE = re.compile(r"[0-9a-f]{64}\.jpg")
_DRAFT = re.compile(r"\.[0-9a-f]{64}\.[0-9a-f]{8}\.part")


@dataclass(frozen=True)
class EvidenceFolder:
    """The folder of one store's pictures: ``ab/abcd....jpg``, by SHA-256.

    Args:
        path: of the folder.
    """

    path: Path

    def claim(self, store_id: str) -> None:
        """Make it, and write down whose it is: what a store does not know there, it removes.

        Raises:
            StoreError: it is another store's, or cannot be made or written.
        """
        mark = self.path / _MARK
        with self._failures():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            _make_folder(self.path)
            if not mark.exists():
                self._write(mark, f"{store_id}\n".encode(), self.path / f".{_MARK}.part")
            owner = mark.read_text("ascii", errors="replace").strip()
        if owner != store_id:
            raise StoreError(
                f"the evidence in {printable(self.path)} is of another store", hint="name a folder of its own"
            )

    def place(self, digest: str) -> Path:
        """Where a picture lies, whether it is there or not."""
        return self.path / digest[:2] / f"{digest}.jpg"

    def put(self, content: bytes) -> str:
        """Write a picture, unless it is there; its digest. It is safe on the disk when this returns.

        Raises:
            StoreError: it cannot be written.
        """
        digest = hashlib.sha256(content).hexdigest()
        place = self.place(digest)
        with self._failures():
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                # One that was cut short or altered is written again.
                if place.stat().st_size == len(content) and place.read_bytes() == content:
                    return digest
            if not place.parent.is_dir():
                _make_folder(place.parent)
                sync_folder(self.path)
            self._write(place, content, place.with_name(f".{digest}.{secrets.token_hex(4)}.part"))
        return digest

    def read(self, digest: str) -> bytes:
        """A picture, as it was written.

        Raises:
            StoreError: it is not there, or is not as it was written.
        """
        try:
            content = self.place(digest).read_bytes()
        except OSError as error:
            raise StoreError(f"the picture {digest[:12]} cannot be read: {error.strerror}") from error
        if hashlib.sha256(content).hexdigest() != digest:
            raise StoreError(f"the picture {digest[:12]} was altered", hint="have the store verified")
        return content

    def fault(self, digest: str) -> str | None:
        """What is wrong with a picture's file; ``None``: nothing."""
        place = self.place(digest)
        try:
            with place.open("rb") as stream:
                found = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            return f"its file cannot be read: {error.strerror}"
        return None if found == digest else "its file was altered"

    def remove(self, digest: str) -> None:
        """Remove a picture, if it is there.

        Raises:
            StoreError: it cannot be removed.
        """
        with self._failures():
            self.place(digest).unlink(missing_ok=True)

    def tidy(self, is_known: Callable[[list[str]], set[str]]) -> int:
        """Remove what a crash has left: half-written files, and pictures that nothing speaks of.

        Nothing is touched whose name is not as this class writes it.

        Args:
            is_known: which of the given digests are to stay.

        Returns:
            How many files were removed.

        Raises:
            StoreError: the folder cannot be read, or a file not be removed.
        """
        removed = 0
        with self._failures():
            for folder in self.path.glob("[0-9a-f][0-9a-f]"):
                names = os.listdir(folder) if folder.is_dir() else []
                pictures = [name.removesuffix(".jpg") for name in names if _FILE.fullmatch(name)]
                known = is_known(pictures) if pictures else set()
                drafts = [folder / name for name in names if _DRAFT.fullmatch(name)]
                for leftover in [*drafts, *(self.place(digest) for digest in pictures if digest not in known)]:
                    leftover.unlink(missing_ok=True)
                    removed += 1
        return removed

    def _write(self, place: Path, content: bytes, draft: Path) -> None:
        try:
            with open(draft, "wb", opener=_opened_privately) as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            draft.replace(place)
        except BaseException:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)
            raise
        sync_folder(place.parent)

    @contextlib.contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise failure_of_file(error, f"the evidence in {printable(self.path)}") from error


def _make_folder(path: Path) -> None:
    """Make a folder that nobody else may look into, unless it is there."""
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)


def _opened_privately(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
