"""Many threads of the node on one thread: at every port call a seeded choice says who goes on, who fails, who dies.

A task is a greenlet. The product's own blocking calls (futures, the writer's queue and thread) pause the task instead
of the process, so one seed gives one order of events, whatever the machine does.
"""

from __future__ import annotations

import errno
import hashlib
import queue
import random
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import Any

from greenlet import GreenletExit, getcurrent, greenlet

FULL = errno.ENOSPC
BROKEN = errno.EIO
WRITER = "index-writer"


class Killed(BaseException):
    """The node is dead: nothing a task does from now on has an effect."""


class Stuck(Exception):
    """Every task waits for another one."""


class Trace:
    """What happened, in order; its digest tells two runs apart."""

    def __init__(self, *, keep: bool = False) -> None:
        self._digest = hashlib.sha256()
        self.lines: list[str] | None = [] if keep else None

    def note(self, line: str) -> None:
        """Add one happening."""
        self._digest.update(line.encode())
        self._digest.update(b"\n")
        if self.lines is not None:
            self.lines.append(line)

    @property
    def digest(self) -> str:
        """SHA-256 over every line so far."""
        return self._digest.hexdigest()


class Task:
    """One thread of the node, or of somebody who uses it."""

    __slots__ = ("background", "error", "excused", "greenlet", "name", "parent", "ready", "result")

    def __init__(
        self, name: str, work: Callable[[], Any], hub: greenlet, parent: Task | None, *, background: bool
    ) -> None:
        self.name = name
        self.parent = parent
        self.background = background
        self.ready: Callable[[], bool] | None = None  # None: can go on at once
        self.result: Any = None
        self.error: BaseException | None = None
        self.excused = False  # a fault was put into one of its own calls
        self.greenlet = greenlet(lambda: self._run(work), hub)

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return bool(self.greenlet.dead)

    def _run(self, work: Callable[[], Any]) -> None:
        try:
            self.result = work()
        except Killed:
            pass
        except BaseException as error:
            self.error = error

    def excuse(self) -> None:
        """Whoever started the task shares in what goes wrong in it."""
        task: Task | None = self
        while task is not None:
            task.excused = True
            task = task.parent


class Faults:
    """What one life of the node has to bear: the port call at which it dies, and how likely a call fails.

    It dies at call `dies_at`, counted from 0 over all calls, or only over those that begin with `dies_in`.
    """

    def __init__(self, choose: random.Random, *, dies_at: int = -1, dies_in: str = "", fails: float = 0.0) -> None:
        self.choose = choose
        self.fails = fails
        self.calls = 0
        self.injected = 0
        self._left = dies_at
        self._dies_in = dies_in

    def deadly(self, call: str) -> bool:
        """Count the call; whether the node dies on entering it."""
        self.calls += 1
        if self._left < 0 or not call.startswith(self._dies_in):
            return False
        self._left -= 1
        return self._left < 0

    def failure(self) -> int:
        """The errno with which the present call fails, or 0."""
        if not self.fails or self.choose.random() >= self.fails:
            return 0
        self.injected += 1
        return BROKEN if self.choose.random() < 0.6 else FULL


class Scheduler:
    """Runs the tasks of one life of the node until they are done or the node is killed."""

    def __init__(self, choose: random.Random, trace: Trace, faults: Faults, moment: Callable[[], None]) -> None:
        self.choose = choose
        self.trace = trace
        self.faults = faults
        self.current: Task | None = None
        self.dead = False
        self._moment = moment  # lets time pass
        self._tasks: list[Task] = []
        self._hub = getcurrent()
        self._children = 0
        self.all: list[Task] = []

    def spawn(self, name: str, work: Callable[[], Any], *, background: bool = False) -> Task:
        """Add a task; it begins when it is chosen. One in the background does not keep the node running."""
        task = Task(name, work, self._hub, self.current, background=background)
        self._tasks.append(task)
        self.all.append(task)
        return task

    def child_name(self, kind: str) -> str:
        """A name for a thread which the product starts."""
        self._children += 1
        return f"{kind}{self._children}"

    def run(self) -> bool:
        """Until every task in the foreground is done; False when the node was killed before. Raises Stuck."""
        random_number = self.choose.random
        while not self.dead:
            foreground = False
            able = []
            for task in self._tasks:
                foreground = foreground or not task.background
                if task.ready is None or task.ready():
                    able.append(task)
            if not foreground:
                return True
            if not able:
                raise Stuck(", ".join(task.name for task in self._tasks))
            task = able[int(random_number() * len(able))]
            task.ready = None
            self.current = task
            task.greenlet.switch()
            self.current = None
            if task.done:
                self._tasks.remove(task)
        return False

    def pause(self, ready: Callable[[], bool] | None = None) -> None:
        """Let others go on, until `ready`."""
        task = self.current
        assert task is not None
        if self.dead:
            raise Killed
        task.ready = ready
        self._hub.switch()
        if self.dead:
            raise Killed

    def port(self, call: str, *, switch: bool = True, may_fail: bool = True) -> int:
        """The node reaches out of itself: others may go first, it may be killed, and the errno of a failure is given.

        Outside of every task nothing happens: then it is the rig that looks.
        """
        task = self.current
        if self.dead:
            raise Killed
        if task is None:
            return 0
        if switch:
            self._hub.switch()
            if self.dead:
                raise Killed
        faults = self.faults
        self._moment()
        if faults.deadly(call):
            self.trace.note(f"{task.name} {call} KILLED")
            self.dead = True
            raise Killed
        failure = faults.failure() if may_fail else 0
        if failure:
            task.excuse()
        self.trace.note(f"{task.name} {call} {failure}")
        return failure

    def excuse(self, name: str) -> None:
        """What fails from now on has a cause that struck the tasks of this name."""
        for task in self.all:
            if task.name == name:
                task.excused = True

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Inside a task: what is called meanwhile is the rig's looking, no port call."""
        task, self.current = self.current, None
        try:
            yield
        finally:
            self.current = task

    def kill(self) -> None:
        """End every task without effect; each unwinds, and what it calls on the way is refused."""
        self.dead = True
        for task in self.all:
            if not task.done:
                self.current = task
                task.greenlet.throw(Killed if task.greenlet else GreenletExit)  # the latter: it has not begun
                self.current = None
        self._tasks.clear()

    def unexpected(self) -> list[str]:
        """Errors that no task should have ended with."""
        return [f"{task.name} ended with {task.error!r}" for task in self.all if task.error is not None]


# What the product blocks on --------------------------------------------------------------------------------------


class Threads:
    """Stands in for the module `threading` where the product starts a thread."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def Thread(self, target: Callable[[], None], name: str = "", daemon: bool = False) -> _Thread:
        """A task in the background."""
        return _Thread(self._scheduler, target, name)

    Lock = staticmethod(threading.Lock)
    """Held between two port calls only, so that no task ever meets it taken."""


class _Thread:
    def __init__(self, scheduler: Scheduler, target: Callable[[], None], name: str) -> None:
        self._scheduler, self._target, self._name = scheduler, target, name
        self._task: Task | None = None

    def start(self) -> None:
        self._task = self._scheduler.spawn(self._name, self._target, background=True)
        self._task.parent = None

    def is_alive(self) -> bool:
        return self._task is not None and not self._task.done

    def join(self, timeout: float | None = None) -> None:
        if self.is_alive():
            self._scheduler.pause(lambda: not self.is_alive())


class Queues:
    """Stands in for the module `queue`."""

    Empty = queue.Empty
    Full = queue.Full

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def Queue(self, maxsize: int = 0) -> _Queue:
        """A queue on which tasks wait."""
        return _Queue(self._scheduler, maxsize)


class _Queue:
    def __init__(self, scheduler: Scheduler, maxsize: int) -> None:
        self._scheduler, self._maxsize = scheduler, maxsize
        self._items: deque[Any] = deque()

    def put(self, item: Any, block: bool = True) -> None:
        while self._maxsize and len(self._items) >= self._maxsize:
            if not block:
                raise queue.Full
            self._scheduler.pause(lambda: len(self._items) < self._maxsize)
        self._items.append(item)

    def get(self, timeout: float | None = None) -> Any:
        """Nothing ever takes so long that it is waited for in vain."""
        while not self._items:
            self._scheduler.pause(lambda: bool(self._items))
        return self._items.popleft()

    def get_nowait(self) -> Any:
        if not self._items:
            raise queue.Empty
        return self._items.popleft()

    def qsize(self) -> int:
        return len(self._items)


class Tasks(Executor):
    """An executor whose threads are tasks."""

    def __init__(self, scheduler: Scheduler, kind: str) -> None:
        self._scheduler, self._kind = scheduler, kind

    def submit(self, work: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        """Run `work` in a task of its own."""
        future: Future[Any] = Future()

        def run() -> None:
            try:
                result = work(*arguments, **named)
            except Exception as error:
                future.set_exception(error)
            else:
                future.set_result(result)

        self._scheduler.spawn(self._scheduler.child_name(self._kind), run, background=True)
        return future


def waiting(scheduler: Scheduler, original: Callable[..., Any]) -> Callable[..., Any]:
    """`Future.result` and `Future.exception` which let other tasks go on until the future is done."""

    def wait(future: Future[Any], timeout: float | None = None) -> Any:
        if not future.done() and scheduler.current is not None:
            scheduler.pause(future.done)
        return original(future, timeout)

    return wait
