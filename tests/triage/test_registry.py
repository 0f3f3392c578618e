from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from pacs.access.principals import OPERATOR, Principal, PrincipalKind, Role
from pacs.archive.conditions import RuleInvalid
from pacs.errors import NotFound, NotPermitted
from pacs.index.schema import ai_rule, audit
from pacs.triage.registry import Registry, ServiceRefused

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.triage.conftest import Leaf

RULE = {
    "id": "mr",
    "match": {"tag": "Modality", "op": "eq", "value": "MR"},
    "dispatch": [{"service": "reader"}],
}


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.ADMIN}))
def test_only_who_manages_triage_changes_services_and_rules(leaf: Leaf, role: Role) -> None:
    somebody = Principal(PrincipalKind.USER, "aigul", frozenset({role}))
    changes: list[Callable[[], object]] = [
        lambda: leaf.registry.add_service("reader", "https://elsewhere.example/", {}, by=somebody),
        lambda: leaf.registry.disable_service("reader", by=somebody),
        lambda: leaf.registry.remove_service("reader", by=somebody),
        lambda: leaf.registry.remove_rule("head-ct", by=somebody),
        lambda: leaf.registry.add_rule(RULE, by=somebody),
    ]
    for change in changes:
        with pytest.raises(NotPermitted):
            change()
    service = leaf.registry.service("reader")
    assert service is not None
    assert not service.disabled
    leaf.registry.add_rule(RULE, by=Principal(PrincipalKind.USER, "admin", frozenset({Role.ADMIN})))


def test_a_service_gets_a_secret_of_its_own_and_another_one_when_replaced(leaf: Leaf) -> None:
    first = leaf.registry.add_service("vendor-x", "https://ai.example/task", {"name": "X", "version": "2"}, by=OPERATOR)
    with pytest.raises(ServiceRefused, match="already"):
        leaf.registry.add_service("vendor-x", "https://ai.example/v2", {}, by=OPERATOR)
    second = leaf.registry.add_service("vendor-x", "https://ai.example/v2", {}, by=OPERATOR, replace=True)
    assert first != second
    assert len(base64.b64decode(first.removeprefix("whsec_"))) == 32
    service = leaf.registry.service("vendor-x")
    assert service is not None
    assert (service.url, service.secret, service.shown) == ("https://ai.example/v2", second, "vendor-x")
    assert leaf.registry.service("nobody") is None


@pytest.mark.parametrize(
    ("identifier", "url"),
    [
        ("bad id", "https://ai.example/"),
        ("", "https://ai.example/"),
        ("x", "ftp://ai.example/"),
        ("x", "https:///path"),
        ("x", "https://user:password@ai.example/"),
        ("x", "https://ai.example/#fragment"),
        ("x", "https://ai.example:port/"),
        ("x", "https://ai.example/\r\nHost: other"),
        ("x", "http://ai.example/"),
        ("x", "http://10.1.2.3:8000/"),
        ("x", "http://0.0.0.0:8000/"),
        ("x", "http://[fe80::1]/"),
        ("x", "http://localhost.example/"),
    ],
)
def test_what_is_no_service_is_refused(leaf: Leaf, identifier: str, url: str) -> None:
    with pytest.raises(ServiceRefused):
        leaf.registry.add_service(identifier, url, {}, by=OPERATOR)


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:9/", "http://127.9.9.9/", "http://[::1]:9/", "http://[::ffff:127.0.0.1]/", "http://localhost/"],
)
def test_plain_http_is_for_this_machine_where_that_is_allowed(leaf: Leaf, url: str) -> None:
    leaf.registry.add_service("x", url, {}, by=OPERATOR)
    closed = Registry(leaf.archive.index, leaf.clock, allow_loopback=False)
    with pytest.raises(ServiceRefused, match="without TLS") as refused:
        closed.add_service("y", url, {}, by=OPERATOR)
    assert "this machine" not in refused.value.hint


def test_a_rule_and_then_its_service_are_removed(leaf: Leaf) -> None:
    with pytest.raises(ServiceRefused, match="head-ct"):
        leaf.registry.remove_service("reader", by=OPERATOR)
    leaf.registry.remove_rule("head-ct", by=OPERATOR)
    leaf.registry.remove_service("reader", by=OPERATOR)
    assert leaf.registry.rule_documents() == leaf.registry.services() == []
    for remove, identifier in ((leaf.registry.remove_rule, "head-ct"), (leaf.registry.remove_service, "reader")):
        with pytest.raises(NotFound, match=identifier):
            remove(identifier, by=OPERATOR)


def test_a_rule_replaces_the_one_with_its_id_and_names_known_services_only(leaf: Leaf) -> None:
    leaf.registry.add_rule(RULE, by=OPERATOR)
    leaf.registry.add_rule(RULE | {"mode": "off"}, by=OPERATOR)
    assert [document["id"] for document in leaf.registry.rule_documents()] == ["head-ct", "mr"]
    assert [rule.id for rule in leaf.registry.rules()] == ["head-ct"]
    with pytest.raises(RuleInvalid, match="no service 'nobody'"):
        leaf.registry.add_rule(RULE | {"dispatch": [{"service": "nobody"}]}, by=OPERATOR)


def test_a_rule_of_another_release_does_not_stop_the_others(leaf: Leaf) -> None:
    values = {"id": "future", "rule": '{"id": "future", "match": {"wavelet": 1}}', "created_at": 0}
    leaf.archive.index.write(lambda connection: connection.execute(ai_rule.insert().values(values)))
    assert [rule.id for rule in leaf.registry.rules()] == ["head-ct"]


def test_every_change_is_audited(leaf: Leaf) -> None:
    leaf.registry.disable_service("reader", by=OPERATOR)
    with leaf.archive.index.read() as connection:
        actions = list(connection.execute(select(audit.c.action).order_by(audit.c.number)).scalars())
    assert actions == ["AI service registered", "AI rule put in force", "AI service disabled"]


def test_every_removal_is_audited(leaf: Leaf) -> None:
    leaf.registry.remove_rule("head-ct", by=OPERATOR)
    leaf.registry.remove_service("reader", by=OPERATOR)
    with leaf.archive.index.read() as connection:
        actions = list(connection.execute(select(audit.c.action).order_by(audit.c.number)).scalars())
    assert actions[-2:] == ["AI rule removed", "AI service removed"]
