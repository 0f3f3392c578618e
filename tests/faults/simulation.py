"""R10: simulated histories of many senders, crashes and faults over the archive's own code, each replayed by its seed.

    python -m tests.faults.simulation --seed 7 --histories 1 --trace

The archive, the folder store, the writer and SQLite are the product's; the threads, the disk's memory, the clock and
chance are the simulation's (tests/faults/simulated).
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from itertools import count, islice
from pathlib import Path

import structlog

from tests.faults.rig import Outcome, Rig, Slice
from tests.faults.simulated.database import template
from tests.faults.simulated.history import History, Result
from tests.faults.simulated.mutants import MUTANTS
from tests.faults.simulated.scheduler import Trace

MEMORY = Path("/dev/shm")
HISTORIES = 1000  # a slice; some 20 s
OF_THE_PROMISE = re.compile(r"[PI]\d ")
MUTANT_HISTORIES = 10_000


@contextmanager
def quiet() -> Iterator[None]:
    """The product logs thousands of injected failures; nobody reads them."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50), processors=[_drop])
    try:
        yield
    finally:
        structlog.configure(**before)


def _drop(logger: object, name: str, happening: object) -> str:
    raise structlog.DropEvent


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder in memory where there is one: nothing here needs a real disk, and syncs cost time."""
    with tempfile.TemporaryDirectory(prefix="suret-simulation-", dir=MEMORY if MEMORY.is_dir() else None) as folder:
        yield Path(folder)


def results(first_seed: int, trace: Trace, mutant: str = "") -> Generator[Result]:
    """What each history found, one a seed, for ever; with `mutant` on a product that is broken in this way."""
    with scratch() as folder, quiet():
        template_path = template(folder)
        with MUTANTS[mutant](template_path) if mutant else nullcontext():
            for seed in count(first_seed):
                trace.note(f"history {seed}")
                with tempfile.TemporaryDirectory(dir=folder) as empty:
                    result = History(seed, Path(empty), template_path, trace).run()
                for violation in result.violations:
                    trace.note(violation)
                yield result


def _slice(seed: int, folder: Path) -> Outcome:
    """HISTORIES histories of the seeds from `seed` times that number on."""
    return _outcome(islice(results(seed * HISTORIES, Trace()), HISTORIES))


def _until_caught(mutant: str) -> Slice:
    def until_caught(seed: int, folder: Path) -> Outcome:
        tried = []
        for result in islice(results(seed * HISTORIES, Trace(), mutant), MUTANT_HISTORIES):
            # A mutant that cannot even start, or hangs, proves nothing about the oracle.
            broken = tuple(violation for violation in result.violations if OF_THE_PROMISE.match(violation))
            tried.append(replace(result, violations=broken))
            if broken:
                break
        return _outcome(tried)

    return until_caught


def _outcome(found: Iterable[Result]) -> Outcome:
    details = dict.fromkeys(("acknowledged", "refused", "port_calls", "crashes"), 0)
    violations: list[str] = []
    trials = 0
    for result in found:
        trials += 1
        details["acknowledged"] += result.answers
        details["refused"] += result.refusals
        details["port_calls"] += result.port_calls
        details["crashes"] += result.crashes
        violations += [
            f"{violation} (python -m tests.faults.simulation --seed {result.seed} --histories 1 --trace)"
            for violation in result.violations
        ]
    return Outcome(trials, tuple(violations), details)


RIG = Rig(
    name="simulation",
    noun="histories",
    goal=100_000,
    slice=_slice,
    mutants={name: _until_caught(name) for name in MUTANTS},
)


def main() -> int:
    """The command line: exit code 1 when the promise was broken."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--histories", type=int, default=HISTORIES)
    parser.add_argument("--mutant", choices=sorted(MUTANTS), default="")
    parser.add_argument("--trace", action="store_true", help="print every step")
    arguments = parser.parse_args()
    trace = Trace(keep=arguments.trace)
    began = time.monotonic()
    outcome = _outcome(islice(results(arguments.seed, trace, arguments.mutant), arguments.histories))
    for line in (*(trace.lines or ()), *outcome.violations):
        print(line)
    print(f"{outcome.trials} histories in {time.monotonic() - began:.1f} s: {dict(outcome.details)}")
    print(f"{len(outcome.violations)} violations, trace {trace.digest}")
    return 1 if outcome.violations else 0


if __name__ == "__main__":
    sys.exit(main())
