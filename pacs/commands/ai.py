"""AI services, and the rules that give them studies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from pacs.access.principals import OPERATOR
from pacs.commands.command import Arguments, Command

if TYPE_CHECKING:
    from pacs.node import Core


def _ai_service_add(core: Core, arguments: Arguments) -> Any:
    identifier, url, card = arguments["id"], arguments["url"], arguments["card"]
    return core.registry.add_service(identifier, url, card, by=OPERATOR, replace=arguments.get("replace", False))


def _ai_service_list(core: Core, _arguments: Arguments) -> Any:
    return [
        {"id": service.id, "url": service.url, "card": service.card, "disabled": service.disabled}
        for service in core.registry.services()
    ]


def _ai_service_remove(core: Core, arguments: Arguments) -> Any:
    core.registry.remove_service(arguments["id"], by=OPERATOR)


def _ai_rule_add(core: Core, arguments: Arguments) -> Any:
    return core.registry.add_rule(arguments["rule"], by=OPERATOR).id


def _ai_rule_list(core: Core, _arguments: Arguments) -> Any:
    return core.registry.rule_documents()


def _ai_rule_remove(core: Core, arguments: Arguments) -> Any:
    core.registry.remove_rule(arguments["id"], by=OPERATOR)


COMMANDS: Final[Mapping[str, Command]] = {
    "ai.service.add": _ai_service_add,
    "ai.service.list": _ai_service_list,
    "ai.service.remove": _ai_service_remove,
    "ai.rule.add": _ai_rule_add,
    "ai.rule.list": _ai_rule_list,
    "ai.rule.remove": _ai_rule_remove,
}
