"""DICOM over TLS with DCMTK as the caller: who comes in, and who is refused with which words."""

from __future__ import annotations

import hashlib
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import structlog.testing
from pydicom import dcmread

from pacs.access.activity import Reason
from pacs.access.peer import PeerOptions, Verb
from pacs.access.peers import Peers
from pacs.access.principals import OPERATOR
from pacs.archive.archive import Archive
from pacs.dimse.listener import Listener
from pacs.errors import NodeFailed
from pacs.model import utc_now
from pacs.settings import DimseSettings
from tests.support.archives import open_archive, send
from tests.support.certificates import Authority, Identity
from tests.support.dimse import CT, EXPLICIT, RawPeer, associate_request, listening, settled, wait_until
from tests.support.factories import ct_series, ct_slice, part10, write_folder
from tests.support.peers import program
from tests.support.process import free_port
from tests.support.retrieve import get, identifier, move, register

Logged = list[MutableMapping[str, Any]]


class Parties(NamedTuple):
    """Who meets: `device` is trusted by the node, the others are not."""

    authority: Authority
    node: Identity
    device: Identity
    expired: Identity
    stranger: Identity


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Parties:
    folder = tmp_path_factory.mktemp("certificates")
    authority = Authority(folder / "hospital", "Hospital")
    return Parties(
        authority,
        authority.sign("node"),
        authority.sign("device"),
        authority.sign("expired", days=-1),
        Authority(folder / "elsewhere", "Elsewhere").sign("stranger"),
    )


@pytest.fixture
def logged() -> Iterator[Logged]:
    with structlog.testing.capture_logs() as events:
        yield events


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with open_archive(tmp_path / "node") as archive:
        yield archive


@pytest.fixture
def listener(archive: Archive, parties: Parties, logged: Logged) -> Iterator[Listener]:
    with listening(archive, **_settings(parties.node, parties.authority)) as listener:
        yield listener


def _settings(identity: Identity, authority: Authority, **more: Any) -> dict[str, Any]:
    files = (identity.certificate, identity.key, authority.certificate)
    names = ("tls_certificate", "tls_key", "tls_authorities")
    return {"tls_port": 0, **dict(zip(names, map(str, files), strict=True)), **more}


def _scu(name: str, listener: Listener, *options: object) -> subprocess.CompletedProcess[str]:
    command = [program(name, "dcmtk"), *options, "-aec", "SURET", "127.0.0.1", listener.tls_port]
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=60, check=False)


def _as(identity: Identity, authority: Authority) -> list[object]:
    return ["+tls", identity.key, identity.certificate, "+cf", authority.certificate]


def _reason(logged: Logged) -> str:
    assert wait_until(lambda: any(event["event"] == "association_ended" for event in logged))
    return str(next(event["how"] for event in logged if event["event"] == "association_ended"))


@pytest.mark.parametrize("profile", ["+py", "+px", "+pz"])
def test_a_device_of_the_hospital_comes_in_under_every_bcp_195_profile(
    listener: Listener, parties: Parties, profile: str
):
    done = _scu("echoscu", listener, profile, *_as(parties.device, parties.authority))
    assert done.returncode == 0, done.stderr


def test_objects_come_whole_over_tls(listener: Listener, archive: Archive, parties: Parties, tmp_path: Path):
    slices = ct_series(3)
    folder = tmp_path / "sent"
    write_folder(slices, folder)
    command = [program("storescu", "dcmtk"), *_as(parties.device, parties.authority), "+sd", "-aec", "SURET"]
    done = subprocess.run(
        [str(part) for part in (*command, "127.0.0.1", listener.tls_port, folder)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    stored = archive.instances(str(slices[0].StudyInstanceUID))
    assert len(stored) == 3
    by_uid = {str(one.SOPInstanceUID): part10(one) for one in slices}
    for one in stored:
        with archive.open(one) as stream:
            content = stream.read()
        assert by_uid[one.sop_instance_uid].endswith(content[one.dataset_offset :])


def test_findscu_asks_over_tls(listener: Listener, archive: Archive, parties: Parties):
    send(archive, ct_slice())
    keys = ("-S", "-v", "-k", "QueryRetrieveLevel=STUDY", "-k", "PatientID", "-k", "StudyInstanceUID")
    done = _scu("findscu", listener, *_as(parties.device, parties.authority), *keys)
    assert done.returncode == 0, done.stderr
    assert str(ct_slice().StudyInstanceUID) in done.stdout + done.stderr


def test_a_study_is_got_and_moved_over_tls_on_both_associations(
    listener: Listener, archive: Archive, parties: Parties, tmp_path: Path
):
    slices = ct_series(3)
    for one in slices:
        send(archive, one)
    folder, port = tmp_path / "moved", free_port()
    folder.mkdir()
    register(archive, "DEST", port, PeerOptions(tls=True))
    caller = ssl.create_default_context(cafile=str(parties.authority.certificate))
    caller.check_hostname = False
    caller.load_cert_chain(parties.device.certificate, parties.device.key)
    asked = identifier("STUDY", StudyInstanceUID=str(slices[0].StudyInstanceUID))
    over_tls: dict[str, Any] = {"tls_args": (caller, "127.0.0.1")}
    (*_, (last, _nothing)), receiver = get(listener.tls_port, asked, [(CT, [EXPLICIT])], **over_tls)
    assert (last.Status, receiver.received) == (0, slices)
    storescp = [program("storescp", "dcmtk"), *_as(parties.device, parties.authority), "-od", folder, port]
    with subprocess.Popen([str(part) for part in storescp]) as running:
        try:
            assert wait_until(lambda: _listens(port))
            *_, (last, _nothing) = move(listener.tls_port, asked, **over_tls)
        finally:
            running.terminate()
    assert (last.Status, last.NumberOfCompletedSuboperations) == (0, 3)
    assert sorted((dcmread(file) for file in folder.iterdir()), key=lambda one: one.InstanceNumber) == slices


def _listens(port: int) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize(
    ("who", "words"),
    [
        ("anonymous", "shows no certificate"),
        ("expired", "expired"),
        ("stranger", "unable to get local issuer certificate"),
    ],
)
def test_who_is_not_trusted_is_refused_and_the_log_says_why(
    listener: Listener, parties: Parties, logged: Logged, who: str, words: str
):
    options: list[object] = ["+tla", "-ic"]
    if who != "anonymous":
        options = _as(getattr(parties, who), parties.authority)
    done = _scu("echoscu", listener, *options)
    assert done.returncode != 0
    assert words in _reason(logged)
    assert settled(listener)


def test_plain_dicom_on_the_tls_port_is_told_from_a_fault(listener: Listener, logged: Logged):
    assert _scu("echoscu", listener).returncode != 0
    assert "does not speak TLS" in _reason(logged)


def test_tls_on_the_plain_port_ends_at_once(listener: Listener, parties: Parties):
    context = ssl.create_default_context(cafile=str(parties.authority.certificate))
    with socket.create_connection(("127.0.0.1", listener.port), timeout=10) as stream, pytest.raises(OSError):
        context.wrap_socket(stream, server_hostname="node")


def test_old_protocol_versions_are_refused(listener: Listener, parties: Parties):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(parties.device.certificate, parties.device.key)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with socket.create_connection(("127.0.0.1", listener.tls_port), timeout=10) as stream, pytest.raises(OSError):
        context.wrap_socket(stream)


def test_silent_callers_on_the_tls_port_keep_nobody_out(listener: Listener, parties: Parties):
    assert listener.tls_port is not None
    silent = [RawPeer(listener.tls_port) for _ in range(20)]
    try:
        assert _scu("echoscu", listener, *_as(parties.device, parties.authority)).returncode == 0
    finally:
        for peer in silent:
            peer.close()


def test_a_handshake_that_drips_ends_at_the_deadline_of_the_request(archive: Archive, parties: Parties, logged: Logged):
    with listening(archive, **_settings(parties.node, parties.authority, request_timeout_s=0.5)) as listener:
        assert listener.tls_port is not None
        with RawPeer(listener.tls_port) as peer:
            peer.send(b"\x16\x03\x01")
            assert peer.closed()
        assert settled(listener)


def test_a_new_certificate_is_shown_without_a_restart(
    archive: Archive, parties: Parties, tmp_path: Path, logged: Logged
):
    files = Identity(tmp_path / "node.pem", tmp_path / "node.key")
    _replace(files, parties.node)
    with listening(archive, **_settings(files, parties.authority)) as listener:
        before = _shown(listener, parties)
        _replace(files, parties.authority.sign("renewed"))
        after = _shown(listener, parties)
        assert before != after
        files.key.write_text("not a key")
        assert _shown(listener, parties) == after
        assert any(event["event"] == "certificates_not_renewed" for event in logged)


def _replace(files: Identity, identity: Identity) -> None:
    for old, new in ((files.key, identity.key), (files.certificate, identity.certificate)):
        shutil.copy(new, f"{old}.new")
        Path(f"{old}.new").rename(old)


def _shown(listener: Listener, parties: Parties) -> bytes | None:
    context = ssl.create_default_context(cafile=str(parties.authority.certificate))
    context.check_hostname = False
    context.load_cert_chain(parties.device.certificate, parties.device.key)
    with (
        socket.create_connection(("127.0.0.1", listener.tls_port), timeout=10) as stream,
        context.wrap_socket(stream) as secured,
    ):
        secured.sendall(associate_request())
        assert secured.recv(1) == b"\2"
        return secured.getpeercert(binary_form=True)


def test_certificates_that_cannot_be_used_stop_the_start(archive: Archive, parties: Parties):
    with (
        pytest.raises(NodeFailed, match="certificates of the DICOM port"),
        listening(archive, **_settings(Identity(parties.node.certificate, parties.device.key), parties.authority)),
    ):
        pass


def test_without_mutual_tls_an_anonymous_caller_comes_in(archive: Archive, parties: Parties):
    with listening(archive, **_settings(parties.node, parties.authority, tls_mutual=False)) as listener:
        assert _scu("echoscu", listener, "+tla", "-ic").returncode == 0


def test_mutual_tls_without_authorities_is_a_mistake_of_the_settings():
    with pytest.raises(ValueError, match="who signs the certificates of peers"):
        DimseSettings(tls_certificate="node.pem")


def test_a_peer_is_held_to_the_certificate_that_is_registered(archive: Archive, parties: Parties, logged: Logged):
    shown = hashlib.sha256(ssl.PEM_cert_to_DER_cert(parties.device.certificate.read_text())).hexdigest()
    peers = Peers(archive.index, utc_now)
    for title, digest in (("MINE", shown), ("OTHERS", "0" * 64)):
        options = PeerOptions(tls=True, certificate_sha256=digest)
        peers.add(title, "127.0.0.1", 104, {Verb.STORE}, by=OPERATOR, options=options)
    with listening(archive, **_settings(parties.node, parties.authority)) as listener:
        identity = _as(parties.device, parties.authority)
        assert _scu("echoscu", listener, "-aet", "MINE", *identity).returncode == 0
        refused = _scu("echoscu", listener, "-aet", "OTHERS", *identity)
        assert "Calling AE Title Not Recognized" in refused.stderr
        assert settled(listener)
        (told,) = listener._peers.activities.latest("OTHERS")
        assert told.ending.reason is Reason.OTHER_CERTIFICATE
