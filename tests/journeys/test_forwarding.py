"""A node that forwards is killed between any two steps, and loses no job: ordered, sent, asked about, promised."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset
from pydicom.uid import UID, generate_uid
from pynetdicom import AE, build_role, evt

from tests.conftest import NodeFactory
from tests.support.dimse import wait_until
from tests.support.factories import ct_series, write_folder
from tests.support.network import COMMITMENT, COMMITMENT_INSTANCE, Reports, Store, scp, storing
from tests.support.process import NodeProcess


def _do(node: NodeProcess, *arguments: str) -> str:
    done = node.command(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _states(node: NodeProcess, kind: str) -> list[str]:
    lines = _do(node, "queue", "list", "--all", "--json", "--kind", kind).splitlines()
    return [json.loads(line)["state"] for line in lines]


def _killed(node: NodeProcess) -> None:
    node.kill()
    node.start()


def _store(node: NodeProcess, datasets: list[Dataset]) -> None:
    entity = AE(ae_title="CT1")
    entity.add_requested_context(datasets[0].SOPClassUID)
    association = entity.associate("127.0.0.1", node.dimse_port, ae_title=node.ae_title)
    assert [association.send_c_store(one).Status for one in datasets] == [0] * len(datasets)
    association.release()


class Archive:
    """A peer that takes images, is asked to commit to them, and reports when it is told to."""

    def __init__(self) -> None:
        self.store = Store()
        self.asked: list[Dataset] = []
        self.was_asked = threading.Event()

    def requested(self, event: evt.Event) -> tuple[int, None]:
        """The handler of N-ACTION."""
        self.asked.append(event.action_information)
        self.was_asked.set()
        return 0, None

    def listening(self) -> Any:
        """Its port, until the end of the block."""
        return storing(self.store, "ARCHIVE", more=[((COMMITMENT, {}), (evt.EVT_N_ACTION, self.requested))])

    def report(self, node: NodeProcess) -> int:
        """Promise all that was asked for last; the node's answer."""
        told = Dataset()
        told.TransactionUID = self.asked[-1].TransactionUID
        told.ReferencedSOPSequence = self.asked[-1].ReferencedSOPSequence
        entity = AE(ae_title="ARCHIVE")
        entity.add_requested_context(COMMITMENT)
        association = entity.associate(
            "127.0.0.1", node.dimse_port, ae_title=node.ae_title, ext_neg=[build_role(COMMITMENT, False, True)]
        )
        status, _ = association.send_n_event_report(told, 1, COMMITMENT, UID(COMMITMENT_INSTANCE))
        association.release()
        return int(status.Status)


def test_a_node_killed_between_any_two_steps_forwards_all_the_same(start_node: NodeFactory, tmp_path: Path):
    node = start_node({"ARCHIVE__STUDY_QUIET_S": "0.5"})
    rule = tmp_path / "rule.json"
    rule.write_text(json.dumps({"id": "all", "to": [{"ae": "ARCHIVE", "commitment": True}]}), encoding="utf-8")
    datasets, archive = ct_series(5), Archive()
    archive.store.hold.clear()
    with archive.listening() as port:
        _do(node, "ae", "add", "ARCHIVE", "127.0.0.1", str(port), "--allow", "store")
        _do(node, "route", "add", str(rule))
        _do(node, "queue", "pause")
        _store(node, datasets)
        assert wait_until(lambda: _states(node, "send") == ["queued"], 30)
        _killed(node)  # ordered, not begun
        assert _states(node, "send") == ["queued"]
        _do(node, "queue", "resume")
        assert wait_until(lambda: _states(node, "send") == ["running"], 30)
        _killed(node)  # in the middle of an instance
        archive.store.hold.set()
        assert archive.was_asked.wait(60)
        node.kill()  # asked, not promised
        assert len(set(archive.store.uids())) == 5
        node.start()
        assert wait_until(lambda: archive.report(node) == 0, 30)
        assert wait_until(lambda: _states(node, "commitment_request") == ["done"], 30)
        assert _states(node, "send") == ["done"]
        assert node.command("verify", "--grace-minutes", "0").returncode == 0


def test_a_promise_that_was_taken_is_told_after_a_kill(start_node: NodeFactory):
    node, reports, datasets = start_node(), Reports(), ct_series(3)
    as_scu = [(COMMITMENT, {"scu_role": False, "scp_role": True})]
    with scp("CT1", as_scu, (evt.EVT_N_EVENT_REPORT, reports.take)) as port:
        _do(node, "ae", "add", "CT1", "127.0.0.1", str(port), "--allow", "store")
        _do(node, "queue", "pause")
        _store(node, datasets)
        asked = Dataset()
        asked.TransactionUID = generate_uid()
        asked.ReferencedSOPSequence = []
        for one in datasets:
            item = Dataset()
            item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = one.SOPClassUID, one.SOPInstanceUID
            asked.ReferencedSOPSequence.append(item)
        entity = AE(ae_title="CT1")
        entity.add_requested_context(COMMITMENT)
        association = entity.associate("127.0.0.1", node.dimse_port, ae_title=node.ae_title)
        status, _ = association.send_n_action(asked, 1, COMMITMENT, UID(COMMITMENT_INSTANCE))
        assert status.Status == 0
        association.abort()
        _killed(node)
        _do(node, "queue", "resume")
        assert reports.arrived.wait(60)
        ((event_type, told),) = reports.came
        assert (event_type, told.TransactionUID) == (1, asked.TransactionUID)
        assert wait_until(lambda: _states(node, "commitment_result") == ["done"], 30)
    assert node.command("verify", "--grace-minutes", "0").returncode == 0


@pytest.mark.interop
def test_people_ask_send_and_fetch_from_the_command_line(start_node: NodeFactory, tmp_path: Path):
    from tests.support.orthanc import AE_TITLE, running_orthanc

    node, datasets = start_node(), ct_series(3)
    study = str(datasets[0].StudyInstanceUID)
    with running_orthanc(tmp_path / "orthanc") as orthanc:
        orthanc.know("SURET", node.dimse_port)
        orthanc.upload(write_folder(datasets, tmp_path / "out"))
        assert "no peer has the AE title" in node.command("query", AE_TITLE).stderr
        _do(node, "ae", "add", AE_TITLE, "127.0.0.1", str(orthanc.dimse_port), "--allow", "store")
        found = _do(node, "query", AE_TITLE, f"PatientID={datasets[0].PatientID}")
        assert study in found
        assert node.command("query", AE_TITLE, "Nonsense=1").returncode == 1
        fetched = node.command("fetch", AE_TITLE, study, "--wait")
        assert fetched.returncode == 0, fetched.stderr
        assert "done 3/3" in fetched.stderr
        for one in orthanc.api("/studies"):
            orthanc.api(f"/studies/{one}", method="DELETE")
        sent = node.command("send", study, AE_TITLE, "--commitment", "--wait")
        assert sent.returncode == 0, sent.stderr
        assert len(orthanc.api("/instances")) == 3
        assert wait_until(lambda: _states(node, "commitment_request") == ["done"], 30)
        refused = node.command("fetch", AE_TITLE, "1.2.3", "--wait")
        assert refused.returncode == 1
        (line,) = [one for one in _do(node, "queue", "list").splitlines() if "dead" in one]
        job = line.split()[0]
        assert json.loads(_do(node, "queue", "show", job))["study_instance_uid"] == "1.2.3"
        _do(node, "queue", "cancel", job)
        assert "(none)" in node.command("queue", "list").stderr
