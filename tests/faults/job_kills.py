"""Kill -9 while orders are taken and performed: sends to a peer, and storage commitment.

    python -m tests.faults --rig jobs --seed 7

A peer stores a study, orders by HTTP that it is sent to it, and asks by N-ACTION that it be committed to; it notes
what was acknowledged, while the node is killed at random moments. After the last start each acknowledged order has to
come to its end: the objects at the peer as they were sent, and the promise told by N-EVENT-REPORT, however often.
"""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from pydicom import Dataset
from pydicom.uid import generate_uid
from pynetdicom import evt

from pacs.archive.commitments import Reference
from pacs.dimse.command import ACTION_TYPE_ID, N_ACTION_RQ
from pacs.dimse.commitment import request_information
from pacs.dimse.identifier import write_attributes
from pacs.dimse.outbound import Outbound, Proposal
from pacs.errors import SuretError
from pacs.settings import DimseSettings
from tests.faults.launcher import LaunchedNode, Launcher
from tests.faults.memory_folder import in_memory
from tests.faults.rig import Outcome, Rig
from tests.support.factories import ct_slice, part10
from tests.support.modality import AssociationLost, Modality, prepare, split_part10
from tests.support.network import COMMITMENT, COMMITMENT_INSTANCE, Reports, Store, storing

SLICE_KILLS = 10
MEMORY_BYTES = 1 << 30
PATIENCE_S = 90.0
CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
PEER = "THERE"
STUDIES = 8  # a round at most
SETTINGS = {"ARCHIVE__FREE_BYTES_MIN": "0", "ARCHIVE__STUDY_QUIET_S": "0.5"}


@dataclass
class Orders:
    """What the node has said yes to."""

    stored: dict[str, Dataset] = field(default_factory=dict)  # by SOP Instance UID
    sends: dict[str, str] = field(default_factory=dict)  # job to SOP Instance UID
    transactions: dict[str, str] = field(default_factory=dict)  # Transaction UID to SOP Instance UID
    refused: Counter[str] = field(default_factory=Counter)


@contextmanager
def _peer() -> Iterator[tuple[int, Store, Reports]]:
    """Who is sent to and told: its port, what came and what it heard."""
    store, reports = Store(), Reports()
    told = ((COMMITMENT, {"scu_role": False, "scp_role": True}), (evt.EVT_N_EVENT_REPORT, reports.take))
    with storing(store, PEER, more=[told]) as port:
        yield port, store, reports


def run(folder: Path, kills: int, seed: int, *, mutant: str = "") -> tuple[Orders, list[str]]:
    """`kills` rounds of start, order, kill, and a last start after which everything has to come to its end."""
    choose, orders, outbound = random.Random(seed), Orders(), Outbound(DimseSettings(ae_title=PEER))
    outbound.start()
    with ExitStack() as ending, Launcher(folder) as launcher, _peer() as (port, store, reports):
        ending.callback(outbound.stop)
        node = LaunchedNode(folder / "node", launcher, SETTINGS, mutant=mutant)
        node.start()
        node.token("radiologist")
        done = node.command("ae", "add", PEER, "127.0.0.1", str(port), "--allow", "store")
        assert done.returncode == 0, done.stderr
        for number in range(kills):
            if not node.running:
                node.start()
            ordering = threading.Thread(target=_order_until_killed, args=(node, orders, outbound, seed, number))
            ordering.start()
            time.sleep(choose.uniform(0.1, 1.2))
            node.kill()
            ordering.join(PATIENCE_S)
        node.start()
        try:
            violations = _ends(node, orders, store, reports)
        finally:
            node.kill()
    return orders, violations


def _order_until_killed(node: LaunchedNode, orders: Orders, outbound: Outbound, seed: int, number: int) -> None:
    for place in range(STUDIES):
        dataset = ct_slice(study=f"{seed} {number} {place}", rows=8, columns=8)
        try:
            _store(node, orders, dataset)
            _send(node, orders, dataset)
            _commit(node, orders, outbound, dataset)
        except (AssociationLost, OSError, http.client.HTTPException, ValueError, SuretError):
            return


def _store(node: LaunchedNode, orders: Orders, dataset: Dataset) -> None:
    uid = str(dataset.SOPInstanceUID)
    with Modality("127.0.0.1", node.dimse_port, CT, EXPLICIT) as modality:
        status = modality.store(prepare(CT, uid, EXPLICIT, split_part10(part10(dataset))[1]))
    if status:
        orders.refused[f"C-STORE {status:04X}"] += 1
    else:
        orders.stored[uid] = dataset


def _send(node: LaunchedNode, orders: Orders, dataset: Dataset) -> None:
    headers = {"Content-Type": "application/json", **node.authorization("radiologist")}
    path = f"/api/studies/{dataset.StudyInstanceUID}/sends"
    with closing(http.client.HTTPConnection("127.0.0.1", node.web_port, timeout=PATIENCE_S)) as connection:
        connection.request("POST", path, json.dumps({"destination": PEER}), headers)
        with connection.getresponse() as answer:
            body = json.loads(answer.read())
    if answer.status == 202:
        orders.sends[body["job"]] = str(dataset.SOPInstanceUID)
    else:
        orders.refused[f"HTTP {answer.status}"] += 1


def _commit(node: LaunchedNode, orders: Orders, outbound: Outbound, dataset: Dataset) -> None:
    transaction, uid = str(generate_uid()), str(dataset.SOPInstanceUID)
    proposal = Proposal(COMMITMENT, (EXPLICIT,))
    with outbound.associate("127.0.0.1", node.dimse_port, node.ae_title, [proposal]) as association:
        context = association.context_for(COMMITMENT)
        assert context is not None
        (answer,) = association.ask(
            context,
            N_ACTION_RQ,
            sop_instance_uid=COMMITMENT_INSTANCE,
            data_set=write_attributes(request_information(transaction, [Reference(CT, uid)]), EXPLICIT),
            numbers={ACTION_TYPE_ID: 1},
        )
        if answer.status:
            orders.refused[f"N-ACTION {answer.status:04X}"] += 1
        else:
            orders.transactions[transaction] = uid


def _ends(node: LaunchedNode, orders: Orders, store: Store, reports: Reports) -> list[str]:
    """What has not come to its end in time, or to a wrong one."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        violations = [*_of_sends(node, orders, store), *_of_promises(orders, reports)]
        if not violations or any("lost" in violation for violation in violations):
            break
        time.sleep(0.5)
    violations += [f"{count} refused with {what}" for what, count in orders.refused.items()]
    return violations


def _of_sends(node: LaunchedNode, orders: Orders, store: Store) -> Iterator[str]:
    came: dict[str, Dataset] = {}
    for dataset in list(store.came):
        came[str(dataset.SOPInstanceUID)] = dataset
    with closing(http.client.HTTPConnection("127.0.0.1", node.web_port, timeout=PATIENCE_S)) as connection:
        for job, uid in orders.sends.items():
            connection.request("GET", f"/api/queue/{job}", headers=node.authorization("radiologist"))
            with connection.getresponse() as answer:
                body = json.loads(answer.read())
            if answer.status == 404:
                yield f"the order {job} is lost"
            elif body["state"] != "done":
                yield f"the order {job} is {body['state']}: {body['last_error']}"
            elif came.get(uid) != orders.stored[uid]:
                yield f"the order {job} is done, and the peer has {'other content' if uid in came else 'nothing'}"


def _of_promises(orders: Orders, reports: Reports) -> Iterator[str]:
    told: dict[str, list[Any]] = {}
    for event_type, information in list(reports.came):
        told.setdefault(str(information.TransactionUID), []).append((event_type, information))
    for transaction, uid in orders.transactions.items():
        for event_type, information in told.get(transaction, ()):
            promised = [str(item.ReferencedSOPInstanceUID) for item in information.get("ReferencedSOPSequence", ())]
            if (event_type, promised) != (1, [uid]):
                yield f"the promise of {transaction} is lost: event {event_type}"
        if transaction not in told:
            yield f"nothing was told of {transaction}"


def slice_of(seed: int, folder: Path, *, mutant: str = "") -> Outcome:
    """One slice of the long form, of a spoiled node with `mutant`."""
    with in_memory(folder, MEMORY_BYTES) as where:
        orders, violations = run(where, SLICE_KILLS, seed, mutant=mutant)
    return Outcome(
        SLICE_KILLS,
        tuple(f"seed {seed}: {violation}" for violation in violations),
        {"stored": len(orders.stored), "sends": len(orders.sends), "transactions": len(orders.transactions)},
    )


MUTANTS = ("success-before-commit",)
RIG = Rig(
    name="jobs",
    noun="kills",
    goal=1_000,
    slice=slice_of,
    mutants={mutant: partial(slice_of, mutant=mutant) for mutant in MUTANTS},
)
