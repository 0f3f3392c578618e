from __future__ import annotations

import copy
from typing import Any

import pytest

from pacs.archive.conditions import NODES_MAX, RuleInvalid, RuleTooSlow, holds
from pacs.triage.rules import read_rule

HEAD_WORDS = r"(?i)\b(head|голов\w*|мозг\w*|бас|баштын|мээ)\b"

STROKE: dict[str, Any] = {
    "id": "stroke-ncct",
    "enabled": True,
    "mode": "active",
    "description": "Head CT without contrast",
    "trigger": {"event": "study.stable", "retrigger": "if_new_series"},
    "match": {
        "all": [
            {"tag": "Modality", "op": "eq", "value": "CT"},
            {
                "any": [
                    {"tag": "BodyPartExamined", "op": "in", "value": ["HEAD", "BRAIN", "SKULL"]},
                    {
                        "tag": "StudyDescription",
                        "op": "regex",
                        "value": HEAD_WORDS,
                    },
                ]
            },
            {"not": {"tag": "ContrastBolusAgent", "op": "exists"}},
            {"tag": "ImageType", "op": "contains", "value": "AXIAL"},
            {"tag": "SliceThickness", "op": "between", "value": [0.4, 6.0]},
            {"tag": "derived:instance_count", "op": "gte", "value": 12},
            {"tag": "derived:age_years", "op": "gte", "value": 18},
        ]
    },
    "dispatch": [{"service": "reader", "door": "webhook", "priority": "high", "timeout_s": 300}],
    "priority_policy": {"allow_raise_to": "critical", "min_score": 0.7, "require_image_quality": "diagnostic"},
}

HEAD = {
    "Modality": ["CT"],
    "BodyPartExamined": ["HEAD"],
    "StudyDescription": ["CT brain"],
    "ContrastBolusAgent": [""],
    "ImageType": ["ORIGINAL\\PRIMARY\\AXIAL", "ORIGINAL\\PRIMARY\\LOCALIZER"],
    "SliceThickness": ["5.0"],
    "derived:instance_count": ["32"],
    "derived:age_years": ["67"],
}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, True),
        ({"Modality": ["MR"]}, False),
        ({"BodyPartExamined": ["CHEST"]}, False),
        ({"BodyPartExamined": [""], "StudyDescription": ["КТ головы"]}, True),
        ({"BodyPartExamined": [""], "StudyDescription": ["Бас КТ"]}, True),
        ({"BodyPartExamined": [""], "StudyDescription": ["КТ, басқа мүше"]}, False),  # "other", not "head"
        ({"ContrastBolusAgent": ["Ultravist"]}, False),
        ({"ContrastBolusAgent": []}, True),
        ({"ImageType": ["ORIGINAL\\PRIMARY\\LOCALIZER"]}, False),
        ({"SliceThickness": ["0.4"]}, True),
        ({"SliceThickness": ["6.01"]}, False),
        ({"SliceThickness": ["thick"]}, False),
        ({"derived:instance_count": ["11"]}, False),
        ({"derived:age_years": []}, False),
        ({"derived:age_years": ["17"]}, False),
    ],
)
def test_a_rule_holds_for_what_it_describes(change: dict[str, list[str]], expected: bool) -> None:
    assert holds(read_rule(STROKE).match, HEAD | change) is expected


def test_a_rule_that_is_off_or_not_enabled_is_off() -> None:
    assert read_rule(STROKE | {"enabled": False}).mode == "off"
    assert read_rule(STROKE | {"mode": "shadow"}).mode == "shadow"


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (("match", "all", 0, "tag"), "Modalty", "match.all[0].tag"),
        (("match", "all", 0, "op"), "equals", "match.all[0].op"),
        (("match", "all", 0, "value"), "", "match.all[0].value"),
        (("match", "all", 2, "not", "value"), "x", "match.all[2].not"),
        (("match", "all", 4, "value"), [1], "match.all[4].value"),
        (("match", "all", 1, "any", 1, "value"), "(unclosed", "match.all[1].any[1].value"),
        (("match", "all", 1, "any", 1, "value"), "x" * 501, "match.all[1].any[1].value"),
        (("match", "all"), {}, "match.all"),
        (("dispatch",), [], "dispatch"),
        (("dispatch", 0, "door"), "local", "dispatch[0].door"),
        (("dispatch", 0, "timeout_s"), 100_000, "dispatch[0].timeout_s"),
        (("trigger", "event"), "series.early", "trigger.event"),
        (("priority_policy", "min_score"), 1.5, "priority_policy.min_score"),
        (("priority_policy", "allow_raise_to"), "stat", "priority_policy.allow_raise_to"),
        (("mode",), "on", "mode"),
    ],
)
def test_a_mistake_is_named_by_its_place(path: tuple[Any, ...], value: Any, named: str) -> None:
    document = copy.deepcopy(STROKE)
    place: Any = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(RuleInvalid) as caught:
        read_rule(document)
    assert caught.value.message.startswith(f"{named}:")


def test_what_this_release_does_not_do_is_refused_not_ignored() -> None:
    with pytest.raises(RuleInvalid, match="deidentify"):
        read_rule(STROKE | {"deidentify": "pseudonymise"})


@pytest.mark.parametrize("document", [None, [], "rule", {"id": 1}, {"id": "x", "match": {}, "dispatch": {}}])
def test_what_is_no_rule_is_refused(document: object) -> None:
    with pytest.raises(RuleInvalid):
        read_rule(document)


def test_a_tree_cannot_be_endless() -> None:
    deep: dict[str, Any] = {"tag": "Modality", "op": "exists"}
    for _ in range(40):
        deep = {"not": deep}
    wide = {"any": [{"tag": "Modality", "op": "exists"}] * (NODES_MAX + 1)}
    for match in (deep, wide):
        with pytest.raises(RuleInvalid, match="deep"):
            read_rule(STROKE | {"match": match})


def test_a_pattern_that_never_ends_is_given_up() -> None:
    match = {"tag": "StudyDescription", "op": "regex", "value": r"^(([a-z])+.)+[A-Z]([a-z])+$"}
    rule = read_rule(STROKE | {"match": match})
    with pytest.raises(RuleTooSlow):
        holds(rule.match, {"StudyDescription": ["a" * 1000]})
