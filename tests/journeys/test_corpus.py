"""Every real file goes in over the network as it is, is found, and comes out as it went in.

One node takes about 470 files of many vendors from pynetdicom; 23 SOP Instance UIDs occur in several files of different
content, of which the first is live and the others are conflict versions.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2
import numpy
import pydicom
import pytest
from pydicom.filereader import _read_file_meta_info, read_preamble
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, build_role, evt
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.service_class import ServiceClass, StorageServiceClass
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
    register_uid,
    uid_to_service_class,
)
from sqlalchemy import select

from pacs.index.engine import Index
from pacs.index.schema import instance
from pacs.model import InstanceState
from storage.filesystem import FolderStore
from tests.support.corpus import CorpusFile, corpus
from tests.support.process import NodeProcess

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom says what is odd in the files themselves

REFUSABLE = ("fuzz", "pydicom-wheel-malformed")
MEDIA_STORAGE_DIRECTORY = "1.2.840.10008.1.3.10"
WORDS = {"OW": "u2", "OB or OW": "u2", "OF": "u4", "OL": "u4", "OD": "u8", "OV": "u8"}
CONVERTED = (ImplicitVRLittleEndian, ExplicitVRBigEndian)


@dataclass(frozen=True, slots=True)
class Sent:
    """A file as it goes over the wire: its bytes after group 0002, under the identity its data set gives."""

    file: CorpusFile
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    dataset: bytes

    @property
    def content(self) -> str:
        return _content(self.dataset)


def _content(dataset: bytes) -> str:
    """What tells one data set from another: all of it but the padding behind it (PS3.10 7.2)."""
    end = len(dataset)
    for tag, order in ((b"\xfc\xff\xfc\xff", "little"), (b"\xff\xfc\xff\xfc", "big")):
        start = dataset.rfind(tag)
        if start >= 0 and int.from_bytes(dataset[start + 8 : start + 12], order) == end - start - 12:
            end = start
    return hashlib.sha256(dataset[:end]).hexdigest()


def files(kinds: tuple[str, ...], *, within: bool) -> list[CorpusFile]:
    return [
        file
        for file in corpus()
        if (file.kind in kinds) is within
        and not file.path.name.startswith("DICOMDIR")
        and file.sop_class_uid != MEDIA_STORAGE_DIRECTORY
    ]


def as_sent(file: CorpusFile) -> Sent:
    """What a sender makes of a file: without File Meta Information it has to know the syntax itself."""
    content = file.path.read_bytes()
    stream = io.BytesIO(content)
    if read_preamble(stream, force=True) is None:
        stream.seek(0)
    meta = _read_file_meta_info(stream)
    named = pydicom.dcmread(io.BytesIO(content), force=True, stop_before_pixels=True)
    digest = hashlib.sha256(content).digest()
    return Sent(
        file,
        str(named.get("SOPClassUID") or meta.get("MediaStorageSOPClassUID")),
        str(
            named.get("SOPInstanceUID")
            or meta.get("MediaStorageSOPInstanceUID")
            or f"2.25.{int.from_bytes(digest[:15])}"  # a sender has to name what it sends
        ),
        str(meta.get("TransferSyntaxUID") or ImplicitVRLittleEndian),
        content[stream.tell() :],
    )


def send(node: NodeProcess, sent: list[Sent]) -> Iterator[tuple[Sent, int]]:
    """In the order given, over one association with a context for each class and syntax."""
    ae = AE("CORPUS")
    for sop_class_uid, transfer_syntax_uid in dict.fromkeys((o.sop_class_uid, o.transfer_syntax_uid) for o in sent):
        ae.add_requested_context(sop_class_uid, transfer_syntax_uid)
    association = ae.associate("127.0.0.1", node.dimse_port, ae_title=node.ae_title)
    assert association.is_established, node.log_tail()
    contexts = {(cx.abstract_syntax, cx.transfer_syntax[0]): cx.context_id for cx in association.accepted_contexts}
    for one in sent:
        pair = (one.sop_class_uid, one.transfer_syntax_uid)
        assert pair in contexts, f"{one.file.name}: no context for {pair}"
        yield one, _store(association, contexts[pair], one)
    association.release()


def _store(association: object, context_id: int, one: Sent) -> int:
    """C-STORE of the bytes themselves: pynetdicom would encode a Dataset anew."""
    request = C_STORE()
    request.MessageID = 1
    request.AffectedSOPClassUID = one.sop_class_uid
    request.AffectedSOPInstanceUID = one.sop_instance_uid
    request.Priority = 0
    request.DataSet = io.BytesIO(one.dataset)
    association._reactor_checkpoint.clear()  # type: ignore[attr-defined]
    try:
        association.dimse.send_msg(request, context_id)  # type: ignore[attr-defined]
        _, response = association.dimse.get_msg(block=True)  # type: ignore[attr-defined]
    finally:
        association._reactor_checkpoint.set()  # type: ignore[attr-defined]
    assert response is not None, f"{one.file.name}: the association ended"
    return int(response.Status)


@dataclass(frozen=True, slots=True)
class Row:
    """What the index says of one stored object."""

    object_key: str
    sop_instance_uid: str
    study_instance_uid: str
    series_instance_uid: str
    transfer_syntax_uid: str
    state: str
    dataset_offset: int
    dataset: bytes = b""


@pytest.fixture(scope="module")
def sent(module_node: NodeProcess, test_data: Path) -> list[Sent]:
    """Every file, sent and answered with success."""
    objects = [as_sent(file) for file in files(REFUSABLE, within=False)]
    assert len(objects) > 460
    answers = {one.file.name: status for one, status in send(module_node, objects)}
    assert len(answers) == len(objects)
    assert {name: hex(status) for name, status in answers.items() if status} == {}
    return objects


@pytest.fixture(scope="module")
def rows(module_node: NodeProcess, sent: list[Sent]) -> dict[tuple[str, str], Row]:
    """Stored objects by (SOP Instance UID, SHA-256 of the data set in the store)."""
    index = Index(f"sqlite:///{module_node.data / 'index.db'}", read_only=True)
    store = FolderStore(module_node.data / "store")
    columns = [instance.c[name] for name in Row.__slots__ if name != "dataset"]
    try:
        with index.read() as connection:
            found = [Row(*row) for row in connection.execute(select(*columns))]
    finally:
        index.close()
    by_content = {}
    for row in found:
        with store.open(row.object_key) as stream:
            dataset = stream.read()[row.dataset_offset :]
        by_content[row.sop_instance_uid, _content(dataset)] = replace(row, dataset=dataset)
    return by_content


@pytest.fixture(scope="module")
def contents(sent: list[Sent]) -> dict[str, dict[str, Sent]]:
    """Every SOP Instance UID with its different contents, in the order they were sent, each with its first sender."""
    found: dict[str, dict[str, Sent]] = {}
    for one in sent:
        found.setdefault(one.sop_instance_uid, {}).setdefault(one.content, one)
    return found


def test_every_data_set_is_in_the_store_byte_for_byte(
    contents: dict[str, dict[str, Sent]], rows: dict[tuple[str, str], Row]
) -> None:
    for uid, senders in contents.items():
        for content, one in senders.items():
            assert (uid, content) in rows, one.file.name
            assert rows[uid, content].dataset == one.dataset, one.file.name


def test_of_one_uid_the_first_is_live_and_other_content_is_held(
    contents: dict[str, dict[str, Sent]], rows: dict[tuple[str, str], Row]
) -> None:
    assert sum(len(senders) > 1 for senders in contents.values()) > 20
    for uid, senders in contents.items():
        states = [rows[uid, content].state for content in senders]
        assert states == [InstanceState.LIVE, *[InstanceState.CONFLICT] * (len(states) - 1)], uid


def test_every_live_object_is_found(module_node: NodeProcess, contents: dict[str, dict[str, Sent]]) -> None:
    with httpx2.Client(headers=module_node.authorization(), timeout=60) as web:
        for uid in contents:
            answer = web.get(f"{module_node.dicomweb_url}/instances", params={"SOPInstanceUID": uid})
            assert answer.status_code == 200, answer.text
            [found] = answer.json()
            assert found["00080018"]["Value"] == [uid]


def test_every_live_object_comes_back_as_it_was_sent(
    module_node: NodeProcess, contents: dict[str, dict[str, Sent]], rows: dict[tuple[str, str], Row]
) -> None:
    accept = {"Accept": "application/dicom; transfer-syntax=*", **module_node.authorization()}
    with httpx2.Client(headers=accept, timeout=60) as web:
        for uid, senders in contents.items():
            content, one = next(iter(senders.items()))
            row = rows[uid, content]
            answer = web.get(
                f"{module_node.dicomweb_url}/studies/{row.study_instance_uid}/series/{row.series_instance_uid}"
                f"/instances/{uid}"
            )
            assert answer.status_code == 200, f"{one.file.name}: {answer.text[:300]}"
            _compare(one, answer.content)


class Receiver:
    """A storage SCP that keeps what comes as it comes; `handlers` are for pynetdicom."""

    def __init__(self) -> None:
        self.came: dict[str, bytes] = {}
        self.handlers: list[Any] = [(evt.EVT_C_STORE, self.store)]

    def store(self, event: Any) -> int:
        """Take one object."""
        self.came[str(event.request.AffectedSOPInstanceUID)] = event.request.DataSet.getvalue()
        return 0x0000


def _asked(live: list[Row]) -> pydicom.Dataset:
    """Every study at once, by the UIDs that the index gives those which name none."""
    asked = pydicom.Dataset()
    asked.QueryRetrieveLevel = "STUDY"
    asked.StudyInstanceUID = sorted({row.study_instance_uid for row in live})
    return asked


@pytest.fixture
def live(rows: dict[tuple[str, str], Row]) -> list[Row]:
    return [row for row in rows.values() if row.state == InstanceState.LIVE]


@pytest.fixture
def pairs(sent: list[Sent]) -> list[tuple[str, str]]:
    return list(dict.fromkeys((one.sop_class_uid, one.transfer_syntax_uid) for one in sent))


def test_every_live_object_comes_back_on_one_association(
    module_node: NodeProcess, live: list[Row], pairs: list[tuple[str, str]]
) -> None:
    receiver, model = Receiver(), str(StudyRootQueryRetrieveInformationModelGet)
    ae = AE("CORPUS")
    ae.add_requested_context(model, ExplicitVRLittleEndian)
    for pair in pairs:
        ae.add_requested_context(*pair)
    roles = [build_role(uid, scp_role=True) for uid in dict.fromkeys(uid for uid, _ in pairs)]
    association = ae.associate(
        "127.0.0.1",
        module_node.dimse_port,
        ae_title=module_node.ae_title,
        ext_neg=roles,
        evt_handlers=receiver.handlers,
    )
    assert association.is_established
    *_, (last, identifier) = association.send_c_get(_asked(live), model)
    association.release()
    assert (last.Status, last.NumberOfCompletedSuboperations) == (0, len(live)), identifier
    assert receiver.came == {row.sop_instance_uid: row.dataset for row in live}


def test_every_live_object_is_moved_as_it_is(
    module_node: NodeProcess, live: list[Row], pairs: list[tuple[str, str]]
) -> None:
    receiver, model = Receiver(), str(StudyRootQueryRetrieveInformationModelMove)
    there, ae = AE("THERE"), AE("CORPUS")
    for number, uid in enumerate(dict.fromkeys(uid for uid, _ in pairs)):
        if uid_to_service_class(uid) is ServiceClass:  # a retired or private class, which pynetdicom aborts at
            register_uid(uid, f"ClassOfTheCorpus{number}", StorageServiceClass)
    for uid, syntax in pairs:
        there.add_supported_context(uid, syntax)
    server: Any = there.start_server(("127.0.0.1", 0), block=False, evt_handlers=receiver.handlers)
    try:
        port = str(server.socket.getsockname()[1])
        assert module_node.command("ae", "add", "THERE", "127.0.0.1", port, "--allow", "store").returncode == 0
        ae.add_requested_context(model, ExplicitVRLittleEndian)
        association = ae.associate("127.0.0.1", module_node.dimse_port, ae_title=module_node.ae_title)
        assert association.is_established
        *_, (last, identifier) = association.send_c_move(_asked(live), "THERE", model)
        association.release()
    finally:
        server.shutdown()
    assert (last.Status, last.NumberOfCompletedSuboperations) == (0, len(live)), identifier
    assert receiver.came == {row.sop_instance_uid: row.dataset for row in live}


def _compare(one: Sent, answer: bytes) -> None:
    stream = io.BytesIO(answer)
    read_preamble(stream, force=False)
    meta = _read_file_meta_info(stream)
    dataset = answer[stream.tell() :]
    if one.transfer_syntax_uid not in CONVERTED:
        assert meta.TransferSyntaxUID == one.transfer_syntax_uid, one.file.name
        assert dataset == one.dataset, one.file.name
        return
    assert meta.TransferSyntaxUID == ExplicitVRLittleEndian, one.file.name
    big_endian = one.transfer_syntax_uid == ExplicitVRBigEndian
    original = list(_elements(_read(one.dataset, one.transfer_syntax_uid), swapped=big_endian))
    assert original == list(_elements(_read(dataset, ExplicitVRLittleEndian))), one.file.name


def _read(dataset: bytes, transfer_syntax_uid: str) -> pydicom.Dataset:
    return pydicom.filereader.read_dataset(
        io.BytesIO(dataset),
        is_implicit_VR=transfer_syntax_uid == ImplicitVRLittleEndian,
        is_little_endian=transfer_syntax_uid != ExplicitVRBigEndian,
    )


def _elements(dataset: pydicom.Dataset, *, swapped: bool = False) -> Iterator[tuple[int, object]]:
    """Every element's tag and value, sequences item by item, words in little endian.

    Group lengths tell of an encoding, not of content.
    """
    for tag in sorted(dataset.keys()):
        element = dataset[tag]
        if tag.element == 0:
            continue
        if element.VR == "SQ":
            yield tag, [list(_elements(item, swapped=swapped)) for item in element.value]
        elif swapped and element.VR in WORDS and element.value:
            yield tag, numpy.frombuffer(element.value, WORDS[element.VR]).byteswap().tobytes()
        else:
            yield tag, element.value
