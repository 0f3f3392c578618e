"""`make bench`: C-STORE of synthetic CT slices into this node, other nodes and two limits, in turns on one machine.

    python -m tests.bench [--quick] [--instances N] [--rounds N] [--folder PATH] [--keep]

Prints ratios with the commit; absolute figures belong to this machine and this minute. Results go to
tests/bench/results/ as JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pacs
from storage.mounts import file_system_of
from tests.bench import report, trace, workload
from tests.bench.disk import sync_costs
from tests.bench.load import Failed, Timed, send
from tests.bench.peers import CANDIDATES, NODE, OUT_OF_THE_BOX, TRACED, Candidate, Server, commit, versions
from tests.bench.report import Measured, Part
from tests.support.process import ROOT

RESULTS = Path(__file__).parent / "results"
ASSOCIATIONS = (1, 4)
ROUNDS_MIN = 3
MTU = 1500
NETWORK_VARIABLE = "SURET_BENCH_NETWORK"
DELETED_RECENTLY_S = 360
WARM, NAGLE_INSTANCES = 16, 20
SYNCS_COUNT = 40
COPIES = 6  # candidates that keep files
BUSY_LOAD = 0.5


@dataclass(frozen=True, slots=True)
class Size:
    """How much is done; no round begins after `seconds_max`, once ROUNDS_MIN are done."""

    instances: int
    rounds: int
    seconds_max: float


SIZES = ("instances", "rounds")
QUICK, FULL = Size(96, 3, 90), Size(400, 7, 400)


@dataclass
class Bench:
    """One session: slices, running servers, and what was measured."""

    size: Size
    servers: dict[str, Server]
    messages: dict[int, list[workload.Slice]]
    names: Iterator[workload.Run] = field(default_factory=workload.runs)
    runs: list[Measured] = field(default_factory=list)
    nagle: list[Measured] = field(default_factory=list)

    def once(self, server: Server, associations: int, count: int, *, nodelay: bool = True) -> Timed:
        """Send `count` new instances and wait until the machine is as before. Raises Failed."""
        messages = self.messages[server.candidate.pdu_bytes][:count]
        run = next(self.names)
        for message in messages:
            message.rename(run)
        since = time.time()
        timed = send(server.peer, messages, associations, server.cpu_s, nodelay=nodelay)
        server.settle(since)
        return timed

    def round(self, number: int) -> None:
        """Every candidate with every number of associations; who begins changes from round to round."""
        for associations in ASSOCIATIONS:
            for candidate in _rotated(CANDIDATES, number):
                server = self.servers.get(candidate.name)
                if server is not None:
                    timed = self.once(server, associations, self.size.instances)
                    self.runs.append(_measured(server, associations, number, timed))
        for candidate in (NODE, OUT_OF_THE_BOX):
            server = self.servers.get(candidate.name)
            if server is not None:
                timed = self.once(server, 1, NAGLE_INSTANCES, nodelay=False)
                self.nagle.append(_measured(server, 1, number, timed))


def main() -> int:
    """Measure, print, save."""
    arguments = _arguments()
    _isolate_network()
    size = QUICK if arguments.quick else FULL
    size = replace(size, **{name: given for name, given in vars(arguments).items() if given and name in SIZES})
    folder = arguments.folder / f"bench-{os.getpid()}"
    refusal = _refusal(arguments.folder, size)
    if refusal:
        print(refusal, file=sys.stderr)
        return 2
    revision = commit()  # now: others may commit while this runs
    before = _circumstances(arguments.folder, revision)
    print("\n".join(f"{name}: {value}" for name, value in before.items()), flush=True)
    try:
        measured = _measure(size, folder)
    except Failed as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 1
    finally:
        if not arguments.keep:
            shutil.rmtree(folder, ignore_errors=True)  # only now: ext4 makes files slowly for minutes after deletions
    _save(before | measured, revision)
    return 0


def _measure(size: Size, folder: Path) -> dict[str, Any]:
    """Start everybody, warm up, run the rounds, take one instance apart. Raises Failed."""
    encoded = workload.datasets(size.instances)
    messages = {length: workload.slices(encoded, length) for length in {c.pdu_bytes for c in CANDIDATES}}
    with ExitStack() as running:
        servers = {}
        for candidate in (*CANDIDATES, OUT_OF_THE_BOX):
            if candidate.missing:
                print(f"left out: {candidate.name}: {candidate.missing}")
            else:
                servers[candidate.name] = running.enter_context(Server(candidate, folder / candidate.name))
        bench = Bench(size, servers, messages)
        for server in servers.values():
            bench.once(server, 1, WARM)
        _rounds(bench)
    costs = sync_costs(folder / "disk", SYNCS_COUNT)
    parts = _take_apart(bench, folder / TRACED.name)
    judged = report.verdicts(bench.runs)
    for associations in ASSOCIATIONS:
        print("\n" + report.rates_text(bench.runs, associations))
    nagle = report.ratios(bench.nagle, NODE.name, OUT_OF_THE_BOX.name, 1, lambda run: run.per_second)
    print(f"\nOut of the box, Nagle on at both ends, 1 association: suret / Orthanc {nagle or '(not measured)'}")
    print("\n" + report.syncs_text(costs, [*parts[1][0], *parts[1][1]]))
    for associations, found in parts.items():
        print("\n" + report.breakdown_text(*found, associations))
    print("\n" + report.verdicts_text(judged))
    return {
        "size": asdict(size),
        "runs": [asdict(run) for run in bench.runs],
        "out_of_the_box": [asdict(run) for run in bench.nagle],
        "syncs_ms": costs,
        "breakdown": {
            associations: {"parts": [asdict(part) for part in own], "beside": [asdict(part) for part in beside]}
            for associations, (own, beside) in parts.items()
        },
        "goals": [
            {"id": v.goal.id, "associations": v.goal.associations, "ratio": asdict(v.ratio), "floor": v.floor,
             "goal": v.goal.goal, "limit": v.limit, "verdict": v.words}
            for v in judged
        ],
    }  # fmt: skip


def _rounds(bench: Bench) -> None:
    began = time.monotonic()
    for number in range(bench.size.rounds):
        if number >= ROUNDS_MIN and time.monotonic() - began > bench.size.seconds_max:
            print(f"stopped after {number} rounds: the machine is slow or busy")
            break
        bench.round(number)
        print(f"round {number + 1} of {bench.size.rounds}: {time.monotonic() - began:.0f} s", flush=True)


def _take_apart(bench: Bench, folder: Path) -> dict[int, tuple[list[Part], list[Part]]]:
    """The parts of one instance by number of associations, from a node with clocks in it."""
    with Server(TRACED, folder) as server:
        bench.once(server, 1, WARM)
        for associations in ASSOCIATIONS:
            bench.once(server, associations, bench.size.instances)
    path = folder / trace.RECORD
    if not path.exists():
        raise Failed(f"the node with clocks did not end in order; see {folder.with_suffix('.log')} with --keep")
    record = json.loads(path.read_text(encoding="utf-8"))
    starts = [WARM + number * bench.size.instances for number in range(len(ASSOCIATIONS))]
    return {
        associations: report.breakdown(record, start, start + bench.size.instances)
        for associations, start in zip(ASSOCIATIONS, starts, strict=True)
    }


def _measured(server: Server, associations: int, number: int, timed: Timed) -> Measured:
    latencies = timed.latencies_s
    return Measured(
        server.candidate.name,
        associations,
        number,
        timed.per_second,
        1e3 * statistics.median(latencies),
        1e3 * statistics.quantiles(latencies, n=20)[-1],
        1e3 * timed.server_cpu_s / len(latencies),
    )


def _rotated(candidates: Sequence[Candidate], by: int) -> Sequence[Candidate]:
    by %= len(candidates)
    return (*candidates[by:], *candidates[:by])


# The machine ---------------------------------------------------------------------------------------------------


def _isolate_network() -> None:
    """Go on in a network namespace of our own with an Ethernet's MTU: 64 KiB stalls senders with Nagle on."""
    if NETWORK_VARIABLE in os.environ:
        return
    os.environ[NETWORK_VARIABLE] = "shared: loopback as it is"
    unshare = ["unshare", "--net", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    setup = [*unshare, "sh", "-c", f'ip link set lo up mtu {MTU} && exec "$@"', "sh"]
    if shutil.which("unshare") is None or subprocess.run([*setup, "true"], capture_output=True, check=False).returncode:
        print("no network namespace of its own: figures of peers with Nagle on suffer")
        return
    os.environ[NETWORK_VARIABLE] = f"namespace of its own, MTU {MTU}"
    os.execvp(setup[0], [*setup, sys.executable, "-m", "tests.bench", *sys.argv[1:]])


def _circumstances(folder: Path, revision: str) -> dict[str, str]:
    """What has to be known to read the figures."""
    load = os.getloadavg()[0]
    found = {
        "suret": f"{pacs.__version__}, commit {revision}",
        **versions(),
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{os.cpu_count()} cores, {_processor()}, Linux {platform.release()}",
        "python": f"{platform.python_version()}, SQLite {sqlite3.sqlite_version}",
        "disk": f"{file_system_of(folder.resolve()) or 'unknown'} at {folder}",
        "network": os.environ[NETWORK_VARIABLE],
        "load": f"{load:.2f}",
    }
    if load > BUSY_LOAD:
        found["note"] = "others are at work on this machine: these figures are only indicative"
    last = max((path.stat().st_mtime for path in RESULTS.glob("*.json")), default=0.0)
    if time.time() - last < DELETED_RECENTLY_S:
        found["note on the disk"] = "a run ended minutes ago and its files were deleted: ext4 is still slow"
    return found


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _refusal(folder: Path, size: Size) -> str:
    """Why it cannot be done here, or nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    needed = size.instances * size.rounds * len(ASSOCIATIONS) * COPIES * workload.DATASET_BYTES
    free = shutil.disk_usage(folder).free
    if free < 2 * needed:
        return f"bench: {folder} has {free >> 30} GiB free and {2 * needed >> 30} are wanted; give --folder or --quick"
    return ""


def _save(result: dict[str, Any], revision: str) -> None:
    RESULTS.mkdir(exist_ok=True)
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{revision.partition(' ')[0]}.json"
    (RESULTS / name).write_text(json.dumps(result, indent=1), encoding="utf-8")
    print(f"\nsaved in {(RESULTS / name).relative_to(ROOT)}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure this node against others.")
    parser.add_argument("--quick", action="store_true", help="few instances and rounds, about two minutes")
    parser.add_argument("--instances", type=_instances, help=f"instances a run, at least {NAGLE_INSTANCES}, in fours")
    parser.add_argument("--rounds", type=int, help="rounds, each candidate once in each")
    parser.add_argument("--keep", action="store_true", help="leave the data and the logs of all processes")
    parser.add_argument(
        "--folder", type=Path, default=ROOT / ".cache", help="where the data go: a real disk, not tmpfs"
    )
    return parser.parse_args()


def _instances(text: str) -> int:
    if int(text) < NAGLE_INSTANCES or int(text) % max(ASSOCIATIONS):
        raise argparse.ArgumentTypeError(f"{text} is under {NAGLE_INSTANCES} or not divisible by {max(ASSOCIATIONS)}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
