"""R4: every single input or output call of the store path fails once, with each error of ERRORS, or writes too little.

    python -m tests.faults --rig io-error --seed 7

strace answers one call of a run with the error instead of making it. The sender goes on with its next instance, the
archive is closed and started again; what was acknowledged is there, nothing whose sync failed was acknowledged, and
who was refused heard a reason of the table in `pacs/troubles.py` that fits the error.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tests.faults import system_calls
from tests.faults.acknowledged import SUCCESS, attempts
from tests.faults.driver import Driver
from tests.faults.memory_folder import in_memory
from tests.faults.rig import Outcome, Rig
from tests.faults.system_call_kill import Bench, needs
from tests.faults.system_calls import Point, struck
from tests.faults.witness import OUT_OF_RESOURCES
from tests.faults.work import SCENARIOS, UNEXPECTED

ERRORS = ("EIO", "ENOSPC", "EINTR", "EDQUOT", "EROFS", "EMFILE")
ANY_TIME = frozenset({"index_stopped", "commit_unknown", "index_not_opened"})
HEARD = {
    "EIO": ANY_TIME | {"disk_failed", "index_unreadable"},
    "ENOSPC": ANY_TIME | {"no_room", "disk_failed"},  # SQLite takes what a read or a sync says for an error of the disk
    "EINTR": ANY_TIME | {"store_failed", "disk_failed"},
    "EDQUOT": ANY_TIME | {"no_room", "disk_failed"},
    "EROFS": ANY_TIME | {"read_only", "disk_failed"},
    "EMFILE": ANY_TIME | {"too_many_files", "disk_failed"},
}
"""The reasons that a sender may hear of each error; Python and SQLite make most interrupted calls again."""
SYNCS = frozenset({"fsync", "fdatasync"})
EVERY = 1 << 30
NAMES = f"{system_calls.NAMES},read,pread64"
SHORT_WRITES = ("store", "short write")
PASSES = (*((scenario, error) for error in ERRORS for scenario in SCENARIOS), SHORT_WRITES)
"""So many slices one after another are every call of every scenario with every error."""


def fail_at(bench: Bench, scenario: str, point: Point, error: str, mutant: str = "") -> tuple[bool, list[str]]:
    """Let the call at `point` fail; whether it was reached, and everything that contradicts the promise."""
    bench.renew()
    trace = ["-y", "-ttt", "-o", str(bench.trace), *point.injection(f"error={error}")]
    ended = bench.driver.work(scenario, bench.data, bench.log, seed=bench.seed, mutant=mutant, trace=trace)
    if ended.signal:
        return True, [ended.broken]
    met = struck(bench.trace, bench.data)
    found = []
    for call in met:
        if call.name in SYNCS and error != "EINTR" and _promises(call.path, bench.data):
            found += [
                f"acknowledged although the {call.name} of {call.path} failed: {attempt.sop_instance_uid}"
                for attempt in attempts(bench.log)
                if attempt.began <= call.at <= attempt.ended and attempt.status == SUCCESS
            ]
    spools = [Path(call.path).stem for call in met if call.name in SYNCS and call.path.endswith(".part")]
    never_rows = spools if error != "EINTR" else []  # Python makes an interrupted call again
    found += [
        f"heard {told.status:04X} {told.why or 'without a reason'}: {told.sop_instance_uid}"
        for told in attempts(bench.log)
        if told.status != SUCCESS and (told.status != OUT_OF_RESOURCES or told.why not in HEARD[error])
    ]
    return bool(met), found + bench.restart(scenario, mutant, never_rows=never_rows)


def _promises(path: str, data: Path) -> bool:
    """Whether an answer rests on this sync: not on a checkpoint's, nor on SQLite's of a folder synced at the start."""
    return Path(path) not in (data, data / "index.db")


def run(
    seed: int,
    folder: Path,
    *,
    scenario: str = "",
    errors: Sequence[str] = (),
    names: frozenset[str] = frozenset(),
    at_most: int = EVERY,
    mutant: str = "",
) -> Outcome:
    """One scenario and one error (by the seed, unless named), at each of its points or a seeded choice of them."""
    scenario = scenario or PASSES[seed % len(PASSES)][0]
    errors = errors or [PASSES[seed % len(PASSES)][1]]
    failed, missed, unexpected, violations = 0, 0, 0, []
    with in_memory(folder) as fast, Driver(folder) as driver:
        bench = Bench(driver, fast, seed)
        places = [
            (at, error)
            for at in bench.survey(scenario, names=NAMES)
            for error in errors
            if not names or at.name in names
        ]
        for point, error in random.Random(seed).sample(places, min(at_most, len(places))):
            reached, found = fail_at(bench, scenario, point, error, mutant)
            failed += reached
            missed += not reached
            unexpected += sum(told.status == UNEXPECTED for told in attempts(bench.log))
            violations += [f"seed {seed}: {scenario}, {error} from {point}: {violation}" for violation in found]
    return Outcome(
        failed,
        tuple(violations),
        {
            "not reached": missed,
            "errors that are no refusals": unexpected,
            "whole passes": int(at_most >= len(places) and not violations),
            **bench.unharmed,
        },
    )


def short_writes(seed: int, folder: Path, *, mutant: str = "") -> Outcome:
    """Every write into a spool file takes only half, one run each."""
    failed, violations = 0, []
    with in_memory(folder) as fast, Driver(folder) as driver:
        bench = Bench(driver, fast, seed)
        for scenario in ("link", "hashed"):
            writes = [at for at in bench.survey(scenario) if at.name == "write"]
            for count in range(1, len(writes) + 1):
                bench.renew()
                driver.work(scenario, bench.data, bench.log, seed=seed, mutant=mutant, short_write=count)
                failed += 1
                # a short write is no failure: the rest of the bytes goes with the next one
                found = [f"refused with {told.status:04X}" for told in attempts(bench.log) if told.status != SUCCESS]
                found += bench.restart(scenario, mutant)
                violations += [f"seed {seed}: {scenario}, write {count} was short: {what}" for what in found]
    return Outcome(failed, tuple(violations), bench.unharmed)


def slice_of(seed: int, folder: Path) -> Outcome:
    """One slice of the long form: every call of a scenario fails once with one error, or every write is short."""
    return short_writes(seed, folder) if PASSES[seed % len(PASSES)] == SHORT_WRITES else run(seed, folder)


RIG = Rig(
    name="io-error",
    noun="failed calls",
    goal=10_000,
    slice=slice_of,
    mutants={
        "retry-fsync": partial(run, scenario="store", errors=("EIO",), names=SYNCS, mutant="retry-fsync"),
        "short-write-ignored": partial(short_writes, mutant="short-write-ignored"),
    },
    needs=needs,
)
