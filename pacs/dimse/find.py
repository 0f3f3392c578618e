"""Query (PS3.4 C.4.1): C-FIND of the Patient Root, Study Root and Patient/Study Only models, from the index alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, Final

import structlog

from pacs.access import audit
from pacs.access.audit import AuditCode
from pacs.access.grants import Action, may
from pacs.access.principals import Principal
from pacs.archive.archive import Archive
from pacs.archive.elements import element, joined
from pacs.archive.matching import criterion, sequence_criterion
from pacs.attributes import BY_KEYWORD, CATALOGUE_ALONE, Attribute, Extended, Level, Matching, Vocabulary
from pacs.dicom.keys import Keys
from pacs.dimse.command import (
    C_FIND_RQ,
    CANCELLED,
    IDENTIFIER_DOES_NOT_MATCH,
    NOT_AUTHORISED,
    OUT_OF_RESOURCES,
    PENDING,
    PENDING_WITHOUT_OPTIONAL_KEYS,
    SUCCESS,
    UNABLE_TO_PROCESS,
    Command,
)
from pacs.dimse.connection import ConnectionEnded
from pacs.dimse.faults import described
from pacs.dimse.identifier import (
    SPECIFIC_CHARACTER_SET,
    Element,
    Items,
    Key,
    character_set_for,
    read_identifier,
    write_identifier,
)
from pacs.dimse.models import QUERY_RETRIEVE_LEVEL, IdentifierRefused, Model, check_hierarchy, level_of
from pacs.dimse.pdu import ProtocolViolation
from pacs.dimse.service import (
    MESSAGE_TRANSFER_SYNTAXES,
    AssociationOver,
    Context,
    DataSetTooLong,
    Exchange,
    Service,
    receive_whole,
)
from pacs.errors import ArrivalRefused, QueryRefused
from pacs.index.abandonment import Abandoned
from pacs.index.criteria import Criterion, Query
from pacs.index.zones import OFFSET, valid_offset
from pacs.settings import DimseSettings

log = structlog.get_logger()

RETRIEVE_AE_TITLE: Final = 0x00080054
INSTANCE_AVAILABILITY: Final = 0x00080056

_MODALITY: Final = BY_KEYWORD["Modality"]
_MODALITIES_IN_STUDY: Final = BY_KEYWORD["ModalitiesInStudy"]


@dataclass(frozen=True, slots=True)
class Agreed:
    """What was agreed on in the SOP class extended negotiation (PS3.4 Table C.5-2), byte by byte."""

    relational: bool = False
    combined_date_time: bool = False
    fuzzy: bool = False
    timezone: bool = False
    empty_value: bool = False

    @classmethod
    def of(cls, context: Context) -> Agreed:
        """What holds in `context`. Byte 7, several values that all have to be met, changes nothing: it is always so."""
        return cls(*(context.agreed(number) for number in (1, 2, 3, 4, 6)))


HONOURS: Final = b"\1\1\1\1\0\1\1"
"""Byte 5, enhanced multi-frame conversion, is not done."""


@dataclass(frozen=True, slots=True)
class Question:
    """A request understood: `answered` says which attribute of a row fills each key, None where nothing can."""

    level: Level
    query: Query
    keys: Mapping[int, Key]
    answered: Mapping[int, Attribute | None]
    inside: Mapping[int, Sequence[Extended]]  # what the items of sequence keys ask for that a site searches besides
    character_set: str
    complete: bool  # every optional key is supported, so responses are FF00 and not FF01


class FindProvider:
    """Answers C-FIND for `archive`."""

    def __init__(self, archive: Archive, settings: DimseSettings) -> None:
        self._archive = archive
        self._ae_title = settings.ae_title
        self._results_max = settings.find_results_max
        self._identifier_bytes_max = settings.identifier_bytes_max

    def service(self, model: Model) -> Service:
        """The Query service of one information model."""

        def find(exchange: Exchange, context: Context, command: Command) -> None:
            self.find(exchange, context, command, model)

        return Service(f"find, {model.name}", MESSAGE_TRANSFER_SYNTAXES, {C_FIND_RQ: find}, honours=HONOURS)

    def find(self, exchange: Exchange, context: Context, command: Command, model: Model) -> None:
        """Answer one request: a response for each match, then the last one without identifier (PS3.4 C.4.1.3)."""
        status, comment = UNABLE_TO_PROCESS, "the node could not answer; ask again"
        offending: tuple[int, ...] = ()
        try:
            identifier = receive_whole(exchange, context, self._identifier_bytes_max)
            if not may(exchange.principal, Action.QUERY):
                status, comment = NOT_AUTHORISED, "you may not query here"
            else:
                question = understand(
                    read_identifier(identifier, context.transfer_syntax),
                    model,
                    self._results_max,
                    exchange.principal.study_instance_uids,
                    agreed=Agreed.of(context),
                    vocabulary=self._archive.vocabulary,
                    character_set=_character_set_of(exchange.principal),
                )
                self._record(exchange, question)
                status, comment = self._answer(exchange, context, command, question)
        except (ConnectionEnded, ProtocolViolation, AssociationOver):
            raise
        except Abandoned:
            status, comment = CANCELLED, ""
        except IdentifierRefused as refused:
            status, comment, offending = IDENTIFIER_DOES_NOT_MATCH, str(refused), (refused.tag,)
        except (QueryRefused, DataSetTooLong) as refused:
            status, comment = IDENTIFIER_DOES_NOT_MATCH, str(refused)
        except ArrivalRefused as refused:
            status, comment = UNABLE_TO_PROCESS, f"the identifier cannot be read: {refused.message}"
        except Exception as error:
            log.error("find_failed", peer=exchange.calling_ae_title, **described(error))
        exchange.respond(context, command, status, comment=comment, offending=offending)

    def _record(self, exchange: Exchange, question: Question) -> None:
        asked = [attribute.keyword for attribute in question.answered.values() if attribute is not None]
        detail = f"C-FIND {question.level.name}: {' '.join(sorted(asked))}"
        clock, principal = self._archive.clock, exchange.principal
        self._archive.index.submit(
            lambda connection: audit.record(
                connection, clock(), code=AuditCode.QUERY, action="query", principal=principal, detail=detail
            )
        ).add_done_callback(_told)

    def _answer(self, exchange: Exchange, context: Context, command: Command, question: Question) -> tuple[int, str]:
        """Send the matches; status and comment of the last response."""
        pending = PENDING if question.complete else PENDING_WITHOUT_OPTIONAL_KEYS
        for number, row in enumerate(self._archive.find_in_pages(question.query, lambda: exchange.cancelled(command))):
            if exchange.cancelled(command):
                return CANCELLED, ""
            if number >= self._results_max:
                return OUT_OF_RESOURCES, f"more than {self._results_max} matches; narrow the query"
            elements = self._elements(question, row)
            character_set = character_set_for(elements, question.character_set)
            identifier = write_identifier(elements, context.transfer_syntax, character_set)
            exchange.respond(context, command, pending, identifier=identifier)
        return SUCCESS, ""

    def _elements(self, question: Question, row: Mapping[str, str]) -> list[Element]:
        elements = [
            Element(QUERY_RETRIEVE_LEVEL, "CS", question.level.name),
            Element(RETRIEVE_AE_TITLE, "AE", self._ae_title),
            Element(INSTANCE_AVAILABILITY, "CS", "ONLINE"),
        ]
        elements += [
            Element(tag, "LO", key.text(question.character_set))
            for tag, key in question.keys.items()
            if _is_creator(tag)
        ]
        for tag, attribute in question.answered.items():
            key = question.keys[tag]
            if tag in question.inside:
                made = [element(one, row[one.keyword]) for one in question.inside[tag]]
                elements.append(Element(tag, "SQ", reduce(joined, made, {"vr": "SQ"}).get("Value", [])))
            elif attribute is None:
                elements.append(Element(tag, key.vr, [] if key.items is not None else ""))
            elif attribute.vr == "SQ":
                elements.append(Element(tag, "SQ", _asked_items(key, row[attribute.keyword], question)))
            else:
                elements.append(Element(tag, attribute.vr, row[attribute.keyword]))
        return elements


def _told(audited: Future[None]) -> None:
    error = audited.exception()
    if error is not None:
        log.error("query_not_audited", error=str(error))


_ABOUT_THE_ANSWER: Final = frozenset(
    {SPECIFIC_CHARACTER_SET, QUERY_RETRIEVE_LEVEL, RETRIEVE_AE_TITLE, INSTANCE_AVAILABILITY}
)


def understand(
    keys: Mapping[int, Key],
    model: Model,
    results_max: int,
    study_instance_uids: frozenset[str] | None = None,
    *,
    agreed: Agreed = Agreed(),
    vocabulary: Vocabulary = CATALOGUE_ALONE,
    character_set: str = "",
) -> Question:
    """What the keys of a request ask for; `character_set` is that of a peer which names none. Raises IdentifierRefused
    and QueryRefused (both are A900)."""
    if SPECIFIC_CHARACTER_SET in keys:
        character_set = keys[SPECIFIC_CHARACTER_SET].text("") or character_set
    level = level_of(keys, model)
    if not agreed.relational:
        check_hierarchy(keys, model, level, character_set)
    criteria: list[Criterion] = []
    answered: dict[int, Attribute | None] = {}
    inside: dict[int, list[Extended]] = {}
    complete = True
    for tag, key in keys.items():
        if tag in _ABOUT_THE_ANSWER or _is_creator(tag):
            continue
        known = _known(tag, keys, character_set, vocabulary)
        attribute = answered[tag] = _answering(known, level)
        within = [] if known is not None else list(_inside((tag,), key, vocabulary))
        if within:
            inside[tag] = [one for one, _ in within if one.level <= level]
            criteria += [
                found
                for one, inner in within
                if one.level <= level or agreed.relational
                for found in _criteria(one, inner, character_set, agreed)
            ]
            complete = complete and len(inside[tag]) == _count(key)
            continue
        supported = attribute is not None and not (attribute.matching is Matching.RETURN and key.value)
        complete = complete and (supported or (attribute is OFFSET and agreed.timezone))
        matched = attribute or (_below(known) if agreed.relational else None)
        if matched is not None:
            criteria += _criteria(matched, key, character_set, agreed)
    returns = tuple(attribute for attribute in answered.values() if attribute is not None)
    returns += tuple(one for within in inside.values() for one in within)
    query = Query(
        level,
        tuple(criteria),
        returns,
        limit=results_max + 1,
        fuzzy=agreed.fuzzy,
        across_scripts=True,
        combined_date_time=agreed.combined_date_time,
        timezone_offset=_offset(keys, agreed),
        study_instance_uids=study_instance_uids,
    )
    return Question(level, query, keys, answered, inside, character_set, complete)


def _inside(path: tuple[int, ...], key: Key, vocabulary: Vocabulary) -> Iterator[tuple[Extended, Key]]:
    """The keys in the item of a sequence key, and of those within, that are extended query tags."""
    for tag, inner in (key.items or ({},))[0].items():
        found = vocabulary.inside((*path, tag))
        if found is not None:
            yield found, inner
        elif inner.items:
            yield from _inside((*path, tag), inner, vocabulary)


def _count(key: Key) -> int:
    """How many attributes the item of a sequence key asks for, private creators apart."""
    item = (key.items or ({},))[0]
    return sum(_count(inner) if inner.items else 1 for tag, inner in item.items() if not _is_creator(tag))


def _character_set_of(principal: Principal) -> str:
    """What a registered peer means where it names no character set."""
    return principal.peer.options.character_set if principal.peer is not None else ""


def _offset(keys: Mapping[int, Key], agreed: Agreed) -> str:
    """The offset from UTC of the dates and times of a request, where that was agreed on (PS3.4 C.4.1.1.3.1)."""
    text = keys[OFFSET.tag].text("") if agreed.timezone and OFFSET.tag in keys else ""
    if text and not valid_offset(text):
        raise IdentifierRefused(OFFSET.tag, "Timezone Offset From UTC must be as +0600")
    return text


def _is_creator(tag: int) -> bool:
    return bool(tag >> 16 & 1) and 0x10 <= tag & 0xFFFF <= 0xFF


def _known(tag: int, keys: Mapping[int, Key], character_set: str, vocabulary: Vocabulary) -> Attribute | None:
    """The attribute of a key; a private one by the creator that the identifier names, else as it was added."""
    creator = keys.get(tag & 0xFFFF0000 | tag >> 8 & 0xFF) if tag >> 16 & 1 else None
    if creator is None or not creator.value:
        return vocabulary.at(tag)
    return vocabulary.private(tag, creator.text(character_set).strip())


def _answering(attribute: Attribute | None, level: Level) -> Attribute | None:
    """The attribute that a key of a query at `level` stands for; None where the node has nothing for it."""
    if attribute is _MODALITY and level is Level.STUDY:
        return _MODALITIES_IN_STUDY  # what many SCUs mean by it
    return attribute if attribute is not None and attribute.level <= level else None


def _below(attribute: Attribute | None) -> Attribute | None:
    """The attribute of a lower level that a relational query may match; its items are not compared."""
    return None if attribute is None or attribute.matching is Matching.SEQUENCE else attribute


def _criteria(attribute: Attribute, key: Key, character_set: str, agreed: Agreed) -> list[Criterion]:
    if isinstance(attribute, Extended) and key.vr in ("", "UN"):
        key = replace(key, vr=attribute.vr)
    text = key.text(character_set)
    if attribute.matching is Matching.SEQUENCE:
        found = [sequence_criterion(attribute, _item(key.items[0], character_set))] if key.items else []
    elif attribute.matching is Matching.UID or attribute.vr == "UI":
        found = [criterion(attribute, text, empty_value=agreed.empty_value)]
    else:  # several values mean all of them (PS3.4 C.2.2.2.8)
        found = [criterion(attribute, part, empty_value=agreed.empty_value) for part in text.split("\\")]
    return [criterion for criterion in found if criterion is not None]


def _item(keys: Mapping[int, Key], character_set: str) -> dict[str, Any]:
    """The item of a sequence key as DICOM JSON, values as texts."""
    item: dict[str, Any] = {}
    for tag, key in keys.items():
        if key.items is not None:
            item[f"{tag:08X}"] = {"vr": "SQ", "Value": [_item(inner, character_set) for inner in key.items]}
        else:
            item[f"{tag:08X}"] = {"vr": key.vr, "Value": key.text(character_set).split("\\")}
    return item


def _asked_items(key: Key, stored: str, question: Question) -> Items:
    """Of the stored items those which meet the key's item, with the attributes it asks for (PS3.4 C.2.2.2.6)."""
    items: list[dict[str, Any]] = json.loads(stored) if stored else []
    if not key.items or not key.items[0]:
        return items
    keys = Keys(_item(key.items[0], question.character_set))
    return [keys.answer(item) for item in items if keys.meets(item)]
