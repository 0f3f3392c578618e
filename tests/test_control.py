from __future__ import annotations

import errno
import json
import os
import resource
import shutil
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pacs.access.accounts import AccountRefused
from pacs.access.principals import Role
from pacs.control import PATH_BYTES_MAX, ControlServer, NoNode, ask, perform
from pacs.errors import NodeFailed, NodeRunning, SuretError
from pacs.node import Core, NodeLock, open_core
from pacs.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "data")


@pytest.fixture
def core(settings: Settings) -> Iterator[Core]:
    with open_core(settings, "node") as core:
        yield core


@pytest.fixture
def server(core: Core) -> Iterator[ControlServer]:
    server = ControlServer(core, {"status": lambda _core, _arguments: {"ready": True}})
    server.start()
    yield server
    server.stop()


def test_a_running_node_does_what_it_is_asked(settings: Settings, core: Core, server: ControlServer) -> None:
    token = perform(settings, "user.token", {"name": "scanner"})
    principal = core.accounts.authenticate_token(token)
    assert principal is not None
    assert principal.roles == {Role.SERVICE}
    assert ask(settings.data, "status", {}) == {"ready": True}


def test_without_a_node_the_command_does_it_itself(settings: Settings) -> None:
    token = perform(settings, "user.token", {"name": "scanner", "role": "technologist"})
    with open_core(settings, "node") as core:
        principal = core.accounts.authenticate_token(token)
    assert principal is not None
    assert principal.roles == {Role.TECHNOLOGIST}


def test_the_answer_is_the_same_either_way(settings: Settings) -> None:
    arguments = {"ae_title": "CT1", "host": "10.0.0.7", "port": 104, "verbs": ["store", "find"]}
    perform(settings, "ae.add", arguments)
    alone = perform(settings, "ae.list", {})
    with open_core(settings, "node") as core:
        server = ControlServer(core, {})
        server.start()
        asked = perform(settings, "ae.list", {})
        server.stop()
    assert asked == alone == [{**arguments, "verbs": ["find", "store"], "options": []}]


def test_a_refusal_comes_back_in_the_nodes_own_words(settings: Settings, server: ControlServer) -> None:
    with pytest.raises(SuretError) as caught:
        perform(settings, "user.disable", {"name": "nobody", "disabled": True})
    assert "nobody" in caught.value.message
    assert caught.value.hint


def test_a_refusal_without_a_node_is_the_commands_own_error(settings: Settings) -> None:
    with pytest.raises(AccountRefused, match="nobody"):
        perform(settings, "user.disable", {"name": "nobody", "disabled": True})


def test_a_registered_peer_is_changed_by_adding_it_again(settings: Settings) -> None:
    for port in (104, 11112):
        perform(settings, "ae.add", {"ae_title": "CT1", "host": "10.0.0.7", "port": port, "verbs": ["store"]})
    assert [peer["port"] for peer in perform(settings, "ae.list", {})] == [11112]
    perform(settings, "ae.remove", {"ae_title": "CT1"})
    assert perform(settings, "ae.list", {}) == []


def test_a_caller_that_was_refused_can_be_approved(settings: Settings, core: Core, server: ControlServer) -> None:
    core.peers.note_unknown("MR9", "SURET", "10.0.0.9")
    (caller,) = perform(settings, "ae.unknown", {})
    assert (caller["ae_title"], caller["address"], caller["attempts"]) == ("MR9", "10.0.0.9", 1)
    approval = {"ae_title": "MR9", "address": "10.0.0.9", "port": 104, "verbs": ["store"]}
    perform(settings, "ae.approve", approval)
    principal = core.peers.recognise("MR9", "10.0.0.9")
    assert principal is not None
    assert perform(settings, "ae.unknown", {}) == []
    with pytest.raises(SuretError, match="no unknown caller"):
        perform(settings, "ae.approve", approval | {"ae_title": "XX"})


def test_services_and_rules_of_the_hook(settings: Settings) -> None:
    secret = perform(settings, "ai.service.add", {"id": "r", "url": "https://ai.example/", "card": {"name": "R"}})
    assert secret.startswith("whsec_")
    rule = {"id": "ct", "match": {"tag": "Modality", "op": "exists"}, "dispatch": [{"service": "r"}]}
    assert perform(settings, "ai.rule.add", {"rule": rule}) == "ct"
    assert perform(settings, "ai.rule.list", {}) == [rule]
    (service,) = perform(settings, "ai.service.list", {})
    assert "secret" not in service
    again = {"id": "r", "url": "https://ai.example/2", "card": {}}
    with pytest.raises(SuretError, match="already"):
        perform(settings, "ai.service.add", again)
    assert perform(settings, "ai.service.add", again | {"replace": True}) != secret
    perform(settings, "ai.rule.remove", {"id": "ct"})
    perform(settings, "ai.service.remove", {"id": "r"})
    assert perform(settings, "ai.rule.list", {}) == perform(settings, "ai.service.list", {}) == []


def test_the_socket_is_its_owners_alone(settings: Settings, server: ControlServer) -> None:
    path = Path((settings.data / "control").read_text().strip())
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(os.fsencode(path)) <= PATH_BYTES_MAX
    assert settings.data not in path.parents


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user for a moment")
def test_another_user_gets_no_answer_even_with_the_path_open(settings: Settings, server: ControlServer) -> None:
    path = Path((settings.data / "control").read_text().strip())
    path.parent.chmod(0o755)
    path.chmod(0o666)
    program = (
        "import os, socket, sys; os.setuid(65534); s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
        's.sendall(b\'{"command": "status", "arguments": {}}\\n\'); print(repr(s.recv(100)))'
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout.strip()) in [(0, "b''"), (1, "")]
    assert "status" not in done.stdout


@pytest.mark.parametrize("line", [b"\n", b"null\n", b"{}\n", b'{"command": "rm", "arguments": {}}\n', b"\xff\xfe\n"])
def test_what_is_no_command_is_answered_and_the_next_one_served(
    settings: Settings, server: ControlServer, line: bytes
) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect((settings.data / "control").read_text().strip())
        connection.sendall(line)
        answer = json.loads(connection.makefile("rb").readline())
    assert "does not know" in answer["error"]
    assert ask(settings.data, "status", {}) == {"ready": True}


def test_a_caller_that_says_nothing_holds_up_nobody(settings: Settings, server: ControlServer) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect((settings.data / "control").read_text().strip())
        assert ask(settings.data, "status", {}) == {"ready": True}


def test_many_at_once(settings: Settings, core: Core, server: ControlServer) -> None:
    tokens: list[Any] = []
    threads = [
        threading.Thread(target=lambda name=f"s{n}": tokens.append(perform(settings, "user.token", {"name": name})))
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(set(tokens)) == 8


def test_what_a_killed_node_left_behind_misleads_nobody(settings: Settings) -> None:
    with open_core(settings, "node") as core:
        dead = ControlServer(core, {})
        dead.start()
        pointer = (settings.data / "control").read_text()
        dead.stop()
    folder = Path(pointer.strip()).parent
    folder.mkdir()
    (settings.data / "control").write_text(pointer)  # as kill -9 leaves it
    with pytest.raises(NoNode):
        ask(settings.data, "status", {})
    assert perform(settings, "user.list", {}) == []
    with open_core(settings, "node") as core:
        server = ControlServer(core, {})
        server.start()
        assert not folder.exists()
        server.stop()


def test_a_pointer_that_was_tampered_with_removes_nothing(settings: Settings, core: Core, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (settings.data / "control").write_text(f"{precious}/control\n")
    server = ControlServer(core, {})
    server.start()
    server.stop()
    assert precious.is_dir()


def test_a_folder_whose_path_is_too_long_is_passed_over(core: Core, tmp_path: Path) -> None:
    long = tmp_path / ("x" * 120)
    long.mkdir()
    server = ControlServer(core, {}, [long])
    server.start()
    path = (core.settings.data / "control").read_text().strip()
    server.stop()
    assert not path.startswith(str(long))


def test_a_socket_that_was_swept_away_comes_back(
    settings: Settings, core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pacs.control.LOOK_EVERY_S", 0.1)
    server = ControlServer(core, {})
    server.start()
    shutil.rmtree(Path((settings.data / "control").read_text().strip()).parent)
    assert perform(settings, "user.list", {}) == []
    server.stop()


def test_a_socket_that_was_swept_away_comes_back_when_there_is_room(
    settings: Settings, core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pacs.control.LOOK_EVERY_S", 0.1)
    monkeypatch.setattr("pacs.control.FAILURE_PAUSE_S", 0.1)
    server = ControlServer(core, {})
    server.start()
    folder = Path((settings.data / "control").read_text().strip()).parent
    failed, room = threading.Event(), Path.replace

    def no_room(path: Path, target: Path) -> Path:
        if path.name == "control.new":
            failed.set()
            raise OSError(errno.ENOSPC, "No space left on device")
        return room(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", no_room)
        shutil.rmtree(folder)
        assert failed.wait(10)
    assert perform(settings, "user.list", {}) == []
    server.stop()


def test_a_thread_that_cannot_be_had_ends_one_call_only(
    settings: Settings, server: ControlServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pacs.control.FAILURE_PAUSE_S", 0.1)
    start = threading.Thread.start

    def no_thread(thread: threading.Thread) -> None:
        if thread.name == "control-command":
            raise RuntimeError("can't start new thread")
        start(thread)

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_thread)
        with pytest.raises((NodeFailed, NoNode)):
            ask(settings.data, "status", {})
    assert ask(settings.data, "status", {}) == {"ready": True}


def test_without_descriptors_it_waits_and_does_not_spin(settings: Settings, server: ControlServer) -> None:
    path = (settings.data / "control").read_text().strip()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.socket(socket.AF_UNIX) as caller:
        caller.settimeout(10)
        with open(os.devnull) as next_one:
            lowest = next_one.fileno()
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
            caller.connect(path)
            used = time.process_time()
            time.sleep(1)
            used = time.process_time() - used
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        caller.sendall(b'{"command": "status", "arguments": {}}\n')
        assert json.loads(caller.makefile("rb").readline()) == {"answer": {"ready": True}}
    assert used < 0.5


def test_a_node_that_holds_the_lock_and_says_nothing_is_told_of(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pacs.control.PATIENCE_S", 0.2)
    settings.data.mkdir()
    lock = NodeLock(settings.data)
    lock.take("node")
    with pytest.raises(NodeRunning, match="answers no commands"):
        perform(settings, "user.list", {})
    lock.release()
    assert perform(settings, "user.list", {}) == []


def test_a_failure_inside_the_node_is_told_without_its_insides(settings: Settings, core: Core) -> None:
    def fails(_core: Core, _arguments: object) -> None:
        raise ZeroDivisionError("patient Somebody^Else")

    server = ControlServer(core, {"fails": fails})
    server.start()
    with pytest.raises(SuretError) as caught:
        ask(settings.data, "fails", {})
    server.stop()
    assert "Somebody" not in str(caught.value)


def test_a_node_that_does_not_answer_is_given_up(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.data.mkdir()
    path = settings.data / "s"
    (settings.data / "control").write_text(str(path))
    monkeypatch.setattr("pacs.control.EXCHANGE_TIMEOUT_S", 0.2)
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(path))
        mute.listen()
        with pytest.raises(NodeFailed, match="did not answer"):
            ask(settings.data, "status", {})
