"""A file that becomes shorter, or a disk that fails, under its reader: that reader is told, the process lives.

Each case runs in a process of its own, because what it guards against (SIGBUS) would end the tests too.
"""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, cast

import pytest
from pydicom.uid import ImplicitVRLittleEndian

from pacs.access.principals import NODE, Role
from pacs.archive import ingest, objects
from pacs.archive.digests import digests_of
from pacs.archive.recovery import rebuild
from pacs.archive.spool import Buffers
from pacs.dicom.walker import Walk
from pacs.errors import StoreFailed, Unreadable
from pacs.render.workers import DecodeWorkers
from storage.errors import StorageFailed
from tests.support.archives import open_archive, send
from tests.support.factories import ct_slice, part10
from tests.support.process import ROOT
from tests.support.wado import url_of
from tests.support.web import ANY_FRAMES, ANY_OBJECTS, open_site

SMALL = MappingProxyType[str, Any]({})
LARGE = MappingProxyType[str, Any](
    {"Rows": 4096, "Columns": 5000, "PixelData": bytes(2 * 4096 * 5000)}
)  # 39 MiB: more than is read at once, on the way in and on the way out


def serving(folder: Path, size: Mapping[str, Any]) -> None:
    """Frames, a conversion and the object again, after the file was cut short behind what was read before."""
    sent = ct_slice(transfer_syntax=ImplicitVRLittleEndian, **size)
    answers = (("/frames/1", ANY_FRAMES), ("", ANY_OBJECTS), ("/metadata", "*/*"), ("/bulkdata/7FE00010", "*/*"))
    with DecodeWorkers(1) as workers, open_site(folder, workers) as site:
        send(site.archive, sent)
        client = site.as_role(Role.CLINICIAN)
        for rest, accept in answers:
            assert client.get(url_of(sent, rest), headers={"Accept": accept}).status_code == 200
        [stored] = site.archive.instances(sent.StudyInstanceUID)
        file = site.archive.store.local_path(stored.object_key)
        assert file is not None
        os.truncate(file, 500)
        for rest, accept in answers[:1] + answers[2:]:
            assert client.get(url_of(sent, rest), headers={"Accept": accept}).status_code == 422, rest
        with pytest.raises(Unreadable):
            site.archive.frame(stored, 1)


def receiving(folder: Path, size: Mapping[str, Any]) -> None:
    """The spool file is cut short when the walk begins."""
    with open_archive(folder) as archive:
        sent = part10(ct_slice(**size))
        archive.buffers = Buffers(0)  # small ones would lie in memory
        with archive.receive_part10(NODE, protocol="test") as reception:
            reception.write(sent)
            [part] = archive.store.incoming.glob("*.part")
            with cutting_short(ingest, part), pytest.raises(StoreFailed):
                reception.commit()
        assert not list(archive.store.incoming.glob("*.part"))
        send(archive, sent)


def rebuilding(folder: Path, size: Mapping[str, Any]) -> None:
    """An object is cut short while the rebuild reads it; the next one is not affected."""
    with open_archive(folder) as archive:
        first, second = send(archive, ct_slice(number=1, **size)), send(archive, ct_slice(number=2))
        [stored, _] = archive.instances(first.study_instance_uid)
        file = archive.store.local_path(stored.object_key)
        assert file is not None
        with cutting_short(objects, file):
            report = rebuild(archive)
        assert (report.stored, report.unreadable) == (1, (stored.object_key,)), report
        [left] = archive.instances(first.study_instance_uid)
        assert left.sop_instance_uid == second.sop_instance_uid


@contextmanager
def cutting_short(module: ModuleType, file: Path) -> Iterator[None]:
    """Leave nothing but a head of `file` when `module` has opened it and begins to walk."""
    walk = module.walk

    def cut_and_walk(*arguments: Any) -> Walk:
        os.truncate(file, 500)
        return cast(Walk, walk(*arguments))

    module.walk = cut_and_walk  # type: ignore[attr-defined]
    try:
        yield
    finally:
        module.walk = walk  # type: ignore[attr-defined]


CASES = MappingProxyType(
    {
        "serving small": (serving, SMALL),
        "serving large": (serving, LARGE),
        "receiving large": (receiving, LARGE),
        "rebuilding large": (rebuilding, LARGE),
    }
)


@pytest.mark.parametrize("case", CASES)
def test_a_shortened_file_ends_no_process(case: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.faults.test_shortened_file", case, str(tmp_path)]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, (done.returncode, done.stderr[-2000:])


def failing(*_: object) -> int:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_a_failing_disk_is_told_in_the_words_of_each_floor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_archive(tmp_path) as archive:
        sent = send(archive, ct_slice())
        [stored] = archive.instances(sent.study_instance_uid)
        monkeypatch.setattr(os, "pread", failing)
        monkeypatch.setattr(os, "preadv", failing)
        with pytest.raises(StorageFailed):
            digests_of(archive.store, stored.object_key, stored.dataset_offset, stored.dataset_length)
        with pytest.raises(StorageFailed):
            objects.examine(archive.store, stored.object_key, is_news=False)
        for read in (archive.instance_metadata, archive.header, lambda found: archive.frame(found, 1)):
            with pytest.raises(StoreFailed, match="pacs verify"):
                read(stored)
        with pytest.raises(StoreFailed):
            send(archive, ct_slice(number=2, rows=1024, columns=1024))  # what is small is not read back
        report = rebuild(archive)
        assert report.unreadable == (stored.object_key,)


def test_recovery_enters_no_link_and_survives_what_it_may_not_read(tmp_path: Path) -> None:
    with open_archive(tmp_path) as archive:
        sent = send(archive, ct_slice())
        [stored] = archive.instances(sent.study_instance_uid)
        file = archive.store.local_path(stored.object_key)
        assert file is not None
        elsewhere = file.rename(tmp_path / "elsewhere.dcm")
        file.symlink_to(elsewhere)
        with pytest.raises(StorageFailed):
            objects.examine(archive.store, stored.object_key, is_news=False)


def test_no_module_of_the_node_maps_a_file() -> None:
    anonymous = re.compile(r"mmap\.mmap\(-1\b")
    shared_memory = [ROOT / "pacs" / name for name in ("companion.py", "accompany.py")]  # of no disk
    for file in [*ROOT.glob("pacs/**/*.py"), *ROOT.glob("storage/**/*.py")]:
        if file == ROOT / "pacs" / "dimse" / "scu.py":
            continue  # the sender's side, which is a command of its own
        if file in shared_memory:
            continue
        maps = anonymous.sub("", file.read_text(encoding="utf-8")).count("mmap.mmap(")
        assert maps == 0, f"{file} maps a file; read it instead, for a map of a failing disk ends the process"


if __name__ == "__main__":
    run, chosen = CASES[sys.argv[1]]
    run(Path(sys.argv[2]), chosen)
