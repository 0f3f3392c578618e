"""What SOP class extended negotiation changes in a query, letters across scripts, and answers that stay true."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import pytest
from pydicom import DataElement, Dataset, config
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.tag import Tag
from pynetdicom import AE
from pynetdicom.pdu_primitives import SOPClassExtendedNegotiation

from pacs.access.peer import Peer, PeerOptions, Verb
from pacs.access.principals import OPERATOR, Principal, PrincipalKind
from pacs.archive.archive import Archive
from pacs.archive.deletion import Deletions
from pacs.archive.reindex import Reindexer
from pacs.model import utc_now
from tests.support.archives import send
from tests.support.dimse import (
    EXPLICIT,
    IMPLICIT,
    PATIENT_ROOT_FIND,
    STUDY_ROOT_FIND,
    RawPeer,
    listening,
    pdata,
    request,
    status_of,
)
from tests.support.factories import KAZAKH, KYRGYZ, RUSSIAN, Patient, cr_image, ct_slice, mr_slice, part10, uid

ANNA = Patient()
RELATIONAL, COMBINED, FUZZY, EMPTY = b"\1", b"\0\1", b"\0\0\1", b"\0\0\0\0\0\1"


@pytest.fixture
def filled(archive: Archive) -> Archive:
    """Anna: CT and MR in one study, CR in another; Зинаида, Ұлжан, Үсөн: one study each."""
    send(archive, ct_slice(InstitutionName="North Hospital"))
    send(archive, mr_slice(series="mr", BodyPartExamined="ELBOW"))
    send(archive, cr_image(study="chest", StudyDate="20200229", StudyTime="080000", InstitutionName=""))
    send(archive, ct_slice(patient=RUSSIAN, study="russian", InstitutionName="South Hospital"))
    send(archive, mr_slice(patient=KAZAKH, study="kazakh", InstitutionName="South Hospital"))
    send(archive, mr_slice(patient=KYRGYZ, study="kyrgyz", InstitutionName="South Hospital"))
    return archive


@pytest.fixture
def port(filled: Archive) -> Iterator[int]:
    with listening(filled) as listener:
        yield listener.port


def _ask(
    port: int, proposed: bytes | None = None, model: str = STUDY_ROOT_FIND, charset: str = "", **keys: Any
) -> tuple[int, list[tuple[int, Dataset]], bytes | None]:
    """The last status, the pending responses, and what was agreed on."""
    asked = Dataset()
    for keyword, value in keys.items():
        tag = Tag(tag_for_keyword(keyword) or 0)
        asked.add(DataElement(tag, dictionary_VR(tag), value, validation_mode=config.IGNORE))
    if charset:
        asked.SpecificCharacterSet = charset
    entity = AE("FINDER")
    entity.add_requested_context(model, EXPLICIT)
    negotiation: list[Any] = []
    if proposed is not None:
        item = SOPClassExtendedNegotiation()
        item.sop_class_uid, item.service_class_application_information = model, proposed
        negotiation = [item]
    association = entity.associate("127.0.0.1", port, ae_title="SURET", ext_neg=negotiation)
    assert association.is_established
    agreed = association.acceptor.sop_class_extended.get(model)
    *pending, (last, _) = list(association.send_c_find(asked, model))
    association.release()
    found = [(status.Status, identifier) for status, identifier in pending if identifier is not None]
    return last.Status, found, agreed


def _ids(found: list[tuple[int, Dataset]]) -> set[str]:
    return {str(answer.PatientID) for _, answer in found}


@pytest.mark.parametrize(
    ("proposed", "agreed"),
    [
        (None, None),
        (b"\1\1\1\1\1\1\1", b"\1\1\1\1\0\1\1"),
        (b"\1\1\1", b"\1\1\1"),
        (b"\1", b"\1"),
        (b"\0\0\0\1\1", b"\0\0\0\1\0"),
        (b"\0\1\0\0\0\1\0\1\1\1", b"\0\1\0\0\0\1\0"),
        (b"\2\7\xff", b"\0\0\0"),
    ],
)
def test_what_is_done_is_agreed_to_and_nothing_else(port: int, proposed: bytes | None, agreed: bytes | None):
    status, found, answered = _ask(port, proposed, QueryRetrieveLevel="STUDY", StudyInstanceUID="")
    assert (status, len(found), answered) == (0, 5, agreed)


def test_relational_queries_need_no_upper_keys(port: int):
    keys = {"QueryRetrieveLevel": "SERIES", "Modality": "MR", "PatientID": "", "SeriesInstanceUID": ""}
    assert _ask(port, **keys)[0] == 0xA900
    status, found, _ = _ask(port, RELATIONAL, **keys)
    assert (status, _ids(found)) == (0, {ANNA.id, KAZAKH.id, KYRGYZ.id})
    status, found, _ = _ask(port, RELATIONAL, PATIENT_ROOT_FIND, QueryRetrieveLevel="IMAGE", PatientID=ANNA.id)
    assert (status, len(found)) == (0, 3)


def test_relational_queries_match_keys_of_lower_levels(port: int):
    keys = {"QueryRetrieveLevel": "STUDY", "BodyPartExamined": "ELBOW", "StudyInstanceUID": ""}
    status, found, _ = _ask(port, RELATIONAL, **keys)
    assert (status, [pending for pending, _ in found]) == (0, [0xFF01])
    assert found[0][1].StudyInstanceUID == uid(ANNA.id, "study")
    assert found[0][1].BodyPartExamined == ""
    assert len(_ask(port, None, **keys)[1]) == 5


def test_a_sequence_of_a_lower_level_is_not_matched(port: int):
    item = Dataset()
    item.ScheduledProcedureStepID = "1"
    status, found, _ = _ask(port, RELATIONAL, QueryRetrieveLevel="STUDY", RequestAttributesSequence=[item])
    assert (status, {pending for pending, _ in found}, len(found)) == (0, {0xFF01}, 5)


def test_date_and_time_are_one_interval_where_that_was_agreed(port: int):
    keys = {"QueryRetrieveLevel": "STUDY", "StudyDate": "20200229-20261123", "StudyTime": "090000-110000"}
    assert len(_ask(port, None, **keys)[1]) == 4
    assert len(_ask(port, COMBINED, **keys)[1]) == 4
    keys["StudyTime"] = "070000-090000"
    assert len(_ask(port, None, **keys)[1]) == 1  # at any date, between seven and nine
    assert len(_ask(port, COMBINED, **keys)[1]) == 1  # from then on, to the morning of the last day
    keys["StudyTime"] = "070000-110000"
    assert len(_ask(port, None, **keys)[1]) == len(_ask(port, COMBINED, **keys)[1]) == 5
    keys = {"QueryRetrieveLevel": "STUDY", "StudyDate": "20200229-20200301", "StudyTime": "090000-070000"}
    assert [len(_ask(port, proposed, **keys)[1]) for proposed in (None, COMBINED)] == [0, 0]
    keys["StudyDate"] = "20200228-20200301"
    assert [len(_ask(port, proposed, **keys)[1]) for proposed in (None, COMBINED)] == [0, 1]


@pytest.mark.parametrize(
    ("name", "strict", "fuzzy"),
    [
        ("Anna", set(), {ANNA.id}),
        ("anna^phantom", set(), {ANNA.id}),
        ("Phantom^Ann", set(), {ANNA.id}),
        ("Fantom", set(), set()),
        ("Koroleva", {RUSSIAN.id}, {RUSSIAN.id}),
        ("Zinaida Koroleva", set(), {RUSSIAN.id}),
    ],
)
def test_fuzzy_matching_takes_words_in_any_order(port: int, name: str, strict: set[str], fuzzy: set[str]):
    keys = {"QueryRetrieveLevel": "STUDY", "PatientName": name, "PatientID": ""}
    assert _ids(_ask(port, None, **keys)[1]) == strict
    assert _ids(_ask(port, FUZZY, **keys)[1]) == fuzzy


def test_an_empty_value_is_found_where_that_was_agreed(port: int):
    keys = {"QueryRetrieveLevel": "STUDY", "InstitutionName": '""', "PatientID": "", "StudyDate": ""}
    assert _ask(port, None, **keys)[1] == []
    _, found, _ = _ask(port, EMPTY, **keys)
    assert [answer.StudyDate for _, answer in found] == ["20200229"]
    for keyword in ("PatientName", "StudyDate", "ModalitiesInStudy", "StudyInstanceUID"):
        status, found, _ = _ask(port, EMPTY, QueryRetrieveLevel="STUDY", **{keyword: '""'})
        assert (status, found) == (0, []), keyword


@pytest.mark.parametrize(
    ("charset", "name", "patient"),
    [
        ("", "KOROLEVA^*", RUSSIAN),
        ("", "koroleva^zinaida", RUSSIAN),
        ("", "ABDIRAHMANOVA*", KAZAKH),
        ("", "Abdirakhmanova^Uljan", KAZAKH),
        ("", "TOROKULOV*", KYRGYZ),
        ("ISO_IR 144", "Абдирахманова*", KAZAKH),
        ("ISO_IR 144", "Торокулов^Усон", KYRGYZ),
        ("ISO_IR 192", "Төрөкулов^Үсөн", KYRGYZ),
        ("ISO_IR 144", "АННА*", None),
        ("", "Phantomm^Anna", None),
    ],
)
def test_names_are_found_in_either_script(port: int, charset: str, name: str, patient: Patient | None):
    _, found, _ = _ask(port, None, charset=charset, QueryRetrieveLevel="STUDY", PatientName=name, PatientID="")
    assert _ids(found) == ({patient.id} if patient else set())


@pytest.mark.parametrize(
    ("charset", "patient", "answered"),
    [
        ("", RUSSIAN, "ISO_IR 192"),
        ("ISO_IR 100", RUSSIAN, "ISO_IR 192"),
        ("ISO_IR 144", RUSSIAN, "ISO_IR 144"),
        ("ISO_IR 144", KAZAKH, "ISO_IR 192"),
        ("ISO_IR 144", KYRGYZ, "ISO_IR 192"),
        ("GB18030", KAZAKH, "GB18030"),
        ("ISO_IR 192", KYRGYZ, "ISO_IR 192"),
        ("windows-1251", RUSSIAN, "ISO_IR 192"),
    ],
)
def test_no_letter_is_lost_whatever_the_peer_asks_in(port: int, charset: str, patient: Patient, answered: str):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pydicom.config.settings.reading_validation_mode", config.IGNORE)
        patch.setattr("pydicom.config.settings.writing_validation_mode", config.IGNORE)
        _, found, _ = _ask(
            port, None, charset=charset, QueryRetrieveLevel="STUDY", PatientID=patient.id, PatientName=""
        )
    ((_, answer),) = found
    assert str(answer.PatientName) == patient.name
    assert answer.SpecificCharacterSet == answered


def _raw_question(name: bytes, patient_id: bytes = b"") -> bytes:
    return b"".join(
        struct.pack("<HHL", tag >> 16, tag & 0xFFFF, len(value)) + value
        for tag, value in ((0x00080052, b"STUDY "), (0x00100010, name), (0x00100020, patient_id))
    )


def _answers(port: int, question: bytes) -> list[bytes]:
    """The identifiers of the matches, as bytes."""
    with RawPeer(port) as peer:
        peer.associate(((STUDY_ROOT_FIND, (IMPLICIT,)),), calling="FINDER")
        peer.send(pdata(request(0x20, STUDY_ROOT_FIND, data_set=True)), pdata(question, 2))
        found = []
        while status_of(pdu := peer.read()) in (0xFF00, 0xFF01):
            pdu = peer.read()
            assert pdu is not None
            found.append(pdu[1][6:])
        return found


def test_a_peer_that_names_no_character_set_is_understood_as_it_is_registered(
    filled: Archive, monkeypatch: pytest.MonkeyPatch
):
    name = "Королёва*".encode("iso8859-5")
    name += b" " * (len(name) & 1)
    with listening(filled) as listener:
        (guessed,) = _answers(listener.port, _raw_question(name))
    assert b"ISO_IR 192" in guessed
    options = PeerOptions(character_set="ISO_IR 144")
    peer = Peer("FINDER", "127.0.0.1", 104, frozenset({Verb.FIND}), utc_now(), options)
    principal = Principal(PrincipalKind.PEER, "FINDER", verbs=peer.verbs, peer=peer)
    monkeypatch.setattr("pacs.access.peers.Peers.recognise", lambda *_: principal)
    with listening(filled) as listener:
        (found,) = _answers(listener.port, _raw_question(name))
        (kazakh,) = _answers(listener.port, _raw_question(b"", KAZAKH.id.encode()))
    assert b"ISO_IR 144" in found
    assert RUSSIAN.name.encode("iso8859-5") in found
    assert b"ISO_IR 192" in kazakh
    assert KAZAKH.name.encode() in kazakh


@pytest.mark.parametrize("declared", ["", "ISO_IR 100"])
@pytest.mark.parametrize(
    ("codec", "patient"),
    [("cp1251", RUSSIAN), ("kz1048", KAZAKH), ("kz1048", KYRGYZ), ("utf-8", KAZAKH)],
)
def test_a_damaged_name_is_repaired_in_the_index_and_never_in_the_object(
    archive: Archive, declared: str, codec: str, patient: Patient
):
    stand_in = "X" * len(patient.name.encode(codec))
    dataset = ct_slice(patient=Patient(patient.id, stand_in, patient.birth_date, patient.sex, declared or "ISO_IR 6"))
    sent = part10(dataset).replace(stand_in.encode(), patient.name.encode(codec))
    if not declared:
        sent = sent.replace(b"CS\x08\x00ISO_IR 6", b"CS\x08\x00        ")
    send(archive, sent)
    with listening(archive) as listener:
        _, found, _ = _ask(
            listener.port,
            charset="ISO_IR 192",
            QueryRetrieveLevel="STUDY",
            PatientName=patient.name.split("^")[0] + "*",
            PatientID="",
        )
    ((_, answer),) = found
    assert str(answer.PatientName) == patient.name
    (stored,) = archive.instances(str(dataset.StudyInstanceUID))
    with archive.open(stored) as stream:
        assert patient.name.encode(codec) in stream.read()


def test_modalities_and_counts_are_those_of_now(port: int, filled: Archive):
    keys = {
        "QueryRetrieveLevel": "STUDY",
        "StudyInstanceUID": str(uid(ANNA.id, "study")),
        "ModalitiesInStudy": "",
        "NumberOfStudyRelatedSeries": "",
        "NumberOfStudyRelatedInstances": "",
    }
    ((_, before),) = _ask(port, None, **keys)[1]
    assert (sorted(before.ModalitiesInStudy), before.NumberOfStudyRelatedSeries) == (["CT", "MR"], 2)

    deletions, gone = Deletions(filled), str(mr_slice(series="mr").SeriesInstanceUID)
    deleted = deletions.delete(keys["StudyInstanceUID"], gone, by=OPERATOR)
    ((_, after),) = _ask(port, None, **keys)[1]
    assert (after.ModalitiesInStudy, after.NumberOfStudyRelatedSeries, after.NumberOfStudyRelatedInstances) == (
        "CT",
        1,
        1,
    )
    assert _ask(port, None, **{**keys, "ModalitiesInStudy": "MR"})[1] == []
    deletions.restore(deleted.id, by=OPERATOR)
    ((_, again),) = _ask(port, None, **{**keys, "ModalitiesInStudy": "MR"})[1]
    assert again == before


def test_what_a_site_searches_inside_of_a_sequence_is_a_key(archive: Archive) -> None:
    for number, meaning in enumerate(("CT chest", "КТ головы")):
        code, other = Dataset(), Dataset()
        code.CodeMeaning, other.CodeMeaning = meaning, f"else {number}"
        dataset = ct_slice(study=f"s{number}", StudyID=f"s{number}", SpecificCharacterSet="ISO_IR 192")
        dataset.ProcedureCodeSequence = [code, other]
        send(archive, dataset)
    archive.extended.add("ProcedureCodeSequence.CodeMeaning", level="study", by=OPERATOR)
    reindexer = Reindexer(archive, share=1)
    while reindexer.step():
        pass
    with listening(archive) as listener:
        for asked, expected in (("CT*", ["s0"]), ("КТ головы", ["s1"]), ("", ["s0", "s1"]), ("nothing", [])):
            key = Dataset()
            key.CodeMeaning = asked
            status, found, _ = _ask(
                listener.port,
                charset="ISO_IR 192",
                QueryRetrieveLevel="STUDY",
                StudyInstanceUID="",
                StudyID="",
                ProcedureCodeSequence=[key],
            )
            assert status == 0x0000
            assert sorted(identifier.StudyID for _, identifier in found) == expected, asked
            for pending, identifier in found:
                assert pending == 0xFF00
                meanings = [item.CodeMeaning for item in identifier.ProcedureCodeSequence]
                assert meanings[0] in ("CT chest", "КТ головы")
                assert meanings[1] == f"else {identifier.StudyID[1:]}"
