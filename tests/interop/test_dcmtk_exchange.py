"""DCMTK at the other end of what the node asks for: storescp is sent to, dcmqrscp is asked and fetched from."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import JPEGBaseline8Bit

from pacs.access.principals import OPERATOR
from pacs.archive.archive import Archive
from pacs.attributes import Level
from pacs.dimse.query import RemoteQuery, value_of
from tests.support.archives import open_archive, send
from tests.support.certificates import Authority
from tests.support.dimse import wait_until
from tests.support.factories import Patient, ct_series, mr_series, us_cine, write_folder
from tests.support.network import Network, networked
from tests.support.peers import program
from tests.support.process import free_port

pytestmark = pytest.mark.interop

CONFIGURATION = """
NetworkTCPPort = {port}
MaxPDUSize = 16384
MaxAssociations = 16
HostTable BEGIN
suret = (SURET, localhost, {node})
HostTable END
VendorTable BEGIN
VendorTable END
AETable BEGIN
DCMQR {folder} RW (200, 1024mb) ANY
AETable END
"""


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    with open_archive(tmp_path / "node") as archive, networked(archive) as network:
        yield network


@contextmanager
def _listening(port: int, *command: object) -> Iterator[None]:
    """A program of DCMTK until the end of the block."""
    running = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        assert wait_until(lambda: _answers(port), 20)
        yield
    finally:
        running.terminate()
        running.wait(20)


def _answers(port: int) -> bool:
    echo = [program("echoscu", "dcmtk"), "-aet", "SURET", "-aec", "DCMQR", "127.0.0.1", str(port)]
    return subprocess.run(echo, capture_output=True, check=False).returncode == 0


@contextmanager
def _storescp(folder: Path, *options: str) -> Iterator[int]:
    port = free_port()
    folder.mkdir()
    with _listening(port, program("storescp", "dcmtk"), *options, "-od", folder, port):
        yield port


@contextmanager
def _dcmqrscp(network: Network, folder: Path, datasets: list[Dataset]) -> Iterator[None]:
    """DCMTK's archive with these objects, known to the node as DCMQR."""
    port, storage = free_port(), folder / "storage"
    storage.mkdir(parents=True)
    configuration = folder / "dcmqrscp.cfg"
    text = CONFIGURATION.format(port=port, node=network.listener.port, folder=storage)
    configuration.write_text(text)
    network.know("DCMQR", port)
    with _listening(port, program("dcmqrscp", "dcmtk"), "-c", configuration):
        if datasets:
            files = write_folder(datasets, folder / "out")
            dcmsend = [program("dcmsend", "dcmtk"), "-aet", "SURET", "-aec", "DCMQR", "127.0.0.1", str(port)]
            sent = subprocess.run([*dcmsend, *map(str, files)], capture_output=True, text=True, check=False)
            assert sent.returncode == 0, sent.stderr
        yield


def _here(archive: Archive, study: str) -> dict[str, str]:
    return {one.sop_instance_uid: one.transfer_syntax_uid for one in archive.instances(study)}


def test_storescp_is_sent_a_study(network: Network, tmp_path: Path):
    datasets = [*ct_series(3), *mr_series(2)]
    for dataset in datasets[:3]:
        send(network.archive, dataset)
    with _storescp(tmp_path / "in") as port:
        network.know("STORESCP", port)
        network.queue.send("STORESCP", str(datasets[0].StudyInstanceUID), by=OPERATOR)
        network.ends("send")
    came = {dcmread(file).SOPInstanceUID: dcmread(file) for file in (tmp_path / "in").iterdir()}
    assert came == {one.SOPInstanceUID: one for one in datasets[:3]}


def test_dcmqrscp_is_sent_to_and_moved_to(network: Network, tmp_path: Path):
    """The queue and the C-MOVE of movescu bring it different studies; what it then has it says itself."""
    sent, moved = ct_series(2), mr_series(2, study="moved", patient=Patient(id="MOVED"))
    for dataset in [*sent, *moved]:
        send(network.archive, dataset)
    with _dcmqrscp(network, tmp_path / "qr", []):
        peer = network.peers.registered("DCMQR")
        assert peer is not None
        network.queue.send("DCMQR", str(sent[0].StudyInstanceUID), by=OPERATOR)
        assert network.ends("send").progress["sent"] == 2
        movescu = [program("movescu", "dcmtk"), "-P", "-aec", "SURET", "-aem", "DCMQR"]
        keys = ["-k", "QueryRetrieveLevel=PATIENT", "-k", "PatientID=MOVED"]
        done = subprocess.run(
            [*movescu, *keys, "127.0.0.1", str(network.listener.port)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        query = RemoteQuery(network.outbound)
        for datasets in (sent, moved):
            above = {name: str(datasets[0][name].value) for name in ("StudyInstanceUID", "SeriesInstanceUID")}
            found = query.find(peer, Level.IMAGE, {**above, "SOPInstanceUID": ""})
            assert {value_of(one, "SOPInstanceUID") for one in found} == {one.SOPInstanceUID for one in datasets}


def test_a_peer_that_is_registered_with_tls_is_sent_to_over_tls(tmp_path: Path):
    authority, dataset = Authority(tmp_path / "hospital", "Hospital"), ct_series(1)[0]
    own, there = authority.sign("node"), authority.sign("there")
    settings = {
        "tls_port": 0,
        "tls_certificate": str(own.certificate),
        "tls_key": str(own.key),
        "tls_authorities": str(authority.certificate),
    }
    options = ("+tls", there.key, there.certificate, "+cf", authority.certificate)
    (tmp_path / "in").mkdir()
    port = free_port()
    storescp = [program("storescp", "dcmtk"), *options, "-od", tmp_path / "in", port]
    with open_archive(tmp_path / "node") as archive, networked(archive, **settings) as network:
        send(archive, dataset)
        network.know("STORESCP", port, tls=True)
        running = subprocess.Popen([str(part) for part in storescp])
        try:
            network.queue.send("STORESCP", str(dataset.StudyInstanceUID), by=OPERATOR)
            network.ends("send")
        finally:
            running.terminate()
            running.wait(20)
    (came,) = (tmp_path / "in").iterdir()
    assert dcmread(came) == dataset


def test_storescp_that_takes_no_compressed_images_is_told_of(network: Network, tmp_path: Path):
    """Without a decoder of its own the test's node can give them as they are stored only."""
    cine = us_cine(transfer_syntax=JPEGBaseline8Bit)
    send(network.archive, cine)
    with _storescp(tmp_path / "in", "+x=") as port:  # explicit and implicit little endian only
        network.know("STORESCP", port)
        network.queue.send("STORESCP", str(cine.StudyInstanceUID), by=OPERATOR)
        assert wait_until(lambda: bool(network.jobs("send")[0].last_error), 20)
    assert list((tmp_path / "in").iterdir()) == []


@pytest.mark.parametrize("way", ["get", "move"])
def test_a_study_is_found_and_fetched_from_dcmqrscp(network: Network, tmp_path: Path, way: str):
    datasets = [*ct_series(3), *ct_series(2, series="second")]
    study = str(datasets[0].StudyInstanceUID)
    with _dcmqrscp(network, tmp_path / "qr", datasets):
        peer = network.peers.registered("DCMQR")
        assert peer is not None
        (found,) = RemoteQuery(network.outbound).find(peer, Level.STUDY, {"PatientID": Patient().id})
        assert value_of(found, "StudyInstanceUID") == study
        send(network.archive, datasets[1])
        network.queue.fetch("DCMQR", study, by=OPERATOR, with_=way)
        job = network.ends("fetch")
    assert (job.progress["total"], job.progress["here"]) == (5, 5)
    assert set(_here(network.archive, study)) == {one.SOPInstanceUID for one in datasets}
