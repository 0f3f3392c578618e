"""What schemathesis has to be told: to send octets under the media types that the node takes, and where something is.

What changes the node is sent to what is there half of the time: no generated UID would ever meet a study. Which half,
and which study, is drawn from the request itself, so that a seed still replays a run.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Mapping
from typing import Any, Final

import schemathesis

KNOWN: Final[list[Mapping[str, str]]] = json.loads(os.environ.get("SURET_FUZZ_KNOWN", "[]"))
"""Where there is something: study, series, instance and patient, each."""

NAMES: Final[Mapping[str, str]] = {
    "study": "study",
    "series": "series",
    "instance": "instance",
    "study_instance_uid": "study",
    "series_instance_uid": "series",
    "sop_instance_uid": "instance",
    "patient_id": "patient",
}
"""Names of parameters and of members of bodies, and what of an address they take."""

CHOICES: Final[Mapping[str, tuple[object, ...]]] = {
    "code": ("113001", "113037", "113038", "113039"),
    "attributes": (
        {"PatientName": "Corrected^Anna"},
        {"PatientBirthDate": "19610203", "PatientSex": ""},
        {"StudyDescription": "Corrected"},
        {"AccessionNumber": "C1"},
        {"SeriesDescription": "Corrected", "BodyPartExamined": "HEAD"},
        {"Laterality": "L"},
    ),
}
"""Values that strings of no pattern would not find."""

ERASED_FROM: Final = 2 / 3
"""What is deleted is in the last third, so that the rest stays for the others."""


@schemathesis.serializer("application/dicom", "application/partial-upload", "application/zip", "multipart/related")
def octets(context: schemathesis.SerializationContext, value: object) -> bytes:
    """As they are; what stands for a value that is not octets is its text."""
    return value if isinstance(value, bytes) else str(getattr(value, "data", value)).encode()


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: schemathesis.Case[Any], kwargs: dict[str, Any]) -> None:
    """Aim half of what changes something at what is there."""
    if not KNOWN or case.method in {"GET", "OPTIONS", "HEAD"}:
        return
    draw = random.Random(repr((case.method, case.path, case.path_parameters, case.body)))
    if draw.random() < 0.5:
        return
    places = KNOWN[int(len(KNOWN) * ERASED_FROM) :] if case.method == "DELETE" else KNOWN
    address = draw.choice(places)
    case.path_parameters = {name: _aimed(name, value, address, draw) for name, value in case.path_parameters.items()}
    if isinstance(case.body, dict | list):
        case.body = _known(case.body, address, draw)


def _known(value: Any, address: Mapping[str, str], draw: random.Random) -> Any:
    if isinstance(value, dict):
        return {name: _aimed(name, _known(one, address, draw), address, draw) for name, one in value.items()}
    if isinstance(value, list):
        return [_known(one, address, draw) for one in value]
    return value


def _aimed(name: str, value: Any, address: Mapping[str, str], draw: random.Random) -> Any:
    if name in NAMES and isinstance(value, str) and draw.random() < 0.8:
        return address[NAMES[name]]
    if name in CHOICES and draw.random() < 0.8:
        return draw.choice(CHOICES[name])
    return value
