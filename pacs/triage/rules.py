"""Rules: which studies go to which service, as JSON that is data and never code (`pacs.archive.conditions`)."""

from __future__ import annotations

from dataclasses import dataclass

from pacs.archive.conditions import (
    Condition,
    invalid_at,
    list_at,
    object_at,
    one_of,
    read_condition,
    tags_of,
    text_at,
)

REVISIONS_MAX = 3
TIMEOUT_S_MAX = 840  # the token for the pixels lives at most 15 min


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
        return frozenset(tags_of(self.match))


# --- reading ------------------------------------------------------------------------------------------------------


def read_rule(document: object) -> Rule:
    """The rule that `document` (parsed JSON) describes. Raises RuleInvalid naming the first place that is wrong.

    What this release does not do is refused rather than ignored: a rule that asks for pseudonyms must not run without.
    """
    fields = object_at(document, "the rule", required={"id", "match", "dispatch"}, optional=_RULE_FIELDS)
    identifier = text_at(fields["id"], "id", 64)
    trigger = object_at(fields.get("trigger", {}), "trigger", required=set(), optional={"event", "retrigger"})
    one_of(trigger.get("event", "study.stable"), "trigger.event", ("study.stable",))
    dispatches = tuple(
        _dispatch(item, f"dispatch[{i}]") for i, item in enumerate(list_at(fields["dispatch"], "dispatch"))
    )
    if not dispatches:
        raise invalid_at("dispatch", "at least one service")
    mode = one_of(fields.get("mode", "active"), "mode", ("active", "shadow", "off"))
    return Rule(
        id=identifier,
        match=read_condition(fields["match"], "match"),
        dispatch=dispatches,
        mode=mode if fields.get("enabled", True) is True else "off",
        purpose=one_of(
            fields.get("purpose", "triage"), "purpose", ("triage", "detection", "quantification", "quality")
        ),
        retrigger=one_of(trigger.get("retrigger", "always"), "trigger.retrigger", ("never", "if_new_series", "always")),
        policy=_policy(fields.get("priority_policy", {})),
    )


_RULE_FIELDS = frozenset({"enabled", "mode", "description", "trigger", "purpose", "priority_policy"})


def _dispatch(document: object, place: str) -> Dispatch:
    fields = object_at(document, place, required={"service"}, optional={"door", "priority", "timeout_s"})
    one_of(fields.get("door", "webhook"), f"{place}.door", ("webhook",))
    timeout = fields.get("timeout_s", 300)
    if type(timeout) is not int or not 1 <= timeout <= TIMEOUT_S_MAX:
        raise invalid_at(f"{place}.timeout_s", f"whole seconds from 1 to {TIMEOUT_S_MAX}")
    priority = one_of(fields.get("priority", "high"), f"{place}.priority", ("high", "medium", "low"))
    return Dispatch(text_at(fields["service"], f"{place}.service", 64), priority, timeout)


def _policy(document: object) -> PriorityPolicy:
    place = "priority_policy"
    fields = object_at(
        document, place, required=set(), optional={"allow_raise_to", "min_score", "require_image_quality"}
    )
    score = fields.get("min_score", 0)
    if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 1:
        raise invalid_at(f"{place}.min_score", "a number from 0 to 1")
    quality = fields.get("require_image_quality")
    return PriorityPolicy(
        allow_raise_to=one_of(
            fields.get("allow_raise_to", "critical"), f"{place}.allow_raise_to", ("critical", "urgent")
        ),
        min_score=float(score),
        require_image_quality=None
        if quality is None
        else one_of(quality, f"{place}.require_image_quality", ("diagnostic", "limited")),
    )
