"""`pacs send`, `query` and `fetch`: studies to and from other archives."""

from __future__ import annotations

import json
import sys
import time
from typing import Annotated

import typer

from pacs.cli.command import FAILED, OPTIONS, do
from pacs.cli.queue import progress_of
from pacs.console import print_table

app = typer.Typer(context_settings=OPTIONS)

OVER = ("dead", "cancelled", "superseded")
LOOK_EVERY_S = 0.5
LIMIT_MAX = 300  # what one answer of the node holds

Series = Annotated[list[str] | None, typer.Option(metavar="UID", help="Only this series of it; may be repeated.")]
Wait = Annotated[bool, typer.Option("--wait", help="Return when it is done; exit code 1 when it is not.")]
Level = Annotated[str, typer.Option(help="patient, study, series or image.")]
SHOWN = {
    "patient": ("PatientID", "PatientName", "PatientBirthDate", "PatientSex"),
    "study": (
        "PatientID",
        "PatientName",
        "StudyDate",
        "ModalitiesInStudy",
        "StudyDescription",
        "NumberOfStudyRelatedInstances",
        "StudyInstanceUID",
    ),
    "series": ("Modality", "SeriesNumber", "SeriesDescription", "NumberOfSeriesRelatedInstances", "SeriesInstanceUID"),
    "image": ("InstanceNumber", "SOPClassUID", "SOPInstanceUID"),
}


@app.command()
def send(
    study: Annotated[str, typer.Argument(metavar="STUDY", help="Its Study Instance UID.")],
    title: Annotated[str, typer.Argument(metavar="TITLE", help="The registered AE title it goes to.")],
    series: Series = None,
    priority: Annotated[str, typer.Option(help="high, medium or low.")] = "high",
    commitment: Annotated[
        bool | None, typer.Option("--commitment/--no-commitment", help="Ask for storage commitment afterwards.")
    ] = None,
    wait: Wait = False,
) -> None:
    """Send a study to a registered peer; the running node does it, with retries, until it is done."""
    job = do(
        "send",
        destination=title,
        study_instance_uid=study,
        series=series or [],
        priority=priority,
        commitment=commitment,
    )
    _follow(job, wait)


@app.command()
def fetch(
    title: Annotated[str, typer.Argument(metavar="TITLE", help="The registered AE title of the other archive.")],
    studies: Annotated[list[str], typer.Argument(metavar="STUDY…", help="Study Instance UIDs.")],
    series: Series = None,
    way: Annotated[str, typer.Option(help="get or move; without it the one that the other archive does.")] = "",
    wait: Wait = False,
) -> None:
    """Fetch what is not here yet of studies on another archive; the running node does it, with retries."""
    for study in studies:
        _follow(do("fetch", source=title, study_instance_uid=study, series=series or [], way=way), wait)


@app.command()
def query(
    title: Annotated[str, typer.Argument(metavar="TITLE", help="The registered AE title of the other archive.")],
    keys: Annotated[
        list[str] | None, typer.Argument(metavar="KEY=VALUE…", help="Such as PatientID=1234 StudyDate=20260101-.")
    ] = None,
    level: Level = "study",
    limit: Annotated[int, typer.Option(min=1, max=LIMIT_MAX, help="The first so many matches.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="DICOM JSON, one match a line.")] = False,
) -> None:
    """Ask another archive what it has (C-FIND)."""
    wanted = dict(key.partition("=")[::2] for key in keys or [])
    if level not in SHOWN or any("=" not in key for key in keys or []):
        raise typer.BadParameter("expected KEY=VALUE, and a level of patient, study, series or image")
    found = do("query", source=title, level=level.upper(), keys=wanted, limit=limit)
    if as_json:
        for match in found:
            print(json.dumps(match, ensure_ascii=False))
        return
    from pacs.dimse.query import value_of

    print_table([{name: value_of(match, name) for name in SHOWN[level]} for match in found], SHOWN[level])


def _follow(job: str, wait: bool) -> None:
    """Print the job's id; with `wait` tell how far it is until it is over, on standard error."""
    print(job, flush=True)
    told = ""
    while wait:
        found = do("queue.show", id=job)
        now = f"{found['state']} {progress_of(found)} {found['last_error']}".strip()
        if now != told:
            print(now, file=sys.stderr, flush=True)
            told = now
        if found["state"] == "done":
            return
        if found["state"] in OVER:
            sys.exit(FAILED)
        time.sleep(LOOK_EVERY_S)
