"""The long form of the fault rigs, in slices: mutants first, then whatever is furthest from its goal.

    make faults HOURS=1                every rig
    make faults HOURS=0.2 RIG=kill     one rig

Go on as often as you like: the tally is kept in tests/faults/tally.json, and no seed is run twice.
Exit code 0: no violation and every mutant caught; 1: the promise was broken, or a rig did not see a mutant.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from tests.faults.registry import RIGS
from tests.faults.rig import Outcome, Rig, Slice, bound
from tests.faults.tally import ROOT, Tally, revision

TALLY = ROOT / "tests" / "faults" / "tally.json"
SHOWN_MAX = 5


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    asked = _arguments(arguments)
    rigs = [rig for rig in RIGS if asked.rig in ("", rig.name)]
    if not rigs:
        print(f"there is no rig {asked.rig!r}; there are: {', '.join(rig.name for rig in RIGS)}")
        return 1
    if asked.seed is not None or asked.mutant:
        return _once(rigs[0], asked.mutant, asked.seed or 1)
    return _long_form(rigs, Tally(asked.tally), asked.hours * 3600)


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--hours", type=float, default=1.0, help="how long to go on; a slice begun is finished")
    parser.add_argument("--rig", default="", help="only this rig")
    parser.add_argument("--seed", type=int, help="replay this one slice of --rig; the tally stays as it is")
    parser.add_argument("--mutant", default="", help="run this one mutant of --rig; the tally stays as it is")
    parser.add_argument("--tally", type=Path, default=TALLY)
    asked = parser.parse_args(arguments)
    if (asked.seed is not None or asked.mutant) and not asked.rig:
        parser.error("--seed and --mutant need --rig")
    return asked


def _once(rig: Rig, mutant: str, seed: int) -> int:
    outcome = _run(rig.mutants[mutant] if mutant else rig.slice, seed)
    for violation in outcome.violations:
        print(violation)
    print(f"{rig.name}{' with mutant ' + mutant if mutant else ''}, seed {seed}: {_words(rig, outcome)}")
    return int(bool(outcome.violations) != bool(mutant))


def _long_form(rigs: Sequence[Rig], tally: Tally, seconds: float) -> int:
    deadline = _now() + seconds
    against = revision()
    able = []
    for rig in rigs:
        reason = rig.needs()
        if reason:
            print(f"{rig.name}: cannot run here: {reason}")
        else:
            able.append(rig)
    unseen = [name for rig in able for name in _mutants(rig, tally, against)]
    found = False
    while able and _now() < deadline:
        rig = min(able, key=lambda rig: tally.record(rig.name).trials / rig.goal)
        found |= _slice(rig, tally, against)
    _report(rigs, tally)
    for name in unseen:
        print(f"NOT CAUGHT: {name}; the rig's green results do not count")
    return int(found or bool(unseen))


def _mutants(rig: Rig, tally: Tally, against: str) -> list[str]:
    """Run the mutants that were not yet caught against these sources; the names of those that were not seen."""
    unseen = []
    record = tally.record(rig.name)
    for name, mutant in rig.mutants.items():
        if record.mutants.get(name) == against and not against.endswith(("+", "unknown")):
            continue
        began = time.monotonic()
        try:
            outcome = _run(mutant, 1)
        except Exception:  # a rig that breaks off has seen nothing
            traceback.print_exc()
            outcome = Outcome(0, ())
        verdict = "caught" if outcome.violations else "NOT CAUGHT"
        print(f"{rig.name}: mutant {name} {verdict}, {outcome.trials} {rig.noun}, {time.monotonic() - began:.0f} s")
        if outcome.violations:
            print(f"    {outcome.violations[0]}", flush=True)
            record.mutants[name] = against
        else:
            record.mutants.pop(name, None)
            unseen.append(f"mutant {name} of {rig.name}")
        tally.save()
    return unseen


def _now() -> float:
    return time.monotonic()


def _slice(rig: Rig, tally: Tally, against: str) -> bool:
    """Run the next slice of `rig`; True when it found something."""
    record, began = tally.record(rig.name), time.monotonic()
    seed = record.seed
    try:
        outcome = _run(rig.slice, seed)
    except Exception:  # a rig that breaks is shown and counted, and the others go on
        outcome = Outcome(0, (f"the slice with seed {seed} broke off: {traceback.format_exc()}",))
    record.add(outcome, time.monotonic() - began, against)
    tally.save()
    print(f"{rig.name}, seed {seed}: {_words(rig, outcome)}", flush=True)
    for violation in outcome.violations[:SHOWN_MAX]:
        print(f"    {violation}")
    if outcome.violations:
        print(f"    replay: python -m tests.faults --rig {rig.name} --seed {seed}", flush=True)
    return bool(outcome.violations)


def _run(form: Slice, seed: int) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="suret-faults-") as folder:
        return form(seed, Path(folder))


def _words(rig: Rig, outcome: Outcome) -> str:
    details = "".join(f", {count} {name}" for name, count in outcome.details.items())
    return f"{outcome.trials} {rig.noun}{details}, {len(outcome.violations)} violations"


def _report(rigs: Sequence[Rig], tally: Tally) -> None:
    print()
    for rig in rigs:
        record = tally.record(rig.name)
        caught = sum(name in record.mutants for name in rig.mutants)
        print(
            f"{rig.name}: N = {record.trials} of {rig.goal} {rig.noun}, {len(record.violations)} violations"
            + (f" (rate < 3/N = {bound(record.trials):.2%}, 95 %)" if record.trials and not record.violations else "")
            + f", mutants caught {caught} of {len(rig.mutants)}, {record.seconds / 60:.0f} min"
        )
        for name, count in record.details.items():
            print(f"    {name}: {count}")
        for violation in record.violations[:SHOWN_MAX]:
            print(f"    {violation}")


if __name__ == "__main__":
    sys.exit(main())
