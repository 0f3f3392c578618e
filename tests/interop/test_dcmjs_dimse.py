"""dcmjs-dimse as the peer: it asks for storage commitment and hears the result on an association of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom.uid import generate_uid

from tests.support.archives import open_archive, send
from tests.support.dcmjs import run_script
from tests.support.factories import ct_series
from tests.support.network import Network, networked
from tests.support.process import free_port

pytestmark = pytest.mark.interop


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    with open_archive(tmp_path / "node") as archive, networked(archive) as network:
        yield network


def test_it_is_promised_what_is_here_and_told_what_is_not(network: Network):
    datasets, port, transaction = ct_series(2), free_port(), generate_uid()
    for dataset in datasets:
        send(network.archive, dataset)
    network.know("DCMJS", port)
    sop_class = str(datasets[0].SOPClassUID)
    asked = [[sop_class, str(one.SOPInstanceUID)] for one in datasets] + [[sop_class, "1.2.3"]]
    answer, report = run_script("commitment.js", network.listener.port, port, json.dumps(asked), transaction)
    assert answer == {"status": 0}
    told = report["told"]
    assert (report["event"], told["TransactionUID"]) == (2, transaction)
    assert [item["ReferencedSOPInstanceUID"] for item in told["ReferencedSOPSequence"]] == [
        one.SOPInstanceUID for one in datasets
    ]
    assert [(item["ReferencedSOPInstanceUID"], item["FailureReason"]) for item in told["FailedSOPSequence"]] == [
        ("1.2.3", 0x0112)
    ]
    network.ends("commitment_result")
