from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pacs.errors import NodeFailed, NodeRunning
from pacs.node import (
    NodeLock,
    open_core,
    open_objects,
    prepare_data,
    refuse_network_file_system,
)
from pacs.settings import Settings
from storage.mounts import file_system_of
from tests.support.process import NodeProcess, clean_environment

MOUNTS = """\
22 1 0:21 / / rw,relatime - overlay overlay rw
30 22 8:1 / /var rw,relatime shared:1 - ext4 /dev/sda1 rw
31 30 0:40 / /var/lib/suret rw,relatime shared:2 - nfs4 server:/export rw
32 30 0:41 / /var/lib/two\\040words rw - cifs //server/share rw
33 30 0:41 / /var/mounted rw - cifs //server/share rw
34 33 8:2 / /var/mounted rw - xfs /dev/sdb1 rw
"""


@pytest.fixture
def mounts(tmp_path: Path) -> Path:
    table = tmp_path / "mountinfo"
    table.write_text(MOUNTS)
    return table


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/etc", "overlay"),
        ("/var/log/x", "ext4"),
        ("/var/lib/suret/index.db", "nfs4"),
        ("/var/lib/suret-2/index.db", "ext4"),
        ("/var/lib/two words/index.db", "cifs"),
        ("/var/mounted/index.db", "xfs"),  # the later mount hides the earlier
    ],
)
def test_the_file_system_under_a_path(mounts: Path, path: str, kind: str) -> None:
    assert file_system_of(Path(path), mounts) == kind


def test_a_system_without_a_mount_table_is_not_refused(tmp_path: Path) -> None:
    assert file_system_of(Path("/var"), tmp_path / "missing") == ""


def test_sqlite_is_refused_on_a_network_file_system_and_postgresql_is_not(mounts: Path) -> None:
    shared = "sqlite:////var/lib/suret/index.db"
    with pytest.raises(NodeFailed, match="nfs4"):
        refuse_network_file_system(Settings(database=shared), mounts)
    refuse_network_file_system(Settings(database="sqlite:////var/index.db"), mounts)
    refuse_network_file_system(Settings(database="postgresql://u:p@db/suret"), mounts)


def test_the_data_folder_is_its_owners_alone(tmp_path: Path) -> None:
    data = tmp_path / "a" / "data"
    prepare_data(data)
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    prepare_data(data)


def test_a_data_folder_that_cannot_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NodeFailed, match="PACS_DATA"):
        prepare_data(tmp_path / "file" / "data")
    with pytest.raises(NodeFailed, match="PACS_DATA"):
        prepare_data(tmp_path / "file")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can write where another user's node lives")
def test_root_does_not_write_into_another_users_data(tmp_path: Path) -> None:
    os.chown(tmp_path, 65534, 65534)
    with pytest.raises(NodeFailed, match="user id 65534"):
        prepare_data(tmp_path)


def test_one_holder_of_the_lock_at_a_time(tmp_path: Path) -> None:
    first, second = NodeLock(tmp_path), NodeLock(tmp_path)
    first.take("node")
    with pytest.raises(NodeRunning, match=f"node {os.getpid()}"):
        second.take("node")
    first.release()
    second.take("command")
    assert second.holder() == f"command {os.getpid()}"
    second.release()


def test_a_command_that_holds_the_lock_is_waited_for(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from pacs.node import NodeLock;"
        "NodeLock(Path(sys.argv[1])).take('command'); print('held', flush=True); time.sleep(0.7)"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=clean_environment()) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        lock = NodeLock(tmp_path)
        lock.take("node")  # returns when the command has ended
        assert holder.wait(10) == 0
        lock.release()


def test_the_lock_is_free_again_after_a_failed_start(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, storage=str(tmp_path / "lock"))  # a file, no folder
    for _ in range(2):
        with pytest.raises(NodeFailed, match="object store"), open_core(settings, "node"):
            pass
    with open_core(Settings(data=tmp_path), "node"):
        pass


def test_a_store_of_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(NodeFailed, match="object store"):
        open_objects(Settings(data=tmp_path, storage=str(blocked)))


# --- real processes -----------------------------------------------------------------------------------------------


def test_sigterm_ends_it_cleanly_and_a_second_start_finds_everything(node: NodeProcess) -> None:
    token = node.token()
    assert (node.data / "control").exists()
    assert node.stop() == 0
    assert not (node.data / "control").exists()
    assert "stopped" in node.log_tail()
    node.start()
    assert node.token() == token
    assert node.stop() == 0


def test_a_second_node_over_the_same_data_is_refused_in_one_line(node: NodeProcess) -> None:
    other = node.command("serve")
    assert other.returncode == 1
    assert len(other.stderr.strip().splitlines()) == 1
    assert "in use by another process" in other.stderr
    assert node.running


@pytest.mark.parametrize("port", ["DIMSE__PORT", "WEB__PORT"])
def test_a_taken_port_is_said_in_one_line(start_node: Callable[..., NodeProcess], port: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = str(taken.getsockname()[1])
        refused = start_node({port: number}, ready=False).command("serve")
    assert refused.returncode == 1
    last = refused.stderr.strip().splitlines()[-1]
    assert last.startswith("pacs: ")
    assert number in last


def test_bad_settings_are_said_together_and_nothing_is_made(start_node: Callable[..., NodeProcess]) -> None:
    node = start_node({"DIMSE__PORT": "many", "COLOUR": "red"}, ready=False)
    refused = node.command("serve")
    assert refused.returncode == 1
    assert "PACS_DIMSE__PORT" in refused.stderr
    assert "PACS_COLOUR" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not node.data.exists()


def test_the_first_start_prints_a_password_once_and_logs_it_never(start_node: Callable[..., NodeProcess]) -> None:
    node = start_node({"ADMIN_PASSWORD": ""}, ready=False)
    first = _run_for_a_moment(node)
    (line,) = [line for line in first.stdout.splitlines() if "one-time password" in line]
    password = line.split()[-1]
    assert len(password) >= 20
    assert password not in first.stderr
    top, *block, bottom = first.stdout.strip().splitlines()  # one framed block, and nothing beside it
    assert top == bottom == "-" * len(top)
    values = dict(line.strip().split(maxsplit=1) for line in block if line.strip())
    assert values["viewer"] == f"{node.web_url}/"
    assert values["account"] == "admin"
    assert values["send"] == f"a study        dcmsend -nh -aec SURET 127.0.0.1 {node.dimse_port} +sd +r FOLDER"
    assert "to be changed at the first sign-in" in first.stdout
    again = _run_for_a_moment(node)
    assert "one-time password" not in again.stdout
    assert f"{node.web_url}/" in again.stdout


@pytest.mark.parametrize("wire", ["DIMSE", "WEB"])
def test_a_first_start_that_fails_does_not_lose_the_password(start_node: Callable[..., NodeProcess], wire: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        node = start_node({"ADMIN_PASSWORD": ""}, ready=False)
        own = node.environment[f"PACS_{wire}__PORT"]
        node.environment[f"PACS_{wire}__PORT"] = str(taken.getsockname()[1])
        failed = node.command("serve")
    assert failed.returncode == 1
    assert f"PACS_{wire}__PORT" in failed.stderr
    assert "dcmsend" not in failed.stdout
    node.environment[f"PACS_{wire}__PORT"] = own
    second = _run_for_a_moment(node)
    assert (failed.stdout + second.stdout).count("one-time password") == 1


def test_a_password_that_is_easy_to_guess_is_refused_by_the_name_of_its_setting(
    start_node: Callable[..., NodeProcess],
) -> None:
    refused = start_node({"ADMIN_PASSWORD": "aaaaaaaaaaaa"}, ready=False).command("serve")
    assert refused.returncode == 1
    assert "PACS_ADMIN_PASSWORD" in refused.stderr
    assert "aaaaaaaaaaaa" not in refused.stderr


def test_after_kill_9_it_starts_again(node: NodeProcess) -> None:
    token = node.token()
    node.kill()
    node.start()
    assert node.command("user", "list").returncode == 0
    assert node.token() == token


def test_sigterm_while_an_association_is_open_does_not_wait_for_ever(node: NodeProcess) -> None:
    with socket.create_connection(("127.0.0.1", node.dimse_port)):
        assert node.stop(timeout_s=35) == 0


def _run_for_a_moment(node: NodeProcess) -> subprocess.CompletedProcess[str]:
    """Serve until it is ready, then SIGTERM, with both outputs apart."""
    command = [sys.executable, "-m", "pacs.cli", "serve"]
    with subprocess.Popen(
        command, env=node.environment, cwd=node.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        deadline = time.monotonic() + 60
        while not _listens(node):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def _listens(node: NodeProcess) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", node.dimse_port), timeout=1):
            return True
    except OSError:
        return False
