"""Every input that ever reached something new, and everything that was ever found, on every commit; a short run too."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import structlog

from tests.fuzz.__main__ import FOLDER, INPUT_SECONDS_MAX, NAMES
from tests.fuzz.seeds import seeds
from tests.fuzz.targets import TARGETS
from tests.support.peers import absent
from tests.support.process import ROOT, clean_environment

MEMORY_BYTES_MAX = 256 << 20
SHORT_RUNS = {"pdu": 2_000, "walker": 2_000, "multipart": 2_000, "query": 500}


@pytest.fixture(autouse=True)
def _log() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def _inputs(name: str) -> list[Path]:
    return sorted((FOLDER / "corpus" / name).glob("*")) + sorted((FOLDER / "crashes" / name).glob("*"))


def test_every_target_is_offered() -> None:
    assert set(TARGETS) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_what_was_found_stays_mended(name: str) -> None:
    inputs = [*(path.read_bytes() for path in _inputs(name)), *seeds(name)]
    assert len(inputs) > 20, "the corpus is gone"
    process = psutil.Process()
    TARGETS[name].run(inputs[0])
    before = process.memory_info().rss
    for data in inputs:
        began = time.process_time()
        TARGETS[name].run(data)
        assert time.process_time() - began < INPUT_SECONDS_MAX, f"{data[:64]!r} … takes too long"
    assert process.memory_info().rss - before < MEMORY_BYTES_MAX


@pytest.mark.parametrize("name", NAMES)
def test_a_short_run_finds_nothing(name: str, tmp_path: Path) -> None:
    if importlib.util.find_spec("atheris") is None:
        absent("atheris", "make test installs it where it is built for this Python and machine")
    command = [sys.executable, "-m", "tests.fuzz", name, "--runs", str(SHORT_RUNS[name]), "--seed", "1"]
    done = subprocess.run(
        [*command, "--minutes", "1", "--gathered", str(tmp_path / "gathered"), "--tally", str(tmp_path / "tally")],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-2000:]}{done.stderr[-4000:]}"
    assert f"N = {SHORT_RUNS[name]:,} of" in done.stdout


def test_the_fuzzer_keeps_what_it_finds(tmp_path: Path) -> None:
    if importlib.util.find_spec("atheris") is None:
        absent("atheris", "make test installs it where it is built for this Python and machine")
    spoiled = (
        "import sys, atheris; import tests.fuzz.targets as targets; from dataclasses import replace\n"
        "def run(data):\n    assert b'--B' not in data\n"
        "targets.TARGETS = {'multipart': replace(targets.TARGETS['multipart'], run=run)}\n"
        "from tests.fuzz.fuzzer import main; main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", spoiled, "multipart", "-runs=1000", f"-artifact_prefix={tmp_path}/"],
        cwd=ROOT,
        env=clean_environment(SURET_FUZZ_SEEDS=str(tmp_path / "seeds"), SURET_FUZZ_CRASHES=str(tmp_path)),
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode != 0
    assert [b"--B" in path.read_bytes() for path in tmp_path.glob("*.bin")] == [True]
