"""A pool of disposable processes that decode: whatever a hostile object does, it does to one of them.

A worker is kept warm, serves many jobs one after the other, and is replaced on any trouble: death, deadline, memory at
its limit, nonsense on the pipe. The caller then gets `Unreadable`; the next job finds a fresh worker.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Literal, Self

import structlog

import pacs
from pacs.errors import Busy, NotAcceptable, QueryRefused, Unreadable
from pacs.render import wire
from pacs.render.beside import PicturesBeside
from pacs.render.values import (
    FRAME_BYTES_MAX,
    MEDIA_TYPES,
    Attached,
    DecodedFrame,
    EncodedFrame,
    Picture,
    PlainGrey,
    RenderJob,
    RenderParameters,
    SandboxMeasure,
    UnpackedPicture,
    Viewport,
    VolumeView,
)

__all__ = [
    "Attached",
    "DecodeWorkers",
    "DecodedFrame",
    "EncodedFrame",
    "Picture",
    "RenderJob",
    "RenderParameters",
    "SandboxMeasure",
    "UnpackedPicture",
    "Viewport",
    "VolumeView",
]

START_TIMEOUT_S = 60.0
QUEUE_MAX = 64
JOBS_PER_WORKER = 2000
_PIPE_BUFFER = 1 << 20
_GRACE_S = 2.0
_KEPT_VARIABLES = ("LD_LIBRARY_PATH", "SYSTEMROOT")
_DEATHS = MappingProxyType(
    {
        -signal.SIGXCPU: "took more processor time than a frame may",
        -signal.SIGKILL: "was killed",
        -signal.SIGSEGV: "crashed on this frame",
        -signal.SIGBUS: "crashed on this frame",
        -signal.SIGFPE: "crashed on this frame",
        -signal.SIGILL: "crashed on this frame",
        -signal.SIGABRT: "gave up on this frame",
    }
)
_AS_STORED = "fetch the object as it is stored and look at it with another program"

_log = structlog.get_logger()


class _Worker:
    """One process and the parent's end of its pipe. Used by one thread at a time."""

    def __init__(self, memory_bytes: int, cpu_seconds: int) -> None:
        self.pipe, theirs = socket.socketpair()
        try:
            for end in (self.pipe, theirs):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _PIPE_BUFFER)
            command = [sys.executable, "-P", "-m", "pacs.render.worker", str(memory_bytes), str(cpu_seconds)]
            # the working directory is not ours: a folder there could shadow a module
            self.process: subprocess.Popen[bytes] = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                command, stdin=theirs.fileno(), stdout=subprocess.DEVNULL, cwd="/", env=_environment()
            )
        except BaseException:
            self.pipe.close()
            raise
        finally:
            theirs.close()
        self.start_deadline = time.monotonic() + START_TIMEOUT_S
        self.measures: tuple[SandboxMeasure, ...] = ()
        self.jobs = 0

    def ensure_ready(self) -> None:
        """Wait until it has loaded its decoders and shut the doors. Raises OSError, TimeoutError, WireBroken."""
        if self.measures:
            return
        # one that stood idle greeted long ago: what lies in the pipe counts, however late it is read
        deadline = max(self.start_deadline, time.monotonic() + _GRACE_S)
        answer, _ = wire.receive_answer(self.pipe, 0, deadline)
        if not isinstance(answer, wire.Ready):
            raise wire.WireBroken("no greeting")
        self.measures = tuple(answer.measures)

    def end(self, grace_s: float = 0.0) -> int:
        """Kill, reap and close; gives the exit status as subprocess does (negative: the signal).

        A process that closed its pipe is about to end: within `grace_s` its own status is learnt.
        """
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(grace_s)
        self.process.kill()
        status = self.process.wait()
        self.pipe.close()
        return status


_MEMORY_KEPT = {"MALLOC_MMAP_THRESHOLD_": str(64 << 20), "MALLOC_TRIM_THRESHOLD_": str(128 << 20)}
"""What a frame lay in is used for the next one: memory that the kernel gives anew, zeroed, costs more than the work."""


def _environment() -> dict[str, str]:
    """Nothing of the node's own environment: it may hold passwords."""
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    source = str(Path(pacs.__file__).parent.parent)
    # a BLAS thread reserves address space per core, a malloc arena per thread
    limits = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"} | _MEMORY_KEPT
    return kept | limits | {"PYTHONPATH": source, "PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C.UTF-8"}


class DecodeWorkers:
    """`count` worker processes. Every method may be called from many threads and blocks.

    `memory_bytes` is a worker's address space (it starts with about 250 MiB of it), `cpu_seconds` its processor time
    for one frame, `timeout_s` the wall time for one frame. For a free worker at most `queue_max` callers wait, at
    most `wait_s` each.
    """

    def __init__(
        self,
        count: int,
        *,
        memory_bytes: int = 1 << 30,
        cpu_seconds: int = 20,
        timeout_s: float = 30.0,
        wait_s: float = 30.0,
        queue_max: int = QUEUE_MAX,
        jobs_per_worker: int = JOBS_PER_WORKER,
    ) -> None:
        self._memory_bytes = memory_bytes
        self._cpu_seconds = cpu_seconds
        self._timeout_s = timeout_s
        self._wait_s = wait_s
        self._queue_max = queue_max
        self._jobs_per_worker = jobs_per_worker
        self._count = count
        self.beside = PicturesBeside(_environment())
        self._lock = threading.Lock()
        self._counts = {"frames": 0, "lost": 0, "not_started": 0, "refused": 0}
        self._waiting = 0
        self._closed = False
        self._told_of_sandbox = False
        self._living: set[_Worker] = set()
        # a slot is a worker or None where one could not be started; the last used is the warmest
        self._free: queue.LifoQueue[_Worker | None] = queue.LifoQueue()
        for _ in range(count):
            self._free.put(self._start())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def process_ids(self) -> tuple[int, ...]:
        """The worker processes alive now."""
        with self._lock:
            return tuple(sorted(worker.process.pid for worker in self._living))

    def statistics(self) -> dict[str, int]:
        """How many workers there are to be and are, and since the start: frames they answered for, workers that were
        lost at one, that could not be started, and callers who were sent away because none was free."""
        with self._lock:
            return {"workers": self._count, "running": len(self._living), **self._counts}

    def _counted(self, name: str) -> None:
        with self._lock:
            self._counts[name] += 1

    @property
    def sandbox_report(self) -> tuple[SandboxMeasure, ...]:
        """Which walls stand around the workers; waits for one to have started. Raises Busy."""
        worker = self._take()
        self._free.put(worker)
        return worker.measures

    def render(self, job: RenderJob) -> Picture:
        """A picture of one frame (PS3.18 10.4.3, PS3.4 N.2).

        Raises Unreadable, QueryRefused (the parameters do not fit the image), Busy (ask again later).
        """
        answer, body = self._ask("render", job)
        if not isinstance(answer, wire.PictureMade) or answer.media_type not in MEDIA_TYPES:
            raise _nonsense()
        return Picture(answer.media_type, bytes(body), answer.width, answer.height)

    def describe(self, job: RenderJob) -> tuple[PlainGrey | None, bool]:
        """What makes pictures of a frame without a worker, and whether it serves all frames of the object; None where
        only a worker can. The frame's bytes are not needed. Raises Unreadable, Busy.
        """
        answer, _ = self._ask("describe", replace(job, frame=b"", attached=()))
        if not isinstance(answer, wire.FrameDescribed):
            raise _nonsense()
        return answer.plain, answer.every_frame

    def decode(self, job: RenderJob) -> DecodedFrame:
        """One frame as native little-endian values. Raises Unreadable, Busy."""
        answer, body = self._ask("decode", job)
        if not isinstance(answer, wire.FrameDecoded):
            raise _nonsense()
        expected = (answer.rows * answer.columns * answer.samples_per_pixel * answer.bits_allocated + 7) // 8
        if len(body) != expected:
            raise _nonsense()
        return DecodedFrame(
            data=bytes(body),
            rows=answer.rows,
            columns=answer.columns,
            samples_per_pixel=answer.samples_per_pixel,
            bits_allocated=answer.bits_allocated,
            bits_stored=answer.bits_stored,
            pixel_representation=answer.pixel_representation,
            photometric_interpretation=answer.photometric_interpretation,
            floating=answer.floating,
        )

    def encode(self, job: RenderJob, transfer_syntax_uid: str) -> EncodedFrame:
        """One frame decoded and encoded in another syntax, one of `ENCODABLE`; proven lossless where that can be.

        Raises Unreadable, NotAcceptable (the syntax has no form for such pixels), Busy.
        """
        answer, body = self._ask("encode", job, transfer_syntax_uid)
        if not isinstance(answer, wire.FrameEncoded):
            raise _nonsense()
        return EncodedFrame(
            data=bytes(body),
            bits_allocated=answer.bits_allocated,
            bits_stored=answer.bits_stored,
            pixel_representation=answer.pixel_representation,
            photometric_interpretation=answer.photometric_interpretation,
            planar_configuration=answer.planar_configuration,
        )

    def unpack(self, data: bytes, media_type: str) -> UnpackedPicture:
        """A PNG, GIF or JPEG file as plain values. Raises Unreadable, Busy."""
        answer, body = self._ask("unpack", RenderJob(b"", media_type, data))
        if not isinstance(answer, wire.PictureUnpacked):
            raise _nonsense()
        frame_bits = answer.rows * answer.columns * answer.samples_per_pixel * answer.bits_allocated
        if len(body) != answer.number_of_frames * frame_bits // 8:
            raise _nonsense()
        return UnpackedPicture(
            data=bytes(body),
            number_of_frames=answer.number_of_frames,
            rows=answer.rows,
            columns=answer.columns,
            samples_per_pixel=answer.samples_per_pixel,
            bits_allocated=answer.bits_allocated,
            frame_time_ms=answer.frame_time_ms,
        )

    def volume(self, slices: Sequence[Attached], view: VolumeView, parameters: RenderParameters) -> Picture:
        """A picture of a stack of slices (PS3.18 8.3.5.3). Raises Unreadable, with the reason, for what is no volume,
        QueryRefused, Busy."""
        job = RenderJob(b"", "", b"", parameters=parameters, attached=tuple(slices))
        answer, body = self._ask("volume", job, view=view)
        if not isinstance(answer, wire.PictureMade) or answer.media_type not in MEDIA_TYPES:
            raise _nonsense()
        return Picture(answer.media_type, bytes(body), answer.width, answer.height)

    def close(self) -> None:
        """Kill every worker, those at work too; callers at work get Busy. Safe to call twice."""
        with self._lock:
            already, self._closed = self._closed, True
            for worker in self._living:
                worker.process.kill()
        if already:
            return
        self.beside.close()
        for _ in range(self._count):
            if (idle := self._free.get()) is not None:
                self._end(idle)
        for _ in range(self._count):
            self._free.put(None)  # whoever still waits wakes and finds it closed

    def _ask(
        self,
        action: Literal["render", "describe", "decode", "encode", "volume", "unpack"],
        job: RenderJob,
        target_transfer_syntax_uid: str = "",
        view: VolumeView | None = None,
    ) -> tuple[wire.Answer, bytearray]:
        if sum(memoryview(part).nbytes for part in job.parts) > FRAME_BYTES_MAX:
            raise Unreadable("the frame is too large to be decoded here", _AS_STORED)
        task = wire.Task(
            action=action,
            transfer_syntax_uid=job.transfer_syntax_uid,
            frame_number=job.frame_number,
            pixel_data_vr=job.pixel_data_vr,
            header_length=memoryview(job.header).nbytes,
            parameters=job.parameters,
            frame_length=memoryview(job.frame).nbytes,
            attached=[_attached_head(other) for other in job.attached],
            target_transfer_syntax_uid=target_transfer_syntax_uid,
            view=view,
        )
        worker = self._take()
        keep = False
        try:
            answer, body = self._exchange(worker, task, job)
            keep = not (isinstance(answer, wire.Failed) and answer.spent)
        finally:
            self._give_back(worker, keep)
        if isinstance(answer, wire.Failed):
            raised = NotAcceptable if answer.unfit else QueryRefused if answer.refused else Unreadable
            raise raised(answer.message, answer.hint)
        return answer, body

    def _exchange(self, worker: _Worker, task: wire.Task, job: RenderJob) -> tuple[wire.Answer, bytearray]:
        deadline = time.monotonic() + self._timeout_s
        worker.jobs += 1
        try:
            wire.send(worker.pipe, task, *job.parts, deadline=deadline)
            answer = wire.receive_answer(worker.pipe, FRAME_BYTES_MAX, deadline)
        except TimeoutError:
            reason = f"took longer than {self._timeout_s:g} s"
        except (OSError, wire.WireClosed):
            if self._closed:
                raise _closing() from None
            status = worker.end(_GRACE_S)
            reason = _DEATHS.get(status, f"ended early (status {status})")
        except wire.WireBroken:
            reason = "gave an answer that makes no sense"
        else:
            self._counted("frames")
            return answer
        self._counted("lost")
        _log.warning("decode_worker_lost", reason=reason, transfer_syntax_uid=task.transfer_syntax_uid)
        raise Unreadable(f"the decoder {reason}", _AS_STORED)

    def _take(self) -> _Worker:
        """A free worker that is ready. Raises Busy."""
        try:
            worker = self._free.get_nowait()
        except queue.Empty:
            worker = self._wait_for_free()
        try:
            return self._readied(worker)
        except BaseException:
            self._free.put(None)
            raise

    def _wait_for_free(self) -> _Worker | None:
        with self._lock:
            if self._waiting >= self._queue_max:
                self._counts["refused"] += 1
                raise Busy("too many pictures are being asked for at once", "ask again in a moment")
            self._waiting += 1
        try:
            return self._free.get(timeout=self._wait_s)
        except queue.Empty:
            self._counted("refused")
            raise Busy("no decoder became free in time", "ask again in a moment") from None
        finally:
            with self._lock:
                self._waiting -= 1

    def _readied(self, worker: _Worker | None) -> _Worker:
        if worker is not None and worker.process.poll() is not None:  # died while it was idle
            self._end(worker)
            worker = None
        if worker is None:
            worker = self._start()
        if worker is None:
            raise _closing() if self._closed else _not_started()
        try:
            worker.ensure_ready()
        except (OSError, wire.WireBroken) as error:
            status = self._end(worker, _GRACE_S)
            if self._closed:
                raise _closing() from None
            self._counted("not_started")
            _log.error("decode_worker_not_started", status=status)
            raise _not_started() from error
        self._tell_of_sandbox(worker)
        return worker

    def _give_back(self, worker: _Worker, keep: bool) -> None:
        if keep and worker.jobs < self._jobs_per_worker and not self._closed:
            self._free.put(worker)
            return
        self._end(worker)
        self._free.put(self._start())

    def _start(self) -> _Worker | None:
        """A new worker, not yet ready; None when the machine refuses or the pool is closed."""
        with self._lock:
            if self._closed:
                return None
            try:
                worker = _Worker(self._memory_bytes, self._cpu_seconds)
            except OSError as error:
                self._counts["not_started"] += 1
                _log.error("decode_worker_not_started", error=str(error))
                return None
            self._living.add(worker)
            return worker

    def _end(self, worker: _Worker, grace_s: float = 0.0) -> int:
        with self._lock:
            self._living.discard(worker)
        return worker.end(grace_s)

    def _tell_of_sandbox(self, worker: _Worker) -> None:
        with self._lock:
            told, self._told_of_sandbox = self._told_of_sandbox, True
        missing = {measure.name: measure.detail for measure in worker.measures if not measure.holds}
        if missing and not told:
            _log.warning("decode_sandbox_incomplete", missing=missing)


def _attached_head(other: Attached) -> wire.AttachedHead:
    return wire.AttachedHead(
        kind=other.kind,
        transfer_syntax_uid=other.transfer_syntax_uid,
        pixel_data_vr=other.pixel_data_vr,
        header_length=memoryview(other.header).nbytes,
        frames=[(number, memoryview(frame).nbytes) for number, frame in other.frames],
    )


def _nonsense() -> Unreadable:
    return Unreadable("the decoder gave an answer that makes no sense", "report this object to the administrator")


def _closing() -> Busy:
    return Busy("the node is shutting down", "ask again when it runs")


def _not_started() -> Busy:
    return Busy("no decoder could be started", "ask again in a moment; the node's log names the reason")
