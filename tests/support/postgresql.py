"""A real PostgreSQL for tests: a cluster of its own in a temporary folder, by hand, without root's help.

It runs with fsync off: what is tested with it is behaviour, never durability. Rigs ask for a durable one.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from tests.support.peers import absent
from tests.support.process import free_port

_INSTALLED = Path("/usr/lib/postgresql")
_PREFERRED = 15
_TIMEOUT_S = 60
_SETTINGS = ("shared_buffers=32MB", "listen_addresses=127.0.0.1")
_FAST = ("fsync=off", "full_page_writes=off")
_DURABLE = ("fsync=on", "full_page_writes=on", "synchronous_commit=on")
# Ends the cluster and its folder when the test session is gone without having stopped it.
_WATCH = 'while [ -d "/proc/$1" ] && [ -f "$2/postmaster.pid" ]; do sleep 2; done; '
_WATCH += '[ -f "$2/postmaster.pid" ] && "$3/pg_ctl" -D "$2" -m immediate -w -t 30 stop && rm -rf "$2"'


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running cluster; its superuser `postgres` needs no password, and it listens on loopback only."""

    port: int

    def create_database(self, template: str = "template1") -> str:
        """A new database (UTF8, C.UTF-8), empty unless it is a copy of `template`: its SQLAlchemy URL for psycopg."""
        name = f"test_{secrets.token_hex(6)}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        self._administer(statement.format(sql.Identifier(name), sql.Identifier(template)))
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{name}"

    def drop_database(self, url: str) -> None:
        """Drop a database made by `create_database`, ending whoever is still connected to it."""
        name = url.rpartition("/")[2]
        self._administer(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def rename_database(self, url: str, name: str) -> None:
        """Call a database made by `create_database` `name`; nobody may be connected to it."""
        old = url.rpartition("/")[2]
        self._administer(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(old), sql.Identifier(name)))

    def administer(self, statement: str) -> list[tuple[object, ...]]:
        """The rows of a statement of the superuser, as somebody at the server's console gets them; of one that has
        none, nothing."""
        with psycopg.connect(f"postgresql://postgres@127.0.0.1:{self.port}/postgres", autocommit=True) as connection:
            cursor = connection.execute(sql.SQL(statement))
            return cursor.fetchall() if cursor.description else []

    def _administer(self, statement: sql.Composed) -> None:
        # CREATE DATABASE cannot run in a transaction.
        with psycopg.connect(f"postgresql://postgres@127.0.0.1:{self.port}/postgres", autocommit=True) as connection:
            connection.execute(statement)


def start(folder: Path, owner: int, *, durable: bool = False) -> Cluster:
    """A cluster in `folder`, which ends at the latest with the process `owner`; leaves the test without PostgreSQL.

    PostgreSQL refuses to run as root: then the folder and the processes belong to the user `postgres`, and the
    folders above must let that user pass.
    """
    programs = _programs()
    cluster = Cluster(free_port())
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    _run(
        programs / "initdb",
        *("-D", folder, "-U", "postgres", "-A", "trust", "--no-sync", "-k", "-E", "UTF8", "--locale=C.UTF-8"),
    )
    _serve(folder, cluster, durable)
    _run("setsid", "-f", "sh", "-c", _WATCH, "watch", str(owner), folder, programs)
    return cluster


def resume(folder: Path, cluster: Cluster, owner: int, *, durable: bool = False) -> None:
    """Start a stopped cluster again, where it was."""
    _serve(folder, cluster, durable)
    _run("setsid", "-f", "sh", "-c", _WATCH, "watch", str(owner), folder, _programs())


def stop(folder: Path) -> None:
    """End the cluster of `folder`."""
    _run(_programs() / "pg_ctl", "-D", folder, "-m", "immediate", "-w", "-t", "30", "stop")


def _serve(folder: Path, cluster: Cluster, durable: bool) -> None:
    settings = (*_SETTINGS, *(_DURABLE if durable else _FAST))
    options = f"-p {cluster.port} -k {folder} " + " ".join(f"-c {setting}" for setting in settings)
    _run(_programs() / "pg_ctl", "-D", folder, "-l", folder / "log", "-o", options, "-w", "-t", "30", "start")


def _programs() -> Path:
    """The folder of initdb and pg_ctl: version 15 where it is installed, else the newest."""
    versions = sorted(int(found.parent.parent.name) for found in _INSTALLED.glob("[0-9]*/bin/initdb"))
    if not versions:
        absent("PostgreSQL", f"sudo apt-get install --no-install-recommends postgresql-{_PREFERRED}")
    return _INSTALLED / str(_PREFERRED if _PREFERRED in versions else versions[-1]) / "bin"


def _run(*command: str | Path) -> None:
    if os.geteuid() == 0:
        command = ("setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups", *command)
    done = subprocess.run(
        command,
        cwd="/",
        stdin=subprocess.DEVNULL,
        # Not a pipe: what stays in the background would keep it open.
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=_TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        log = Path(str(command[command.index("-D") + 1]), "log") if "-D" in command else None
        told = log.read_text(errors="replace")[-4000:] if log is not None and log.exists() else "no log"
        raise RuntimeError(f"{' '.join(map(str, command))} ended with {done.returncode}: {told}")
