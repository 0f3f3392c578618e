"""`pacs correct`, `merge`, `move`, `corrections` and `uncorrect`: other values than the objects have, and back."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from pacs.cli.command import OPTIONS, do
from pacs.console import print_table
from pacs.errors import SettingsInvalid

app = typer.Typer(context_settings=OPTIONS)

COLUMNS = ("id", "kind", "at", "undo_until", "of", "studies", "by", "state", "new", "reason")

Reason = Annotated[str, typer.Option(help="Why, in words; kept with the correction.")]
Issuer = Annotated[str, typer.Option(metavar="NAME", help="Who issued the ID.")]
IntoIssuer = Annotated[str, typer.Option(metavar="NAME", help="Who issued the ID of the patient who gets them.")]
Values = Annotated[list[str], typer.Argument(metavar="KEYWORD=VALUE…", help="As in PatientName=Иванов^Иван.")]


@app.command()
def correct(
    values: Values,
    reason: Reason,
    study: Annotated[str, typer.Option(metavar="UID", help="Of this study, or of its patient.")] = "",
    series: Annotated[str, typer.Option(metavar="UID", help="Of this series of it.")] = "",
    instance: Annotated[str, typer.Option(metavar="UID", help="Of this image of it.")] = "",
    patient: Annotated[str, typer.Option(metavar="ID", help="Of the patient with this ID.")] = "",
    issuer: Issuer = "",
) -> None:
    """Correct attributes of a patient, a study, a series or an image, in the index and in everything that goes out."""
    _print(
        do(
            "correct",
            attributes=_attributes(values),
            reason=reason,
            study_instance_uid=study,
            series_instance_uid=series,
            sop_instance_uid=instance,
            patient_id=patient,
            issuer_of_patient_id=issuer,
        )
    )


@app.command()
def merge(
    patient: Annotated[str, typer.Argument(metavar="ID", help="The Patient ID that is given up.")],
    into: Annotated[str, typer.Argument(metavar="INTO", help="The Patient ID that stays.")],
    reason: Reason,
    issuer: Issuer = "",
    into_issuer: IntoIssuer = "",
) -> None:
    """Give every study of one patient, also those that come later, to another."""
    _print(
        do(
            "merge",
            patient={"patient_id": patient, "issuer_of_patient_id": issuer},
            into={"patient_id": into, "issuer_of_patient_id": into_issuer},
            reason=reason,
        )
    )


@app.command()
def move(
    study: Annotated[str, typer.Argument(metavar="STUDY", help="Its Study Instance UID.")],
    into: Annotated[str, typer.Argument(metavar="INTO", help="The Patient ID whose it is.")],
    reason: Reason,
    values: Annotated[
        list[str] | None, typer.Argument(metavar="KEYWORD=VALUE…", help="Of a patient who is not known yet.")
    ] = None,
    into_issuer: IntoIssuer = "",
) -> None:
    """Give one study to another patient."""
    _print(
        do(
            "move",
            study_instance_uid=study,
            into={"patient_id": into, "issuer_of_patient_id": into_issuer},
            attributes=_attributes(values or []),
            reason=reason,
        )
    )


@app.command()
def uncorrect(identifier: Annotated[str, typer.Argument(metavar="ID", help="As `pacs corrections` shows it.")]) -> None:
    """Undo a correction, a merge or a move."""
    undone = do("uncorrect", id=identifier)
    print(f"undone; {undone['studies']} studies were about it.")


@app.command()
def corrections(
    study: Annotated[str, typer.Option(metavar="UID", help="Only what this study shows.")] = "",
    patient: Annotated[str, typer.Option(metavar="ID", help="Only of this patient.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="Also what is undone.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List what was corrected, the newest first."""
    found = do("corrections", study_instance_uid=study, patient_id=patient, only_open=not everything, limit=limit)
    if as_json:
        print(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        print_table([_row(one) for one in found], COLUMNS)


def _attributes(values: list[str]) -> dict[str, str]:
    for value in values:
        if "=" not in value:
            raise SettingsInvalid(f"{value!r}: expected KEYWORD=VALUE", "as in StudyDescription=Chest")
    return dict(value.partition("=")[::2] for value in values)


def _row(one: dict[str, Any]) -> dict[str, Any]:
    named = one["sop_instance_uid"] or one["series_instance_uid"] or one["study_instance_uid"] or one["patient_id"]
    state = "undone" if one["undone_at"] else "stands"
    new = " ".join(f"{keyword}={text}" for keyword, text in one["new"].items())
    return {**one, "of": f"{one['level']} {named}", "by": one["principal_name"], "state": state, "new": new}


def _print(made: dict[str, Any]) -> None:
    if made["kind"] in ("merge", "move"):  # the one moment at which a wrong number is still seen
        print(f"{_patient(made['old'])} is now {_patient(made['new'])}.")
    print(f"{made['studies']} studies show it; `pacs uncorrect {made['id']}` undoes it until {made['undo_until']}.")


def _patient(values: dict[str, str]) -> str:
    """Name and ID, as far as they are told."""
    return f"{values.get('PatientName') or 'a patient without a name'} ({values.get('PatientID') or 'no ID'})"
