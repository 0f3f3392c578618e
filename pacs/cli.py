"""The command `pacs`: parses, calls, prints.

Exit codes: 0 done; 1 refused or failed, with one line on standard error that says why and what to do; 2 wrong usage.
`pacs verify`: 0 clean, 1 violations (one JSON line each on standard output), 2 could not check.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import structlog
import typer

import pacs
from pacs.access.principals import Role, Verb
from pacs.console import Greeting, configure_logging, print_table, reachable
from pacs.control import ControlServer, NoNode, ask, perform
from pacs.errors import NodeFailed, SuretError
from pacs.settings import Settings, read_settings
from storage.errors import StorageError

if TYPE_CHECKING:
    from pacs.node import Node

# A node's libraries cost seconds on a small machine, so a command imports what it needs itself: most of them only ask
# the node that runs.

log = structlog.get_logger()

DONE, FAILED, NOT_CHECKED = 0, 1, 2
DEMO_AE_TITLE = "SURET_DEMO"
WATCH_PERIOD_S = 1.0

_OPTIONS: dict[str, Any] = {"help_option_names": ["-h", "--help"]}


def _group(text: str) -> typer.Typer:
    return typer.Typer(help=text, no_args_is_help=True, context_settings=_OPTIONS, rich_markup_mode=None)


app = typer.Typer(
    help="Suret, a DICOM node with a cloud viewer. Settings: pacs.toml and PACS_* variables (see docs/operations.md).",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings=_OPTIONS,
)
user = _group("Accounts of people and scripts.")
ae = _group("Application entities that may call from another machine.")
ai = _group("Services and rules of the AI triage hook.")
ai_service = _group("Services that are called.")
ai_rule = _group("Rules that say which studies go to which service.")
app.add_typer(user, name="user")
app.add_typer(ae, name="ae")
app.add_typer(ai, name="ai")
ai.add_typer(ai_service, name="service")
ai.add_typer(ai_rule, name="rule")


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run `pacs`; always ends in SystemExit."""
    try:
        app(arguments, prog_name="pacs")
    except (SuretError, StorageError) as error:
        print(f"pacs: {error}", file=sys.stderr)
        sys.exit(FAILED)
    sys.exit(DONE)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"suret {pacs.__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    pass


# --- the node -----------------------------------------------------------------------------------------------------


@app.command()
def serve(
    demo: Annotated[bool, typer.Option("--demo", help="Send the demonstration studies once it is ready.")] = False,
) -> None:
    """Run the node until SIGTERM or Ctrl-C; a second one ends it at once."""
    from pacs.node import build

    settings = read_settings()
    configure_logging(settings.log_format)
    stopping = _stop_signal()
    node = build(settings)
    try:
        _serve(node, stopping, demo)
    finally:
        node.close()


def _stop_signal() -> threading.Event:
    stopping = threading.Event()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    return stopping


def _serve(node: Node, stopping: threading.Event, demo: bool) -> None:
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    status = {"status": lambda _core, _arguments: node.status()}
    control = ControlServer(node.core, status, [Path(runtime)] if runtime else [])
    greeting = Greeting(node.core.settings)
    control.start()
    try:
        node.start()
        try:
            if demo:
                threading.Thread(target=_send_demo_once, args=(node, greeting), name="demo", daemon=True).start()
            else:
                greeting.welcome(node.listener.port, node.web.port, node.first_password)
            _wait(node, stopping)
        finally:
            greeting.leave(node.first_password)  # before the node is stopped, which takes a while
            node.stop()
    finally:
        greeting.leave(node.first_password)
        control.stop()


def _wait(node: Node, stopping: threading.Event) -> None:
    while not stopping.wait(WATCH_PERIOD_S):
        if failure := node.failure():
            # Nothing can be promised any more; a supervisor starts a fresh node, which recovers.
            raise NodeFailed(failure, "the log says more; check the disk, then start the node again")


@app.command()
def demo() -> None:
    """Send two synthetic studies (head CT, chest radiograph) to the running node by C-STORE."""
    settings = read_settings()
    try:
        port = int(ask(settings.data, "status", {})["dimse_port"])
    except NoNode:
        raise NodeFailed(f"no node runs over {settings.data}", "start it with `pacs serve`") from None
    print(f"{_send_demo(settings, port)} images of the demonstration studies were sent and stored.")


def _send_demo(settings: Settings, port: int) -> int:
    from pacs.demo import send_studies

    sent = send_studies(reachable(settings.dimse.host), port, called=settings.dimse.ae_title, calling=DEMO_AE_TITLE)
    refused = [one for one in sent if not one.succeeded]
    if refused:
        comment = refused[0].comment or "no answer"
        raise NodeFailed(f"{len(refused)} of {len(sent)} images were not stored: {comment}", "see the node's log")
    return len(sent)


def _send_demo_once(node: Node, greeting: Greeting) -> None:
    """Not again when it is there already: who starts the node tomorrow does not want it twice. Then the welcome."""
    from pacs.attributes import BY_KEYWORD, Level
    from pacs.demo import DEMO_PATIENT_IDS
    from pacs.index.criteria import Criterion, OneOf, Query

    try:
        patient = Criterion(BY_KEYWORD["PatientID"], OneOf(DEMO_PATIENT_IDS))
        if not node.core.archive.count(Query(Level.PATIENT, (patient,))):
            log.info("demo_sent", instances=_send_demo(node.core.settings, node.listener.port))
    except Exception:
        log.exception("demo_failed")
    greeting.welcome(node.listener.port, node.web.port, node.first_password)


# --- the archive --------------------------------------------------------------------------------------------------


@app.command()
def verify(
    grace_minutes: Annotated[
        float, typer.Option(min=0, help="What is younger may still be on its way in and is not looked at.")
    ] = 10.0,
    mark: Annotated[
        bool, typer.Option("--mark", help="Let the node look at each object that is not as it came, and mark it.")
    ] = False,
) -> None:
    """Check index and objects against each other, beside a running node too; without --mark it only reads.

    Exit code 0: clean. 1: violations, one JSON line each. 2: it could not check. What was checked is told in words on
    standard error.
    """
    settings = read_settings()
    try:
        found, not_whole = _violations(settings, timedelta(minutes=grace_minutes))
        if mark:
            _mark(settings, not_whole)
    except (SuretError, StorageError) as error:
        print(f"pacs: {error}", file=sys.stderr)
        sys.exit(NOT_CHECKED)
    sys.exit(FAILED if found else DONE)


def _mark(settings: Settings, object_keys: Iterable[str]) -> None:
    for object_key in object_keys:
        try:
            said = perform(settings, "object.prove", {"object_key": object_key})
        except SuretError as error:  # of one object; the node goes on with a large one that it is still reading
            said = str(error)
        print(f"{object_key}: {said}", file=sys.stderr)


def _violations(settings: Settings, grace: timedelta) -> tuple[int, list[str]]:
    """Print every violation; how many, and the keys of the objects that are not as they came."""
    from pacs.archive.verify import sizes
    from pacs.archive.verify import verify as violations
    from pacs.index.engine import Index
    from pacs.model import utc_now
    from pacs.node import open_objects

    folder = settings.storage_location
    if not folder.startswith("s3://") and not Path(folder).is_dir():
        raise NodeFailed(f"there is no object store at {folder}", "check PACS_STORAGE and PACS_DATA")
    index = Index(settings.database_url, read_only=True)
    found, not_whole = 0, []
    try:
        index.check_migrated()
        store = open_objects(settings)
        for violation in violations(index, store, now=utc_now(), grace=grace):
            found += 1
            if violation.invariant == "I1":
                not_whole.append(violation.subject)
            print(json.dumps(asdict(violation), ensure_ascii=False), flush=True)
        objects, rows = sizes(index, store)
        outcome = f"{found} violation{'s' * (found > 1)}" if found else "clean"
        print(f"{objects} objects, {rows} rows: {outcome}", file=sys.stderr)
    finally:
        index.close()
    return found, not_whole


@app.command()
def rebuild() -> None:
    """Make the index anew from the objects alone; the node must be stopped."""
    from pacs.archive.recovery import rebuild as rebuild_index
    from pacs.node import open_core

    settings = read_settings()
    require_archive(settings, objects_do=True)
    with open_core(settings, "command") as core:
        if damage := core.archive.index.damage():
            raise NodeFailed(
                f"the file of the index is damaged: {damage[0]}",
                "move index.db, index.db-wal and index.db-shm out of PACS_DATA and run `pacs rebuild` again; what no "
                "object tells (accounts, callers, rules, the audit trail) then has to come from a backup",
            )
        report = rebuild_index(core.archive)
    print(f"{report.stored} live, {report.duplicates} duplicates, {report.conflicts} conflict versions")
    for kind, object_keys in (("damaged", report.damaged), ("unreadable", report.unreadable)):
        for object_key in object_keys:
            print(f"{kind}: {object_key}", file=sys.stderr)
    sys.exit(FAILED if report.damaged or report.unreadable else DONE)


@app.command()
def migrate() -> None:
    """Bring the index to this release's form; the node must be stopped (it does this itself when it starts)."""
    from pacs.node import open_core

    settings = read_settings()
    require_archive(settings)
    with open_core(settings, "command"):
        print("The index is of this release.")


# --- accounts -----------------------------------------------------------------------------------------------------

Name = Annotated[str, typer.Argument(help="Name of the account.")]
FromInput = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]


def _new_password(from_input: bool) -> str:
    if from_input:
        return sys.stdin.readline().rstrip("\n")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))


@user.command("add")
def user_add(
    name: Name,
    role: Annotated[Role, typer.Option(help="What the account may do.")] = Role.CLINICIAN,
    password_stdin: FromInput = False,
) -> None:
    """Make an account for a person; asks for its password."""
    _do("user.add", name=name, role=role.value, password=_new_password(password_stdin))
    print(f"Account {name} with the role {role.value} is made.")


@user.command("list")
def user_list() -> None:
    """List the accounts."""
    print_table(_do("user.list"), ("name", "role", "disabled"))


@user.command("password")
def user_password(name: Name, password_stdin: FromInput = False) -> None:
    """Give an account a new password, which has to be changed at the next sign-in; ends its sessions."""
    _do("user.password", name=name, password=_new_password(password_stdin))
    print(f"{name} has a new password, to be changed at the next sign-in.")


@user.command("disable")
def user_disable(name: Name) -> None:
    """Shut an account: its sessions and tokens end within a second."""
    _do("user.disable", name=name, disabled=True)
    print(f"Account {name} is disabled.")


@user.command("enable")
def user_enable(name: Name) -> None:
    """Open a disabled account again."""
    _do("user.disable", name=name, disabled=False)
    print(f"Account {name} is enabled.")


@user.command("token")
def user_token(
    name: Name,
    role: Annotated[Role | None, typer.Option(help="Role of the account when it has to be made (service).")] = None,
) -> None:
    """Print a new bearer token of an account, alone on the last line; makes the account when there is none."""
    print(_do("user.token", name=name, role=role.value if role else None))


# --- peers --------------------------------------------------------------------------------------------------------

Title = Annotated[str, typer.Argument(metavar="TITLE", help="The AE title with which it calls.")]
Allow = Annotated[str, typer.Option("--allow", help="What it may do: any of store,find,move,get.")]


def _verbs(allow: str) -> list[str]:
    wanted = [verb.strip() for verb in allow.split(",") if verb.strip()]
    unknown = sorted(set(wanted) - set(Verb))
    if unknown or not wanted:
        raise typer.BadParameter(f"expected some of {', '.join(Verb)}, separated by commas", param_hint="--allow")
    return wanted


@ae.command("add")
def ae_add(
    title: Title,
    host: Annotated[str, typer.Argument(help="Its name or address; calls from elsewhere are refused.")],
    port: Annotated[int, typer.Argument(min=1, max=65535, help="Where it listens (for C-MOVE to it).")],
    allow: Allow,
) -> None:
    """Register an application entity, or change what is registered."""
    verbs = _verbs(allow)
    _do("ae.add", ae_title=title, host=host, port=port, verbs=verbs)
    print(f"{title} at {host}:{port} is registered: {', '.join(verbs)}.")


@ae.command("list")
def ae_list() -> None:
    """List the registered application entities."""
    print_table(_do("ae.list"), ("ae_title", "host", "port", "verbs"))


@ae.command("remove")
def ae_remove(title: Title) -> None:
    """Strike one off: it is refused from now on."""
    _do("ae.remove", ae_title=title)
    print(f"{title} is removed.")


@ae.command("unknown")
def ae_unknown() -> None:
    """List the callers that were refused because nobody registered them."""
    print_table(_do("ae.unknown"), ("ae_title", "address", "called_ae_title", "attempts", "last_at"))


@ae.command("approve")
def ae_approve(
    title: Title,
    address: Annotated[str, typer.Argument(help="The address from which it called, as `pacs ae unknown` shows it.")],
    allow: Allow,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Where it listens.")] = 104,
) -> None:
    """Register a caller that was refused."""
    verbs = _verbs(allow)
    _do("ae.approve", ae_title=title, address=address, port=port, verbs=verbs)
    print(f"{title} at {address}:{port} is registered: {', '.join(verbs)}.")


# --- AI triage ----------------------------------------------------------------------------------------------------


ServiceId = Annotated[str, typer.Argument(metavar="ID", help="Short name, as rules refer to it.")]


@ai_service.command("add")
def ai_service_add(
    identifier: ServiceId,
    url: Annotated[str, typer.Argument(help="Where tasks are posted: https://…, or http:// on this machine.")],
    name: Annotated[str, typer.Option(help="Name shown to readers.")] = "",
    service_version: Annotated[str, typer.Option(help="Version shown to readers.")] = "",
    replace: Annotated[bool, typer.Option("--replace", help="Change the one with this id, and its secret.")] = False,
) -> None:
    """Register a service; prints the secret with which tasks are signed, alone on the last line."""
    card = {"name": name or identifier, "version": service_version}
    print(_do("ai.service.add", id=identifier, url=url, card=card, replace=replace))


@ai_service.command("list")
def ai_service_list() -> None:
    """List the services."""
    print_table(_do("ai.service.list"), ("id", "url", "disabled"))


@ai_service.command("remove")
def ai_service_remove(identifier: ServiceId) -> None:
    """Strike off a service that no rule refers to."""
    _do("ai.service.remove", id=identifier)


@ai_rule.command("add")
def ai_rule_add(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A rule as JSON (docs/ai-services.md).")],
) -> None:
    """Add a rule, or replace the one with the same id."""
    try:
        rule = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise NodeFailed(f"{file} is not readable as JSON: {error}", "correct the file") from error
    print(f"Rule {_do('ai.rule.add', rule=rule)} is in force.")


@ai_rule.command("list")
def ai_rule_list() -> None:
    """List the rules, one JSON line each."""
    for rule in _do("ai.rule.list"):
        print(json.dumps(rule, ensure_ascii=False))


@ai_rule.command("remove")
def ai_rule_remove(identifier: Annotated[str, typer.Argument(metavar="ID", help="The rule's id.")]) -> None:
    """Put a rule out of force; results of tasks it has made raise nothing any more."""
    _do("ai.rule.remove", id=identifier)


# --- how all of them ask and print --------------------------------------------------------------------------------


def require_archive(settings: Settings, *, objects_do: bool = False) -> None:
    """Only `pacs serve` makes an archive; with `objects_do` objects that are elsewhere are one. Raises NodeFailed."""
    places = [settings.data / name for name in ("lock", "index.db", "store")]
    if objects_do and settings.storage:
        places.append(Path(settings.storage_location))
    elsewhere = settings.database or (objects_do and settings.storage.startswith("s3://"))
    if not elsewhere and not any(map(os.path.lexists, places)):
        raise NodeFailed(
            f"there is no archive in {settings.data.resolve()}",
            "check PACS_DATA, or make one there with `pacs serve`",
        )


def _do(command: str, **arguments: Any) -> Any:
    settings = read_settings()
    configure_logging(settings.log_format, "warning")
    require_archive(settings)
    return perform(settings, command, arguments)


if __name__ == "__main__":
    main()
