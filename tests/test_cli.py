from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest
from typer.testing import CliRunner

import pacs
from pacs.cli import app
from pacs.cli.command import require_archive
from pacs.dimse.scu import send
from pacs.errors import NodeFailed
from pacs.settings import Settings
from tests.support.factories import ct_series, write_folder
from tests.support.process import NodeProcess
from tests.support.steps import entry

COMMANDS = [
    "",
    "serve",
    "demo",
    "verify",
    "scrub",
    "backup",
    "restore",
    "audit",
    "doctor",
    "rebuild",
    "migrate",
    "delete",
    "reject",
    "undelete",
    "erase",
    "deletions",
    "correct",
    "merge",
    "move",
    "corrections",
    "uncorrect",
    *[f"user {verb}" for verb in ("add", "list", "password", "disable", "enable", "token")],
    *[f"ae {verb}" for verb in ("add", "list", "remove", "unknown", "approve")],
    *[f"webhook {verb}" for verb in ("add", "list", "remove")],
    *[f"mwl {verb}" for verb in ("add", "list", "remove")],
    *[f"ai {what} {verb}" for what in ("service", "rule") for verb in ("add", "list", "remove")],
]


@pytest.fixture
def stopped(start_node: Callable[..., NodeProcess]) -> NodeProcess:
    """A node that was never started: commands do their work themselves."""
    return start_node(ready=False)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_everywhere(command: str) -> None:
    result = CliRunner().invoke(app, [*command.split(), "--help"], prog_name="pacs")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: pacs {command}".rstrip())
    described = result.stdout.split("\n\n")[1].strip()
    assert described.endswith((".", ")"))


def test_version() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"suret {pacs.__version__}\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ("fly",),
        ("user", "token"),
        ("user", "revoke"),
        ("user", "token", "x", "--role", "king"),
        ("ae", "add", "CT1", "10.0.0.7", "104", "--allow", "everything"),
        ("ae", "add", "CT1", "10.0.0.7", "0", "--allow", "store"),
        ("ai", "rule", "add", "no-such-file.json"),
    ],
)
def test_wrong_usage_is_2_and_touches_nothing(stopped: NodeProcess, arguments: tuple[str, ...]) -> None:
    done = stopped.command(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert not stopped.data.exists()


@pytest.mark.parametrize("command", [("user", "list"), ("ae", "list"), ("migrate",), ("rebuild",)])
def test_a_mistyped_folder_is_told_and_makes_no_archive(stopped: NodeProcess, command: tuple[str, ...]) -> None:
    stopped.data.mkdir()
    done = stopped.command(*command)
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert line == f"pacs: there is no archive in {stopped.data}; check PACS_DATA, or make one there with `pacs serve`"
    assert list(stopped.data.iterdir()) == []


@pytest.mark.parametrize("there", ["lock", "index.db", "store"])
def test_what_is_left_of_an_archive_is_one(tmp_path: Path, there: str) -> None:
    (tmp_path / there).touch()
    require_archive(Settings(data=tmp_path))


def test_a_backup_is_not_made_among_what_it_is_a_copy_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PACS_DATA", "data")
    done = CliRunner().invoke(app, ["backup", "data/store/../copies"])
    assert done.exit_code == 2
    place, data = tmp_path / "data" / "copies", tmp_path / "data"
    assert f"{place} lies in the archive's own folder {data} and would be lost with it; name a folder" in done.output
    assert list(tmp_path.iterdir()) == []
    done = CliRunner().invoke(app, ["backup", "copies"])
    assert f"{tmp_path / 'copies'} is on the archive's own disk" not in done.output  # there is no archive yet
    assert "there is no archive" in done.output


def test_an_archive_may_be_elsewhere(tmp_path: Path) -> None:
    data, store = tmp_path / "data", tmp_path / "objects"
    require_archive(Settings(data=data, database="postgresql://pacs@127.0.0.1/pacs"))
    with pytest.raises(NodeFailed, match="no archive"):
        require_archive(Settings(data=data, storage=str(store)), objects_do=True)
    store.mkdir()
    require_archive(Settings(data=data, storage=str(store)), objects_do=True)
    require_archive(Settings(data=data, storage="s3://bucket"), objects_do=True)
    for elsewhere in (str(store), "s3://bucket"):
        with pytest.raises(NodeFailed, match="no archive"):
            require_archive(Settings(data=data, storage=elsewhere))


def test_a_refusal_is_1_and_one_line_that_says_what_to_do(stopped: NodeProcess) -> None:
    (stopped.data / "store").mkdir(parents=True)
    done = stopped.command("user", "disable", "nobody")
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("pacs: there is no account 'nobody'; ")


def test_tokens_are_revoked_while_the_node_runs(module_node: NodeProcess) -> None:
    tokens = [module_node.command("user", "token", "leaky").stdout.strip().splitlines()[-1] for _ in range(2)]
    address = f"{module_node.dicomweb_url}/studies"

    def statuses() -> list[int]:
        carrying = [{"Authorization": f"Bearer {token}"} for token in tokens]
        return [httpx2.get(address, headers=headers, trust_env=False).status_code for headers in carrying]

    assert statuses() == [200, 200]
    done = module_node.command("user", "revoke", "leaky")
    assert done.stdout == "2 tokens of leaky revoked; `pacs user token leaky` makes a new one.\n"
    assert statuses() == [401, 401]
    assert module_node.command("user", "revoke", "nobody").returncode == 1


def test_the_token_stands_alone_on_the_last_line(module_node: NodeProcess) -> None:
    done = module_node.command("user", "token", "scanner")
    assert done.returncode == 0
    assert re.fullmatch(r"suret_[A-Za-z0-9_-]{40,}", done.stdout.splitlines()[-1])
    headers = {"Authorization": f"Bearer {done.stdout.splitlines()[-1]}"}
    answer = httpx2.get(f"{module_node.dicomweb_url}/studies", headers=headers, trust_env=False)
    assert answer.status_code == 200


def test_accounts_from_the_command_line(module_node: NodeProcess) -> None:
    password = "three quiet words"
    added = module_node.command(
        "user", "add", "saule", "--role", "radiologist", "--password-stdin", input=password + "\n"
    )
    assert added.returncode == 0, added.stderr
    assert added.stdout == "Account saule with the role radiologist is made.\n"
    assert _sign_in(module_node, "saule", password) == 200
    again = module_node.command("user", "add", "saule", input="")
    assert "there is an account saule already" in again.stderr  # and no password was asked for
    weak = module_node.command("user", "password", "saule", "--password-stdin", input="short\n")
    assert weak.returncode == 1
    changed = module_node.command("user", "password", "saule", "--password-stdin", input="four other quiet words\n")
    assert changed.returncode == 0, changed.stderr
    assert changed.stdout == "saule has a new password, to be changed at the next sign-in.\n"
    assert _sign_in(module_node, "saule", password) == 401
    listed = module_node.command("user", "list").stdout.splitlines()
    assert listed[0].split() == ["name", "role", "disabled"]
    assert ["saule", "radiologist", "no"] in [line.split() for line in listed]
    assert module_node.command("user", "disable", "saule").stdout == "Account saule is disabled.\n"
    assert _sign_in(module_node, "saule", "four other quiet words") == 401
    assert module_node.command("user", "enable", "saule").returncode == 0
    assert _sign_in(module_node, "saule", "four other quiet words") == 200
    told = module_node.command("audit", "--failures", "--kind", "user-authentication", "--json").stdout.splitlines()
    assert [json.loads(line)["detail"] for line in told[:2]] == ["saule", "saule"]
    table = module_node.command("audit", "--kind", "audit-log-used").stdout.splitlines()
    assert "audit trail read" in table[1]
    wrong = module_node.command("audit", "--since", "yesterday")
    assert (wrong.returncode, "2026-05-01" in wrong.stderr) == (1, True)


def test_the_last_administrator_stays(module_node: NodeProcess) -> None:
    refused = module_node.command("user", "disable", "admin")
    assert refused.returncode == 1
    assert "last administrator" in refused.stderr


def test_peers_from_the_command_line(module_node: NodeProcess) -> None:
    added = module_node.command("ae", "add", "CT1", "10.0.0.7", "104", "--allow", "store, find")
    assert (added.returncode, added.stdout) == (0, "CT1 at 10.0.0.7:104 is registered: store, find.\n")
    listed = module_node.command("ae", "list").stdout.splitlines()
    assert [line.split() for line in listed] == [
        ["ae_title", "host", "port", "verbs", "options"],
        ["CT1", "10.0.0.7", "104", "find,store"],
    ]
    assert module_node.command("ae", "remove", "CT1").stdout == "CT1 is removed.\n"
    assert module_node.command("ae", "remove", "CT1").returncode == 1
    assert module_node.command("ae", "list").stdout == ""


def test_rebuild_and_migrate_refuse_while_the_node_runs(module_node: NodeProcess) -> None:
    for command in ("rebuild", "migrate"):
        refused = module_node.command(command)
        assert refused.returncode == 1
        assert len(refused.stderr.strip().splitlines()) == 1
        assert "in use by another process" in refused.stderr


def test_verify_beside_a_running_node_and_what_it_finds(node: NodeProcess, tmp_path: Path) -> None:
    files = write_folder(ct_series(3), tmp_path / "ct")
    sent = list(send(files, "127.0.0.1", node.dimse_port, called=node.ae_title, calling="CT1"))
    assert all(one.succeeded for one in sent)
    clean = node.command("verify", "--grace-minutes", "0")
    assert (clean.returncode, clean.stdout) == (0, ""), clean.stderr
    assert clean.stderr.splitlines()[-1] == "3 objects, 3 rows: clean"
    (victim, *_others) = sorted((node.data / "store").rglob("*.dcm"))
    victim.unlink()
    found = node.command("verify")
    assert found.returncode == 1
    assert found.stderr.splitlines()[-1] == "2 objects, 3 rows: 1 violation"
    (violation,) = [json.loads(line) for line in found.stdout.splitlines()]
    assert violation["invariant"] == "I1"
    assert victim.name in violation["subject"]
    marked = node.command("verify", "--mark")
    assert (marked.returncode, marked.stdout) == (1, found.stdout)
    assert marked.stderr.splitlines()[-2:] == ["2 objects, 3 rows: 1 violation", f"{violation['subject']}: damaged"]


def test_verify_that_cannot_check_is_2_and_makes_nothing(stopped: NodeProcess) -> None:
    done = stopped.command("verify")
    assert done.returncode == 2
    assert done.stderr.startswith("pacs: ")
    assert not stopped.data.exists()


def test_rebuild_finds_everything_again(node: NodeProcess, tmp_path: Path) -> None:
    files = write_folder(ct_series(3), tmp_path / "ct")
    assert all(one.succeeded for one in send(files, "127.0.0.1", node.dimse_port, called=node.ae_title, calling="CT1"))
    node.stop()
    for name in ("index.db", "index.db-wal", "index.db-shm"):
        (node.data / name).unlink(missing_ok=True)
    rebuilt = node.command("rebuild")
    assert rebuilt.returncode == 0, rebuilt.stderr
    assert rebuilt.stdout.startswith("3 live, 0 duplicates, 0 conflict versions")
    assert node.command("verify", "--grace-minutes", "0").returncode == 0
    assert node.command("migrate").returncode == 0


def test_demo_needs_a_node(stopped: NodeProcess) -> None:
    done = stopped.command("demo")
    assert done.returncode == 1
    assert "no node runs" in done.stderr


def test_serve_with_demo_sends_it_once(start_node: Callable[..., NodeProcess]) -> None:
    node = start_node(arguments=["--demo"])
    assert _instances_once_settled(node, 90) == 90
    until = time.monotonic() + 30
    while "dcmsend" not in node.log_tail() and time.monotonic() < until:
        time.sleep(0.1)
    before, _, welcome = node.log_tail().partition("demo_sent")
    assert "dcmsend" not in before  # the welcome is the end of the start
    assert f"viewer              {node.web_url}/" in welcome
    sent_again = node.command("demo")
    assert sent_again.returncode == 0, sent_again.stderr
    assert sent_again.stdout.startswith("90 images")
    node.stop()
    node.start()
    time.sleep(3)
    assert node.log_tail().count("demo_sent") == 1
    assert _instances_once_settled(node, 90) == 90  # sent twice on one day, they are the same objects


def _instances_once_settled(node: NodeProcess, expected: int) -> int:
    deadline = time.monotonic() + 90
    while True:
        answer = httpx2.get(f"{node.dicomweb_url}/studies", headers=node.authorization(), trust_env=False)
        answer.raise_for_status()
        count = sum(int(study["00201208"]["Value"][0]) for study in answer.json())
        if count >= expected or time.monotonic() > deadline:
            return count
        time.sleep(0.5)


def _sign_in(node: NodeProcess, name: str, password: str) -> int:
    body = {"name": name, "password": password}
    headers = {"X-Suret": "1"}
    return httpx2.post(f"{node.web_url}/api/session", json=body, headers=headers, trust_env=False).status_code


def test_the_worklist_from_the_command_line(stopped: NodeProcess, tmp_path: Path) -> None:
    stopped.data.mkdir(mode=0o700)
    (stopped.data / "lock").touch(0o600)
    who = ("--patient-id", "P1", "--patient-name", "Сейітқали^Әсел", "--modality", "CT", "--station", "CT1")
    refused = stopped.command("mwl", "add", *who)
    assert refused.returncode == 1
    assert "ScheduledProcedureStepDescription (0040,0007): expected it" in refused.stderr
    file = tmp_path / "entry.json"
    file.write_text(json.dumps(entry("S2", "1.2.4")), encoding="utf-8")
    for arguments in (
        (*who, "--description", "CT head", "--date", "20261128", "--time", "0930"),
        ("--file", str(file)),
    ):
        added = stopped.command("mwl", "add", *arguments)
        assert added.returncode == 0, added.stderr
    listed = stopped.command("mwl", "list", "--patient", "seiitkali*").stdout.splitlines()
    assert listed[1].split()[:7] == ["20261128", "0930", "CT1", "CT", "SCHEDULED", "P1", "Сейітқали^Әсел"]
    assert len(listed) == 2
    assert stopped.command("mwl", "remove", "1.2.4", "S2").returncode == 0
    assert stopped.command("mwl", "remove", "1.2.4", "S2").returncode == 1
