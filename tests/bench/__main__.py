"""`make bench`: this node, other nodes and limits, in turns on one machine, part by part.

    python -m tests.bench [--only PART,…] [--quick] [--rounds N] [--folder PATH] [--keep]
    python -m tests.bench --report

Prints ratios with the commit; absolute figures belong to this machine and this minute. What a part found is kept in
tests/bench/results/PART.json, and `--report` prints what all of them found last.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.bench import first_picture, slow_worklist
from tests.bench.ingest import beside_the_web, compare, growth, out_of_the_box
from tests.bench.machine import circumstances, commit, isolate_network
from tests.bench.report import Spread, Verdict, verdicts_text
from tests.bench.service import retrieve, search, single, worklist
from tests.bench.session import Failed, Part, Session
from tests.support.ohif import ohif
from tests.support.process import ROOT

PARTS: dict[str, Part] = {
    **compare.PARTS,
    **out_of_the_box.PARTS,
    **beside_the_web.PARTS,
    **growth.PARTS,
    **retrieve.PARTS,
    **search.PARTS,
    **single.PARTS,
    **worklist.PARTS,
    **first_picture.PARTS,
    **slow_worklist.PARTS,
}
RESULTS = Path(__file__).parent / "results"
ROUNDS, ROUNDS_QUICK = 5, 3
SECONDS_MAX, SECONDS_MAX_QUICK = 170.0, 60.0
LARGE_BYTES = 1 << 20
FREE_BYTES_MIN = 20 << 30
FREE_BYTES_MIN_QUICK = 12 << 30


def main() -> int:
    """Measure, print, keep."""
    arguments = _arguments()
    if arguments.report:
        print(_report(RESULTS))
        return 0
    if not arguments.only or first_picture.PARTS.keys() & set(arguments.only):
        ohif()  # fetched while there is a network
    isolate_network()
    folder: Path = arguments.folder / f"bench-{os.getpid()}"
    failures = 0
    try:
        for name in arguments.only or PARTS:
            refusal = _refusal(arguments.folder, arguments.quick)
            if refusal:
                print(refusal, file=sys.stderr)
                return 2
            failures += not _measure(name, folder / name, arguments)
            if not arguments.keep:
                _free(folder / name)
    finally:
        if not arguments.keep:
            shutil.rmtree(folder, ignore_errors=True)  # only now: ext4 makes files slowly for minutes after deletions
    print("\n" + _goals(arguments.only or PARTS, RESULTS))
    return 1 if failures else 0


def _measure(name: str, folder: Path, arguments: argparse.Namespace) -> bool:
    revision = commit()  # now: others may commit while this runs
    around = circumstances(arguments.folder, revision)
    print(f"\n== {name}: {PARTS[name].what}")
    print("\n".join(f"{key}: {value}" for key, value in around.items()), flush=True)
    quick = arguments.quick
    rounds = arguments.rounds or (ROUNDS_QUICK if quick else ROUNDS)
    folder.mkdir(parents=True)
    try:
        outcome = PARTS[name].run(Session(folder, quick, rounds, SECONDS_MAX_QUICK if quick else SECONDS_MAX))
    except Failed as failure:
        print(f"bench: {name}: {failure}", file=sys.stderr)
        return False
    print("\n" + outcome.text)
    RESULTS.mkdir(exist_ok=True)
    kept = {
        "part": name,
        "quick": quick,
        "rounds": rounds,
        "circumstances": around,
        "figures": outcome.figures,
        "text": outcome.text,
        "goals": [asdict(verdict) | {"verdict": verdict.words} for verdict in outcome.verdicts],
    }
    (RESULTS / f"{name}.json").write_text(json.dumps(kept, indent=1), encoding="utf-8")
    return True


def _report(folder: Path) -> str:
    """Everything that is kept, part by part, and all goals together."""
    texts = []
    for name in PARTS:
        kept = _kept(folder, name)
        if kept:
            around = "\n".join(f"{key}: {value}" for key, value in kept["circumstances"].items())
            texts.append(f"== {name}: {PARTS[name].what}\n{around}\n\n{kept['text']}")
    return "\n\n".join([*texts, _goals(PARTS, folder)])


def _goals(names: Any, folder: Path) -> str:
    """The goals of these parts, each under the commit that was measured."""
    lines = ["Goals (least – median – most of the rounds)"]
    for name in names:
        kept = _kept(folder, name)
        if kept and kept["goals"]:
            around, size = kept["circumstances"], " quick" if kept["quick"] else ""
            lines.append(f"{name}, {around['suret']}, {around['when']}, {kept['rounds']}{size} rounds")
            lines.append(verdicts_text([_verdict(goal) for goal in kept["goals"]]))
    return "\n".join(lines)


def _kept(folder: Path, name: str) -> dict[str, Any] | None:
    path = folder / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def _verdict(kept: dict[str, Any]) -> Verdict:
    fields = {name: value for name, value in kept.items() if name not in ("ratio", "verdict")}
    return Verdict(ratio=Spread(**kept["ratio"]), **fields)


def _free(folder: Path) -> None:
    """Give back what large files take, which are few; the many small ones go at the very end."""
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            if path.is_file() and path.stat().st_size >= LARGE_BYTES:
                path.unlink()


def _refusal(folder: Path, quick: bool) -> str:
    """Why it cannot be done here, or nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    free, wanted = shutil.disk_usage(folder).free, FREE_BYTES_MIN_QUICK if quick else FREE_BYTES_MIN
    if free < wanted:
        return f"bench: {folder} has {free >> 30} GiB free and {wanted >> 30} are wanted; give --folder"
    return ""


def _parts(text: str) -> list[str]:
    names = text.split(",")
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: the parts are {', '.join(PARTS)}")
    return names


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description="Measure this node against others.",
        epilog="parts: " + "; ".join(f"{name}: {part.what}" for name, part in PARTS.items()),
    )
    parser.add_argument("--only", type=_parts, metavar="PART,…", help="these parts only")
    parser.add_argument("--quick", action="store_true", help="little work and few rounds: to see that it runs")
    parser.add_argument("--report", action="store_true", help="measure nothing, print what was found last")
    parser.add_argument("--rounds", type=int, help="rounds, each candidate once in each")
    parser.add_argument("--keep", action="store_true", help="leave the data and the logs of all processes")
    parser.add_argument(
        "--folder", type=Path, default=ROOT / ".cache", help="where the data go: a real disk, not tmpfs"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
