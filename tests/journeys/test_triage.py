"""The AI hook end to end: a real node, a real service that checks signatures, reads pixels and answers."""

from __future__ import annotations

import asyncio
import json
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
from pydicom import Dataset
from websockets.asyncio.client import connect

from pacs.dimse.scu import send
from pacs.triage.follower import input_digest
from tests.support.factories import ct_series, part10, write_folder
from tests.support.process import NodeProcess, free_port
from tests.support.triage import Delivery, result_of, service, verified

QUIET = {"ARCHIVE__STUDY_QUIET_S": "1"}
RULE: dict[str, Any] = {
    "id": "any-ct",
    "trigger": {"event": "study.stable"},
    "match": {"all": [{"tag": "Modality", "op": "eq", "value": "CT"}]},
    "dispatch": [{"service": "reader", "timeout_s": 300}],
    "priority_policy": {"min_score": 0.7, "require_image_quality": "diagnostic"},
}


class Reader:
    """A service as a vendor would write it: verifies, accepts at once, reads and answers from a thread."""

    def __init__(self, act: Callable[[dict[str, Any], httpx2.Client], None]) -> None:
        self.secret = ""
        self._act = act
        self.done: queue.Queue[BaseException | None] = queue.Queue()

    def respond(self, delivery: Delivery) -> tuple[int, dict[str, str]]:
        if not verified(delivery, self.secret):
            return 401, {}
        threading.Thread(target=self._work, args=(delivery.message,)).start()
        return 202, {}

    def _work(self, message: dict[str, Any]) -> None:
        access = message["data"]["input"]["dicomweb"]
        headers = {"Authorization": f"Bearer {access['token']}"}
        try:
            with httpx2.Client(headers=headers, timeout=30, trust_env=False) as client:
                self._act(message, client)
            self.done.put(None)
        except BaseException as error:
            self.done.put(error)

    def wait(self) -> None:
        """Return when one task was answered; raise what went wrong in it."""
        error = self.done.get(timeout=60)
        if error is not None:
            raise error


def register(node: NodeProcess, url: str, match: dict[str, Any] = RULE["match"]) -> str:
    """Register the service and the rule through the command line; the service's secret."""
    added = node.command("ai", "service", "add", "reader", url, "--name", "HU reader", "--service-version", "0.1")
    assert added.returncode == 0, added.stderr
    rule = node.folder / "rule.json"
    rule.write_text(json.dumps(RULE | {"match": match}))
    done = node.command("ai", "rule", "add", str(rule))
    assert done.returncode == 0, done.stderr
    return added.stdout.strip().splitlines()[-1]


def store(node: NodeProcess, folder: Path, **options: Any) -> list[Dataset]:
    """Send a CT series by C-STORE."""
    datasets = ct_series(4, **options)
    files = write_folder(datasets, folder)
    sent = list(send(files, "127.0.0.1", node.dimse_port, called=node.ae_title, calling="CT1"))
    assert [one.status for one in sent] == [0] * 4
    return datasets


def worklist_row(node: NodeProcess, study_instance_uid: str) -> dict[str, Any]:
    """The study as the viewer's worklist has it."""
    answer = httpx2.get(f"{node.web_url}/api/worklist", headers=node.authorization("radiologist"), trust_env=False)
    answer.raise_for_status()
    rows = [row for row in answer.json()["studies"] if row["study_instance_uid"] == study_instance_uid]
    assert len(rows) == 1
    return dict(rows[0])


@contextmanager
def watched(node: NodeProcess) -> Iterator[Callable[[str], None]]:
    """The live feed of a signed-in reader; the function waits for word of a study."""
    told: queue.Queue[str] = queue.Queue()
    ready = threading.Event()
    ended = threading.Event()

    async def watch() -> None:
        url = f"ws://127.0.0.1:{node.web_port}/ws"
        headers = {**node.authorization("radiologist"), "Origin": node.web_url}
        async with connect(url, additional_headers=headers, proxy=None) as socket:
            while not ended.is_set():
                try:
                    message = json.loads(await asyncio.wait_for(socket.recv(), 0.2))
                except TimeoutError:
                    continue
                ready.set()
                told.put(message.get("study_instance_uid", ""))

    def wait_for(study_instance_uid: str) -> None:
        deadline = time.monotonic() + 30
        while told.get(timeout=max(0.1, deadline - time.monotonic())) != study_instance_uid:
            pass

    thread = threading.Thread(target=lambda: asyncio.run(watch()))
    node.authorization("radiologist")
    thread.start()
    try:
        assert ready.wait(30)
        yield wait_for
    finally:
        ended.set()
        thread.join(30)


def read_pixels(message: dict[str, Any], client: httpx2.Client) -> list[str]:
    """What a service does first: every frame of every series of its task; the SOP Instance UIDs it saw."""
    task = message["data"]["input"]
    root, study = task["dicomweb"]["base_url"], task["study_uid"]
    seen = []
    for series in task["series"]:
        path = f"{root}/studies/{study}/series/{series['series_uid']}"
        answer = client.get(f"{path}/metadata", headers={"Accept": "application/dicom+json"})
        answer.raise_for_status()
        for metadata in answer.json():
            uid = metadata["00080018"]["Value"][0]
            rows, columns = metadata["00280010"]["Value"][0], metadata["00280011"]["Value"][0]
            accept = 'multipart/related; type="application/octet-stream"; transfer-syntax=1.2.840.10008.1.2.1'
            frame = client.get(f"{path}/instances/{uid}/frames/1", headers={"Accept": accept})
            frame.raise_for_status()
            pixels = frame.content.split(b"\r\n\r\n", 1)[1][: rows * columns * 2]
            assert np.frombuffer(pixels, "<u2").reshape(rows, columns).max() > 0
            seen.append(uid)
    return seen


def answer_result(message: dict[str, Any], client: httpx2.Client, **more: Any) -> httpx2.Response:
    return client.post(message["data"]["output"]["result_url"], json=result_of(message, **more))


def test_a_study_is_read_by_the_service_and_rises_in_the_open_worklist(
    start_node: Callable[..., NodeProcess], tmp_path: Path
) -> None:
    node = start_node(QUIET)
    receipts: list[httpx2.Response] = []

    def act(message: dict[str, Any], client: httpx2.Client) -> None:
        seen = read_pixels(message, client)
        assert input_digest(seen) == message["data"]["input"]["input_digest"]
        receipts.append(answer_result(message, client))

    reader = Reader(act)
    with service(reader.respond) as running:
        reader.secret = register(node, running.url)
        with watched(node) as wait_for:
            datasets = store(node, tmp_path / "ct")
            uid = datasets[0].StudyInstanceUID
            wait_for(uid)
            assert worklist_row(node, uid)["priority"] == "routine"
            reader.wait()
            wait_for(uid)
        row = worklist_row(node, uid)
    assert [receipt.json()["used"] for receipt in receipts] == [True]
    assert row["priority"] == "critical"
    assert row["reason"]["en"] == "Dense region"
    assert row["reason"]["kk"] == "Тығыз аймақ"
    assert row["priority_source"] == "HU reader 0.1"
    assert len(running.deliveries) == 1
    assert datasets[0].PatientID.encode() not in running.deliveries[0].body
    assert node.command("verify").returncode == 0


def test_a_token_reads_its_study_answers_its_task_and_does_nothing_else(
    start_node: Callable[..., NodeProcess], tmp_path: Path
) -> None:
    node = start_node(QUIET)
    other = store(node, tmp_path / "other", study="other", series="other")
    foreign = other[0].StudyInstanceUID
    statuses: dict[str, int] = {}

    def act(message: dict[str, Any], client: httpx2.Client) -> None:
        task = message["data"]["input"]
        root, mine = task["dicomweb"]["base_url"], task["study_uid"]
        result_url = message["data"]["output"]["result_url"]
        dicom = {"Content-Type": "application/dicom"}
        statuses["own study"] = client.get(f"{root}/studies/{mine}/metadata").status_code
        statuses["foreign study"] = client.get(f"{root}/studies/{foreign}/metadata").status_code
        statuses["no such study"] = client.get(f"{root}/studies/2.25.1/metadata").status_code
        found = client.get(f"{root}/studies").json()
        statuses["studies that exist"] = len(found)
        assert found[0]["0020000D"]["Value"] == [mine]
        foreign_copy = part10(ct_series(1, study="other", series="new")[0])
        statuses["store elsewhere"] = client.post(f"{root}/studies", content=foreign_copy, headers=dicom).status_code
        for path in ("api/accounts", "api/peers"):
            statuses[path] = client.get(f"{node.web_url}/{path}").status_code
        worklist = client.get(f"{node.web_url}/api/worklist").json()["studies"]
        statuses["rows of the worklist"] = len(worklist)
        assert worklist[0]["study_instance_uid"] == mine
        statuses["delete"] = client.delete(f"{root}/studies/{mine}").status_code
        elsewhere = result_url.replace(message["data"]["task_id"], "01JD9Z4K2VQ7M3N8P5R6S7T8V9")
        statuses["foreign task"] = client.post(elsewhere, json=result_of(message)).status_code
        statuses["garbage"] = client.post(result_url, content=b"<html>").status_code
        huge = b"[" + b" " * (2 << 20) + b"]"
        statuses["huge"] = client.post(result_url, content=huge).status_code
        statuses["result"] = answer_result(message, client).status_code
        statuses["result again"] = answer_result(message, client).status_code
        statuses["another result"] = answer_result(message, client, suggestion="none").status_code
        statuses["own study afterwards"] = client.get(f"{root}/studies/{mine}/metadata").status_code

    reader = Reader(act)
    with service(reader.respond) as running:
        reader.secret = register(node, running.url, {"tag": "StudyID", "op": "eq", "value": "MINE"})
        store(node, tmp_path / "mine", study="mine", series="mine", StudyID="MINE")
        reader.wait()
        result_url = running.deliveries[0].message["data"]["output"]["result_url"]
        callers = ({"X-Suret": "1"}, node.authorization("service"), node.authorization("admin"))
        for name, headers in zip(("nobody", "a service", "the administrator"), callers, strict=True):
            statuses[name] = httpx2.post(result_url, json={}, headers=headers, trust_env=False).status_code
    assert statuses == {
        "own study": 200,
        "foreign study": 404,
        "no such study": 404,
        "studies that exist": 1,
        "store elsewhere": 409,
        "api/accounts": 403,
        "api/peers": 403,
        "rows of the worklist": 1,
        "delete": 403,
        "foreign task": 404,
        "garbage": 400,
        "huge": 413,
        "result": 200,
        "result again": 200,
        "another result": 409,
        "own study afterwards": 404,
        "nobody": 401,
        "a service": 403,
        "the administrator": 403,
    }


def test_kill_9_before_the_study_is_stable_loses_nothing(
    start_node: Callable[..., NodeProcess], tmp_path: Path
) -> None:
    node = start_node({"ARCHIVE__STUDY_QUIET_S": "3"})
    with service() as running:
        secret = register(node, running.url)
        store(node, tmp_path / "ct")
        node.kill()
        node.start()
        (delivery,) = running.wait(1)
        assert verified(delivery, secret)
        time.sleep(2)
        assert len(running.deliveries) == 1


def test_kill_9_between_the_event_and_the_delivery_loses_nothing(
    start_node: Callable[..., NodeProcess], tmp_path: Path
) -> None:
    """Nobody listens at first, so that the task is made and cannot leave the node."""
    node = start_node(QUIET)
    port = free_port()
    secret = register(node, f"http://127.0.0.1:{port}/task")
    store(node, tmp_path / "ct")
    _wait_for_log(node, "ai_task_not_delivered")
    node.kill()
    with service(port=port) as running:
        node.start()
        (first,) = running.wait(1)
        assert verified(first, secret)
        assert first.message["data"]["attempt"] >= 2
        time.sleep(2)
        assert len(running.deliveries) == 1


def test_a_service_that_hangs_keeps_no_image_from_being_stored(
    start_node: Callable[..., NodeProcess], tmp_path: Path
) -> None:
    node = start_node(QUIET)
    release = threading.Event()
    with service(lambda _delivery: ((release.wait(30) and 202) or 202, {})) as running:
        register(node, running.url)
        try:
            for number in range(5):
                store(node, tmp_path / str(number), study=f"s{number}", series=f"s{number}")
            running.wait(2)
            store(node, tmp_path / "more", study="more", series="more")
            assert httpx2.get(f"{node.web_url}/readyz", trust_env=False).status_code == 200
        finally:
            release.set()
        assert node.stop() == 0


def _wait_for_log(node: NodeProcess, event: str) -> None:
    deadline = time.monotonic() + 60
    while event not in node.log_tail():
        assert time.monotonic() < deadline, node.log_tail()
        time.sleep(0.1)


@pytest.mark.parametrize("arguments", [("ai", "--help"), ("ai", "rule", "list"), ("ai", "service", "list")])
def test_the_command_line_of_the_hook(module_node: NodeProcess, arguments: tuple[str, ...]) -> None:
    assert module_node.command(*arguments).returncode == 0
