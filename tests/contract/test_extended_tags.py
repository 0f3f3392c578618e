"""Extended query tags on both databases: what is stored is read again, what arrives is indexed with its row."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset

from pacs.access.principals import OPERATOR, Principal, PrincipalKind
from pacs.archive import extended, extended_values, reindex
from pacs.archive.archive import Archive
from pacs.archive.deletion import Deletions
from pacs.archive.extended import ExtendedTag, TagStatus
from pacs.archive.matching import Lists, criterion
from pacs.archive.recovery import rebuild
from pacs.archive.reindex import Reindexer
from pacs.attributes import Level
from pacs.errors import AlreadyThere, NotFound, NotPermitted, QueryRefused
from pacs.index import query as index_query
from pacs.index.criteria import Query
from tests.support.archives import open_archive, send
from tests.support.factories import ct_series, ct_slice, part10, uid

CREATOR = "ACME IMAGING 1"
GROUP = 0x0009
TAGS = (
    ("00091001", "LO", CREATOR, "study"),
    ("00091002", "DS", CREATOR, "instance"),
    ("00091003", "FL", CREATOR, "instance"),
    ("00091004", "PN", CREATOR, "study"),
    ("OperatorsName", "", "", "series"),
    ("00181012", "DA", "", "instance"),
    ("00181014", "", "", "instance"),
    ("0008002A", "", "", "instance"),
    ("DeviceUID", "", "", "series"),
    ("EchoNumbers", "", "", "instance"),
    ("SliceThickness", "", "", "instance"),
    ("ProcedureCodeSequence.CodeMeaning", "", "", "study"),
    ("00091020.00091021", "DS", CREATOR, "instance"),
)


def private(study: str, block: int = 0x10, **values: Any) -> Dataset:
    """A slice with private elements in `block`."""
    dataset = ct_slice(study=study, StudyID=study, SpecificCharacterSet="ISO_IR 192")
    dataset.add_new((GROUP, block), "LO", CREATOR)
    for name, value in values.items():
        vr, element = name.split("_")
        dataset.add_new((GROUP, block << 8 | int(element, 16)), vr, value)
    return dataset


@pytest.fixture
def archive(database: str, tmp_path: Path) -> Iterator[Archive]:
    with open_archive(tmp_path, database=database) as made:
        yield made


def settled(archive: Archive) -> list[ExtendedTag]:
    """The tags when everything there was to do has been done."""
    worker = Reindexer(archive, share=1)
    while worker.step():
        pass
    return archive.extended.listing()


def asked(archive: Archive, tag: str, text: str, level: Level = Level.STUDY, **options: Any) -> str:
    """Study IDs of what is found, in order."""
    path = tuple(int(part, 16) for part in tag.split(".")) if "." in tag else ()
    attribute = archive.vocabulary.inside(path) if path else archive.vocabulary.named(tag)
    study_id = archive.vocabulary.named("StudyID")
    assert attribute is not None
    assert study_id is not None
    lists = Lists.MULTIPLE_VALUE_MATCHING if options.pop("several", False) else Lists.NONE
    found = criterion(attribute, text, empty_value=True, lists=lists)
    query = Query(level, (found,) if found else (), (study_id, attribute), **options)
    rows = [row["StudyID"] for row in archive.find(query)]
    with archive.index.read() as connection:
        assert index_query.count(connection, query) == len(rows)
    assert [row["StudyID"] for row in archive.find_in_pages(query)] == rows
    return "".join(sorted(rows))


def filled(archive: Archive) -> None:
    first = private("a", LO_01="Head first", DS_02=["1.50", "2"], FL_03=0.1, PN_04="Иванов^Пётр")
    first.OperatorsName, first.DeviceUID = "Müller^Jörg", "1.2.3.4"
    first.DateOfSecondaryCapture, first.TimeOfSecondaryCapture = "20240105", "083000"
    first.AcquisitionDateTime, first.EchoNumbers, first.SliceThickness = "20240105120000+0600", [1, 2], "0.625"
    first.ProcedureCodeSequence = [Dataset(), Dataset()]
    first.ProcedureCodeSequence[0].CodeMeaning, first.ProcedureCodeSequence[1].CodeMeaning = "КТ головы", "CT chest"
    inner = Dataset()
    inner.add_new((GROUP, 0x30), "LO", CREATOR)
    inner.add_new((GROUP, 0x3021), "DS", "7.50")
    first.add_new((GROUP, 0x1020), "SQ", [inner])
    send(archive, first)
    second = private("b", 0x27, LO_01="Feet first", DS_02="3e1", PN_04="Petrova^Anna")
    second.OperatorsName, second.DateOfSecondaryCapture = "Schmidt^Eva", "20240207"
    second.AcquisitionDateTime, second.SliceThickness = "20240105120000", "5.0"
    send(archive, second)
    other = ct_slice(study="c", StudyID="c")
    other.add_new((GROUP, 0x10), "LO", "SOMEBODY ELSE")
    other.add_new((GROUP, 0x1001), "LO", "Head first")
    send(archive, other)


@pytest.mark.parametrize("first", ["objects", "tags"])
def test_what_is_stored_and_what_arrives_is_found_alike(archive: Archive, first: str) -> None:
    steps = [lambda: filled(archive), lambda: [archive.extended.add(*tag, by=OPERATOR) for tag in TAGS]]
    for step in steps if first == "objects" else reversed(steps):
        step()
    assert archive.vocabulary.named("00091001") is None
    found = settled(archive)
    assert {(one.status, one.errors) for one in found} == {(TagStatus.READY, 0)}
    for tag, text, options, expected in (
        ("00091001", "Head first", {}, "a"),
        ("00091001", "*first", {}, "ab"),
        ("00091001", "head*", {}, ""),
        ("00091001", '""', {}, "c"),
        ("00091001", "Feet first\\Head*", {"several": True}, "ab"),
        ("00091002", "1.5", {}, "a"),
        ("00091002", "2.000", {}, "a"),
        ("00091002", "30", {}, "b"),
        ("00091003", "0.1", {}, "a"),
        ("00091004", "ivanov", {"fuzzy": True}, "a"),
        ("00091004", "Anna Petrova", {"fuzzy": True}, "b"),
        ("00091004", "PETROVA*", {}, "b"),
        ("OperatorsName", "muller^jorg", {}, "a"),
        ("00081070", "Schm*", {}, "b"),
        ("DateOfSecondaryCapture", "20240101-20240131", {}, "a"),
        ("DateOfSecondaryCapture", "2024", {}, "ab"),
        ("TimeOfSecondaryCapture", "08", {}, "a"),
        ("TimeOfSecondaryCapture", "0900-", {}, ""),
        ("AcquisitionDateTime", "20240105060000+0000", {}, "a"),
        ("AcquisitionDateTime", "20240105060000-20240105060000", {}, "a"),
        ("AcquisitionDateTime", "20240105", {}, "ab"),
        ("AcquisitionDateTime", "20240105115959-", {}, "b"),
        ("DeviceUID", "1.2.3.4,1.2.3.5", {}, "a"),
        ("EchoNumbers", "2", {}, "a"),
        ("00081070", "Schm*\\muller*", {"several": True}, ""),
        ("00081032.00080104", "CT chest", {}, "a"),
        ("00081032.00080104", "КТ*", {}, "a"),
        ("00081032.00080104", '""', {}, "bc"),
        ("00091020.00091021", "7.5", {}, "a"),
        ("SliceThickness", "0.6250", {}, "a"),
    ):
        for level in (Level.STUDY, Level.SERIES, Level.IMAGE):
            assert asked(archive, tag, text, level, **options) == expected, (tag, text, level)


def test_values_are_answered_as_they_are_stored(archive: Archive) -> None:
    filled(archive)
    for tag in TAGS:
        archive.extended.add(*tag, by=OPERATOR)
    settled(archive)
    names = ["00091001", "00091002", "00091003", "OperatorsName", "EchoNumbers", "AcquisitionDateTime"]
    returned = tuple(attribute for name in names if (attribute := archive.vocabulary.named(name)) is not None)
    rows = list(archive.find(Query(Level.IMAGE, returns=returned)))
    [row] = [row for row in rows if row["StudyInstanceUID"] == uid("SYN-0001", "a")]
    assert [row[attribute.keyword] for attribute in returned] == [
        "Head first",
        "1.50\\2",
        str(0.10000000149011612),
        "Müller^Jörg",
        "1\\2",
        "20240105120000+0600",
    ]


def test_of_several_objects_the_first_is_right_whenever_it_is_read(archive: Archive) -> None:
    early, late = private("a", LO_01="early"), private("a", LO_01="late")
    late.SOPInstanceUID = late.file_meta.MediaStorageSOPInstanceUID = uid("late")
    send(archive, early)
    archive.extended.add("00091001", "LO", CREATOR, "study", by=OPERATOR)
    send(archive, late)  # it is indexed at once, the first one later
    settled(archive)
    assert (asked(archive, "00091001", "early"), asked(archive, "00091001", "late")) == ("a", "")


def test_an_object_that_was_read_before_a_tag_came_is_read_again(archive: Archive) -> None:
    with archive.receive_part10(OPERATOR, protocol="test") as reception:
        reception.write(part10(private("a", LO_01="meanwhile")))
        examined = reception._examined

        def slowly(*arguments: Any) -> Any:
            arrived = examined(*arguments)
            archive.extended.add("00091001", "LO", CREATOR, "study", by=OPERATOR)
            settled(archive)  # the whole pass goes by before its row is there
            return arrived

        reception._examined = slowly  # type: ignore[method-assign]
        reception.commit()
    settled(archive)
    assert asked(archive, "00091001", "meanwhile") == "a"


def test_a_pass_goes_on_where_the_last_process_ended(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reindex, "OBJECTS_AT_ONCE", 2)
    with open_archive(tmp_path, database=database) as archive:
        for number in range(7):
            send(archive, private(str(number), LO_01=f"v{number}"))
        archive.extended.add("00091001", "LO", CREATOR, "study", by=OPERATOR)
        worker = Reindexer(archive, share=1)
        assert all(worker.step() for _ in range(3))
        [tag] = archive.extended.listing()
        assert (tag.status, tag.objects_done, tag.objects_total) == (TagStatus.ADDING, 4, 7)
        archive.extended.add("00091002", "DS", CREATOR, by=OPERATOR)  # it catches up, and they go on together
    with open_archive(tmp_path, database=database) as archive:
        first, second = settled(archive)
        assert (first.objects_done, second.objects_done, second.status) == (7, 7, TagStatus.READY)
        assert asked(archive, "00091001", "v*") == "0123456"


def test_what_is_restored_is_found_again(archive: Archive) -> None:
    archive.extended.add("00091001", "LO", CREATOR, "study", by=OPERATOR)
    settled(archive)
    send(archive, private("a", LO_01="here"))
    deletions = Deletions(archive)
    gone = deletions.delete(uid("SYN-0001", "a"), by=OPERATOR)
    assert asked(archive, "00091001", "here") == ""
    send(archive, private("b", LO_01="there"))  # it may get the row that was given up
    assert (asked(archive, "00091001", "here"), asked(archive, "00091001", "there")) == ("", "b")
    deletions.restore(gone.id, by=OPERATOR)
    settled(archive)
    assert asked(archive, "00091001", "here") == "a"
    erased = deletions.delete(uid("SYN-0001", "a"), by=OPERATOR)
    deletions.erase(erased.id, by=OPERATOR)
    assert asked(archive, "00091001", "*", Level.IMAGE) == "b"


def test_a_tag_that_is_removed_leaves_nothing(archive: Archive) -> None:
    filled(archive)
    archive.extended.add("00091001", "LO", CREATOR, "study", by=OPERATOR)
    settled(archive)
    archive.extended.remove("00091001", by=OPERATOR)
    assert archive.vocabulary.named("00091001") is None
    assert [one.status for one in archive.extended.listing()] == [TagStatus.DELETING]
    with pytest.raises(AlreadyThere):
        archive.extended.add("00091001", "LO", CREATOR, "study", by=OPERATOR)
    assert settled(archive) == []
    archive.extended.add("00091001", "LO", "SOMEBODY ELSE", "study", by=OPERATOR)
    settled(archive)
    assert asked(archive, "00091001", "*first") == "c"
    with pytest.raises(NotFound):
        archive.extended.remove("00091002", by=OPERATOR)


def test_what_cannot_be_searched_is_told(archive: Archive) -> None:
    archive.extended.add("DateOfSecondaryCapture", by=OPERATOR)
    archive.extended.add("00091001", "DS", CREATOR, by=OPERATOR)
    stored = send(archive, private("a", LO_01="no number"))
    damaged = send(archive, private("b", LO_01="3"))
    with archive.index.read() as connection:
        keys = connection.exec_driver_sql("SELECT object_key FROM instance ORDER BY row").scalars().all()
    path = archive.store.local_path(keys[1])
    assert path is not None
    path.unlink()
    _, tag = settled(archive)
    assert (tag.status, tag.errors, tag.objects_done) == (TagStatus.READY, 2, 2)
    first, second = archive.extended.errors(tag.tag, by=OPERATOR)
    assert (first.sop_instance_uid, first.message) == (stored.sop_instance_uid, "it is no number (DS)")
    assert second.sop_instance_uid == damaged.sop_instance_uid
    assert "cannot be read" in second.message
    assert asked(archive, "00091001", "3", Level.IMAGE) == "b"  # it was read when it came


def test_a_rebuilt_index_has_every_value(archive: Archive) -> None:
    filled(archive)
    for tag in TAGS:
        archive.extended.add(*tag, by=OPERATOR)
    rebuild(archive)
    assert {one.status for one in archive.extended.listing()} == {TagStatus.READY}
    assert asked(archive, "00091001", "*first") == "ab"
    assert asked(archive, "EchoNumbers", "2", Level.IMAGE) == "a"
    settled(archive)
    send(archive, private("d", LO_01="Side first"))
    assert asked(archive, "00091001", "*first") == "abd"


def test_a_disabled_tag_is_kept_up(archive: Archive) -> None:
    archive.extended.add("00091001", "LO", CREATOR, "study", by=OPERATOR)
    settled(archive)
    assert not archive.extended.enable("0009,1001", False, by=OPERATOR).enabled
    assert archive.vocabulary.waiting == {(0x00091001,): "is disabled"}
    filled(archive)
    archive.extended.enable("(0009,1001)", True, by=OPERATOR)
    assert asked(archive, "00091001", "*first") == "ab"


def test_what_is_no_tag_is_refused(tmp_path: Path) -> None:
    with open_archive(tmp_path) as archive:
        for tag, vr, creator, level, error in (
            ("nonsense", "LO", "", "study", QueryRefused),
            ("00091001", "LO", "", "study", QueryRefused),
            ("00091001", "", CREATOR, "study", QueryRefused),
            ("00091001", "SQ", CREATOR, "study", QueryRefused),
            ("ProcedureCodeSequence", "", "", "study", QueryRefused),
            ("OperatorsName.CodeMeaning", "", "", "study", QueryRefused),
            ("RequestAttributesSequence.CodeMeaning", "", "", "series", AlreadyThere),
            (".".join(["00081032"] * 5), "", "", "study", QueryRefused),
            ("00090010", "LO", CREATOR, "study", QueryRefused),
            ("00091001", "LO", CREATOR, "patient", QueryRefused),
            ("OperatorsName", "LO", "", "study", QueryRefused),
            ("OperatorsName", "", CREATOR, "study", QueryRefused),
            ("PixelData", "", "", "instance", QueryRefused),
            ("00080000", "UL", "", "instance", QueryRefused),
            ("TransferSyntaxUID", "", "", "instance", QueryRefused),
            ("SpecificCharacterSet", "", "", "instance", QueryRefused),
            ("TimezoneOffsetFromUTC", "", "", "study", AlreadyThere),
            ("PatientName", "", "", "study", AlreadyThere),
            ("SmallestImagePixelValue", "", "", "instance", QueryRefused),
        ):
            with pytest.raises(error) as refused:
                archive.extended.add(tag, vr, creator, level, by=OPERATOR)
            assert refused.value.hint, tag
        nobody = Principal(PrincipalKind.USER, "nobody")
        with pytest.raises(NotPermitted):
            archive.extended.add("OperatorsName", by=nobody)
        assert archive.extended.listing() == []
        archive.extended.add("OperatorsName", by=OPERATOR)
        with pytest.raises(NotPermitted):
            archive.extended.remove("OperatorsName", by=nobody)


def test_without_tags_nothing_is_read_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:

    def never(*_: Any) -> Any:
        raise AssertionError("there are no tags")

    monkeypatch.setattr(extended, "told_by", never)
    monkeypatch.setattr(extended_values, "chosen_values", never)
    with open_archive(tmp_path) as archive:
        for dataset in ct_series(2):
            send(archive, dataset)


def test_another_node_on_the_same_database_learns_of_a_tag(migrated_postgresql_url: str, tmp_path: Path) -> None:
    with (
        open_archive(tmp_path / "one", database=migrated_postgresql_url) as one,
        open_archive(tmp_path / "two", database=migrated_postgresql_url) as two,
    ):
        assert two.extended.current.read == ()
        one.extended.add("00091001", "LO", CREATOR, "study", by=OPERATOR)
        waiting = Reindexer(one, share=1, learnt_after=timedelta(hours=1))
        assert not waiting.step()  # the other one may not know it yet
        two.extended.learn()
        generation = two.extended.current.generation
        two.extended.learn()
        assert two.extended.current.generation == generation
        send(two, private("a", LO_01="elsewhere"))
        settled(one)
        two.extended.learn()
        assert asked(two, "00091001", "elsewhere") == asked(one, "00091001", "elsewhere") == "a"
