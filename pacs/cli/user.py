"""`pacs user`: accounts of people and scripts."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from pacs.access.principals import Role
from pacs.cli.command import do, group
from pacs.console import print_table
from pacs.errors import SuretError

app = group("Accounts of people and scripts.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the account.")]
FromInput = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]


def _new_password(from_input: bool) -> str:
    if from_input:
        return sys.stdin.readline().rstrip("\n")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))


@app.command("add")
def add(
    name: Name,
    role: Annotated[Role, typer.Option(help="What the account may do.")] = Role.CLINICIAN,
    password_stdin: FromInput = False,
) -> None:
    """Make an account for a person; asks for its password."""
    if any(one["name"] == name for one in do("user.list")):  # before anybody types a password for nothing
        raise SuretError(f"there is an account {name} already", "take another name")
    do("user.add", name=name, role=role.value, password=_new_password(password_stdin))
    print(f"Account {name} with the role {role.value} is made.")


@app.command("list")
def listing() -> None:
    """List the accounts."""
    print_table(do("user.list"), ("name", "role", "disabled"))


@app.command("password")
def password(name: Name, password_stdin: FromInput = False) -> None:
    """Give an account a new password, which has to be changed at the next sign-in; ends its sessions."""
    if all(one["name"] != name for one in do("user.list")):
        raise SuretError(f"there is no account {name!r}", "`pacs user list` shows them all")
    do("user.password", name=name, password=_new_password(password_stdin))
    print(f"{name} has a new password, to be changed at the next sign-in.")


@app.command("disable")
def disable(name: Name) -> None:
    """Shut an account: its sessions and tokens end within a second."""
    do("user.disable", name=name, disabled=True)
    print(f"Account {name} is disabled.")


@app.command("enable")
def enable(name: Name) -> None:
    """Open a disabled account again."""
    do("user.disable", name=name, disabled=False)
    print(f"Account {name} is enabled.")


@app.command("role")
def role(name: Name, role: Annotated[Role, typer.Argument(help="What the account may do.")]) -> None:
    """Change what an account, its sessions and its tokens may do, within a second."""
    do("user.role", name=name, role=role.value)
    print(f"Account {name} has the role {role.value}.")


@app.command("unlock")
def unlock(name: Name) -> None:
    """Let an account sign in again at once after failed attempts."""
    do("user.unlock", name=name)
    print(f"Account {name} may sign in again.")


@app.command("token")
def token(
    name: Name,
    role: Annotated[Role | None, typer.Option(help="Role of the account when it has to be made (service).")] = None,
) -> None:
    """Print a new bearer token of an account, alone on the last line; makes the account when there is none."""
    print(do("user.token", name=name, role=role.value if role else None))


@app.command("revoke")
def revoke(name: Name) -> None:
    """Make every bearer token of an account worthless, within a second; its password and sessions stay."""
    number = do("user.revoke", name=name)
    said = "1 token" if number == 1 else f"{number} tokens"
    print(f"{said} of {name} revoked; `pacs user token {name}` makes a new one.")
