"""What one thing over HTTP takes and gives, said beside its route; the OpenAPI document is made of nothing else.

A `Shape` describes JSON: a type (a frozen dataclass, a msgspec.Struct, ``list[str]``), a dictionary of shapes for an
object with just those fields, or `Json` for what is best said as JSON Schema.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, get_type_hints

JSON = "application/json"
DICOM_JSON = "application/dicom+json"


@dataclass(frozen=True, slots=True)
class Json:
    """A JSON Schema (2020-12). With a `name` it is said once in the document and referred to from everywhere."""

    schema: Mapping[str, Any]
    name: str = ""


Shape = Any
"""A type, a mapping of names to shapes, or a `Json`."""

TEXT = Json({"type": "string"})
BOOLEAN = Json({"type": "string", "enum": ["true", "false"]})
UID = Json({"type": "string", "pattern": r"^[0-9.]{1,64}$"}, "UID")
DATE = Json({"type": "string", "pattern": "^[0-9]{8}$"})


DATA_SET = Json(
    {
        "type": "object",
        "description": "A data set in the DICOM JSON Model (PS3.18 Annex F).",
        "patternProperties": {
            "^[0-9A-F]{8}$": {
                "type": "object",
                "properties": {
                    "vr": {"type": "string", "pattern": "^[A-Z]{2}$"},
                    "Value": {"type": "array"},
                    "BulkDataURI": {"type": "string"},
                    "InlineBinary": {"type": "string", "contentEncoding": "base64"},
                },
                "required": ["vr"],
                "additionalProperties": False,
            }
        },
        "additionalProperties": False,
    },
    "DataSet",
)


def whole(minimum: int = 0, maximum: int = 2**31 - 1, default: int | None = None) -> Json:
    """A whole number in a URL."""
    told = {} if default is None else {"default": default}
    return Json({"type": "integer", "minimum": minimum, "maximum": maximum, **told})


def one_of(values: Sequence[str]) -> Json:
    """One of the words of a list."""
    return Json({"type": "string", "enum": list(values)})


def words_of(values: Sequence[str]) -> Json:
    """Words of a list, with commas between them."""
    alternatives = "|".join(value.replace(".", r"\.") for value in values)
    return Json({"type": "string", "pattern": f"^({alternatives})(,({alternatives}))*$"})


def fields_of(made: type, *, without: Sequence[str] = (), **others: Shape) -> dict[str, Shape]:
    """The fields of a dataclass as a shape, `without` those that are not shown, with `others` beside or instead."""
    return {name: kind for name, kind in get_type_hints(made).items() if name not in without} | others


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of the URL, or a header; those in the path need no description."""

    name: str
    words: str
    shape: Shape = TEXT
    required: bool = False
    where: Literal["query", "header"] = "query"


@dataclass(frozen=True, slots=True)
class Body:
    """What is sent: one shape under each of the media types, none for octets."""

    shape: Shape | None
    media_types: tuple[str, ...] = (JSON,)
    required: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """A success: its status, its media types (none: no body), its shape where it is JSON, headers by name."""

    status: int
    words: str
    media_types: tuple[str, ...] = ()
    shape: Shape | None = None
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


def gives(shape: Shape, words: str = "done", status: int = 200, **headers: str) -> Answer:
    """An answer in JSON."""
    return Answer(status, words, (JSON,), shape, _named(headers))


def gives_dicom(shape: Shape, words: str = "done", status: int = 200, **headers: str) -> Answer:
    """An answer in DICOM JSON, under either name."""
    return Answer(status, words, (DICOM_JSON, JSON), shape, _named(headers))


def done(words: str = "done; there is nothing to say", status: int = 204, **headers: str) -> Answer:
    """An answer without a body."""
    return Answer(status, words, (), None, _named(headers))


def switched(words: str) -> Answer:
    """What a WebSocket begins with; `words` say what its messages are."""
    return Answer(101, words)


@dataclass(frozen=True, slots=True)
class Operation:
    """What a `Route` does in one line (`summary`), what it takes and gives.

    `refusals` are the statuses of its own; those of the gate (401, 403, 404 of another's study, 405, 413, 415, 421)
    follow from the route. `any_parameters` says in words which parameters there are beside those named.
    """

    summary: str
    answers: tuple[Answer, ...]
    parameters: tuple[Parameter, ...] = ()
    body: Body | None = None
    refusals: tuple[int, ...] = ()
    words: str = ""
    any_parameters: str = ""


def _named(headers: Mapping[str, str]) -> Mapping[str, str]:
    return MappingProxyType({name.replace("_", "-"): words for name, words in headers.items()})
