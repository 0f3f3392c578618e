"""What the site has registered: services that may be asked, and rules that say when."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import Connection, delete, select, update

from pacs.access.audit import AuditCode, record
from pacs.access.grants import Action, may
from pacs.access.outbound import AddressRefused, check_url
from pacs.access.principals import Principal
from pacs.access.signatures import new_secret
from pacs.archive.conditions import RuleInvalid
from pacs.errors import NotFound, NotPermitted, SuretError
from pacs.index.engine import Index
from pacs.index.schema import ai_rule, ai_service
from pacs.index.upsert import upsert
from pacs.model import Clock, to_microseconds
from pacs.triage.rules import Rule, read_rule

log = structlog.get_logger()

_SERVICE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class ServiceRefused(SuretError):
    """A service that cannot be registered as asked."""


@dataclass(frozen=True, slots=True)
class Service:
    """A registered service. `secret` signs what is sent to it; `card` is what readers are shown."""

    id: str
    url: str
    secret: str
    card: Mapping[str, Any]
    disabled: bool

    @property
    def shown(self) -> str:
        """Name and version as readers see them."""
        return f"{self.card.get('name') or self.id} {self.card.get('version') or ''}".strip()


class Registry:
    """The services and rules of one node; from any thread. Every change is audited in its own transaction.

    `allow_loopback`: services on this machine may be registered over plain HTTP.
    """

    def __init__(self, index: Index, clock: Clock, *, allow_loopback: bool = True) -> None:
        self._index = index
        self._clock = clock
        self._allow_loopback = allow_loopback

    def add_service(
        self, identifier: str, url: str, card: Mapping[str, Any], *, by: Principal, replace: bool = False
    ) -> str:
        """Register a service, or with `replace` give a known one another address; the new secret is shown this once.

        Raises NotPermitted, ServiceRefused. Whether a name may be called is decided at every call, by what it
        resolves to.
        """
        _require_manager(by)
        if not _SERVICE_ID.fullmatch(identifier):
            raise ServiceRefused(f"{identifier!r} is no service id", "use letters, digits and . _ -")
        _check_url(url, self._allow_loopback)
        secret = new_secret()
        values = {
            "url": url,
            "secret": secret,
            "card": json.dumps(dict(card), ensure_ascii=False),
            "disabled": 0,
            "created_at": to_microseconds(self._clock()),
        }

        def work(connection: Connection) -> None:
            known = select(ai_service.c.id).where(ai_service.c.id == identifier)
            if not replace and connection.execute(known).first() is not None:
                raise ServiceRefused(
                    f"there is a service {identifier} already",
                    "--replace gives it this address and a new secret, which its maker has to be told",
                )
            statement = upsert(connection, ai_service).values(id=identifier, **values)
            connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values))
            self._audit(connection, "AI service registered", by, f"{identifier} {url}")

        self._index.write(work)
        return secret

    def services(self) -> list[Service]:
        """Every service by id."""
        with self._index.read() as connection:
            rows = connection.execute(select(ai_service).order_by(ai_service.c.id)).mappings()
            return [
                Service(row["id"], row["url"], row["secret"], json.loads(row["card"] or "{}"), bool(row["disabled"]))
                for row in rows
            ]

    def service(self, identifier: str) -> Service | None:
        """The service with this id."""
        return next((service for service in self.services() if service.id == identifier), None)

    def disable_service(self, identifier: str, *, by: Principal) -> None:
        """Ask it no more; an unknown id changes nothing. Raises NotPermitted."""
        _require_manager(by)

        def work(connection: Connection) -> None:
            connection.execute(update(ai_service).where(ai_service.c.id == identifier).values(disabled=1))
            self._audit(connection, "AI service disabled", by, identifier)

        self._index.write(work)

    def remove_service(self, identifier: str, *, by: Principal) -> None:
        """Strike it off; tasks that were not delivered run out. Raises NotPermitted, NotFound, ServiceRefused."""
        _require_manager(by)

        def work(connection: Connection) -> None:
            rules = [
                str(document["id"])
                for document in map(json.loads, connection.execute(select(ai_rule.c.rule)).scalars())
                if any(dispatch.get("service") == identifier for dispatch in document.get("dispatch", ()))
            ]
            if rules:
                raise ServiceRefused(
                    f"rules send studies to {identifier}: {', '.join(sorted(rules))}",
                    "remove them first: pacs ai rule remove",
                )
            if not connection.execute(delete(ai_service).where(ai_service.c.id == identifier)).rowcount:
                raise NotFound(f"there is no service {identifier!r}", "`pacs ai service list` shows them all")
            self._audit(connection, "AI service removed", by, identifier)

        self._index.write(work)

    def add_rule(self, document: object, *, by: Principal) -> Rule:
        """Put a rule in force, in place of the one with its id. Raises NotPermitted, RuleInvalid."""
        _require_manager(by)
        rule = read_rule(document)
        known = {service.id for service in self.services()}
        for number, dispatch in enumerate(rule.dispatch):
            if dispatch.service not in known:
                raise RuleInvalid(
                    f"dispatch[{number}].service: there is no service {dispatch.service!r}",
                    "register it first: pacs ai service add",
                )
        values = {"rule": json.dumps(document, ensure_ascii=False), "created_at": to_microseconds(self._clock())}

        def work(connection: Connection) -> None:
            statement = upsert(connection, ai_rule).values(id=rule.id, **values)
            connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values))
            self._audit(connection, "AI rule put in force", by, rule.id)

        self._index.write(work)
        return rule

    def remove_rule(self, identifier: str, *, by: Principal) -> None:
        """Put a rule out of force; results of its tasks are kept and raise nothing. Raises NotPermitted, NotFound."""
        _require_manager(by)

        def work(connection: Connection) -> None:
            if not connection.execute(delete(ai_rule).where(ai_rule.c.id == identifier)).rowcount:
                raise NotFound(f"there is no rule {identifier!r}", "`pacs ai rule list` shows them all")
            self._audit(connection, "AI rule removed", by, identifier)

        self._index.write(work)

    def rule_documents(self) -> list[Any]:
        """Every rule as it was added, by id."""
        with self._index.read() as connection:
            return [
                json.loads(text) for text in connection.execute(select(ai_rule.c.rule).order_by(ai_rule.c.id)).scalars()
            ]

    def rules(self) -> list[Rule]:
        """Every rule that is not off. One that this release cannot read is passed over and logged."""
        found = []
        for document in self.rule_documents():
            try:
                rule = read_rule(document)
            except RuleInvalid as error:
                log.error("ai_rule_unreadable", rule=str(document.get("id")), cause=str(error))
                continue
            if rule.mode != "off":
                found.append(rule)
        return found

    def _audit(self, connection: Connection, action: str, by: Principal, detail: str) -> None:
        code = AuditCode.APPLICATION_ACTIVITY
        record(connection, self._clock(), code=code, action=action, principal=by, detail=detail)


def _require_manager(principal: Principal) -> None:
    if not may(principal, Action.MANAGE_TRIAGE):
        raise NotPermitted("you may not change AI services and rules", "ask an administrator")


def _check_url(url: str, allow_loopback: bool) -> None:
    try:
        check_url(url, allow_loopback=allow_loopback)
    except AddressRefused as refused:
        raise ServiceRefused(refused.message, refused.hint) from None
