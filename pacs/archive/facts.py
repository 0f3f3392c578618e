"""What the index knows of a study, series by series, in the form that conditions of rules are judged by."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import select

from pacs.archive.archive import Archive
from pacs.attributes import BY_KEYWORD, Level
from pacs.index.criteria import Criterion, OneOf, Query
from pacs.index.schema import IS_LIVE, instance, series, study

ALWAYS_ASKED = (
    "SeriesInstanceUID",
    "Modality",
    "SOPInstanceUID",
    "SOPClassUID",
    "AvailableTransferSyntaxUID",
    "BodyPartExamined",
    "PatientSex",
    "PatientAge",
    "PatientBirthDate",
    "StudyDate",
)


@dataclass(slots=True)
class SeriesFacts:
    """What the index knows of one series: its instances, and tag to the texts that occur."""

    instances: dict[str, str] = field(default_factory=dict)  # SOP Instance UID to SOP Class UID
    texts: dict[str, set[str]] = field(default_factory=dict)
    senders: set[str] = field(default_factory=set)  # AE titles that sent some of it

    def facts(self) -> dict[str, list[str]]:
        """In the form that rules are judged by."""
        found = {tag: sorted(texts) for tag, texts in self.texts.items()}
        found["derived:instance_count"] = [str(len(self.instances))]
        age = age_years(self.one("PatientAge"), self.one("PatientBirthDate"), self.one("StudyDate"))
        found["derived:age_years"] = [] if age is None else [str(age)]
        found["derived:calling_ae_title"] = sorted(self.senders)
        return found

    def one(self, tag: str) -> str:
        """One of the texts of `tag`, empty when there is none."""
        return min(self.texts.get(tag) or {""})


def series_facts(archive: Archive, study_instance_uid: str, tags: Iterable[str]) -> dict[str, SeriesFacts]:
    """The study's series by UID, with every attribute of `tags` and those that are always asked for."""
    asked = {*tags, *ALWAYS_ASKED}
    returns = tuple(BY_KEYWORD[tag] for tag in sorted(asked) if tag in BY_KEYWORD)
    only = Criterion(BY_KEYWORD["StudyInstanceUID"], OneOf((study_instance_uid,)))
    found: dict[str, SeriesFacts] = {}
    for row in archive.find(Query(Level.IMAGE, (only,), returns)):
        facts = found.setdefault(row["SeriesInstanceUID"], SeriesFacts())
        facts.instances[row["SOPInstanceUID"]] = row["SOPClassUID"]
        for attribute in returns:
            text = row.get(attribute.keyword, "")
            if text:
                facts.texts.setdefault(attribute.keyword, set()).add(text)
    if "derived:calling_ae_title" in asked:
        _add_senders(archive, study_instance_uid, found)
    return found


def _add_senders(archive: Archive, study_instance_uid: str, found: dict[str, SeriesFacts]) -> None:
    statement = (
        select(series.c.series_instance_uid, instance.c.calling_ae_title)
        .distinct()
        .select_from(study.join(series, series.c.study_row == study.c.row).join(instance))
        .where(study.c.study_instance_uid == study_instance_uid, IS_LIVE)
    )
    with archive.index.read() as connection:
        for series_instance_uid, calling_ae_title in connection.execute(statement):
            if calling_ae_title and series_instance_uid in found:
                found[series_instance_uid].senders.add(calling_ae_title)


def age_years(patient_age: str, birth_date: str, study_date: str) -> int | None:
    """Whole years from Patient's Age (PS3.5 6.2, AS: nnnD, nnnW, nnnM, nnnY), else from the two dates."""
    if len(patient_age) == 4 and patient_age[:3].isdigit() and patient_age[3] in "DWMY":
        number = int(patient_age[:3])
        return {"D": number // 365, "W": number // 52, "M": number // 12, "Y": number}[patient_age[3]]
    if len(birth_date) == len(study_date) == 8 and (birth_date + study_date).isdigit():
        years = int(study_date[:4]) - int(birth_date[:4]) - (study_date[4:] < birth_date[4:])
        return years if 0 <= years < 150 else None
    return None
