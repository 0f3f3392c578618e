"""What the doctor says of a node that is well, of one that is not, and of one that cannot start."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, text, update

from pacs.archive import duties
from pacs.archive.archive import Archive
from pacs.archive.duties import Duty, Progress
from pacs.doctor import archive as archive_checks
from pacs.doctor import index as index_checks
from pacs.doctor import machine, node, place, work
from pacs.doctor.checks import CHECKS, examine, verdict
from pacs.doctor.finding import Finding, Level, unseen, well, wrong
from pacs.doctor.look import Look, look_at
from pacs.index.schema import cursor, event, instance, unknown_caller
from pacs.model import InstanceState, StorageState, to_microseconds, utc_now
from pacs.node import Core, alone, open_core
from pacs.render.values import SandboxMeasure
from pacs.render.workers import DecodeWorkers
from pacs.settings import Settings
from tests.support.archives import send
from tests.support.certificates import Authority
from tests.support.factories import ct_slice
from tests.support.process import NodeProcess, free_port
from tests.support.services import S3Bucket

Ask = Callable[[Look], Iterator[Finding]]


def _levels(found: Iterator[Finding] | list[Finding]) -> list[Level]:
    return [finding.level for finding in found]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Of a node that is stopped, with ports that nobody listens on."""
    return Settings.model_validate(
        {"data": tmp_path / "data", "dimse": {"port": free_port()}, "web": {"port": free_port()}}
    )


@pytest.fixture
def core(settings: Settings) -> Iterator[Core]:
    with open_core(settings, "command") as core:
        yield core


@contextmanager
def _changed(archive: Archive, *statements: object) -> Iterator[None]:
    for statement in statements:
        archive.index.write(lambda connection, one=statement: connection.execute(one).close())  # type: ignore[misc]
    yield


def _ask(settings: Settings, check: Ask, **changes: object) -> list[Finding]:
    with look_at(settings) as look:
        return list(check(replace(look, **changes)))  # type: ignore[arg-type]


# Whole -----------------------------------------------------------------------------------------------------------


def test_a_running_node_is_well(node: NodeProcess) -> None:
    done = node.command("doctor", "--json")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    # The clock and the kernel are the machine's, and a backup is a site's: everything else is well from the first day.
    assert [one for one in found if one["level"] != "well" and one["check"] not in ("clock", "sandbox", "room")] == []
    told = {one["check"] for one in found}
    assert {
        "node",
        "ready",
        "refused",
        "hashing",
        "ready files",
        "index",
        "durability",
        "object store",
        "damage",
    } <= told
    assert all(set(one) == {"check", "level", "text", "remedy"} for one in found)
    brief = node.command("doctor", "--brief")
    assert "well" not in [line.split()[0] for line in brief.stdout.splitlines() if line]
    assert brief.returncode == verdict([Finding(Level(one["level"]), "") for one in found])


def test_a_node_that_was_never_started_is_told_and_nothing_is_made(start_node: Callable[..., NodeProcess]) -> None:
    stopped = start_node(ready=False)
    done = stopped.command("doctor")
    assert done.returncode == 1
    assert f"there is no folder {stopped.data}" in done.stdout
    assert "`pacs serve`" in done.stdout
    assert "Traceback" not in done.stderr
    assert not stopped.data.exists()


def test_settings_that_are_wrong_are_told_one_by_one(start_node: Callable[..., NodeProcess]) -> None:
    stopped = start_node({"DIMSE__PORT": "many", "COLOUR": "red"}, ready=False)
    done = stopped.command("doctor")
    assert done.returncode == 1
    assert [line.split()[:2] for line in done.stdout.splitlines()[::2]] == [["wrong", "settings"]] * 2
    assert "PACS_DIMSE__PORT" in done.stdout
    assert "PACS_COLOUR" in done.stdout


def test_the_exit_code_says_the_worst() -> None:
    assert verdict([]) == verdict([well("a")]) == 0
    assert verdict([well("a"), unseen("b")]) == 2
    assert verdict([unseen("a"), wrong("b", "c")]) == 1


def test_a_check_that_fails_is_one_that_could_not_look(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pacs.doctor.machine._is_synchronised", lambda: 1 / 0)
    with look_at(settings) as look:
        [finding] = [finding for name, finding in examine(look) if name == "clock"]
    assert finding.level is Level.UNSEEN
    assert "ZeroDivisionError" in finding.text


def test_every_check_answers_for_a_stopped_archive(settings: Settings, core: Core) -> None:
    send(core.archive, ct_slice())
    with look_at(settings) as look:
        found = list(examine(look))
    assert {name for name, _ in found} <= {check.name for check in CHECKS}
    assert [finding.text for _, finding in found if finding.level is Level.UNSEEN] == []
    assert all(finding.remedy for _, finding in found if finding.level is Level.WRONG)


# The place -------------------------------------------------------------------------------------------------------


def test_a_data_folder_that_others_may_read(settings: Settings, core: Core) -> None:
    assert _levels(_ask(settings, place.data_folder)) == [Level.WELL]
    settings.data.chmod(0o755)
    [finding] = _ask(settings, place.data_folder)
    assert finding.remedy == f"chmod 700 {settings.data}"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_files_of_another_user(settings: Settings, core: Core) -> None:
    os.chown(settings.data / "index.db", 65534, 65534)
    [finding] = _ask(settings, place.data_folder)
    assert "index.db does not belong to the owner" in finding.text
    os.chown(settings.data, 65534, 65534)
    [finding] = _ask(settings, place.data_folder)
    assert "belongs to user id 65534" in finding.text
    os.chown(settings.data / "store" / "objects", 65534, 65534)
    [finding] = _ask(settings, archive_checks.object_store)
    assert "only that user can try the object store" in finding.text


@pytest.mark.parametrize(("kind", "level"), [("ext4", Level.WELL), ("nfs4", Level.WRONG), ("overlay", Level.WRONG)])
def test_disks_that_may_not_keep_it(
    settings: Settings, core: Core, monkeypatch: pytest.MonkeyPatch, kind: str, level: Level
) -> None:
    monkeypatch.setattr(place, "file_system_of", lambda path: kind)
    assert set(_levels(_ask(settings, place.file_systems))) == {level}


def test_too_little_room(settings: Settings, core: Core) -> None:
    generous = {"warn_bytes_min": 0, "free_bytes_min": 0}
    easy = settings.model_copy(update={"archive": settings.archive.model_copy(update=generous)})
    assert _levels(_ask(easy, place.room)) == [Level.WELL]
    greedy = {"warn_bytes_min": 1 << 60, "warn_percent_min": 90.0, "free_bytes_min": 0}
    hard = settings.model_copy(update={"archive": settings.archive.model_copy(update=greedy)})
    [finding] = _ask(hard, place.room)
    assert "MiB left" in finding.text
    assert "enlarge the disk" in finding.remedy


def test_a_log_that_has_grown(settings: Settings, core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "LOG_BYTES_MAX", 0)
    assert any("log of the index" in finding.text for finding in _ask(settings, place.room))


# The node --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("processors", "prepared", "level", "says"),
    [
        (1, {"files_ready": 0}, Level.WELL, "it has one processor"),
        (2, {"files_ready": 0}, Level.WELL, "no shared memory"),
        (2, {"hasher_ready": 0, "hasher_digests": 0, "hasher_deaths": 0}, Level.WELL, "begins with the first"),
        (2, {"hasher_ready": 1, "hasher_digests": 7, "hasher_deaths": 0}, Level.WELL, "7 times"),
        (2, {"hasher_ready": 0, "hasher_digests": 7, "hasher_deaths": 1}, Level.WRONG, "has died once"),
        (
            2,
            {"hasher_ready": 1, "hasher_digests": 7, "hasher_deaths": 2},
            Level.WRONG,
            "2 times since the node started",
        ),
    ],
)
def test_the_process_that_hashes(
    settings: Settings, processors: int, prepared: dict[str, int], level: Level, says: str
) -> None:
    [finding] = _ask(settings, work.hashing, status={"processors": processors, "prepared": prepared})
    assert (finding.level, says in finding.text) == (level, True)


@pytest.mark.parametrize(
    ("changes", "level", "says"),
    [
        ({"processes": 0}, Level.WELL, "one processor"),
        ({"running": 0}, Level.WELL, "begin when several are wanted"),
        ({}, Level.WELL, "40 pictures made"),
        ({"deaths": 4}, Level.WRONG, "4 times"),
    ],
)
def test_the_processes_that_make_pictures(settings: Settings, changes: dict[str, int], level: Level, says: str) -> None:
    told = {"processes": 3, "running": 2, "deaths": 0, "made": 40, "refused": 1} | changes
    [finding] = _ask(settings, work.pictures, status={"pictures": told})
    assert (finding.level, says in finding.text) == (level, True)
    assert ("dmesg" in finding.remedy) is (level is Level.WRONG)


@pytest.mark.parametrize(
    ("changes", "levels"),
    [
        ({}, [Level.WELL]),
        ({"lost": 2}, [Level.WELL]),
        ({"lost": 3}, [Level.WRONG]),
        ({"lost": 3, "frames": 100_000}, [Level.WELL]),
        ({"not_started": 1, "refused": 5}, [Level.WRONG, Level.WRONG]),
    ],
)
def test_the_processes_that_decode(settings: Settings, changes: dict[str, int], levels: list[Level]) -> None:
    told = {"workers": 2, "running": 2, "frames": 10, "lost": 0, "not_started": 0, "refused": 0} | changes
    assert _levels(_ask(settings, work.decoders, status={"decoders": told})) == levels


def test_images_that_were_refused_are_told_with_what_to_do(settings: Settings) -> None:
    now = utc_now()
    told = {"disk_failed": {"count": 2, "last_at": now.isoformat(timespec="seconds")}}
    [finding] = _ask(settings, work.refused, status={"refused": told}, now=now)
    assert finding.level is Level.WRONG
    assert f"2 times since the node started, the last at {now.isoformat(timespec='seconds')}" in finding.text
    [over] = _ask(settings, work.refused, status={"refused": told}, now=now + timedelta(days=2))
    assert (over.level, "none since" in over.text) == (Level.WELL, True)
    assert "smartctl" in finding.remedy
    assert _levels(_ask(settings, work.refused, status={"refused": {}})) == [Level.WELL]
    assert _ask(settings, work.refused, status=None) == []


def test_files_made_ready(settings: Settings) -> None:
    told = {"files_ready": 16, "files_taken": 3, "files_failures": 0}
    [well_off] = _ask(settings, work.ready_files, status={"prepared": told})
    [failed] = _ask(settings, work.ready_files, status={"prepared": told | {"files_failures": 2}})
    assert (well_off.level, failed.level) == (Level.WELL, Level.WRONG)
    assert "16 files are ready" in well_off.text
    assert "no_files_made_ready" in failed.remedy
    for nothing in ({"prepared": {}}, None):  # objects kept by S3; no node
        for check in (work.ready_files, work.hashing, work.pictures, work.decoders):
            assert _ask(settings, check, status=nothing) == []


def test_ports_that_are_taken_are_told_with_who_has_them(settings: Settings) -> None:
    assert _levels(_ask(settings, node.ports)) == [Level.WELL, Level.WELL]
    with socket.create_server(("127.0.0.1", settings.dimse.port)):
        taken, free = _ask(settings, node.ports)
    assert taken.level is Level.WRONG
    assert f"process {os.getpid()}" in taken.text
    assert "PACS_DIMSE__PORT" in taken.remedy
    assert free.level is Level.WELL


def test_a_node_that_holds_the_lock_and_says_nothing(settings: Settings) -> None:
    with alone(settings, "command"):
        assert _levels(_ask(settings, node.running)) == [Level.WRONG]


@pytest.mark.parametrize(
    ("changes", "level"),
    [
        ({}, Level.WELL),
        ({"host": "0.0.0.0"}, Level.WRONG),
        ({"host": "0.0.0.0", "public_url": "http://pacs.example.org"}, Level.WRONG),
        ({"host": "0.0.0.0", "public_url": "https://pacs.example.org"}, Level.WELL),
        ({"public_url": "http://pacs.example.org"}, Level.WRONG),
        ({"host": "::1"}, Level.WELL),
    ],
)
def test_a_web_that_the_network_reaches_in_clear(settings: Settings, changes: dict[str, str], level: Level) -> None:
    exposed = settings.model_copy(update={"web": settings.web.model_copy(update=changes)})
    assert _levels(_ask(exposed, node.exposure))[0] is level


def test_a_dicom_port_for_everybody(settings: Settings) -> None:
    for checked, level in ((True, Level.WELL), (False, Level.WRONG)):
        dimse = settings.dimse.model_copy(update={"host": "0.0.0.0", "check_called_ae_title": checked})
        assert _levels(_ask(settings.model_copy(update={"dimse": dimse}), node.exposure))[1] is level


def test_certificates_that_end(settings: Settings, tmp_path: Path) -> None:
    file = Authority(tmp_path, "hospital").sign("node", days=365).certificate
    dimse = settings.dimse.model_copy(update={"tls_certificate": str(file)})
    tls = settings.model_copy(update={"dimse": dimse})
    with look_at(tls) as look:
        assert _levels(node.certificates(look)) == [Level.WELL]
        [soon] = node.certificates(replace(look, now=look.now + timedelta(days=350)))
        assert "expires in 14 days" in soon.text
        [late] = node.certificates(replace(look, now=look.now + timedelta(days=366)))
        assert "has expired" in late.text
        file.write_text("nothing")
        assert _levels(node.certificates(look)) == [Level.UNSEEN]


# The machine -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("told", "level"), [(True, Level.WELL), (False, Level.WRONG), (None, Level.UNSEEN)])
def test_the_clock(settings: Settings, monkeypatch: pytest.MonkeyPatch, told: bool | None, level: Level) -> None:
    monkeypatch.setattr(machine, "_is_synchronised", lambda: told)
    assert _levels(_ask(settings, machine.clock)) == [level]


def test_a_clock_that_has_stepped_back(settings: Settings, core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_is_synchronised", lambda: True)
    send(core.archive, ct_slice())
    with look_at(settings) as look:
        assert _levels(machine.clock(look)) == [Level.WELL]
        assert _levels(machine.clock(replace(look, now=look.now - timedelta(hours=1)))) == [Level.WELL, Level.WRONG]


def test_walls_that_the_kernel_refuses(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = (SandboxMeasure("network", holds=False, detail="Operation not permitted"),)
    monkeypatch.setattr(DecodeWorkers, "sandbox_report", property(lambda self: refused))
    [finding] = _ask(settings, machine.sandbox)
    assert "network (Operation not permitted)" in finding.text


# The index -------------------------------------------------------------------------------------------------------


def test_an_index_of_another_release(settings: Settings, core: Core) -> None:
    assert _levels(_ask(settings, index_checks.opened)) == [Level.WELL]
    with _changed(core.archive, text("UPDATE alembic_version SET version_num = '0001'")):
        [finding] = _ask(settings, index_checks.opened)
        assert finding.remedy == "stop the node and run `pacs migrate`"
        assert _ask(settings, archive_checks.damaged) == [], "tables of another release are not asked"
    with _changed(core.archive, text("UPDATE alembic_version SET version_num = '9999'")):
        [finding] = _ask(settings, index_checks.opened)
        assert "newer release" in finding.text


def test_a_damaged_index(settings: Settings) -> None:
    with open_core(settings, "command") as core:
        send(core.archive, ct_slice())
    file = settings.data / "index.db"
    content = bytearray(file.read_bytes())
    content[40960:81920] = bytes(40960)
    file.write_bytes(content)
    assert Level.WRONG in _levels(_ask(settings, index_checks.durable))
    file.write_bytes(b"no database at all, " * 1000)
    [finding] = _ask(settings, index_checks.opened)
    assert finding.level is Level.WRONG
    assert finding.text.startswith("the index cannot be opened")


def test_postgresql_that_does_not_keep_it(settings: Settings, postgresql_url: str) -> None:
    """The servers of the tests run without fsync, which the doctor has to see."""
    there = settings.model_copy(update={"database": postgresql_url})
    with open_core(there, "command"):
        assert _levels(_ask(there, index_checks.opened)) == [Level.WELL]
        found = [finding.text for finding in _ask(there, index_checks.durable)]
    assert [text.split(":")[0] for text in found] == [
        "PostgreSQL has fsync off",
        "PostgreSQL has full_page_writes off",
    ]


def test_a_database_that_is_away(settings: Settings) -> None:
    settings.data.mkdir()
    (settings.data / "lock").touch()
    away = settings.model_copy(update={"database": f"postgresql://nobody:secret@127.0.0.1:{free_port()}/none"})
    [finding] = _ask(away, index_checks.opened)
    assert finding.level is Level.WRONG
    assert "secret" not in finding.text


# The archive -----------------------------------------------------------------------------------------------------


def test_an_object_store_that_is_away(settings: Settings, core: Core) -> None:
    assert _levels(_ask(settings, archive_checks.object_store)) == [Level.WELL]
    (settings.data / "store" / "objects").rename(settings.data / "elsewhere")
    assert _levels(_ask(settings, archive_checks.object_store)) == [Level.WRONG]


def test_a_bucket(settings: Settings, s3_bucket: S3Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    from storage.s3 import S3Store

    s3 = settings.s3.model_validate(
        {
            "endpoint_url": s3_bucket.options.endpoint_url,
            "access_key_id": s3_bucket.options.access_key_id,
            "secret_access_key": s3_bucket.options.secret_access_key,
        }
    )
    there = settings.model_copy(update={"storage": s3_bucket.location, "s3": s3})
    with open_core(there, "command"):
        assert _levels(_ask(there, archive_checks.object_store)) == [Level.WELL]
        monkeypatch.setattr(S3Store, "_race", lambda self, name: 8)
        [finding] = _ask(there, archive_checks.object_store)
        assert "If-None-Match" in finding.text
    away = there.model_copy(update={"storage": "s3://no-such-bucket"})
    assert _levels(_ask(away, archive_checks.object_store)) == [Level.WRONG]


def test_damage_and_conflicts(settings: Settings, core: Core) -> None:
    send(core.archive, ct_slice())
    assert _levels(_ask(settings, archive_checks.damaged)) == [Level.WELL]
    assert _ask(settings, archive_checks.conflicts) == []
    with _changed(core.archive, update(instance).values(storage=StorageState.DAMAGED.value)):
        [finding] = _ask(settings, archive_checks.damaged)
        assert finding.text.startswith("1 object is damaged")
    with _changed(core.archive, update(instance).values(state=InstanceState.CONFLICT.value)):
        assert _levels(_ask(settings, archive_checks.conflicts)) == [Level.WRONG]


def test_arrivals_that_nobody_finishes(settings: Settings, core: Core) -> None:
    part = core.archive.store.incoming / "a.part"
    part.touch()
    assert _ask(settings, archive_checks.unfinished) == []
    yesterday = time.time() - 25 * 3600
    os.utime(part, (yesterday, yesterday))
    [finding] = _ask(settings, archive_checks.unfinished)
    assert finding.text.startswith("1 unfinished arrival is left")


def test_a_follower_that_is_behind(settings: Settings, core: Core) -> None:
    send(core.archive, ct_slice())
    assert _levels(_ask(settings, archive_checks.followers)) == [Level.WELL]
    old = to_microseconds(core.archive.clock() - timedelta(hours=25))
    late = (insert(cursor).values(follower="triage", number=0), update(event).values(at=old))
    with _changed(core.archive, *late):
        [finding] = _ask(settings, archive_checks.followers)
    assert finding.text.startswith("triage is 1 events")


def test_a_device_that_waits_to_be_let_in(settings: Settings, core: Core) -> None:
    now = to_microseconds(core.archive.clock())
    called = {"ae_title": "CT 2", "address": "10.0.0.9", "first_at": now, "last_at": now}
    core.archive.index.write(lambda connection: connection.execute(insert(unknown_caller).values(called)).close())
    [finding] = _ask(settings, archive_checks.callers)
    assert "pacs ae approve 'CT 2' 10.0.0.9 --allow store" in finding.remedy
    with look_at(settings) as look:
        assert list(archive_checks.callers(replace(look, now=look.now + timedelta(days=31)))) == []


def test_the_age_of_backup_and_scrub(settings: Settings, core: Core) -> None:
    assert _ask(settings, archive_checks.backup) == [], "an empty archive has nothing to lose"
    send(core.archive, ct_slice())
    now = core.archive.clock()
    for check, duty, late in (
        (archive_checks.backup, Duty.BACKUP, timedelta(days=3)),
        (archive_checks.scrubbed, Duty.SCRUB_ALL, timedelta(days=34)),
    ):
        with look_at(settings) as look:
            before = _levels(check(look))
        assert before == ([Level.WRONG] if duty is Duty.BACKUP else [])
        done = Progress("/backup" if duty is Duty.BACKUP else "", now, now)
        core.archive.index.write(lambda connection, duty=duty, done=done: duties.keep(connection, duty, done))  # type: ignore[misc]
        with look_at(settings) as look:
            assert _levels(check(look)) == [Level.WELL]
            assert _levels(check(replace(look, now=look.now + late))) == [Level.WRONG]


def test_a_scrub_that_is_switched_off(settings: Settings, core: Core) -> None:
    off = settings.model_copy(update={"archive": settings.archive.model_copy(update={"scrub_days": 0.0})})
    assert _levels(_ask(off, archive_checks.scrubbed)) == [Level.WRONG]
