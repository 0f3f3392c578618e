"""Does the jobs: claims what is due, performs each in a thread of its own, and records what came of it."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import structlog
from sqlalchemy import Connection
from ulid import ULID

from pacs.archive import job_queue, jobs
from pacs.archive.archive import Archive
from pacs.archive.jobs import Job, Why
from pacs.errors import SuretError

log = structlog.get_logger()

AT_ONCE_MAX: Final = 16
"""Jobs at once of one node; each may hold an association and a file or two."""

LEASE: Final = timedelta(seconds=60)
RENEW_S: Final = 15.0
LOOK_S: Final = 1.0
PERIOD_S: Final = 0.5
NOTE_EVERY_S: Final = 1.0
FAILURE_PAUSE_S: Final = 5.0
STOP_S: Final = 10.0
KEPT: Final = timedelta(days=30)
FORGET_EVERY_S: Final = 3600.0
HOLD_FIRST_S: Final = 5.0
HOLD_MAX_S: Final = 300.0


class JobOver(Exception):
    """The job is no longer this thread's: cancelled, taken over, or the node stops. The performer lets it pass."""


class JobFailed(SuretError):
    """It did not work this time. `attempts_max`, where given, is how many failures in a row make it dead instead of
    the kind's own number; with `down` the destination could not be reached at all, so its other jobs wait a little."""

    def __init__(self, message: str, code: str = "", *, attempts_max: int | None = None, down: bool = False) -> None:
        super().__init__(message, code=code)
        self.attempts_max = attempts_max
        self.down = down


class Postponed(Exception):
    """Nothing is wrong, but it can go on only after `delay`; or at once, where `unless` finds in the transaction that
    puts it off that what it waits for has come meanwhile."""

    code = "waits"

    def __init__(self, why: str, delay: timedelta, unless: Callable[[Connection], bool] = lambda _: False) -> None:
        super().__init__(why)
        self.delay = delay
        self.unless = unless


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long a failed job waits: `first_s` doubles up to `longest_s`, each spread by `spread` to both sides, so
    that what failed together does not come back together; after `failures_max` in a row the job is dead."""

    first_s: float = 10.0
    longest_s: float = 3600.0
    spread: float = 0.2
    failures_max: int = 120

    def middle_s(self, failures: int) -> float:
        """The wait after the n-th failure in a row, without its spread."""
        return float(min(self.longest_s, self.first_s * 2 ** min(failures - 1, 32)))

    def delay(self, failures: int) -> timedelta:
        """The wait after the n-th failure in a row."""
        # not a secret: how retries are spread
        return timedelta(seconds=self.middle_s(failures) * random.uniform(1 - self.spread, 1 + self.spread))  # noqa: S311

    def shortest_total(self) -> timedelta:
        """How long a job is tried at least, from its first failure to its last attempt."""
        waits = sum(self.middle_s(failures) for failures in range(1, self.failures_max))
        return timedelta(seconds=waits * (1 - self.spread))


class Task:
    """A job being done, as its performer sees it."""

    def __init__(self, archive: Archive, job: Job) -> None:
        self.job = job
        self.progress: dict[str, Any] = dict(job.progress)
        self.over = threading.Event()
        self._archive = archive
        self._noted_at = time.monotonic()

    def check(self) -> None:
        """Raise JobOver when there is no point in going on; cheap, to be called between any two steps."""
        if self.over.is_set():
            raise JobOver

    def note(self, work: Callable[[Connection], object] | None = None, **progress: Any) -> None:
        """Keep how far it is, durably after a second at the latest if the performer goes on calling; at once, and in
        one transaction with it, where `work` is given. Raises JobOver."""
        self.check()
        self.progress.update(progress)
        now = time.monotonic()
        if work is None and now - self._noted_at < NOTE_EVERY_S:
            return
        self._noted_at = now

        def write(connection: Connection) -> bool:
            if work is not None:
                work(connection)
            return jobs.note(connection, self.job, self.progress)

        if not self._archive.index.write(write):
            self.over.set()
            raise JobOver


Also = Callable[[Connection], object]
"""What is to be written in the transaction that ends the job, such as the job that follows it."""

Perform = Callable[[Task], Also | None]
"""Does a job and returns when it is done. Raises JobFailed, Postponed, JobOver; anything else is a mistake of ours and
counts as a failure."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of job: how it is done, how many at once in this node, and how it is tried again."""

    name: str
    perform: Perform
    at_once_max: int = 4
    backoff: Backoff = Backoff()


@dataclass(slots=True)
class _Hold:
    """A destination that could not be reached: nothing for it begins before `until` (monotonic)."""

    seconds: float = HOLD_FIRST_S
    until: float = 0.0


@dataclass(slots=True)
class _Running:
    tasks: dict[str, Task] = field(default_factory=dict)
    threads: set[threading.Thread] = field(default_factory=set)


class JobRunner:
    """`start`, then `stop`. `at_once_to` says how many jobs may be at work for a destination at once."""

    def __init__(self, archive: Archive, kinds: Sequence[Kind], at_once_to: Callable[[str], int]) -> None:
        self._archive = archive
        self._kinds = {kind.name: kind for kind in kinds}
        self._at_once_to = at_once_to
        self._worker = str(ULID())
        self._lock = threading.Lock()
        self._running = _Running()
        self._holds: dict[str, _Hold] = {}
        self._counts: Counter[str] = Counter()
        self._stopping = threading.Event()
        self._wanted = threading.Event()
        self._looked_at = self._renewed_at = self._forgot_at = 0.0
        self._thread = threading.Thread(target=self._loop, name="jobs", daemon=True)

    def start(self) -> None:
        """Begin; what the process before this one was at is due at once, where no other process may be at it."""
        if self._archive.index.is_sqlite:
            self._archive.index.write(lambda connection: jobs.give_back_all(connection, self._archive.clock()))
        self._thread.start()

    def stop(self) -> None:
        """End; what is not done is done after the next start."""
        self._stopping.set()
        self._wanted.set()
        if self._thread.is_alive():
            self._thread.join(STOP_S)
        with self._lock:
            tasks, threads = list(self._running.tasks.values()), list(self._running.threads)
        for task in tasks:
            task.over.set()
        deadline = time.monotonic() + STOP_S
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def wake(self) -> None:
        """Something was added: look now instead of in half a second."""
        self._wanted.set()

    def statistics(self) -> Mapping[str, float]:
        """Jobs by state, the age of the oldest that is due, and what this node did since its start."""
        with self._archive.index.read() as connection:
            found = job_queue.figures(connection, self._archive.clock())
        with self._lock:
            return {**found, "at_work": len(self._running.tasks), **{k: float(v) for k, v in self._counts.items()}}

    # The one thread that decides -------------------------------------------------------------------------------

    def step(self) -> bool:
        """Begin one job; whether there was one to begin."""
        self._look_after()
        kinds, busy = self._free_kinds(), self._busy_destinations()
        if not kinds:
            return False
        now = self._archive.clock()
        with self._archive.index.read() as connection:
            if jobs.next_due(connection, now, kinds, busy) is None:
                return False
        job = self._archive.index.write(
            lambda connection: jobs.claim(connection, now, self._worker, LEASE, kinds, busy)
        )
        if job is not None:
            self._begin(job)
        return job is not None

    def _loop(self) -> None:
        while not self._stopping.is_set():
            self._wanted.clear()
            try:
                begun = self.step()
            except Exception as error:
                log.error("jobs_not_looked_at", cause=str(error))
                self._stopping.wait(FAILURE_PAUSE_S)
                continue
            if not begun:
                self._wanted.wait(PERIOD_S)

    def _look_after(self) -> None:
        """Stop what was cancelled or taken over, keep the leases of the rest, and forget what is long over."""
        now = time.monotonic()
        with self._lock:
            tasks = list(self._running.tasks.values())
        if tasks and now - self._looked_at >= LOOK_S:
            self._looked_at = now
            with self._archive.index.read() as connection:
                ours = jobs.still_running(connection, [task.job for task in tasks])
            for task in tasks:
                if task.job.id not in ours:
                    task.over.set()
        if tasks and now - self._renewed_at >= RENEW_S and not self._archive.index.is_sqlite:
            self._renewed_at = now
            self._archive.index.write(lambda connection: jobs.renew(connection, self._worker, LEASE))
        if now - self._forgot_at >= FORGET_EVERY_S:
            self._forgot_at = now
            before = self._archive.clock() - KEPT
            self._archive.index.write(lambda connection: job_queue.forget(connection, before))

    def _free_kinds(self) -> list[str]:
        with self._lock:
            running = Counter(task.job.kind for task in self._running.tasks.values())
        if running.total() >= AT_ONCE_MAX:
            return []
        return [name for name, kind in self._kinds.items() if running[name] < kind.at_once_max]

    def _busy_destinations(self) -> list[str]:
        with self._lock:
            running = Counter(task.job.destination for task in self._running.tasks.values() if task.job.destination)
            now = time.monotonic()
            held = [destination for destination, hold in self._holds.items() if hold.until > now]
        return [*held, *(title for title, number in running.items() if number >= max(1, self._at_once_to(title)))]

    def _begin(self, job: Job) -> None:
        task = Task(self._archive, job)
        thread = threading.Thread(target=self._run, args=(task,), name=f"job-{job.kind}", daemon=True)
        with self._lock:
            self._running.tasks[job.id] = task
            self._running.threads.add(thread)
        try:
            thread.start()
        except RuntimeError as error:  # no thread to be had
            self._ended(task, thread)
            self._fail(task, JobFailed(str(error), error.code if isinstance(error, SuretError) else ""))

    def _ended(self, task: Task, thread: threading.Thread) -> None:
        with self._lock:
            self._running.tasks.pop(task.job.id, None)
            self._running.threads.discard(thread)

    # The threads that do it ------------------------------------------------------------------------------------

    def _run(self, task: Task) -> None:
        try:
            self._perform(task)
        except Exception as error:  # the node ends, or its index does: the lease or the next start brings it back
            log.error("job_end_not_kept", job=task.job.id, kind=task.job.kind, cause=str(error))
        finally:
            self._ended(task, threading.current_thread())
            self._wanted.set()

    def _perform(self, task: Task) -> None:
        job = task.job
        log.info("job_begun", job=job.id, kind=job.kind, destination=job.destination, attempt=job.attempts)
        try:
            also = self._kinds[job.kind].perform(task)
        except JobOver:
            self._let_go(task)
        except Postponed as postponed:
            self._put_off(task, postponed.delay, Why(str(postponed), postponed.code), 0, postponed.unless)
            self._reached(job.destination)
        except JobFailed as failed:
            self._fail(task, failed)
        except (SuretError, OSError) as error:
            self._fail(task, JobFailed(str(error), error.code if isinstance(error, SuretError) else ""))
        except Exception as error:
            log.exception("job_broke", job=job.id, kind=job.kind)
            self._fail(
                task, JobFailed(f"the node made a mistake: {type(error).__name__}; its log says more", "mistake")
            )
        else:
            self._finish(task, also)

    def _finish(self, task: Task, also: Also | None) -> None:
        def work(connection: Connection) -> bool:
            ours = jobs.finish(connection, task.job, self._archive.clock(), task.progress)
            if ours and also is not None:
                also(connection)
            return ours

        if self._write_end(work):
            self._count("finished")
            log.info("job_done", job=task.job.id, kind=task.job.kind, destination=task.job.destination)
        self._reached(task.job.destination)

    def _let_go(self, task: Task) -> None:
        """Give it back when the node stops; when it was cancelled or taken over the fence lets nothing be written."""
        at = self._archive.clock()
        self._write_end(
            lambda connection: jobs.put_off(connection, task.job, at, task.job.why, task.progress, task.job.failures)
        )

    def _fail(self, task: Task, failed: JobFailed) -> None:
        job, backoff = task.job, self._kinds[task.job.kind].backoff
        failures, why = job.failures + 1, Why(failed.message, failed.code)
        self._count("failed_attempts")
        if failed.down:
            self._hold(job.destination)
        else:
            self._reached(job.destination)
        if failures >= (failed.attempts_max or backoff.failures_max):
            at = self._archive.clock()
            self._write_end(lambda connection: jobs.give_up(connection, job, at, why, task.progress))
            log.error("job_dead", job=job.id, kind=job.kind, destination=job.destination, why=failed.message)
            return
        log.warning("job_failed", job=job.id, kind=job.kind, destination=job.destination, why=failed.message)
        self._put_off(task, backoff.delay(failures), why, failures)

    def _put_off(
        self,
        task: Task,
        delay: timedelta,
        why: Why,
        failures: int,
        unless: Callable[[Connection], bool] = lambda _: False,
    ) -> None:
        now = self._archive.clock()

        def work(connection: Connection) -> bool:
            not_before = now if unless(connection) else now + delay
            return jobs.put_off(connection, task.job, not_before, why, task.progress, failures)

        self._write_end(work)

    def _write_end(self, work: Callable[[Connection], bool]) -> bool:
        """Nobody else looks after a job that SQLite's one process has claimed, so its end is written until it is."""
        while True:
            try:
                return self._archive.index.write(work)
            except SuretError as error:
                if self._archive.index.broken or self._stopping.wait(FAILURE_PAUSE_S):
                    raise
                log.error("job_end_not_written_yet", cause=str(error))

    def _count(self, name: str) -> None:
        with self._lock:
            self._counts[name] += 1

    def _hold(self, destination: str) -> None:
        if not destination:
            return
        with self._lock:
            hold = self._holds.setdefault(destination, _Hold())
            hold.until = time.monotonic() + hold.seconds
            hold.seconds = min(2 * hold.seconds, HOLD_MAX_S)

    def _reached(self, destination: str) -> None:
        with self._lock:
            self._holds.pop(destination, None)
