"""The pool: what a hostile frame, a dying worker or a crowd does to it, and what it leaves behind."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest

import pacs.render.workers as pool_module
from pacs.errors import Busy, Unreadable
from pacs.render.values import PNG, RenderJob, RenderParameters, Viewport
from pacs.render.workers import DecodeWorkers
from tests.support.process import ROOT
from tests.support.render import EXPLICIT_VR_LITTLE_ENDIAN, grey_job, header_of

MIB = 1 << 20
RAMP = np.arange(256, dtype=np.uint8).reshape(16, 16)
KILLS = 20
PATIENCE_S = 60.0


def plain() -> RenderJob:
    return grey_job(RAMP, RenderParameters(media_type=PNG))


def endless() -> RenderJob:
    """A header whose parsing takes several seconds of processor time on any machine: six million elements."""
    elements = b"\x09\x00\x01\x10SS\x02\x00\x00\x00" * 6_000_000
    return RenderJob(elements + header_of(), EXPLICIT_VR_LITTLE_ENDIAN, bytes(32))


@pytest.fixture
def nothing_left_behind() -> Iterator[None]:
    """No descriptor, no child and no zombie more than before."""
    before = _descriptors(), _children()
    yield
    assert (_descriptors(), _children()) == before


def _descriptors() -> set[str]:
    folder = Path("/proc/self/fd")
    return {f"{name}->{os.readlink(folder / name)}" for name in os.listdir(folder) if (folder / name).exists()}


def _children() -> set[str]:
    """Process ids, of zombies too; a process that ends meanwhile is none."""
    own, found = str(os.getpid()), set()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            parent = (folder / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1]
            if parent == own:
                found.add(folder.name)
    return found


def busy_seconds(pid: int) -> float:
    """Processor time that the process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def at_work(workers: DecodeWorkers, pool: ThreadPoolExecutor) -> tuple[Future[Any], int]:
    """Give the only worker an endless job and wait until it is in the middle of it."""
    assert workers.sandbox_report
    (pid,) = workers.process_ids
    before = busy_seconds(pid)
    future = pool.submit(workers.render, endless())
    until(lambda: busy_seconds(pid) > before + 0.05)
    return future, pid


def test_a_picture_and_a_frame(decode_workers: DecodeWorkers) -> None:
    picture = decode_workers.render(plain())
    assert np.array_equal(imagecodecs.png_decode(picture.data), RAMP)
    frame = decode_workers.decode(grey_job(RAMP.astype(np.int16) - 7))
    assert np.array_equal(np.frombuffer(frame.data, "<i2").reshape(16, 16), RAMP.astype(np.int16) - 7)
    assert (frame.rows, frame.columns, frame.samples_per_pixel, frame.bits_allocated) == (16, 16, 1, 16)
    assert (frame.pixel_representation, frame.photometric_interpretation) == (1, "MONOCHROME2")


def test_a_compressed_colour_frame_comes_by_pixel(decode_workers: DecodeWorkers) -> None:
    colours = np.random.default_rng(1).integers(0, 256, (8, 8, 3), np.uint8)
    codestream = bytes(imagecodecs.jpeg2k_encode(colours, codecformat="J2K", reversible=True, level=0))
    template = grey_job(colours, SamplesPerPixel=3, PhotometricInterpretation="YBR_RCT", PlanarConfiguration=0)
    frame = decode_workers.decode(RenderJob(template.header, "1.2.840.10008.1.2.4.90", codestream))
    assert frame.data == colours.tobytes()
    assert frame.photometric_interpretation == "RGB"


def test_a_worker_first_asked_long_after_its_start_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "START_TIMEOUT_S", 0.0)
    with DecodeWorkers(1) as workers:
        (worker,) = workers._living
        assert select.select([worker.pipe], [], [], PATIENCE_S)[0], "it has greeted"
        assert np.array_equal(imagecodecs.png_decode(workers.render(plain()).data), RAMP)
        assert workers.process_ids == (worker.process.pid,), "and was not replaced"


def test_a_crowd_gets_its_own_pictures(decode_workers: DecodeWorkers) -> None:
    images = [np.full((32, 32), value, np.uint8) for value in range(120)]
    with ThreadPoolExecutor(12) as pool:
        jobs = [grey_job(image, RenderParameters(media_type=PNG)) for image in images]
        pictures = list(pool.map(decode_workers.render, jobs))
    for image, picture in zip(images, pictures, strict=True):
        assert np.array_equal(imagecodecs.png_decode(picture.data), image)


@pytest.mark.usefixtures("nothing_left_behind")
def test_killing_the_worker_in_the_middle_hurts_that_job_alone() -> None:
    with DecodeWorkers(1, timeout_s=PATIENCE_S) as workers, ThreadPoolExecutor(1) as pool:
        seen = set()
        for _ in range(KILLS):
            future, pid = at_work(workers, pool)
            seen.add(pid)
            os.kill(pid, signal.SIGKILL)
            with pytest.raises(Unreadable, match="killed"):
                future.result(PATIENCE_S)
        assert len(seen) == KILLS
        assert np.array_equal(imagecodecs.png_decode(workers.render(plain()).data), RAMP)
        told = workers.statistics()
        assert (told["workers"], told["running"], told["lost"], told["frames"]) == (1, 1, KILLS, 1)


@pytest.mark.usefixtures("nothing_left_behind")
def test_a_worker_that_died_idle_is_replaced_unnoticed() -> None:
    with DecodeWorkers(1) as workers:
        workers.render(plain())
        (pid,) = workers.process_ids
        os.kill(pid, signal.SIGKILL)
        until(lambda: Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(") ")[2][0] == "Z")
        assert workers.render(plain()).width == 16
        assert workers.process_ids != (pid,)


@pytest.mark.usefixtures("nothing_left_behind")
def test_an_endless_frame_ends_by_processor_time_or_by_the_clock() -> None:
    with DecodeWorkers(1, cpu_seconds=1, timeout_s=PATIENCE_S) as workers:
        with pytest.raises(Unreadable, match="processor time"):
            workers.render(endless())
        assert workers.render(plain()).height == 16
    with DecodeWorkers(1, timeout_s=1.0) as workers:
        assert workers.sandbox_report
        with pytest.raises(Unreadable, match="longer than 1 s"):
            workers.render(endless())


def test_processor_time_is_counted_for_each_frame_anew() -> None:
    big = grey_job(np.zeros((2000, 2000), np.int32), RenderParameters(viewport=Viewport(8, 8)))
    with DecodeWorkers(1, cpu_seconds=1) as workers:
        assert workers.sandbox_report
        (pid,) = workers.process_ids
        start = busy_seconds(pid)
        while busy_seconds(pid) < start + 3:
            workers.render(big)
        assert workers.process_ids == (pid,)


@pytest.mark.usefixtures("nothing_left_behind")
def test_a_frame_over_the_memory_limit() -> None:
    rows = columns = 8000
    header = header_of(Rows=rows, Columns=columns)
    big = RenderJob(header, EXPLICIT_VR_LITTLE_ENDIAN, bytes(rows * columns * 2))
    with DecodeWorkers(1, memory_bytes=384 * MIB) as workers:
        with pytest.raises(Unreadable, match="more memory than a frame may"):
            workers.render(big)
        assert workers.render(plain()).width == 16


@pytest.mark.parametrize(
    ("attributes", "uid", "frame"),
    [
        ({"Rows": 65535, "Columns": 65535, "NumberOfFrames": "32767"}, EXPLICIT_VR_LITTLE_ENDIAN, b"\0" * 64),
        ({"Rows": 65535, "Columns": 65535}, "1.2.840.10008.1.2.4.90", b"\xff\x4f\xff\x51"),
        ({"Rows": 512, "Columns": 512}, EXPLICIT_VR_LITTLE_ENDIAN, b"\0" * 64),
        ({"Rows": 512, "Columns": 512}, "1.2.840.10008.1.2.5", b"\xff" * 64),
        ({"Rows": 512, "Columns": 512}, "1.2.840.10008.1.2.4.110", b"\xff\x0a" + b"\xff" * 64),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, EXPLICIT_VR_LITTLE_ENDIAN, b"\0" * 32),
    ],
)
def test_frames_that_are_lies(
    attributes: dict[str, object], uid: str, frame: bytes, decode_workers: DecodeWorkers
) -> None:
    with pytest.raises(Unreadable):
        decode_workers.render(RenderJob(header_of(**attributes), uid, frame))
    assert decode_workers.render(plain()).width == 16


@pytest.mark.parametrize("suffix", ["4.50", "4.80", "4.90", "4.201"])
def test_no_cut_of_a_codestream_passes_for_the_whole(suffix: str, decode_workers: DecodeWorkers) -> None:
    noise = np.random.default_rng(5).integers(0, 256, (64, 64), np.uint8)
    encode: dict[str, Callable[[Any], Any]] = {
        "4.50": imagecodecs.jpeg8_encode,
        "4.80": imagecodecs.jpegls_encode,
        "4.90": lambda a: imagecodecs.jpeg2k_encode(a, codecformat="J2K"),
        "4.201": imagecodecs.htj2k_encode,
    }
    whole = bytes(encode[suffix](noise))
    header = grey_job(noise).header
    for length in range(0, len(whole) - 1, max(len(whole) // 40, 1)):
        with pytest.raises(Unreadable):
            decode_workers.render(RenderJob(header, f"1.2.840.10008.1.2.{suffix}", whole[:length]))
    assert decode_workers.render(RenderJob(header, f"1.2.840.10008.1.2.{suffix}", whole)).width == 64


def test_a_palette_index_beyond_the_table_takes_the_last_entry(decode_workers: DecodeWorkers) -> None:
    tables: dict[str, object] = {"PhotometricInterpretation": "PALETTE COLOR"}
    for name, value in (("Red", 10), ("Green", 20), ("Blue", 30)):
        tables[f"{name}PaletteColorLookupTableDescriptor"] = [2, 0, 8]
        tables[f"{name}PaletteColorLookupTableData"] = np.array([0, value], "<u2").tobytes()
    picture = decode_workers.render(
        grey_job(np.full((4, 4), 65535, np.uint16), RenderParameters(media_type=PNG), **tables)
    )
    assert np.unique(imagecodecs.png_decode(picture.data).reshape(-1, 3), axis=0).tolist() == [[10, 20, 30]]


@pytest.mark.usefixtures("nothing_left_behind")
def test_a_full_queue_says_come_back_and_closing_frees_the_waiting() -> None:
    with DecodeWorkers(1, queue_max=0, timeout_s=PATIENCE_S) as workers, ThreadPoolExecutor(1) as pool:
        future, _ = at_work(workers, pool)
        with pytest.raises(Busy) as refused:
            workers.render(plain())
        assert "again" in refused.value.hint
        assert workers.statistics()["refused"] == 1
        workers.close()
        with pytest.raises(Busy, match="shutting down"):
            future.result(PATIENCE_S)
        with pytest.raises(Busy, match="shutting down"):
            workers.render(plain())
        assert workers.process_ids == ()


@pytest.mark.usefixtures("nothing_left_behind")
def test_no_free_worker_in_time() -> None:
    with DecodeWorkers(1, timeout_s=PATIENCE_S, wait_s=0.1) as workers, ThreadPoolExecutor(1) as pool:
        future, _ = at_work(workers, pool)
        with pytest.raises(Busy, match="no decoder became free"):
            workers.render(plain())
        workers.close()
        assert isinstance(future.exception(PATIENCE_S), Busy)


@pytest.mark.usefixtures("nothing_left_behind")
def test_a_worker_is_retired_after_its_share() -> None:
    with DecodeWorkers(1, jobs_per_worker=2) as workers:
        pids = []
        for _ in range(3):
            workers.render(plain())
            pids.append(workers.process_ids)
        assert len(set(pids)) == 2


FORGER = """#!{python}
import socket, struct, sys
sys.path.insert(0, {root!r})
from pacs.render import wire
pipe = socket.socket(fileno=0)
wire.send(pipe, wire.Ready([{measure}]))
wire.receive_task(pipe)
{answer}
pipe.recv(1)
"""


@pytest.mark.parametrize(
    "answer",
    [
        "pipe.sendall(b'\\xff' * 100)",
        "pipe.sendall(struct.pack('<IQ', 1, 0) + b'\\xc1')",
        "wire.send(pipe, wire.PictureMade('text/html', 1, 1), b'<script>')",
        "wire.send(pipe, wire.Ready([]))",
        "wire.send(pipe, wire.FrameDecoded(1, 1, 1, 8, 8, 0, 'RGB', False), b'ab')",
        "sys.exit(3)",
    ],
)
@pytest.mark.usefixtures("nothing_left_behind")
def test_a_worker_that_lies_is_not_believed(answer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forger = tmp_path / "python"
    measure = "wire.SandboxMeasure('network', False, 'refused')"
    forger.write_text(FORGER.format(python=sys.executable, root=str(ROOT), answer=answer, measure=measure))
    forger.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(forger))
    with DecodeWorkers(1) as workers:
        for ask in (workers.render, workers.decode):
            with pytest.raises(Unreadable):
                ask(plain())


@pytest.mark.parametrize("program", ["/bin/false", "/nonexistent"])
@pytest.mark.usefixtures("nothing_left_behind")
def test_a_worker_that_cannot_start(program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", program)
    with DecodeWorkers(1) as workers:
        for _ in range(2):
            with pytest.raises(Busy, match="no decoder could be started"):
                workers.render(plain())
        assert workers.statistics()["not_started"] >= 2
        monkeypatch.undo()
        assert workers.render(plain()).width == 16


def test_the_nodes_secrets_are_not_in_a_workers_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACS_ADMIN_PASSWORD", "hunter2")
    with DecodeWorkers(1) as workers:
        (pid,) = workers.process_ids
        until(lambda: Path(f"/proc/{pid}/cmdline").read_bytes().find(b"pacs.render.worker") >= 0)
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    assert b"OPENBLAS_NUM_THREADS=1" in environment
    assert b"hunter2" not in environment
