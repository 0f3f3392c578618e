"""What is asked of kept DICOM JSON documents in a URL: attributes by keyword or tag, limit and offset."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator
from typing import Any, Final

from starlette.datastructures import QueryParams

from pacs.access.operation import Parameter, whole
from pacs.dicom.dictionary import dictionary_vr
from pacs.dicom.documents import tag_of
from pacs.errors import QueryRefused

LIMIT_MAX: Final = 1000
KEYS: Final = "attributes by keyword or tag, each a key of matching (PS3.4 C.2.2.2)"
PAGING: Final = (
    Parameter("limit", f"how many; at most {LIMIT_MAX} are given", whole(default=LIMIT_MAX)),
    Parameter("offset", "how many are left out before", whole(default=0)),
)


def understood(parameters: QueryParams, sequence: str, inside: Collection[str]) -> tuple[dict[str, Any], int, int]:
    """Document of keys, limit and offset out of the URL's parameters: attributes by keyword or tag, those `inside` the
    item of `sequence` without naming it. Raises QueryRefused."""
    document: dict[str, Any] = {}
    item: dict[str, Any] = {}
    for name, text in parameters.items():
        if name in ("limit", "offset"):
            continue
        tag = tag_of(name)
        if tag is None:
            raise QueryRefused(f"there is no attribute {name[:64]!r}", "name attributes by keyword, as in PS3.6")
        vr = dictionary_vr(int(tag, 16)).split(" ")[0]
        value: Any = {"Alphabetic": text} if vr == "PN" else text
        (item if tag in inside else document)[tag] = {"vr": vr, "Value": [value]} if text else {"vr": vr}
    if item:
        document[sequence] = {"vr": "SQ", "Value": [item]}
    return document, _whole(parameters, "limit", LIMIT_MAX), _whole(parameters, "offset", 1 << 31, 0)


def part(found: Iterator[dict[str, Any]], limit: int, offset: int) -> list[dict[str, Any]]:
    """What is asked for of everything that is found."""
    return list(itertools.islice(found, offset, offset + limit))


def _whole(parameters: QueryParams, name: str, most: int, otherwise: int | None = None) -> int:
    text = parameters.get(name, "")
    if not text:
        return most if otherwise is None else otherwise
    return min(whole_number(name, text), most)


def whole_number(name: str, text: str, digits_max: int | None = None) -> int:
    """The parameter `name` as a whole number of at most so many digits. Raises QueryRefused."""
    if not (text.isascii() and text.isdecimal()) or (digits_max is not None and len(text) > digits_max):
        raise QueryRefused(f"{name} {text[:32]!r} is not a whole number", "give digits only")
    return int(text)
