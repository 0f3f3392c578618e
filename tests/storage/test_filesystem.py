"""The folder store's own promises: the order of its syncs, failing disks, links in the way."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from storage.errors import KeyMissing, StorageFailed, StorageUnfit
from storage.filesystem import FolderStore, link_without_replacement
from storage.mounts import file_system_of
from storage.protocol import ByteRange
from tests.storage.drive import CONTENT
from tests.support.peers import absent, program
from tests.support.process import ROOT, clean_environment

HOUR = "objects/2026/11/23/07"
KEY = f"{HOUR}/01JDCD5W8Z6Y3V4X5A7B9C1D2E.dcm"
DRIVE = Path(__file__).with_name("drive.py")
PART = f"incoming/{KEY.replace('/', '-')}.part"
CALLS = "fsync,fdatasync,renameat2,rename,renameat,link,linkat,mkdir,mkdirat,unlink,unlinkat"


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "store")


def put(store: FolderStore, key: str = KEY, content: bytes = CONTENT) -> Path:
    file = store.incoming / "a.part"
    file.write_bytes(content)
    store.put(key, file, {})
    return file


@dataclass(frozen=True, slots=True)
class Call:
    """A system call: its name, the last part of the path of the file it is about, and whether it succeeded."""

    name: str
    file: str
    succeeded: bool


@dataclass(frozen=True, slots=True)
class Drive:
    """A process that used a store: how it ended and, where they were watched, its system calls by verb."""

    error: str | None
    text: str
    logs: list[dict[str, Any]]
    files: list[str]
    calls: dict[str, list[Call]]
    trace: str


def drive(root: Path, *verbs: str, key: str = KEY, inject: str = "", watch: bool = True, setup: str = "") -> Drive:
    """Run drive.py, under strace when watched; `setup` is shell run before it in mount and user spaces of its own."""
    command = [sys.executable, str(DRIVE), str(root), key, *verbs]
    trace = root.with_suffix(".strace")
    if watch:
        options = [f"--inject={inject}"] if inject else []
        strace = str(program("strace", "strace"))
        command = [strace, "-f", "-y", "-s", "20", "-o", str(trace), "-e", f"trace={CALLS},write", *options, *command]
    if setup:
        spaces = ["-m"] if os.geteuid() == 0 else ["-r", "-m"]
        command = [str(program("unshare", "util-linux")), *spaces, "sh", "-ec", f'{setup}\nexec "$@"', "sh", *command]
    done = subprocess.run(command, cwd=ROOT, env=clean_environment(), capture_output=True, text=True, timeout=60)
    if setup and "unshare" in done.stderr:
        absent("the right to mount in a space of one's own", "run as root, or allow user namespaces")
    assert done.returncode == 0, done.stderr
    text = trace.read_text(errors="replace") if watch else ""
    return Drive(**json.loads(done.stdout), calls=calls_by_verb(text), trace=text)


def calls_by_verb(trace: str) -> dict[str, list[Call]]:
    found: dict[str, list[Call]] = {}
    verb = ""
    for line in trace.splitlines():
        if said := re.search(r'write\(2<.*>, "([a-z-]+)"', line):
            verb = said[1]
            found[verb] = []
        elif verb and (call := re.search(r"^\d+ +(\w+)\((.*)\) += (-?\d+)", line)):
            name, arguments, answer = call.groups()
            if name != "write":
                # The name given last, else the path of the descriptor.
                path = (re.findall(r'"([^"]*)"', arguments) or re.findall(r"<([^>]*)>", arguments))[-1]
                found[verb].append(Call(name, path.rpartition("/")[2], answer == "0"))
    return found


def steps(calls: list[Call]) -> list[str]:
    return [f"{call.name} {call.file}" for call in calls if call.succeeded]


def test_the_first_object_of_an_hour_is_synced_with_the_whole_way_to_it(tmp_path: Path) -> None:
    calls = drive(tmp_path / "store", "put", "delete").calls

    name = KEY.rpartition("/")[2]
    assert steps(calls["open"]) == [
        f"fsync {tmp_path.parent.name}", "mkdir store", f"fsync {tmp_path.name}", "mkdir objects", "fsync store",
        f"fsync {tmp_path.name}", "mkdir incoming", "fsync store",
    ]  # fmt: skip
    assert steps(calls["put"]) == [
        "fsync store", "mkdirat 2026", "fsync objects", "mkdirat 11", "fsync 2026", "mkdirat 23", "fsync 11",
        "mkdirat 07", "fsync 23", f"fsync {Path(PART).name}", f"renameat2 {name}", "fsync 07",
    ]  # fmt: skip
    assert steps(calls["delete"]) == [f"unlinkat {name}", "fsync 07"]


def test_a_known_hour_costs_two_syncs_and_a_rename_an_object(tmp_path: Path) -> None:
    calls = drive(tmp_path / "store", "put", "delete", "put").calls

    assert [call.name for call in calls["put"]] == ["fsync", "renameat2", "fsync"]


def test_a_process_syncs_the_way_that_another_one_made(tmp_path: Path) -> None:
    # The other may have been killed between making a directory and syncing its parent.
    (tmp_path / "store" / HOUR).mkdir(parents=True)

    calls = drive(tmp_path / "store", "put").calls

    synced = [call.file for call in calls["put"] if call.name == "fsync"]
    assert synced[:5] == ["store", "objects", "2026", "11", "23"]


def test_objects_of_one_hour_are_synced_at_the_same_time(tmp_path: Path) -> None:
    done = drive(tmp_path / "store", "put-together", key=f"{HOUR}/{{}}.dcm", inject="fsync:delay_enter=100000")

    waiting: set[str] = set()
    most = 0
    for line in done.trace.splitlines():
        thread = line.split()[0]
        if "fsync(" in line and ".part>" in line:
            waiting.add(thread)
        else:
            waiting.discard(thread)
        most = max(most, len(waiting))
    assert done.error is None
    assert done.files == [f"{HOUR}/{number}.dcm" for number in range(8)]
    assert most >= 4


def test_whichever_sync_fails_nothing_is_promised(tmp_path: Path) -> None:
    seen: list[str | None] = []
    while (not seen or seen[-1] is not None) and len(seen) < 20:
        root = tmp_path / f"store-{len(seen)}"
        done = drive(root, "put", inject=f"fsync:error=EIO:when={len(seen) + 1}")
        seen.append(done.error)
        if "put" in done.calls and done.error:
            assert done.files == [PART]
            assert (root / PART).read_bytes() == CONTENT
            # A second sync of the same file would answer that all is well.
            assert sum(call.name == "fsync" and call.file.endswith(".part") for call in done.calls["put"]) <= 1

    assert seen == ["StorageUnfit"] * 5 + ["StorageFailed"] * 7 + [None]


@pytest.mark.parametrize("errno", ["ENOSPC", "EDQUOT"])
def test_a_disk_that_is_found_full_at_the_sync_is_full(tmp_path: Path, errno: str) -> None:
    done = drive(tmp_path / "store", "put", inject=f"fsync:error={errno}:when=11")

    assert [call.file for call in done.calls["put"] if not call.succeeded and call.name == "fsync"] == [Path(PART).name]
    assert done.error == "StorageFull"
    assert done.files == [PART]


@pytest.mark.parametrize("errno", ["EINVAL", "ENOSYS"])
def test_without_the_rename_a_link_keeps_keys_written_once(tmp_path: Path, errno: str) -> None:
    root = tmp_path / "store"

    first = drive(root, "check", "put", inject=f"renameat2:error={errno}")
    second = drive(root, "put", inject=f"renameat2:error={errno}")

    name = KEY.rpartition("/")[2]
    assert first.error is None
    assert steps(first.calls["put"])[-3:] == [f"linkat {name}", f"unlink {Path(PART).name}", "fsync 07"]
    assert second.error == "KeyExists"
    assert second.files == [PART, KEY]


def test_a_file_system_that_replaces_is_unfit(tmp_path: Path) -> None:
    # Renames that answer "done" and do nothing look like one that has replaced.
    done = drive(tmp_path / "store", "check", inject="renameat2:retval=0")

    assert done.error == "StorageUnfit"
    assert "replaces" in done.text


def test_a_full_disk_is_told_from_a_broken_one(tmp_path: Path) -> None:
    # Inodes for the disk, the three folders of the store, the file and two folders of the four that the key needs.
    mount = f"mount -t tmpfs -o nr_inodes=7 none {tmp_path}"

    done = drive(tmp_path / "store", "put", watch=False, setup=mount)

    assert done.error == "StorageFull"
    assert "make room" in done.text
    assert done.files == [PART]


def test_a_full_disk_can_still_be_read_from(tmp_path: Path) -> None:
    done = drive(tmp_path / "store", "check", inject="fsync:error=ENOSPC:when=9")

    assert done.error is None
    assert [line["event"] for line in done.logs] == ["object_store_full"]


def test_objects_on_another_device_than_incoming_are_unfit(tmp_path: Path) -> None:
    objects = tmp_path / "store" / "objects"

    done = drive(tmp_path / "store", "check", watch=False, setup=f"mkdir -p {objects}; mount -t tmpfs none {objects}")

    assert done.error == "StorageUnfit"
    assert "different devices" in done.text


def test_a_store_in_memory_is_warned_about(tmp_path: Path) -> None:
    done = drive(tmp_path / "store", "check", watch=False, setup=f"mount -t tmpfs none {tmp_path}")

    assert done.error is None
    assert [(line["event"], line["file_system"], line["log_level"]) for line in done.logs] == [
        ("object_store_may_lose", "tmpfs", "warning")
    ]


def test_the_kind_of_a_file_system_is_the_kernels_word() -> None:
    assert file_system_of(Path("/proc")) == "proc"


def test_a_store_where_no_folder_can_be_is_unfit(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(StorageUnfit, match="may write to"):
        FolderStore(tmp_path / "file" / "store")


def test_what_a_killed_process_left_is_synced_with_its_whole_file_system(tmp_path: Path) -> None:
    strace = str(program("strace", "strace"))
    log = tmp_path / "calls"
    secure = (
        "import sys; from pathlib import Path; from storage.filesystem import FolderStore; "
        "FolderStore(Path(sys.argv[1])).secure()"
    )
    for failing, status in ((), 0), (("-e", "inject=syncfs:error=EIO"), 1):
        done = subprocess.run(
            [
                strace,
                "-f",
                "-y",
                "-o",
                str(log),
                "-e",
                "trace=syncfs",
                *failing,
                sys.executable,
                "-c",
                secure,
                str(tmp_path),
            ],
            cwd=ROOT,
            env=clean_environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == status, done.stderr
        assert f"<{tmp_path}/objects>" in log.read_text()
    assert "StorageFailed" in done.stderr


def test_an_object_may_be_read_by_its_owner_and_group_and_written_by_nobody(store: FolderStore) -> None:
    put(store)

    path = store.local_path(KEY)

    assert path is not None
    assert stat.S_IMODE(path.stat().st_mode) == 0o440
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o750


def test_no_verb_follows_a_link_out_of_the_store(store: FolderStore, tmp_path: Path) -> None:
    put(store)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.dcm").write_bytes(b"secret")
    (store.incoming.parent / "objects" / "linked").symlink_to(outside)
    (store.incoming.parent / HOUR / "linked.dcm").symlink_to(outside / "secret.dcm")
    file = store.incoming / "b.part"
    file.write_bytes(CONTENT)

    for key in ("objects/linked/secret.dcm", f"{HOUR}/linked.dcm"):
        for verb in (store.open, store.stat):
            with pytest.raises(StorageFailed, match="link"):
                verb(key)
    with pytest.raises(StorageFailed, match="link"):
        store.delete("objects/linked/secret.dcm")
    with pytest.raises(StorageFailed):
        store.put("objects/linked/new.dcm", file, {})
    with pytest.raises(StorageFailed):
        store.put("objects/linked/deep/new.dcm", file, {})

    assert file.read_bytes() == CONTENT
    assert [path.name for path in outside.iterdir()] == ["secret.dcm"]
    assert list(store.list()) == [KEY]


def test_a_link_is_no_file_to_put(store: FolderStore, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    link = store.incoming / "a.part"
    link.symlink_to(tmp_path / "secret")

    with pytest.raises(StorageFailed):
        store.put(KEY, link, {})

    assert list(store.list()) == []


def test_what_is_no_object_is_neither_listed_nor_waited_for(store: FolderStore) -> None:
    put(store)
    folder = store.incoming.parent / HOUR
    os.mkfifo(folder / "pipe")
    (folder / ".nfs0000").write_bytes(b"")
    (folder / "lost+found").mkdir()
    (folder / "lost+found" / "a").write_bytes(b"")

    assert list(store.list()) == [KEY]
    with pytest.raises(KeyMissing):
        store.open(f"{HOUR}/pipe")


def test_a_folder_moved_away_takes_no_new_objects_with_it(store: FolderStore, tmp_path: Path) -> None:
    put(store)
    folder = store.incoming.parent / HOUR
    folder.rename(tmp_path / "moved")
    folder.mkdir()

    with pytest.raises(KeyMissing):
        store.stat(KEY)
    put(store)

    assert list(store.list()) == [KEY]
    assert [path.name for path in folder.iterdir()] == [KEY.rpartition("/")[2]]


def test_more_hours_than_directories_are_kept_open(store: FolderStore) -> None:
    keys = [f"objects/{number:03}/a.dcm" for number in range(150)]
    before = len(os.listdir("/proc/self/fd"))

    for key in keys:
        put(store, key, key.encode())
    for key in keys:
        with store.open(key) as stream:
            assert stream.read() == key.encode()

    assert list(store.list()) == keys
    assert len(os.listdir("/proc/self/fd")) - before <= 2 * 64


def test_a_link_without_replacement_refuses_a_taken_name(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "b").write_bytes(b"b")
    directory = os.open(tmp_path, os.O_RDONLY)
    try:
        link_without_replacement(tmp_path / "a", directory, "c")
        with pytest.raises(FileExistsError):
            link_without_replacement(tmp_path / "b", directory, "c")
    finally:
        os.close(directory)

    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"b": b"b", "c": b"a"}


def test_somebodys_copy_is_read_and_never_made(tmp_path: Path, store: FolderStore) -> None:
    with pytest.raises(StorageUnfit, match="no objects"):
        FolderStore(tmp_path / "copy", make=False)
    put(store)
    (tmp_path / "store" / "incoming").rmdir()
    copy = FolderStore(tmp_path / "store", make=False)
    with copy.open(KEY) as stream:
        assert stream.read() == CONTENT
    assert [path.name for path in (tmp_path / "store").iterdir()] == ["objects"]


def test_a_whole_stream_and_a_range_can_be_sought_in(store: FolderStore) -> None:
    content = bytes(range(256)) * 10
    put(store, KEY, content)

    with store.open(KEY) as whole, store.open(KEY, ByteRange(100, 1000)) as part:
        for stream, expected in ((whole, content), (part, content[100:1100])):
            assert stream.seek(0, os.SEEK_END) == len(expected)
            assert stream.read() == b""
            stream.seek(50)
            assert stream.read(7) == expected[50:57]
            assert stream.tell() == 57
            stream.seek(-3, os.SEEK_END)
            assert stream.read() == expected[-3:]
