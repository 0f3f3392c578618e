"""Conditions on what the index knows of a series: the part that rules of every leaf have in common, JSON that is data
and never code.

A condition is judged for one series at a time: attributes of patient and study, of the series, and the set of values
that its instances have. A test holds when one of the values passes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any

import regex

from pacs.attributes import BY_KEYWORD
from pacs.errors import SuretError

DERIVED = frozenset({"derived:instance_count", "derived:age_years", "derived:calling_ae_title"})

PATTERN_CHARACTERS_MAX = 500
TEXT_CHARACTERS_MAX = 1024
REGEX_TIMEOUT_S = 0.05
DEPTH_MAX = 16
NODES_MAX = 500

Facts = Mapping[str, Sequence[str]]
"""Tag (keyword or derived:…) to the distinct texts of it, several values of one attribute joined by a backslash."""


class RuleInvalid(SuretError):
    """The JSON is not a rule; the message names the place."""


class RuleTooSlow(SuretError):
    """A regular expression took longer than it may on this study."""


# --- values -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Leaf:
    """A leaf: `tag` passes `op` with `operand` (already in the form that the operation takes)."""

    tag: str
    op: str
    operand: Any


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every one holds; true when empty."""

    of: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one holds; false when empty."""

    of: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """It does not hold."""

    condition: Condition


Condition = Leaf | AllOf | AnyOf | Not


def tags_of(condition: Condition) -> list[str]:
    """Every tag that `condition` looks at."""
    match condition:
        case Leaf(tag):
            return [tag]
        case Not(inner):
            return tags_of(inner)
        case AllOf(of) | AnyOf(of):
            return [tag for inner in of for tag in tags_of(inner)]


# --- judging ------------------------------------------------------------------------------------------------------


def holds(condition: Condition, facts: Facts) -> bool:
    """Whether `condition` is true of `facts`. Raises RuleTooSlow."""
    match condition:
        case Leaf(tag, op, operand):
            return any(value and _OPERATIONS[op](value, operand) for value in facts.get(tag, ()))
        case Not(inner):
            return not holds(inner, facts)
        case AllOf(of):
            return all(holds(inner, facts) for inner in of)
        case AnyOf(of):
            return any(holds(inner, facts) for inner in of)


def _number(text: object) -> Decimal | None:
    try:
        number = Decimal(str(text).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _equal(value: str, operand: object) -> bool:
    if isinstance(operand, str):
        return value == operand
    return _number(value) == operand


def _values(value: str) -> list[str]:
    return value.split("\\")


def _matches(value: str, pattern: regex.Pattern[str]) -> bool:
    try:
        return pattern.search(value[:TEXT_CHARACTERS_MAX], timeout=REGEX_TIMEOUT_S) is not None
    except TimeoutError:
        raise RuleTooSlow(f"the pattern {pattern.pattern!r} took too long", "write it without nested repeats") from None


def _within(value: str, bounds: tuple[Decimal, Decimal]) -> bool:
    number = _number(value)
    return number is not None and bounds[0] <= number <= bounds[1]


def _at_least(value: str, bound: Decimal) -> bool:
    number = _number(value)
    return number is not None and number >= bound


_OPERATIONS: Mapping[str, Callable[[str, Any], bool]] = MappingProxyType(
    {
        "eq": _equal,
        "in": lambda value, operands: any(_equal(value, operand) for operand in operands),
        "regex": _matches,
        "exists": lambda _value, _operand: True,  # `holds` looks at values that are not empty only
        "contains": lambda value, operand: any(_equal(part, operand) for part in _values(value)),
        "between": _within,
        "gte": _at_least,
    }
)


# --- reading ------------------------------------------------------------------------------------------------------


def read_condition(document: object, place: str) -> Condition:
    """The condition that `document` (parsed JSON) describes. Raises RuleInvalid naming the first wrong place."""
    return _Reader().condition(document, place, 0)


class _Reader:
    """Reads one `match` tree and counts its nodes."""

    def __init__(self) -> None:
        self._nodes = 0

    def condition(self, document: object, place: str, depth: int) -> Condition:
        self._nodes += 1
        if depth > DEPTH_MAX or self._nodes > NODES_MAX:
            raise invalid_at(place, f"at most {NODES_MAX} conditions, {DEPTH_MAX} deep")
        keys = set(document) if isinstance(document, dict) else set()
        if keys == {"not"}:
            return Not(self.condition(document["not"], f"{place}.not", depth + 1))  # type: ignore[index]
        for key, kind in (("all", AllOf), ("any", AnyOf)):
            if keys == {key}:
                items = enumerate(list_at(document[key], f"{place}.{key}"))  # type: ignore[index]
                return kind(tuple(self.condition(item, f"{place}.{key}[{i}]", depth + 1) for i, item in items))
        return _test(document, place)


def _test(document: object, place: str) -> Leaf:
    fields = object_at(document, place, required={"tag", "op"}, optional={"value"})
    tag = text_at(fields["tag"], f"{place}.tag", 64)
    if tag not in BY_KEYWORD and tag not in DERIVED:
        raise invalid_at(
            f"{place}.tag", f"a DICOM keyword of the index or one of {', '.join(sorted(DERIVED))}; {tag!r} is none"
        )
    op = one_of(fields["op"], f"{place}.op", tuple(_OPERATIONS))
    if ("value" in fields) == (op == "exists"):
        raise invalid_at(place, "a value for every op but exists")
    return Leaf(tag, op, _OPERANDS[op](fields.get("value"), f"{place}.value"))


def _scalar(value: object, place: str) -> str | Decimal:
    if isinstance(value, str) and value:
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _bound(value, place)
    raise invalid_at(place, "a text that is not empty or a number")


def _bound(value: object, place: str) -> Decimal:
    number = _number(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    if number is None:
        raise invalid_at(place, "a number")
    return number


def _pattern(value: object, place: str) -> regex.Pattern[str]:
    text = text_at(value, place, PATTERN_CHARACTERS_MAX)
    try:
        return regex.compile(text)
    except regex.error as error:
        raise invalid_at(place, f"a regular expression ({error})") from None


def _pair(value: object, place: str) -> tuple[Decimal, Decimal]:
    items = list_at(value, place)
    if len(items) != 2:
        raise invalid_at(place, "two numbers, both included")
    low, high = (_bound(item, place) for item in items)
    return low, high


_OPERANDS: Mapping[str, Callable[[object, str], Any]] = MappingProxyType(
    {
        "eq": _scalar,
        "in": lambda value, place: tuple(_scalar(item, place) for item in list_at(value, place)),
        "regex": _pattern,
        "exists": lambda _value, _place: None,
        "contains": _scalar,
        "between": _pair,
        "gte": _bound,
    }
)


def object_at(
    document: object, place: str, *, required: set[str], optional: set[str] | frozenset[str]
) -> dict[str, Any]:
    """A JSON object with these fields and no others. Raises RuleInvalid."""
    if not isinstance(document, dict):
        raise invalid_at(place, "a JSON object")
    missing, unknown = required - set(document), set(document) - required - optional
    if missing:
        raise invalid_at(place, f"{', '.join(sorted(missing))} as well")
    if unknown:
        raise invalid_at(
            place, f"nothing but {', '.join(sorted(required | optional))}; got {', '.join(sorted(unknown))}"
        )
    return document


def list_at(document: object, place: str) -> list[Any]:
    """A JSON list. Raises RuleInvalid."""
    if not isinstance(document, list):
        raise invalid_at(place, "a list")
    return document


def text_at(value: object, place: str, length_max: int) -> str:
    """A text that is not empty. Raises RuleInvalid."""
    if not isinstance(value, str) or not 1 <= len(value) <= length_max:
        raise invalid_at(place, f"a text of 1 to {length_max} characters")
    return value


def one_of(value: object, place: str, choices: tuple[str, ...]) -> str:
    """One of `choices`. Raises RuleInvalid."""
    if value not in choices:
        raise invalid_at(place, f"{' or '.join(choices)} in this release")
    return str(value)


def invalid_at(place: str, expected: str) -> RuleInvalid:
    """What is raised where something else than `expected` stands at `place`."""
    return RuleInvalid(f"{place}: expected {expected}", "correct the rule and add it again")
