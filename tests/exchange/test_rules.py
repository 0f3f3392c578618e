from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pacs.access.principals import OPERATOR, Principal, PrincipalKind, Role
from pacs.archive.conditions import AllOf, RuleInvalid
from pacs.archive.jobs import Priority
from pacs.errors import NotFound, NotPermitted
from pacs.exchange.rules import Extent, Routes, Target, Trigger, read_rule
from tests.support.archives import open_archive

MATCH = {"tag": "Modality", "op": "eq", "value": "MR"}
WHOLE: dict[str, Any] = {
    "id": "mr to research",
    "enabled": True,
    "description": "every MR series of the new scanner",
    "trigger": {"event": "series.stable", "quiet_s": 120},
    "match": {"all": [MATCH, {"tag": "derived:calling_ae_title", "op": "eq", "value": "MR1"}]},
    "send": "study",
    "to": [{"ae": "RESEARCH", "priority": "low", "commitment": True}, {"ae": "BACKUP"}],
}


def test_a_whole_rule_is_read():
    rule = read_rule(WHOLE)
    assert (rule.id, rule.trigger, rule.send, rule.quiet) == (
        "mr to research",
        Trigger.SERIES_STABLE,
        Extent.STUDY,
        timedelta(seconds=120),
    )
    assert rule.to == (Target("RESEARCH", Priority.LOW, True), Target("BACKUP"))
    assert rule.tags() == {"Modality", "derived:calling_ae_title"}


def test_the_shortest_rule_sends_every_stable_study():
    rule = read_rule({"id": "all", "to": [{"ae": "BACKUP"}]})
    assert (rule.trigger, rule.match, rule.send, rule.enabled) == (
        Trigger.STUDY_STABLE,
        AllOf(()),
        Extent.SERIES,
        True,
    )


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"to": []}, "to"),
        ({"to": [{"ae": "A TITLE THAT IS TOO LONG"}]}, "to[0].ae"),
        ({"to": [{"ae": "BACK\\UP"}]}, "to[0].ae"),
        ({"to": [{"ae": "BACKUP", "priority": "urgent"}]}, "to[0].priority"),
        ({"to": [{"ae": "BACKUP", "commitment": "yes"}]}, "to[0].commitment"),
        ({"trigger": {"event": "study.deleted"}}, "trigger.event"),
        ({"trigger": {"event": "series.stable", "quiet_s": 0}}, "trigger.quiet_s"),
        ({"send": "patient"}, "send"),
        ({"match": {"tag": "Nonsense", "op": "eq", "value": 1}}, "match.tag"),
        ({"id": ""}, "id"),
        ({"until": "tomorrow"}, "the rule"),
    ],
)
def test_what_is_wrong_is_named_by_its_place(change: dict[str, Any], place: str):
    with pytest.raises(RuleInvalid, match=f"^{place.replace('[', '.').replace(']', '.')}: expected"):
        read_rule(WHOLE | change)


def test_rules_are_kept_replaced_and_removed(tmp_path: Path):
    with open_archive(tmp_path) as archive:
        routes = Routes(archive)
        routes.add(WHOLE, by=OPERATOR)
        routes.add(WHOLE | {"send": "series"}, by=OPERATOR)
        routes.add({"id": "off", "enabled": False, "to": [{"ae": "BACKUP"}]}, by=OPERATOR)
        assert [document["id"] for document in routes.documents()] == ["mr to research", "off"]
        assert [(rule.id, rule.send) for rule in routes.rules()] == [("mr to research", Extent.SERIES)]
        routes.remove("off", by=OPERATOR)
        with pytest.raises(NotFound):
            routes.remove("off", by=OPERATOR)


def test_only_administrators_change_rules(tmp_path: Path):
    reader = Principal(PrincipalKind.USER, "reader", roles=frozenset({Role.RADIOLOGIST}))
    with open_archive(tmp_path) as archive:
        with pytest.raises(NotPermitted):
            Routes(archive).add(WHOLE, by=reader)
        with pytest.raises(NotPermitted):
            Routes(archive).remove("x", by=reader)
