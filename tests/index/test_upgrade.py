"""Archives of earlier releases are upgraded: nothing changes, whoever kills it in between, on both databases."""

from __future__ import annotations

import base64
import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import IO

import pytest

from pacs.archive.verify import verify
from pacs.index.engine import Index
from pacs.index.migrations import head
from pacs.model import StorageState
from storage.filesystem import FolderStore
from tests.support.archives import open_archive, send
from tests.support.factories import ct_slice
from tests.support.golden import RELEASES, golden_rows, lay_files, lay_index, lay_objects, read_golden, rows_of
from tests.support.process import ROOT, NodeProcess, clean_environment

STATEMENTS_MAX = 200


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgresql_url"))
    return f"sqlite:///{tmp_path / 'index.db'}"


@pytest.mark.parametrize("release", RELEASES)
def test_an_archive_of_a_release_is_the_same_after_the_upgrade(release: str, url: str, tmp_path: Path) -> None:
    store = FolderStore(tmp_path / "store")
    lay_objects(release, store)
    lay_index(release, url).close()
    with open_archive(tmp_path, database=url, store=store) as archive:
        with archive.index.read() as connection:
            assert rows_of(connection, release) == golden_rows(release)
        assert list(verify(archive.index, store, now=archive.clock(), grace=timedelta())) == []
        objects = read_golden(release)["objects"]
        for study in golden_rows(release)["study"]:
            for stored in archive.instances(study["study_instance_uid"]):
                assert stored.storage is StorageState.STORED
                with archive.open(stored) as stream:
                    content = stream.read()
                assert content == base64.b64decode(objects[stored.object_key])
                assert hashlib.sha256(content[stored.dataset_offset :]).hexdigest() == stored.dataset_sha256
                assert archive.frame(stored, 1)
        send(archive, ct_slice(study="after", series="after"))
        assert list(verify(archive.index, store, now=archive.clock() + timedelta(seconds=1), grace=timedelta())) == []


@pytest.mark.timeout(400)
@pytest.mark.parametrize("release", RELEASES)
def test_an_upgrade_killed_at_any_statement_is_done_by_the_next_start(release: str, url: str, tmp_path: Path) -> None:
    """Every seventh statement, and with PACS_TEST_STATEMENTS=all every one of every revision."""
    lay_index(release, url).close()
    killed = 0
    step = 1 if os.environ.get("PACS_TEST_STATEMENTS") == "all" else 7
    with _upgrades(url, tmp_path) as upgrade:
        for statement in range(1, STATEMENTS_MAX, step):
            code = upgrade(statement)
            if code == 0:
                break
            assert code == -signal.SIGKILL
            killed += 1
            index = Index(url)
            with index.read() as connection:
                assert rows_of(connection, release) == golden_rows(release)
            assert index.revision()[0] in (read_golden(release)["revision"], head())
            index.close()
    assert killed > 5
    index = Index(url)
    assert index.revision() == (head(), head())
    with index.read() as connection:
        assert rows_of(connection, release) == golden_rows(release)
    index.close()


_UPGRADES = """
import os, signal, sys
from pathlib import Path
from sqlalchemy import event
from pacs.index.engine import Index
from pacs.index.rollback import keep_copy

def upgrade(statement):
    os.dup2(2, 1)  # the log
    index, left = Index(sys.argv[1]), [statement]
    def count(*_):
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
    event.listen(index._writing, "before_cursor_execute", count)
    event.listen(index._writing, "commit", count)
    keep_copy(index, Path(sys.argv[2]))
    index.migrate()
    os._exit(0)

for line in sys.stdin:
    child = os.fork()
    if not child:
        upgrade(int(line))
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@contextmanager
def _upgrades(url: str, data: Path) -> Iterator[Callable[[int], int]]:
    """Keep a copy and upgrade, in a process of its own that ends itself before its Nth statement; its exit code."""
    command = [sys.executable, "-c", _UPGRADES, url, str(data)]
    with subprocess.Popen(
        command, cwd=ROOT, env=clean_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield partial(_one_upgrade, process.stdin, process.stdout)
        process.stdin.close()


def _one_upgrade(asking: IO[str], answers: IO[str], statement: int) -> int:
    asking.write(f"{statement}\n")
    asking.flush()
    return int(answers.readline())


def test_a_node_upgrades_what_it_finds_and_the_way_back_is_a_command(start_node: Callable[..., NodeProcess]) -> None:
    node = start_node(ready=False)
    lay_files("0.1.0", node.data)
    node.start()
    assert (node.data / "rollback" / "index-0001.db").exists()
    with_the_node = node.command("migrate", "--rollback")
    assert with_the_node.returncode == 1
    assert "in use by another process" in with_the_node.stderr
    node.stop()
    back = node.command("migrate", "--rollback")
    assert back.returncode == 0, back.stderr
    assert "The index of revision 0001 is back" in back.stdout
    index = Index(f"sqlite:///{node.data / 'index.db'}", read_only=True)
    assert index.revision()[0] == "0001"
    index.close()
    assert node.command("migrate").returncode == 0
    assert node.command("verify", "--grace-minutes", "0").returncode == 0
    assert os.path.exists(node.data / "rollback" / "upgraded" / "index.db")
