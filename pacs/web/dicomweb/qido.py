"""QIDO-RS (PS3.18 10.6): a search is a `Query` out of the URL's parameters, and its rows become DICOM JSON."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydicom.datadict import tag_for_keyword
from starlette.requests import Request
from starlette.responses import Response

from pacs.access.gate import Route, in_thread
from pacs.access.grants import Action
from pacs.access.operation import BOOLEAN, DATA_SET, Answer, Operation, Parameter, whole
from pacs.access.principals import Principal
from pacs.archive.archive import Archive
from pacs.archive.elements import element, joined
from pacs.archive.matching import Lists, criterion, item_of, sequence_criterion
from pacs.attributes import (
    BY_KEYWORD,
    CATALOGUE,
    CATALOGUE_ALONE,
    UNIQUE_KEY,
    Attribute,
    Extended,
    Level,
    Matching,
    Vocabulary,
)
from pacs.dicom.native_model import native_dicom_model
from pacs.errors import QueryRefused
from pacs.index.criteria import Criterion, Item, OneOf, Query
from pacs.index.names import fuzzy_words
from pacs.index.zones import OFFSET, valid_offset
from pacs.settings import WebSettings
from pacs.web.dicomweb.accesses import Accesses
from pacs.web.dicomweb.answers import (
    ACCEPT,
    ROOT,
    VARY,
    checked_uid,
    entity_tag,
    json_answer,
    known_to,
    model_type,
    service_url,
)
from pacs.web.dicomweb.frames import CACHE
from pacs.web.dicomweb.media_types import DICOM_JSON, DICOM_XML, JSON, parts_of
from pacs.web.dicomweb.moments import Moments
from pacs.web.dicomweb.multipart import Framing

OFFSET_MAX = 1 << 31
KEYS_MAX = 200
_OF_THE_BODY = frozenset({"content-length", "content-type"})
_AVAILABILITY, _RETRIEVE_URL = "00080056", "00081190"

_TAG = re.compile(r"[0-9A-Fa-f]{8}")
_MATCHING = frozenset({"fuzzymatching", "emptyvaluematching", "multiplevaluematching"})
NOT_FUZZY = "The fuzzymatching parameter is not supported. Only literal matching has been performed."
"""Of a key without letters (PS3.18 8.3.4.2)."""

_NOT_KEYS = _MATCHING | {"accept", "includefield", "limit", "offset"}
# Answered when they are known (PS3.18 Tables 10.6.3-3 to -5, type c), beside those the catalogue marks as required.
_WHEN_KNOWN = frozenset(
    {
        "StudyDescription",
        "SeriesDescription",
        "PerformedProcedureStepStartDate",
        "PerformedProcedureStepStartTime",
        "RequestAttributesSequence",
        "NumberOfFrames",
        "Rows",
        "Columns",
        "BitsAllocated",
        "AvailableTransferSyntaxUID",
    }
)


@dataclass(frozen=True, slots=True)
class Resource:
    """One of the six search resources (PS3.18 Table 10.6.1-1) and the levels its answers speak of."""

    path: str
    level: Level
    answers: frozenset[Level]
    default: tuple[Attribute, ...] = field(init=False)

    def __post_init__(self) -> None:
        """What an answer holds without being asked for it."""
        default = (
            attribute
            for attribute in CATALOGUE
            if (attribute.level in self.answers and (attribute.required or attribute.keyword in _WHEN_KNOWN))
            or attribute is OFFSET
        )
        object.__setattr__(self, "default", tuple(default))


_STUDY_LEVELS = frozenset({Level.PATIENT, Level.STUDY})
RESOURCES = (
    Resource("/studies", Level.STUDY, _STUDY_LEVELS),
    Resource("/series", Level.SERIES, _STUDY_LEVELS | {Level.SERIES}),
    Resource("/instances", Level.IMAGE, _STUDY_LEVELS | {Level.SERIES, Level.IMAGE}),
    Resource("/studies/{study}/series", Level.SERIES, frozenset({Level.SERIES})),
    Resource("/studies/{study}/instances", Level.IMAGE, frozenset({Level.SERIES, Level.IMAGE})),
    Resource("/studies/{study}/series/{series}/instances", Level.IMAGE, frozenset({Level.IMAGE})),
)


@dataclass(slots=True)
class Search:
    """The parameters of one request, understood."""

    criteria: list[Criterion] = field(default_factory=list)
    matched: list[Attribute] = field(default_factory=list)
    included: list[Attribute] = field(default_factory=list)
    limit: int | None = None
    offset: int = 0
    fuzzy: bool = False
    empty_values: bool = False
    multiple_values: bool = False
    timezone_offset: str = ""
    warnings: list[str] = field(default_factory=list)


_SAYS = Operation(
    "Search",
    (
        Answer(
            200,
            "the matches",
            (DICOM_JSON, JSON, parts_of(DICOM_XML)),
            [DATA_SET],
            {"X-Total-Count": "how many there are on all pages", "ETag": "of this answer"},
        ),
    ),
    (
        Parameter("limit", "how many; the node has a limit of its own", whole(0, OFFSET_MAX)),
        Parameter("offset", "how many are left out before", whole(0, OFFSET_MAX, 0)),
        Parameter("includefield", "attributes to be returned too, with commas between them, or `all`"),
        Parameter("fuzzymatching", "whether names that sound alike match", BOOLEAN),
        Parameter("emptyvaluematching", 'whether "" matches what is empty', BOOLEAN),
        Parameter(
            "multiplevaluematching",
            "whether keys may be lists, every value of which has to be met where an attribute has several",
            BOOLEAN,
        ),
        ACCEPT,
    ),
    refusals=(304, 400, 406),
    any_parameters="attributes by keyword or tag, also dotted into sequences, each a key of matching (PS3.18 8.3.4.1)",
)


def routes(archive: Archive, settings: WebSettings, accesses: Accesses) -> list[Route]:
    """The six search resources."""
    return [_route(resource, archive, settings, accesses) for resource in RESOURCES]


def _route(resource: Resource, archive: Archive, settings: WebSettings, accesses: Accesses) -> Route:
    moments = Moments()

    async def search(request: Request, principal: Principal) -> Response:
        media_type = model_type(request)
        service = service_url(request, settings)
        parameters = request.query_params.multi_items()
        response = await in_thread(answer, parameters, dict(request.path_params), principal, media_type, service)
        if known_to(request, response.headers["etag"]):
            headers = {name: value for name, value in response.headers.items() if name not in _OF_THE_BODY}
            return Response(None, 304, headers)
        return response

    def answer(
        parameters: list[tuple[str, str]], path: Mapping[str, str], principal: Principal, media_type: str, service: str
    ) -> Response:
        understood = understand(parameters, archive.vocabulary)
        query = to_query(understood, resource, path, principal, settings.query_results_max)
        accesses.searched(principal)
        query = replace(query, last_row=moments.of(principal, query))
        page = archive.find_page(query)
        warnings = understood.warnings
        total = query.offset + len(page.rows)
        if page.more:
            query = replace(query, last_row=page.last_row)
            moments.keep(principal, query)
            total = archive.count(query)
            left = max(total - query.offset - len(page.rows), 1)
            warnings = [*warnings, f"There are {left} additional results that can be requested"]
        shown = _shown(resource, query, understood)
        found = [_object(row, resource.level, shown, service) for row in page.rows]
        response = (_xml_answer if media_type == DICOM_XML else json_answer)(
            found, media_type=media_type, warnings=warnings, service=service
        )
        if page.rows or not query.offset:
            response.headers["x-total-count"] = str(total)
        response.headers["cache-control"] = CACHE
        response.headers["etag"] = _etag(response)
        return response

    study = "study" if "{study}" in resource.path else ""
    return Route(("GET",), ROOT + resource.path, search, Action.QUERY, study=study, says=_SAYS)


def _xml_answer(
    content: Iterable[Mapping[str, Any]], *, media_type: str, warnings: Iterable[str], service: str
) -> Response:
    """Each data set as a document of the Native DICOM Model in a part of its own (PS3.18 10.6.4)."""
    documents = [native_dicom_model(one) for one in content]
    framing = Framing(media_type, entity_tag(*(document.decode() for document in documents)))
    parts = [framing.head({"Content-Type": media_type}) + document for document in documents]
    response = Response(b"".join([*parts, framing.tail]), 200, {"vary": VARY}, framing.content_type)
    for text in warnings:
        response.headers.append("warning", f'299 {service} "{text}"')
    return response


def _etag(response: Response) -> str:
    """Of the body and what is said about it: the same answer has the same tag."""
    said = [*response.headers.getlist("warning"), response.headers.get("x-total-count", "")]
    return f'"{hashlib.sha256(bytes(response.body) + repr(said).encode()).hexdigest()[:32]}"'


def understand(parameters: list[tuple[str, str]], vocabulary: Vocabulary = CATALOGUE_ALONE) -> Search:
    """The parameters of a search (PS3.18 8.3.4). Raises QueryRefused; what is merely unknown becomes a warning."""
    if len(parameters) > KEYS_MAX:
        raise QueryRefused(f"{len(parameters)} parameters are too many", f"give at most {KEYS_MAX}")
    search = Search()
    names = _Names(vocabulary, parameters)
    seen: set[object] = set()
    sequences: dict[Attribute, dict[tuple[int, ...], str]] = {}
    for name, value in sorted(parameters, key=lambda parameter: parameter[0] not in _MATCHING):  # they change the rest
        if name == "includefield":
            search.included += names.included(value)
            continue
        key = names.identity(name)
        if key in seen:
            raise QueryRefused(f"{name[:64]} is given more than once", "give each key once; UIDs may be a list")
        seen.add(key)
        if name in _NOT_KEYS:
            _option(search, name, value)
        elif not names.is_creator(name):
            _key(search, names, sequences, name, value)
    for attribute, keys in sequences.items():
        _add(search, attribute, sequence_criterion(attribute, item_of(keys)))
    return search


def to_query(
    search: Search, resource: Resource, path: Mapping[str, str], principal: Principal, results_max: int
) -> Query:
    """The question to the index. Raises QueryRefused for UIDs in the path that are none.

    Items of a sequence are compared in the rows of the answer, so those of a level below are left out with a warning.
    """
    criteria: list[Criterion] = []
    for asked_for in search.criteria:
        if isinstance(asked_for.test, Item) and asked_for.attribute.level > resource.level:
            search.warnings.append(f"The parameter {asked_for.attribute.keyword} is not supported and was ignored.")
        else:
            criteria.append(asked_for)
    for parameter, keyword in (("study", "StudyInstanceUID"), ("series", "SeriesInstanceUID")):
        if parameter in path:
            uid = checked_uid(path[parameter], keyword)
            criteria.append(Criterion(BY_KEYWORD[keyword], OneOf((uid,))))
    asked = [attribute for attribute in (*search.matched, *search.included) if attribute.level <= resource.level]
    return Query(
        level=resource.level,
        criteria=tuple(criteria),
        returns=tuple(dict.fromkeys([*resource.default, *asked])),
        limit=results_max if search.limit is None else min(search.limit, results_max),
        offset=search.offset,
        fuzzy=search.fuzzy,
        combined_date_time=True,
        timezone_offset=search.timezone_offset,
        study_instance_uids=principal.study_instance_uids,
    )


# Parameters ----------------------------------------------------------------------------------------------------


class _Names:
    """What the names of parameters stand for: keywords, tags, and private tags with their creators beside them."""

    def __init__(self, vocabulary: Vocabulary, parameters: Iterable[tuple[str, str]]) -> None:
        self._vocabulary = vocabulary
        self._creators = {int(name, 16): value.strip() for name, value in parameters if self.is_creator(name)}

    @staticmethod
    def is_creator(name: str) -> bool:
        """Whether it names a private creator, which says whose the private tags of its block are (PS3.18 8.3.4.1)."""
        tag = int(name, 16) if _TAG.fullmatch(name) else 0
        return bool(tag >> 16 & 1) and 0x10 <= tag & 0xFFFF <= 0xFF

    def attribute(self, name: str) -> Attribute | None:
        """The attribute; None where there is none."""
        if "." in name:
            return self._vocabulary.inside(_path_of(name))
        if not _is_private(name):
            return self._vocabulary.named(name)
        tag = int(name, 16)
        creator = self._creators.get(tag & 0xFFFF0000 | tag >> 8 & 0xFF)
        return self._vocabulary.at(tag) if creator is None else self._vocabulary.private(tag, creator)

    def identity(self, name: str) -> object:
        """Tag and keyword of one attribute are the same key."""
        return ".".join(str(_tag_of(part) or part) for part in name.split("."))

    def asked(self, name: str) -> Attribute | None:
        """The attribute of a key. Raises QueryRefused where it is one that nobody can ask for now."""
        found = self.attribute(name)
        waiting = self._vocabulary.waiting.get(_path_of(name))
        if waiting is not None:
            raise QueryRefused(f"the extended query tag {name[:64]} {waiting}", "`pacs tag list` shows how far it is")
        if found is None and _is_private(name):
            raise QueryRefused(
                f"{name} is a private attribute that is not searched here",
                "leave it out, name its creator beside it, or have an administrator add it: `pacs tag add`",
            )
        return found

    def included(self, value: str) -> Iterator[Attribute]:
        """Attributes of an `includefield`; what the index does not hold is left out (PS3.18 8.3.4.3)."""
        for name in value.split(","):
            if name.strip().lower() == "all":
                yield from self._vocabulary.everything()
                continue
            whole = name.strip()
            attribute = self.attribute(whole) or self.attribute(whole.partition(".")[0])
            if attribute is not None:
                yield attribute


def _is_private(name: str) -> bool:
    return _TAG.fullmatch(name) is not None and int(name[:4], 16) % 2 == 1


def _tag_of(name: str) -> int | None:
    if _TAG.fullmatch(name):
        return int(name, 16)
    tag = tag_for_keyword(name) if name else None  # the dictionary has attributes without a keyword
    return None if tag is None else int(tag)


def _path_of(name: str) -> tuple[int, ...]:
    """The tags of a dotted name, from the outside in; 0 for what names no attribute."""
    return tuple(_tag_of(part) or 0 for part in name.split("."))


def _key(
    search: Search, names: _Names, sequences: dict[Attribute, dict[tuple[int, ...], str]], name: str, value: str
) -> None:
    outer, dot, inner = name.partition(".")
    nested = names.asked(name) if dot else None
    attribute = nested or names.asked(outer)
    if dot and nested is None and attribute is not None and attribute.matching is Matching.SEQUENCE:
        path = [_tag_of(part) for part in inner.split(".")]
        tags = tuple(tag for tag in path if tag is not None)
        if len(tags) < len(path):
            raise QueryRefused(f"{name[:64]} names no attribute", "use a keyword or eight hexadecimal digits")
        sequences.setdefault(attribute, {})[tags] = value
        return
    if attribute is OFFSET and not dot:
        search.timezone_offset = _offset(value)
        search.matched.append(attribute)
        return
    if (dot and nested is None) or attribute is None or attribute.matching in (Matching.RETURN, Matching.SEQUENCE):
        search.warnings.append(f"The parameter {_printable(name)} is not supported and was ignored.")
        return
    lists = Lists.MULTIPLE_VALUE_MATCHING if search.multiple_values else Lists.WHERE_COMMAS_PART
    found = criterion(attribute, value, empty_value=search.empty_values, lists=lists)
    if found is not None and search.fuzzy and attribute.matching is Matching.NAME and not fuzzy_words(value):
        search.warnings.append(NOT_FUZZY)
    _add(search, attribute, found)


def _offset(value: str) -> str:
    """An offset from UTC; a plus that was not escaped is a space."""
    text = f"+{value[1:]}" if value.startswith(" ") else value
    if text and not valid_offset(text):
        raise QueryRefused(f"TimezoneOffsetFromUTC {value[:16]!r} is no offset from UTC", "give it as +0600 or -0330")
    return text


def _add(search: Search, attribute: Attribute, found: Criterion | None) -> None:
    search.matched.append(attribute)
    if found is not None:
        search.criteria.append(found)


def _option(search: Search, name: str, value: str) -> None:
    match name:
        case "limit":
            search.limit = _whole(name, value)
        case "offset":
            search.offset = _whole(name, value)
        case "fuzzymatching":
            search.fuzzy = _boolean(name, value)
        case "emptyvaluematching":
            search.empty_values = _boolean(name, value)
        case "multiplevaluematching":
            search.multiple_values = _boolean(name, value)


def _whole(name: str, value: str) -> int:
    if not (value.isascii() and value.isdigit()) or len(value) > 10 or int(value) > OFFSET_MAX:
        raise QueryRefused(f"{name} {value[:32]!r} is not a whole number", f"give a number from 0 to {OFFSET_MAX}")
    return int(value)


def _boolean(name: str, value: str) -> bool:
    if value.lower() not in ("true", "false"):
        raise QueryRefused(f"{name} {value[:32]!r} is neither true nor false", "give true or false")
    return value.lower() == "true"


def _printable(name: str) -> str:
    return re.sub(r"[^0-9A-Za-z._-]", "?", name[:64])


# Answers -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Shown:
    """One element of the answer; `always`: also where it is empty. Without an attribute it is not of the index, and the
    same in every row where it is `fixed`."""

    tag: str
    attribute: Attribute | None = None
    always: bool = True
    fixed: dict[str, Any] | None = None


def _shown(resource: Resource, query: Query, search: Search) -> list[_Shown]:
    """What every object of the answer holds, in the order of the tags."""
    asked = {*search.matched, *search.included}
    keys = [UNIQUE_KEY[level] for level in Level if Level.PATIENT < level <= resource.level]
    entries = [
        _Shown(_answered_as(attribute), attribute, attribute.required or attribute in asked)
        for attribute in dict.fromkeys([*query.returns, *keys])
    ]
    entries += [_Shown(_AVAILABILITY, fixed={"vr": "CS", "Value": ["ONLINE"]}), _Shown(_RETRIEVE_URL)]
    entries += _creators(query.returns)
    return sorted(entries, key=lambda entry: entry.tag)


def _answered_as(attribute: Attribute) -> str:
    """The tag of the element of the answer: of what stands inside of sequences, the outermost one."""
    return f"{attribute.path[0] if isinstance(attribute, Extended) else attribute.tag:08X}"


def _creators(returned: Iterable[Attribute]) -> list[_Shown]:
    """Whose the private attributes of an answer are, as every data set says it (PS3.5 7.8.1)."""
    reserved = {
        f"{attribute.path[0] >> 16:04X}00{attribute.path[0] >> 8 & 0xFF:02X}": attribute.private_creator
        for attribute in returned
        if isinstance(attribute, Extended) and attribute.path[0] >> 16 & 1
    }
    return [_Shown(tag, fixed={"vr": "LO", "Value": [creator]}) for tag, creator in reserved.items()]


def _object(row: Mapping[str, str], level: Level, shown: Iterable[_Shown], service: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for entry in shown:
        if entry.attribute is None:
            found[entry.tag] = entry.fixed or {"vr": "UR", "Value": [_retrieve_url(row, level, service)]}
            continue
        text = row[entry.attribute.keyword]
        if text or entry.always:
            made = element(entry.attribute, text)
            found[entry.tag] = joined(found[entry.tag], made) if entry.tag in found else made
    return found


def _retrieve_url(row: Mapping[str, str], level: Level, service: str) -> str:
    url = f"{service}/studies/{row['StudyInstanceUID']}"
    if level >= Level.SERIES:
        url += f"/series/{row['SeriesInstanceUID']}"
    if level is Level.IMAGE:
        url += f"/instances/{row['SOPInstanceUID']}"
    return url
