"""`pacs mwl`: the modality worklist, what is scheduled for the modalities."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from pacs.cli.command import do, group
from pacs.console import print_table
from pacs.errors import NodeFailed

app = group("The modality worklist: what is scheduled for the modalities.")

STEP_SEQUENCE = "ScheduledProcedureStepSequence"
COLUMNS = ("date", "time", "station", "modality", "status", "patient_id", "patient_name", "study", "step")


def _text(help_text: str) -> Any:
    return typer.Option(help=help_text)


@app.command("add")
def add(
    file: Annotated[
        list[Path] | None,
        typer.Option(help="DICOM JSON (.json), a DICOM file or a worklist file of wlmscpfs (.wl, .dcm)."),
    ] = None,
    patient_id: Annotated[str, _text("Patient ID.")] = "",
    patient_name: Annotated[str, _text("Name as family^given^patronymic, in any script.")] = "",
    birth_date: Annotated[str, _text("YYYYMMDD.")] = "",
    sex: Annotated[str, _text("M, F or O.")] = "",
    accession_number: Annotated[str, _text("Accession number of the order.")] = "",
    modality: Annotated[str, _text("CT, MR, DX, US …")] = "",
    station: Annotated[str, _text("AE title of the device that is to do it.")] = "",
    date: Annotated[str, _text("Day of the examination, YYYYMMDD; today unless given.")] = "",
    time: Annotated[str, _text("Time of the examination, HHMM or HHMMSS; now unless given.")] = "",
    description: Annotated[str, _text("What is to be done.")] = "",
    physician: Annotated[str, _text("Who referred the patient.")] = "",
) -> None:
    """Schedule examinations: from files, or one from the options."""
    if file:
        for path in file:
            _added(path.name, _read(path))
        return
    now = datetime.now().astimezone()
    step = {
        "Modality": modality,
        "ScheduledStationAETitle": station,
        "ScheduledProcedureStepStartDate": date or f"{now:%Y%m%d}",
        "ScheduledProcedureStepStartTime": time or f"{now:%H%M%S}",
        "ScheduledProcedureStepDescription": description,
    }
    document = {
        "PatientID": patient_id,
        "PatientName": patient_name,
        "PatientBirthDate": birth_date,
        "PatientSex": sex,
        "AccessionNumber": accession_number,
        "ReferringPhysicianName": physician,
        STEP_SEQUENCE: {"vr": "SQ", "Value": [step]},
    }
    _added("The examination", document)


def _added(what: str, document: Any) -> None:
    for entry in do("mwl.add", document=document):
        shown = _shown(entry)
        print(f"{what} is scheduled: step {shown['step']} of study {shown['study']}.")


def _read(path: Path) -> Any:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise NodeFailed(f"{path} cannot be read: {error.strerror}", "check the name") from error
    if data.lstrip()[:1] in (b"{", b"["):
        try:
            given = json.loads(data)
        except ValueError as error:
            raise NodeFailed(f"{path} is not JSON: {error}", "correct it") from error
        return given[0] if isinstance(given, list) and len(given) == 1 else given
    from pacs.dicom.documents import read_file

    return read_file(data)


@app.command("list")
def listing(
    everything: Annotated[
        bool, typer.Option("--all", help="Also what is completed, discontinued or canceled.")
    ] = False,
    date: Annotated[str, _text("Day or range of days: 20261128, 20261128-, 20261101-20261130.")] = "",
    station: Annotated[str, _text("AE title of the device.")] = "",
    modality: Annotated[str, _text("CT, MR, DX, US …")] = "",
    patient: Annotated[str, _text("Name of the patient or its beginning, in any script, with * and ?.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="Print DICOM JSON.")] = False,
) -> None:
    """List what is scheduled, by date and time."""
    step = {"00400002": ("DA", date), "00400001": ("AE", station), "00080060": ("CS", modality)}
    keys = {tag: {"vr": vr, "Value": [text]} for tag, (vr, text) in step.items() if text}
    if everything:
        keys["00400020"] = {"vr": "CS", "Value": ["?*"]}
    document: dict[str, Any] = {"00400100": {"vr": "SQ", "Value": [keys]}} if keys else {}
    if patient:
        document["00100010"] = {"vr": "PN", "Value": [{"Alphabetic": patient}]}
    found = do("mwl.list", keys=document, limit=limit)
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        print_table([_shown(entry) for entry in found], COLUMNS)


@app.command("remove")
def remove(
    study: Annotated[str, typer.Argument(metavar="STUDY", help="Study Instance UID, as `pacs mwl list` shows it.")],
    step: Annotated[str, typer.Argument(metavar="STEP", help="Scheduled Procedure Step ID.")],
) -> None:
    """Take an entry off the worklist."""
    do("mwl.remove", study_instance_uid=study, step_id=step)
    print(f"Step {step} of study {study} is no longer scheduled.")


def _shown(entry: dict[str, Any]) -> dict[str, str]:
    item = entry["00400100"]["Value"][0]

    def value(document: dict[str, Any], tag: str) -> str:
        found = (document.get(tag) or {}).get("Value") or [""]
        return str(found[0].get("Alphabetic", "") if isinstance(found[0], dict) else found[0])

    return {
        "date": value(item, "00400002"),
        "time": value(item, "00400003"),
        "station": value(item, "00400001"),
        "modality": value(item, "00080060"),
        "status": value(item, "00400020"),
        "patient_id": value(entry, "00100020"),
        "patient_name": value(entry, "00100010"),
        "study": value(entry, "0020000D"),
        "step": value(item, "00400009"),
    }
