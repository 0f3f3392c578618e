"""Queries of other archives (C-FIND as SCU, PS3.4 C.4.1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pacs.access.peer import Peer
from pacs.attributes import BY_KEYWORD, Attribute, Level
from pacs.dicom.uids import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from pacs.dimse.command import C_FIND_RQ
from pacs.dimse.identifier import Element, character_set_for, read_attributes, write_identifier
from pacs.dimse.models import QUERY_RETRIEVE_LEVEL
from pacs.dimse.outbound import Outbound, OutboundAssociation, Proposal
from pacs.errors import QueryRefused, SuretError

PATIENT_ROOT_FIND: Final = "1.2.840.10008.5.1.4.1.2.1.1"
STUDY_ROOT_FIND: Final = "1.2.840.10008.5.1.4.1.2.2.1"

UTF8: Final = "ISO_IR 192"
RESULTS_MAX: Final = 1000

_DESCRIPTIONS: Final = frozenset({"StudyDescription", "SeriesDescription", "BodyPartExamined", "SOPClassUID"})
_PLAIN: Final = (EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN)


class QueryFailed(SuretError):
    """The other archive did not answer the question."""


def proposal(level: Level) -> Proposal:
    """What an association for queries at `level` proposes."""
    return Proposal(PATIENT_ROOT_FIND if level is Level.PATIENT else STUDY_ROOT_FIND, _PLAIN)


class RemoteQuery:
    """Asks registered peers; may be used from many threads."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound

    def find(self, peer: Peer, level: Level, keys: Mapping[str, str], limit: int = RESULTS_MAX) -> list[dict[str, Any]]:
        """The first `limit` matches as DICOM JSON. `keys` are values by keyword, with wildcards and ranges as in C-FIND
        and empty ones to ask for the attribute. What is worth knowing of a match is asked for besides.

        Raises QueryRefused for keys that are none, NoAssociation, AssociationLost, QueryFailed.
        """
        asked = elements(level, keys)
        with self._outbound.associate(
            peer.host, peer.port, peer.ae_title, [proposal(level)], options=peer.options
        ) as association:
            found: list[dict[str, Any]] = []
            for match in answers(association, level, asked, peer):
                found.append(match)
                if len(found) >= limit:
                    association.abort()  # the rest is not wanted; the matches so far are
                    break
            return found


def elements(level: Level, keys: Mapping[str, str]) -> list[Element]:
    """The identifier of a question about `level`. Raises QueryRefused."""
    unknown = sorted(keyword for keyword in keys if keyword not in BY_KEYWORD or BY_KEYWORD[keyword].vr == "SQ")
    if unknown:
        raise QueryRefused(f"{', '.join(unknown)}: expected keywords of DICOM attributes that the node knows")
    above = [keyword for keyword in keys if BY_KEYWORD[keyword].level > level]
    if above:
        raise QueryRefused(f"{', '.join(above)}: of a lower level than {level.name}", "name another level")
    wanted: dict[str, Attribute] = {one.keyword: one for one in _returned(level)}
    wanted |= {keyword: BY_KEYWORD[keyword] for keyword in keys}
    return [
        Element(QUERY_RETRIEVE_LEVEL, "CS", level.name),
        *(Element(one.tag, one.vr, keys.get(keyword, "")) for keyword, one in wanted.items()),
    ]


def answers(
    association: OutboundAssociation, level: Level, asked: list[Element], peer: Peer
) -> Iterator[dict[str, Any]]:
    """Every match of one question, as DICOM JSON. Raises AssociationLost, QueryFailed."""
    context = association.context_for(proposal(level).abstract_syntax)
    if context is None:
        raise QueryFailed(f"{association.called} answers no queries at the level {level.name}", code="not_offered")
    character_set = character_set_for(asked, peer.options.character_set or UTF8)
    identifier = write_identifier(asked, context.transfer_syntax, character_set)
    for answer in association.ask(context, C_FIND_RQ, data_set=identifier):
        if answer.pending and answer.data_set is not None:
            yield read_attributes(answer.data_set, context.transfer_syntax, peer.options.character_set or None)
        elif answer.status:
            said = f": {answer.command.comment}" if answer.command.comment else ""
            raise QueryFailed(
                f"{association.called} answered {answer.status:04X}{said}", "ask for less, or look there", "answered"
            )


def value_of(match: Mapping[str, Any], keyword: str) -> str:
    """The first value of an attribute of a match as text, "" where there is none."""
    values = match.get(f"{BY_KEYWORD[keyword].tag:08X}", {}).get("Value") or [""]
    first = values[0]
    return str(first.get("Alphabetic", "") if isinstance(first, dict) else "" if first is None else first)


def _returned(level: Level) -> list[Attribute]:
    """What is worth knowing of a match, of a study the patient too; no more, as some archives read files for it."""
    levels = {Level.STUDY: (Level.PATIENT, Level.STUDY)}.get(level, (level,))
    return [
        one for one in BY_KEYWORD.values() if one.level in levels and (one.required or one.keyword in _DESCRIPTIONS)
    ]
