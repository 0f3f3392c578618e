"""docs/operations.md, read aloud to a shell: every block of commands is run, in order, against a node with images.

The archive is one that release 0.1.0 left; `systemctl` is a stand-in that starts and stops the real node.
"""

from __future__ import annotations

import configparser
import dataclasses
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from pacs.dimse.scu import send
from pacs.index.engine import Index
from tests.support.factories import ct_series, write_folder
from tests.support.golden import golden_rows, lay_files, read_golden
from tests.support.postgresql import Cluster
from tests.support.process import ROOT, clean_environment, free_port
from tests.support.services import S3Bucket

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

DOCUMENT = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
BLOCKS = re.compile(r"^```sh *(?P<mark>[a-z-]*)\n(?P<commands>.*?)^```$", re.MULTILINE | re.DOTALL)
BEFORE = 3
"""Images of the golden archive that are live."""


@dataclass(frozen=True, slots=True)
class Site:
    """A folder with a service, and a shell in it."""

    folder: Path
    environment: dict[str, str]

    def run(self, commands: str) -> subprocess.CompletedProcess[str]:
        """What a shell makes of the commands; it stops at the first that fails."""
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def expect(self, commands: str, *codes: int) -> str:
        """What they print, when they end with one of `codes` (0)."""
        done = self.run(commands)
        log = self.folder / "node.log"
        said = f"{done.stdout}{done.stderr}\n{log.read_text()[-3000:] if log.exists() else ''}"
        assert done.returncode in (codes or (0,)), f"{commands}ended with {done.returncode}:\n{said}"
        return done.stdout

    def send(self, count: int, series: str) -> None:
        """Bring new images by C-STORE."""
        files = write_folder(ct_series(count, series=series, rows=16, columns=16), self.folder / series)
        port = int(self.environment["PACS_DIMSE__PORT"])
        assert all(one.succeeded for one in send(files, "127.0.0.1", port, called="SURET", calling="CT1"))


def _site(folder: Path, **settings: str) -> Site:
    commands = folder / "bin"
    commands.mkdir()
    (commands / "pacs").write_text(f'#!/bin/sh\nexec {sys.executable} -m pacs.cli "$@"\n')
    (commands / "pacs").chmod(0o755)
    shutil.copy(ROOT / "tests" / "support" / "systemctl", commands)
    environment = clean_environment(
        PACS_DATA=str(folder / "data"),
        PACS_DIMSE__PORT=str(free_port()),
        PACS_WEB__PORT=str(free_port()),
        PACS_ARCHIVE__BALLAST_BYTES=str(1 << 20),
        BACKUP=str(folder / "backup"),
        STUDY=golden_rows("0.1.0")["study"][0]["study_instance_uid"],
        SERVICE_FOLDER=str(folder),
        PATH=f"{commands}:{os.environ['PATH']}",
    )
    return Site(folder, environment | settings)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where the site is; its node is gone when the test is."""
    yield tmp_path
    with suppress(FileNotFoundError, ProcessLookupError):
        os.killpg(int((tmp_path / "pid").read_text()), signal.SIGKILL)


def _blocks(*marks: str) -> list[tuple[str, str]]:
    return [(found["mark"], found["commands"]) for found in BLOCKS.finditer(DOCUMENT) if found["mark"] in ("", *marks)]


def _live(url: str) -> int:
    index = Index(url, read_only=True)
    try:
        with index.read() as connection:
            answer = connection.exec_driver_sql("SELECT count(*) FROM instance WHERE state = 'live'")
            return int(answer.scalar_one())
    finally:
        index.close()


def test_every_block_of_commands_does_what_the_page_says(folder: Path) -> None:
    site = _site(folder)
    data = folder / "data"
    lay_files("0.1.0", data)
    assert len(read_golden("0.1.0")["objects"]) > BEFORE
    site.expect("systemctl start suret")
    site.send(2, "first")
    images, said, is_backed_up = BEFORE + 2, "", False
    for number, (mark, commands) in enumerate(_blocks("may-find")):
        said += site.expect(commands, *((0, 1) if mark == "may-find" else (0,)))
        if "--rollback" in commands:
            # The page goes on with the older release; this one upgrades again and adopts what came since.
            site.expect("systemctl start suret")
        assert _live(f"sqlite:///{data / 'index.db'}") == images, f"after\n{commands}"
        is_backed_up |= commands.startswith("pacs backup")
        if not is_backed_up:
            site.send(1, f"series{number}")
            images += 1
    assert '"ready":true' in said
    assert "The index of revision 0001 is back" in said
    assert f"{images} live" in said, "what the objects alone told"
    site.expect("pacs verify --grace-minutes 0")
    site.expect("systemctl stop suret")


def test_with_postgresql_and_s3_a_backup_is_restored_as_well(
    folder: Path, postgresql_cluster: Cluster, s3_bucket: S3Bucket
) -> None:
    urls = [postgresql_cluster.create_database() for _ in range(2)]
    database, empty = (url.replace("postgresql+psycopg", "postgresql") for url in urls)
    s3 = {f"PACS_S3__{name.upper()}": value for name, value in dataclasses.asdict(s3_bucket.options).items()}
    site = _site(
        folder,
        PACS_DATABASE=database,
        PACS_STORAGE=f"{s3_bucket.location}/site",
        EMPTY_DATABASE=empty,
        EMPTY_STORAGE=f"{s3_bucket.location}/drill",
        **s3,
    )
    try:
        site.expect("systemctl start suret")
        site.send(3, "first")
        [commands] = [commands for mark, commands in _blocks("postgresql") if mark == "postgresql"]
        said = site.expect(commands)
        assert "3 objects, 3 of them copied now" in said
        assert "3 objects and the index of" in said
        assert _live(urls[1]) == 3
        site.expect("systemctl stop suret")
    finally:
        for url in urls:
            postgresql_cluster.drop_database(url)


def test_the_unit_file_is_one() -> None:
    [unit] = re.findall(r"^```ini\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)
    parsed = configparser.ConfigParser(strict=True, interpolation=None)
    parsed.optionxform = str  # type: ignore[assignment]  # names are told apart by case
    parsed.read_string(unit)
    assert parsed["Service"]["ExecStart"].endswith("/pacs serve")
    assert int(parsed["Service"]["TimeoutStopSec"]) > 30


def test_every_block_is_of_a_kind_that_is_run() -> None:
    assert {mark for mark, _ in _blocks("may-find", "postgresql")} == {"", "may-find", "postgresql"}
    shown = re.findall(r"^```(ini|json)$", DOCUMENT, re.MULTILINE)  # a unit of systemd, a rule: files, not commands
    assert len(re.findall(r"^```", DOCUMENT, re.MULTILINE)) == 2 * (len(BLOCKS.findall(DOCUMENT)) + len(shown))
