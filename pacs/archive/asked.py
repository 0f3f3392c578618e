"""What the operator asks about things that can be undone: deletions and corrections, by name, from plain values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from pacs.access.principals import OPERATOR
from pacs.archive.archive import Archive
from pacs.archive.correction import Correction, Corrections
from pacs.archive.deletion import Deletions
from pacs.archive.meant import PatientKey
from pacs.archive.out_of_sight import Deletion
from pacs.dicom.rejection import RejectionCode

Arguments = Mapping[str, Any]


def _delete(archive: Archive, arguments: Arguments) -> Deletion:
    return Deletions(archive).delete(*_named(arguments), by=OPERATOR, reason=arguments["reason"])


def _reject(archive: Archive, arguments: Arguments) -> Deletion:
    code = RejectionCode(arguments["code"])
    return Deletions(archive).reject(code, *_named(arguments), by=OPERATOR, reason=arguments["reason"])


def _named(arguments: Arguments) -> tuple[str, str, str]:
    return arguments["study_instance_uid"], arguments["series"], arguments["instance"]


def _merge(archive: Archive, arguments: Arguments) -> Correction:
    source, into = PatientKey(**arguments["patient"]), PatientKey(**arguments["into"])
    return Corrections(archive).merge(source, into, by=OPERATOR, reason=arguments["reason"])


def _move(archive: Archive, arguments: Arguments) -> Correction:
    into = PatientKey(**arguments["into"])
    others = {name: value for name, value in arguments.items() if name != "into"}
    return Corrections(archive).move(into=into, by=OPERATOR, **others)


ASKED: Final[Mapping[str, Callable[[Archive, Arguments], Any]]] = MappingProxyType(
    {
        "delete": _delete,
        "reject": _reject,
        "undelete": lambda archive, arguments: Deletions(archive).restore(arguments["id"], by=OPERATOR),
        "erase": lambda archive, arguments: Deletions(archive).erase(arguments["id"], by=OPERATOR),
        "deletions": lambda archive, arguments: Deletions(archive).listing(by=OPERATOR, **arguments),
        "correct": lambda archive, arguments: Corrections(archive).correct(by=OPERATOR, **arguments),
        "merge": _merge,
        "move": _move,
        "uncorrect": lambda archive, arguments: Corrections(archive).undo(arguments["id"], by=OPERATOR),
        "corrections": lambda archive, arguments: Corrections(archive).listing(by=OPERATOR, **arguments),
    }
)
