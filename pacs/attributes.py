"""The attribute catalogue: what is indexed, at which level, and how it is matched.

Index columns, what the walker extracts, C-FIND keys and QIDO-RS keys and answers are derived from this one table. A
new searchable attribute is one line here and one migration; pacs/README.md says what a few kinds need besides.

Values are held as text, decoded to Unicode and stripped of padding; several values are joined by a backslash.
A sequence (SQ) is held as the text of its DICOM JSON array (PS3.18 Annex F).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from types import MappingProxyType


class Level(IntEnum):
    """The levels of the query/retrieve information models, from the root (PS3.4 C.6)."""

    PATIENT = 0
    STUDY = 1
    SERIES = 2
    IMAGE = 3


class Matching(StrEnum):
    """How a key is compared with the index (PS3.4 C.2.2.2)."""

    TEXT = "text"  # single value and wildcard, case sensitive
    NAME = "name"  # person name: folded across case, accents and scripts, wildcard
    UID = "uid"  # list of UID
    CODE = "code"  # single value or wildcard of a CS, case sensitive
    DATE = "date"  # single value and range
    TIME = "time"  # single value and range
    NUMBER = "number"  # IS: compared as a number
    DECIMAL = "decimal"  # every VR of numbers, of a value kept as a number
    MOMENT = "moment"  # DT: single value and range, in UTC where an offset is known
    SEQUENCE = "sequence"  # one item of keys
    RETURN = "return"  # returned, never matched
    COMPUTED = "computed"  # counted or joined by the query itself


@dataclass(frozen=True, slots=True, eq=False)
class Attribute:
    """One line of the catalogue; there is one object a line, which is equal to itself alone. `column` is the keyword in snake_case; `required` marks a key of the standard's lists
    (PS3.18 Tables 10.6.1-5 and 10.6.3-3 to -5): it is answered even when empty."""

    keyword: str
    tag: int
    vr: str
    level: Level
    matching: Matching
    column: str
    required: bool = False
    unique: bool = False
    multiple: bool = False

    @property
    def stored(self) -> bool:
        """Whether it is a column of its level's table (the rest is computed by the query)."""
        return self.matching is not Matching.COMPUTED


@dataclass(frozen=True, slots=True, eq=False)
class Extended(Attribute):
    """An attribute that a site searches besides the catalogue. Its values are in tables of their own, under `key`; a
    private one is known by its creator, in whatever block that is (PS3.5 7.8.1). One that stands inside of sequences
    has their tags, from the outside in, as `sequences`."""

    key: int = 0
    private_creator: str = ""
    sequences: tuple[int, ...] = ()

    @property
    def path(self) -> tuple[int, ...]:
        """Its tag behind those of the sequences around it."""
        return (*self.sequences, self.tag)


def _table(*rows: tuple[str, int, str, Level, Matching, str, str]) -> tuple[Attribute, ...]:
    return tuple(
        Attribute(keyword, tag, vr, level, matching, column, "R" in flags, "U" in flags, "M" in flags)
        for keyword, tag, vr, level, matching, column, flags in rows
    )


_P, _S, _E, _I = Level.PATIENT, Level.STUDY, Level.SERIES, Level.IMAGE
_M = Matching

# flags: R answered even when empty, U the unique key of its level, M may hold several values
# fmt: off
CATALOGUE: tuple[Attribute, ...] = _table(
    ("PatientID",                       0x00100020, "LO", _P, _M.TEXT,     "patient_id", "RU"),
    ("IssuerOfPatientID",               0x00100021, "LO", _P, _M.TEXT,     "issuer_of_patient_id", ""),
    ("PatientName",                     0x00100010, "PN", _P, _M.NAME,     "patient_name", "R"),
    ("PatientBirthDate",                0x00100030, "DA", _P, _M.DATE,     "patient_birth_date", "R"),
    ("PatientSex",                      0x00100040, "CS", _P, _M.CODE,     "patient_sex", "R"),
    ("OtherPatientIDs",                 0x00101000, "LO", _P, _M.TEXT,     "other_patient_ids", "M"),
    ("NumberOfPatientRelatedStudies",   0x00201200, "IS", _P, _M.COMPUTED, "number_of_patient_related_studies", ""),
    ("NumberOfPatientRelatedSeries",    0x00201202, "IS", _P, _M.COMPUTED, "number_of_patient_related_series", ""),
    ("NumberOfPatientRelatedInstances", 0x00201204, "IS", _P, _M.COMPUTED, "number_of_patient_related_instances", ""),

    ("StudyInstanceUID",                0x0020000D, "UI", _S, _M.UID,      "study_instance_uid", "RU"),
    ("StudyDate",                       0x00080020, "DA", _S, _M.DATE,     "study_date", "R"),
    ("StudyTime",                       0x00080030, "TM", _S, _M.TIME,     "study_time", "R"),
    ("TimezoneOffsetFromUTC",           0x00080201, "SH", _S, _M.RETURN,   "timezone_offset_from_utc", ""),
    ("AccessionNumber",                 0x00080050, "SH", _S, _M.TEXT,     "accession_number", "R"),
    ("StudyID",                         0x00200010, "SH", _S, _M.TEXT,     "study_id", "R"),
    ("StudyDescription",                0x00081030, "LO", _S, _M.TEXT,     "study_description", ""),
    ("ReferringPhysicianName",          0x00080090, "PN", _S, _M.NAME,     "referring_physician_name", "R"),
    ("InstitutionName",                 0x00080080, "LO", _S, _M.TEXT,     "institution_name", ""),
    ("PatientAge",                      0x00101010, "AS", _S, _M.RETURN,   "patient_age", ""),
    ("PatientSize",                     0x00101020, "DS", _S, _M.RETURN,   "patient_size", ""),
    ("PatientWeight",                   0x00101030, "DS", _S, _M.RETURN,   "patient_weight", ""),
    ("ModalitiesInStudy",               0x00080061, "CS", _S, _M.COMPUTED, "modalities_in_study", "R"),
    ("SOPClassesInStudy",               0x00080062, "UI", _S, _M.COMPUTED, "sop_classes_in_study", ""),
    ("NumberOfStudyRelatedSeries",      0x00201206, "IS", _S, _M.COMPUTED, "number_of_study_related_series", "R"),
    ("NumberOfStudyRelatedInstances",   0x00201208, "IS", _S, _M.COMPUTED, "number_of_study_related_instances", "R"),

    ("SeriesInstanceUID",               0x0020000E, "UI", _E, _M.UID,      "series_instance_uid", "RU"),
    ("Modality",                        0x00080060, "CS", _E, _M.CODE,     "modality", "R"),
    ("SeriesNumber",                    0x00200011, "IS", _E, _M.NUMBER,   "series_number", "R"),
    ("SeriesDescription",               0x0008103E, "LO", _E, _M.TEXT,     "series_description", ""),
    ("BodyPartExamined",                0x00180015, "CS", _E, _M.CODE,     "body_part_examined", ""),
    ("ProtocolName",                    0x00181030, "LO", _E, _M.TEXT,     "protocol_name", ""),
    ("Laterality",                      0x00200060, "CS", _E, _M.CODE,     "laterality", ""),
    ("Manufacturer",                    0x00080070, "LO", _E, _M.TEXT,     "manufacturer", ""),
    ("ManufacturerModelName",           0x00081090, "LO", _E, _M.TEXT,     "manufacturer_model_name", ""),
    ("StationName",                     0x00081010, "SH", _E, _M.TEXT,     "station_name", ""),
    ("PerformedProcedureStepStartDate", 0x00400244, "DA", _E, _M.DATE,     "performed_procedure_step_start_date", ""),
    ("PerformedProcedureStepStartTime", 0x00400245, "TM", _E, _M.TIME,     "performed_procedure_step_start_time", ""),
    ("RequestAttributesSequence",       0x00400275, "SQ", _E, _M.SEQUENCE, "request_attributes_sequence", ""),
    ("NumberOfSeriesRelatedInstances",  0x00201209, "IS", _E, _M.COMPUTED, "number_of_series_related_instances", "R"),

    ("SOPInstanceUID",                  0x00080018, "UI", _I, _M.UID,      "sop_instance_uid", "RU"),
    ("SOPClassUID",                     0x00080016, "UI", _I, _M.UID,      "sop_class_uid", "R"),
    ("InstanceNumber",                  0x00200013, "IS", _I, _M.NUMBER,   "instance_number", "R"),
    ("ImageType",                       0x00080008, "CS", _I, _M.CODE,     "image_type", "M"),
    ("ContentDate",                     0x00080023, "DA", _I, _M.DATE,     "content_date", ""),
    ("ContentTime",                     0x00080033, "TM", _I, _M.TIME,     "content_time", ""),
    ("AcquisitionNumber",               0x00200012, "IS", _I, _M.NUMBER,   "acquisition_number", ""),
    ("AcquisitionDate",                 0x00080022, "DA", _I, _M.DATE,     "acquisition_date", ""),
    ("AcquisitionTime",                 0x00080032, "TM", _I, _M.TIME,     "acquisition_time", ""),
    ("Rows",                            0x00280010, "US", _I, _M.NUMBER,   "rows", ""),
    ("Columns",                         0x00280011, "US", _I, _M.NUMBER,   "columns", ""),
    ("BitsAllocated",                   0x00280100, "US", _I, _M.NUMBER,   "bits_allocated", ""),
    ("NumberOfFrames",                  0x00280008, "IS", _I, _M.NUMBER,   "number_of_frames", ""),
    ("SliceThickness",                  0x00180050, "DS", _I, _M.RETURN,   "slice_thickness", ""),
    ("ContrastBolusAgent",              0x00180010, "LO", _I, _M.TEXT,     "contrast_bolus_agent", ""),
    ("ConceptNameCodeSequence",         0x0040A043, "SQ", _I, _M.SEQUENCE, "concept_name_code_sequence", ""),
    ("AvailableTransferSyntaxUID",      0x00083002, "UI", _I, _M.COMPUTED, "available_transfer_syntax_uid", ""),
)
# fmt: on

OF_IMAGES = (Attribute("ImageLaterality", 0x00200062, "CS", Level.IMAGE, Matching.RETURN, "image_laterality"),)
"""What is corrected of single images; no search asks for it, so it is no column and the objects alone say it."""

BY_KEYWORD = MappingProxyType({attribute.keyword: attribute for attribute in CATALOGUE})
NAMED = MappingProxyType({attribute.keyword: attribute for attribute in (*CATALOGUE, *OF_IMAGES)})
"""Keyword to attribute of everything that may be corrected, and the rest of the catalogue."""
BY_TAG = MappingProxyType({attribute.tag: attribute for attribute in CATALOGUE})
UNIQUE_KEY = MappingProxyType({attribute.level: attribute for attribute in CATALOGUE if attribute.unique})


def stored_at(level: Level) -> tuple[Attribute, ...]:
    """The attributes that are columns of the table of `level`."""
    return tuple(attribute for attribute in CATALOGUE if attribute.level is level and attribute.stored)


EXTRACTED = MappingProxyType({attribute.tag: attribute for attribute in CATALOGUE if attribute.stored})
"""Tag to attribute: what the walker takes out of an arriving data set."""


_TAG = re.compile(r"[0-9A-Fa-f]{8}")


class Vocabulary:
    """Every attribute that can be asked for: the catalogue, and what a site searches besides. `waiting` are paths of
    tags that are known and cannot be asked for now, and why."""

    def __init__(
        self, extended: Sequence[Extended] = (), waiting: Mapping[tuple[int, ...], str] = MappingProxyType({})
    ) -> None:
        outside = [one for one in extended if not one.sequences]
        self._by_tag: Mapping[int, Attribute] = {**BY_TAG, **{one.tag: one for one in outside}}
        self._private = {(one.tag >> 16, one.private_creator, one.tag & 0xFF): one for one in outside}
        self._by_path = {one.path: one for one in extended if one.sequences}
        self._by_keyword = {one.keyword: one for one in self._by_tag.values()}
        self.waiting = waiting

    def at(self, tag: int) -> Attribute | None:
        """The attribute of a tag, None where there is none."""
        return self._by_tag.get(tag)

    def named(self, name: str) -> Attribute | None:
        """The attribute of a keyword or of eight hexadecimal digits."""
        return self._by_tag.get(int(name, 16)) if _TAG.fullmatch(name) else self._by_keyword.get(name)

    def private(self, tag: int, creator: str) -> Attribute | None:
        """The private attribute that `creator` has at `tag`, in whatever block (PS3.5 7.8.1)."""
        return self._private.get((tag >> 16, creator, tag & 0xFF))

    def inside(self, path: tuple[int, ...]) -> Extended | None:
        """The attribute inside of sequences at a path of tags, None where there is none."""
        return self._by_path.get(path)

    def everything(self) -> tuple[Attribute, ...]:
        """All of them."""
        return (*self._by_tag.values(), *self._by_path.values())


CATALOGUE_ALONE = Vocabulary()
