"""Rules: which studies go to which service, as JSON that is data and never code.

A rule is judged for one series at a time: attributes of patient and study, of the series, and the set of values that
its instances have. A test holds when one of the values passes it.
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

DERIVED = frozenset({"derived:instance_count", "derived:age_years"})

PATTERN_CHARACTERS_MAX = 500
TEXT_CHARACTERS_MAX = 1024
REGEX_TIMEOUT_S = 0.05
DEPTH_MAX = 16
NODES_MAX = 500
REVISIONS_MAX = 3
TIMEOUT_S_MAX = 840  # the token for the pixels lives at most 15 min

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


@dataclass(frozen=True, slots=True)
class Dispatch:
    """One service that gets the task; `timeout_s` is how long it has from the event on."""

    service: str
    priority: str = "high"
    timeout_s: int = 300


@dataclass(frozen=True, slots=True)
class PriorityPolicy:
    """How far a result may raise a study, and what the result must show for it."""

    allow_raise_to: str = "critical"
    min_score: float = 0.0
    require_image_quality: str | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `mode`: active, shadow (asked and stored, the worklist stays as it is) or off."""

    id: str
    match: Condition
    dispatch: tuple[Dispatch, ...]
    mode: str = "active"
    purpose: str = "triage"
    retrigger: str = "always"
    policy: PriorityPolicy = PriorityPolicy()

    def tags(self) -> frozenset[str]:
        """Every tag that `match` looks at."""
        return frozenset(_tags(self.match))


def _tags(condition: Condition) -> list[str]:
    match condition:
        case Leaf(tag):
            return [tag]
        case Not(inner):
            return _tags(inner)
        case AllOf(of) | AnyOf(of):
            return [tag for inner in of for tag in _tags(inner)]


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


def read_rule(document: object) -> Rule:
    """The rule that `document` (parsed JSON) describes. Raises RuleInvalid naming the first place that is wrong.

    What this release does not do is refused rather than ignored: a rule that asks for pseudonyms must not run without.
    """
    fields = _object(document, "the rule", required={"id", "match", "dispatch"}, optional=_RULE_FIELDS)
    identifier = _text(fields["id"], "id", 64)
    trigger = _object(fields.get("trigger", {}), "trigger", required=set(), optional={"event", "retrigger"})
    _one_of(trigger.get("event", "study.stable"), "trigger.event", ("study.stable",))
    dispatches = tuple(
        _dispatch(item, f"dispatch[{i}]") for i, item in enumerate(_list(fields["dispatch"], "dispatch"))
    )
    if not dispatches:
        raise _invalid("dispatch", "at least one service")
    mode = _one_of(fields.get("mode", "active"), "mode", ("active", "shadow", "off"))
    return Rule(
        id=identifier,
        match=_Reader().condition(fields["match"], "match", 0),
        dispatch=dispatches,
        mode=mode if fields.get("enabled", True) is True else "off",
        purpose=_one_of(
            fields.get("purpose", "triage"), "purpose", ("triage", "detection", "quantification", "quality")
        ),
        retrigger=_one_of(
            trigger.get("retrigger", "always"), "trigger.retrigger", ("never", "if_new_series", "always")
        ),
        policy=_policy(fields.get("priority_policy", {})),
    )


_RULE_FIELDS = frozenset({"enabled", "mode", "description", "trigger", "purpose", "priority_policy"})


def _dispatch(document: object, place: str) -> Dispatch:
    fields = _object(document, place, required={"service"}, optional={"door", "priority", "timeout_s"})
    _one_of(fields.get("door", "webhook"), f"{place}.door", ("webhook",))
    timeout = fields.get("timeout_s", 300)
    if type(timeout) is not int or not 1 <= timeout <= TIMEOUT_S_MAX:
        raise _invalid(f"{place}.timeout_s", f"whole seconds from 1 to {TIMEOUT_S_MAX}")
    priority = _one_of(fields.get("priority", "high"), f"{place}.priority", ("high", "medium", "low"))
    return Dispatch(_text(fields["service"], f"{place}.service", 64), priority, timeout)


def _policy(document: object) -> PriorityPolicy:
    place = "priority_policy"
    fields = _object(document, place, required=set(), optional={"allow_raise_to", "min_score", "require_image_quality"})
    score = fields.get("min_score", 0)
    if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 1:
        raise _invalid(f"{place}.min_score", "a number from 0 to 1")
    quality = fields.get("require_image_quality")
    return PriorityPolicy(
        allow_raise_to=_one_of(
            fields.get("allow_raise_to", "critical"), f"{place}.allow_raise_to", ("critical", "urgent")
        ),
        min_score=float(score),
        require_image_quality=None
        if quality is None
        else _one_of(quality, f"{place}.require_image_quality", ("diagnostic", "limited")),
    )


class _Reader:
    """Reads one `match` tree and counts its nodes."""

    def __init__(self) -> None:
        self._nodes = 0

    def condition(self, document: object, place: str, depth: int) -> Condition:
        self._nodes += 1
        if depth > DEPTH_MAX or self._nodes > NODES_MAX:
            raise _invalid(place, f"at most {NODES_MAX} conditions, {DEPTH_MAX} deep")
        keys = set(document) if isinstance(document, dict) else set()
        if keys == {"not"}:
            return Not(self.condition(document["not"], f"{place}.not", depth + 1))  # type: ignore[index]
        for key, kind in (("all", AllOf), ("any", AnyOf)):
            if keys == {key}:
                items = enumerate(_list(document[key], f"{place}.{key}"))  # type: ignore[index]
                return kind(tuple(self.condition(item, f"{place}.{key}[{i}]", depth + 1) for i, item in items))
        return _test(document, place)


def _test(document: object, place: str) -> Leaf:
    fields = _object(document, place, required={"tag", "op"}, optional={"value"})
    tag = _text(fields["tag"], f"{place}.tag", 64)
    if tag not in BY_KEYWORD and tag not in DERIVED:
        raise _invalid(
            f"{place}.tag", f"a DICOM keyword of the index or one of {', '.join(sorted(DERIVED))}; {tag!r} is none"
        )
    op = _one_of(fields["op"], f"{place}.op", tuple(_OPERATIONS))
    if ("value" in fields) == (op == "exists"):
        raise _invalid(place, "a value for every op but exists")
    return Leaf(tag, op, _OPERANDS[op](fields.get("value"), f"{place}.value"))


def _scalar(value: object, place: str) -> str | Decimal:
    if isinstance(value, str) and value:
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _bound(value, place)
    raise _invalid(place, "a text that is not empty or a number")


def _bound(value: object, place: str) -> Decimal:
    number = _number(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
    if number is None:
        raise _invalid(place, "a number")
    return number


def _pattern(value: object, place: str) -> regex.Pattern[str]:
    text = _text(value, place, PATTERN_CHARACTERS_MAX)
    try:
        return regex.compile(text)
    except regex.error as error:
        raise _invalid(place, f"a regular expression ({error})") from None


def _pair(value: object, place: str) -> tuple[Decimal, Decimal]:
    items = _list(value, place)
    if len(items) != 2:
        raise _invalid(place, "two numbers, both included")
    low, high = (_bound(item, place) for item in items)
    return low, high


_OPERANDS: Mapping[str, Callable[[object, str], Any]] = MappingProxyType(
    {
        "eq": _scalar,
        "in": lambda value, place: tuple(_scalar(item, place) for item in _list(value, place)),
        "regex": _pattern,
        "exists": lambda _value, _place: None,
        "contains": _scalar,
        "between": _pair,
        "gte": _bound,
    }
)


def _object(document: object, place: str, *, required: set[str], optional: set[str] | frozenset[str]) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise _invalid(place, "a JSON object")
    missing, unknown = required - set(document), set(document) - required - optional
    if missing:
        raise _invalid(place, f"{', '.join(sorted(missing))} as well")
    if unknown:
        raise _invalid(place, f"nothing but {', '.join(sorted(required | optional))}; got {', '.join(sorted(unknown))}")
    return document


def _list(document: object, place: str) -> list[Any]:
    if not isinstance(document, list):
        raise _invalid(place, "a list")
    return document


def _text(value: object, place: str, length_max: int) -> str:
    if not isinstance(value, str) or not 1 <= len(value) <= length_max:
        raise _invalid(place, f"a text of 1 to {length_max} characters")
    return value


def _one_of(value: object, place: str, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise _invalid(place, f"{' or '.join(choices)} in this release")
    return str(value)


def _invalid(place: str, expected: str) -> RuleInvalid:
    return RuleInvalid(f"{place}: expected {expected}", "correct the rule and add it again")
