"""Fuzz one target; what it finds is kept, and replayed by every test run from then on.

    make fuzz TARGET=walker MINUTES=10
    python -m tests.fuzz walker --minutes 10
    python -m tests.fuzz walker --replay FILE      one input, with its traceback
    python -m tests.fuzz openapi --role clinician  as one role alone

Inputs that reach new code are gathered in .cache/fuzz/TARGET and start the next run; a finding goes to
tests/fuzz/crashes/TARGET. `--keep` renews the small corpus in the repository from what was gathered.
Executions and minutes add up in tests/fuzz/tally.json, by the sources they ran against, until a target has had its hour
or its ten million.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pacs.access.principals import Role
from tests.fuzz import openapi
from tests.fuzz.tally import Tally

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parents[1]
TALLY = FOLDER / "tally.json"
EXECUTIONS = re.compile(rb"^(?:#|stat::number_of_executed_units:\s*)(\d+)")
NAMES = ("pdu", "walker", "multipart", "query")
INPUT_SECONDS_MAX = 30  # as the clock goes: on a busy machine five were none
MEMORY_MIB_MAX = 768
PROCESS_EXECUTIONS_MAX = 400_000
"""Then another process goes on: atheris never frees what an instrumented comparison gives, and a column's is a tree."""
KEPT_FILES = 120
KEPT_BYTES = 600


def main() -> int:
    """The command line; the exit code is that of the fuzzer: 0 when nothing was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("target", choices=(*NAMES, "openapi"))
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--runs", type=int, default=0, help="stop after so many executions")
    parser.add_argument("--seed", type=int, default=0, help="0: another one each time")
    parser.add_argument("--replay", type=Path)
    parser.add_argument("--keep", action="store_true", help="renew the corpus in the repository, then leave")
    parser.add_argument("--gathered", type=Path, help="where to gather inputs")
    parser.add_argument("--tally", type=Path, default=TALLY)
    parser.add_argument("--role", type=Role, action="append", default=[], help="openapi: as this role, or as each")
    asked = parser.parse_args()
    if asked.target == "openapi":
        return openapi.main(asked.minutes, asked.role)
    gathered = asked.gathered or ROOT / ".cache" / "fuzz" / asked.target
    if asked.replay:
        return _replay(asked.target, asked.replay)
    gathered.mkdir(parents=True, exist_ok=True)
    if asked.keep:
        return _keep(asked.target, gathered)
    code, end, left, tally = 0, time.monotonic() + 60 * asked.minutes, asked.runs or sys.maxsize, Tally(asked.tally)
    while code == 0 and left > 0 and (seconds := end - time.monotonic()) > 0:
        arguments = [f"-max_total_time={max(1, int(seconds))}", f"-runs={min(left, PROCESS_EXECUTIONS_MAX)}"]
        began, processor = time.monotonic(), _processor_seconds()
        with tempfile.TemporaryDirectory(prefix="suret-fuzz-") as folder:
            code, executions = _fuzz(asked.target, [*arguments, f"-seed={asked.seed}"], [gathered], Path(folder))
        left -= executions
        taken = time.monotonic() - began
        tally.add(asked.target, executions, taken, _processor_seconds() - processor, findings=int(code != 0))
        print(tally.words(asked.target), flush=True)
    return code


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _replay(name: str, file: Path) -> int:
    from tests.fuzz.targets import TARGETS

    TARGETS[name].run(file.read_bytes())
    print(f"{file}: nothing found")
    return 0


def _keep(name: str, gathered: Path) -> int:
    """Of the inputs that reached something new, those short enough for a repository, of every length."""
    corpus = FOLDER / "corpus" / name
    contents = {path.read_bytes() for folder in (gathered, corpus) if folder.is_dir() for path in folder.iterdir()}
    short = sorted(
        (content for content in contents if 0 < len(content) <= KEPT_BYTES), key=lambda kept: (len(kept), kept)
    )
    shutil.rmtree(corpus, ignore_errors=True)
    corpus.mkdir(parents=True)
    for content in short[:: max(1, -(-len(short) // KEPT_FILES))]:
        (corpus / f"{hashlib.sha256(content).hexdigest()[:16]}.bin").write_bytes(content)
    print(f"{len(list(corpus.iterdir()))} of {len(contents)} kept in {corpus.relative_to(ROOT)}")
    return 0


def _fuzz(name: str, arguments: list[str], folders: list[Path], scratch: Path) -> tuple[int, int]:
    """Run the fuzzer in a process of its own, which it ends; its exit code and how often it executed the target."""
    corpus = FOLDER / "corpus" / name
    corpus.mkdir(parents=True, exist_ok=True)
    if corpus not in folders:
        folders = [*folders, corpus]
    crashes = FOLDER / "crashes" / name
    crashes.mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "TMPDIR": str(scratch),  # the fuzzer ends without clearing up
        "SURET_FUZZ_SEEDS": str(scratch / "seeds"),
        "SURET_FUZZ_CRASHES": str(crashes),
    }
    limits = [
        f"-timeout={INPUT_SECONDS_MAX}",
        f"-rss_limit_mb={MEMORY_MIB_MAX}",
        "-print_final_stats=1",
        f"-artifact_prefix={crashes}/",
    ]
    command = [sys.executable, "-m", "tests.fuzz.fuzzer", name, *arguments, *limits, *map(str, folders)]
    executions = 0
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE) as fuzzer:
        assert fuzzer.stderr is not None
        with contextlib.suppress(KeyboardInterrupt):  # the fuzzer hears it too, and says where it was
            for line in fuzzer.stderr:
                sys.stderr.buffer.write(line)
                sys.stderr.flush()
                told = EXECUTIONS.match(line)
                executions = int(told[1]) if told else executions
    return fuzzer.returncode, executions


if __name__ == "__main__":
    sys.exit(main())
