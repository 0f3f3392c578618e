"""The conformance statement says what the code does: it is compared with the tables the node works by."""

from __future__ import annotations

import re

import pytest
from pydicom._uid_dict import UID_dictionary

from pacs.access.peer import Verb
from pacs.access.principals import Principal, PrincipalKind
from pacs.archive import performed
from pacs.archive.commitments import FailureReason
from pacs.archive.workitem_rules import Status
from pacs.archive.workitems import Outcome
from pacs.attributes import CATALOGUE, Level
from pacs.dicom.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME, STORAGE_SOP_CLASSES
from pacs.dimse.association import LINGER_S
from pacs.dimse.availability import INSTANCE_AVAILABILITY_NOTIFICATION
from pacs.dimse.commitment import STORAGE_COMMITMENT
from pacs.dimse.echo import VERIFICATION
from pacs.dimse.fetch import STUDY_ROOT_GET, STUDY_ROOT_MOVE
from pacs.dimse.find import HONOURS
from pacs.dimse.listener import Listener
from pacs.dimse.models import FIND_MODELS, GET_MODELS, MOVE_MODELS
from pacs.dimse.pdu import PEER_BYTES_MIN, UNLIMITED_PEER_BYTES, AbortReason, Rejection
from pacs.dimse.service import STORED_TRANSFER_SYNTAXES
from pacs.dimse.suboperations import SUBOPERATIONS_MAX
from pacs.dimse.ups import EVENT
from pacs.errors import ArrivalRefused
from pacs.settings import DimseSettings
from tests.support.dimse import PATIENT_ROOT_FIND, STUDY_ROOT_FIND
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


def test_the_services_are_those_that_are_offered_and_asked_for(listener: Listener):
    """Every SOP class of the standard is looked up; those of storage are one row of the table."""
    offered = listener.registry(Principal(PrincipalKind.OPERATOR, "", verbs=frozenset(Verb)))
    rows = {row[1]: row for row in ROWS if len(row) == 4 and row[1].startswith("1.2.840.10008.")}
    provided = {uid for uid, row in rows.items() if row[2] == "yes"}
    known = {uid for uid, (_, kind, *_) in UID_dictionary.items() if kind in ("SOP Class", "Meta SOP Class")}
    others = {uid for uid in known - set(STORAGE_SOP_CLASSES) if offered(uid) is not None}
    assert others == provided - {EVENT}, "of the Event class the node is SCP on associations that it opens"
    used = {uid for uid, row in rows.items() if row[3] == "yes"}
    assert used == {
        VERIFICATION,
        STORAGE_COMMITMENT,
        INSTANCE_AVAILABILITY_NOTIFICATION,
        PATIENT_ROOT_FIND,
        STUDY_ROOT_FIND,
        STUDY_ROOT_MOVE,
        STUDY_ROOT_GET,
    }


def test_the_limits_are_those_that_hold_unless_set():
    part = " ".join(STATEMENT.split("### 1.2 Associations")[1].split("### 1.3")[0].split())
    limits = DimseSettings()
    for said in (
        f"`{limits.ae_title}` unless set",
        f"{limits.port} on the loopback address",
        f"on a port of its own, {limits.tls_port} unless set",
        f"offers {limits.pdu_bytes_max:,} bytes unless set; honours the peer's from {PEER_BYTES_MIN} bytes",
        f"where the peer sets no limit, {UNLIMITED_PEER_BYTES:,}",
        f"{limits.request_timeout_s:.0f} s from the connection to a whole request",
        f"{limits.idle_timeout_s:.0f} s between messages",
        f"a byte every {limits.idle_timeout_s:.0f} s and {limits.rate_floor_bytes_per_s:,} bytes a second",
        f"the node waits {LINGER_S:.0f} s for the peer to close",
        f"Connections: {limits.connections_max}, {limits.connections_per_address_max} from one address, ",
        f" {limits.half_open_max} without an association",
        f"associations: {limits.associations_max}, {limits.associations_per_address_max} from one address",
    ):
        assert said in part, said
    assert f"({limits.find_results_max:,} unless set)" in STATEMENT
    assert f"more than {SUBOPERATIONS_MAX:,} instances" in STATEMENT


@pytest.mark.parametrize("reason", AbortReason)
def test_every_abort_is_stated(reason: AbortReason):
    part = STATEMENT.split("| Aborted because")[1].split("\n\n")[0]
    assert ["2", str(reason.value)] in [[cell.strip() for cell in line.split("|")[2:4]] for line in part.splitlines()]


def _statuses(heading: str) -> set[str]:
    """The statuses in the first column of the tables of a section."""
    part = STATEMENT.split(f"### {heading}")[1].split("\n### ")[0].split("\n## ")[0]
    return {
        code for line in part.splitlines() if line[:1] == "|" for code in re.findall("[0-9A-F]{4}", line.split("|")[1])
    }


def test_every_status_of_performed_steps_is_stated():
    codes = {
        value
        for name, value in vars(performed).items()
        if name.isupper() and isinstance(value, int) and name != "NO_LONGER_UPDATED_ERROR_ID" and 0x100 < value < 0x130
    }
    assert len(codes) >= 8
    assert {f"{code:04X}" for code in codes} <= _statuses("1.9 ")
    assert f"Error ID {performed.NO_LONGER_UPDATED_ERROR_ID:04X}" in STATEMENT


def test_every_status_of_workitems_is_stated_and_no_other():
    stated = _statuses("1.10 ")
    used = {f"{code.value:04X}" for code in (*Status, *Outcome)}
    assert used <= stated
    assert {code for code in stated if code[0] in "BC"} == {code for code in used if code[0] in "BC"}


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
