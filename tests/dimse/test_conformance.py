"""The conformance statement says what the code does: it is compared with the tables the node works by."""

from __future__ import annotations

import pytest

from pacs.archive.commitments import FailureReason
from pacs.attributes import CATALOGUE, Level
from pacs.dicom.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from pacs.dimse.commitment import STORAGE_COMMITMENT
from pacs.dimse.find import HONOURS
from pacs.dimse.models import FIND_MODELS, GET_MODELS, MOVE_MODELS
from pacs.dimse.pdu import Rejection
from pacs.dimse.service import STORED_TRANSFER_SYNTAXES
from pacs.errors import ArrivalRefused
from tests.support.process import ROOT

STATEMENT = (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")
ROWS = [[cell.strip() for cell in line.strip("| ").split("|")] for line in STATEMENT.splitlines() if line[:1] == "|"]


@pytest.mark.parametrize("level", Level)
def test_every_attribute_of_the_catalogue_is_stated(level: Level):
    part = STATEMENT.split(f"**{level.name}**")[1].split("**")[0].split("###")[0]
    stated = {
        tuple(cell.strip() for cell in line.strip("| ").split("|"))[:3] for line in part.splitlines() if "," in line
    }
    expected = {
        (
            attribute.keyword + (" (unique key)" if attribute.unique else ""),
            f"{attribute.tag >> 16:04X},{attribute.tag & 0xFFFF:04X}",
            attribute.vr,
        )
        for attribute in CATALOGUE
        if attribute.level is level
    }
    assert stated == expected


def test_every_transfer_syntax_that_is_stored_is_stated():
    stated = {row[1] for row in ROWS if len(row) == 2 and row[1].startswith("1.2.840.10008.1.2")}
    assert stated == STORED_TRANSFER_SYNTAXES


@pytest.mark.parametrize("rejection", Rejection)
def test_every_rejection_is_stated(rejection: Rejection):
    assert [str(number) for number in rejection.value] in [row[1:] for row in ROWS]


def test_every_status_of_a_refused_object_is_stated():
    stated = {row[0] for row in ROWS}
    assert {f"{kind.status:04X}" for kind in ArrivalRefused.__subclasses__()} <= stated


def test_the_models_and_the_implementation_are_stated():
    assert set(FIND_MODELS) | set(GET_MODELS) | set(MOVE_MODELS) <= {row[1] for row in ROWS if len(row) > 1}
    assert f"`{IMPLEMENTATION_CLASS_UID}`" in STATEMENT
    assert f"`{IMPLEMENTATION_VERSION_NAME}`" in STATEMENT


def test_every_failure_reason_of_storage_commitment_is_stated():
    part = STATEMENT.split("### 1.7 Storage commitment")[1].split("\n## ")[0]
    used = set(FailureReason) - {FailureReason.DUPLICATE_TRANSACTION, FailureReason.RESOURCE_LIMITATION}
    assert {f"{reason.value:04X}" for reason in used} <= {
        line[2:6] for line in part.split("| Failure Reason")[1].splitlines()
    }
    assert {row[1] for row in ROWS if row[0] == "Storage Commitment Push Model"} == {STORAGE_COMMITMENT}


def test_the_extended_negotiation_of_queries_is_stated():
    part = STATEMENT.split("| Byte of the extended negotiation")[1].split("\n\n")[0]
    cells = [line.strip("| ").split("|") for line in part.splitlines()[2:]]
    stated = {number.strip()[0]: answer.strip() for number, answer, *_ in cells}
    assert stated == {str(number): "yes" if done else "no" for number, done in enumerate(HONOURS, start=1)}
