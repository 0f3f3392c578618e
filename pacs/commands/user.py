"""Accounts, and the tokens of scripts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from pacs.access.principals import OPERATOR, Role
from pacs.commands.command import Arguments, Command

if TYPE_CHECKING:
    from pacs.node import Core


def _user_add(core: Core, arguments: Arguments) -> Any:
    core.accounts.create(arguments["name"], Role(arguments["role"]), arguments["password"], by=OPERATOR)


def _user_list(core: Core, _arguments: Arguments) -> Any:
    return [
        {"name": account.name, "role": account.role.value, "disabled": account.disabled}
        for account in core.accounts.listing()
    ]


def _user_password(core: Core, arguments: Arguments) -> Any:
    core.accounts.set_password(arguments["name"], arguments["password"], by=OPERATOR)


def _user_disable(core: Core, arguments: Arguments) -> Any:
    core.accounts.set_disabled(arguments["name"], arguments["disabled"], by=OPERATOR)


def _user_role(core: Core, arguments: Arguments) -> Any:
    core.accounts.set_role(arguments["name"], Role(arguments["role"]), by=OPERATOR)


def _user_unlock(core: Core, arguments: Arguments) -> Any:
    core.accounts.unlock(arguments["name"], by=OPERATOR)


def _user_token(core: Core, arguments: Arguments) -> Any:
    role = arguments.get("role")
    return core.accounts.token(arguments["name"], Role(role) if role else None)


def _user_revoke(core: Core, arguments: Arguments) -> Any:
    return core.accounts.revoke_tokens(arguments["name"], by=OPERATOR)


COMMANDS: Final[Mapping[str, Command]] = {
    "user.add": _user_add,
    "user.list": _user_list,
    "user.password": _user_password,
    "user.disable": _user_disable,
    "user.role": _user_role,
    "user.unlock": _user_unlock,
    "user.token": _user_token,
    "user.revoke": _user_revoke,
}
