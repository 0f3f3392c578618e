"""Who may do what: `may` is the one function that decides every access, on every wire."""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from types import MappingProxyType

from pacs.access.peer import Verb
from pacs.access.principals import Principal, PrincipalKind, Role


class Action(StrEnum):
    """Everything that can be asked of the node."""

    PUBLIC = "public"  # the sign-in page and its files, health
    SIGN_IN = "sign_in"
    OWN_SESSION = "own_session"  # see, end or change one's own session and password
    ECHO = "echo"
    STORE = "store"
    QUERY = "query"
    RETRIEVE = "retrieve"
    EXPORT = "export"  # take away, to where no account is asked for any more: files, pictures, prints
    MOVE = "move"
    REJECT = "reject"  # take out of sight with a rejection note (IHE IOCM)
    DELETE = "delete"  # delete, restore and erase
    CORRECT = "correct"  # attributes of patients, studies and series, and whose a study is
    MERGE = "merge"  # patients
    REPORT = "report"  # say that a study is being read, or has been
    WATCH = "watch"  # live updates of the worklist
    WORKLIST = "worklist"  # see and change what is scheduled, and say what is performed
    ANSWER_TASK = "answer_task"  # hand in the result of an AI task
    FORWARD = "forward"  # send to other archives, fetch from them, see the queue
    MANAGE_TRIAGE = "manage_triage"
    MANAGE_PEERS = "manage_peers"
    MANAGE_ACCOUNTS = "manage_accounts"
    MANAGE_ARCHIVE = "manage_archive"


_A = Action
_EVERYBODY = frozenset({_A.PUBLIC, _A.SIGN_IN})
_PERSON = _EVERYBODY | {_A.OWN_SESSION}
_READER = _PERSON | {_A.QUERY, _A.RETRIEVE, _A.EXPORT, _A.WATCH}

ROLE_ACTIONS = MappingProxyType(
    {
        Role.ADMIN: frozenset(Action) - {_A.ANSWER_TASK, _A.MOVE, _A.ECHO},
        Role.RADIOLOGIST: _READER | {_A.REPORT, _A.STORE, _A.REJECT, _A.CORRECT, _A.WORKLIST, _A.FORWARD},
        Role.CLINICIAN: _READER,
        Role.TECHNOLOGIST: _READER | {_A.STORE, _A.REJECT, _A.CORRECT, _A.WORKLIST, _A.FORWARD},
        Role.SERVICE: _PERSON | {_A.STORE, _A.QUERY, _A.RETRIEVE, _A.EXPORT, _A.WORKLIST},
    }
)

VERB_ACTIONS = MappingProxyType(
    {
        Verb.ECHO: frozenset({_A.ECHO}),
        Verb.STORE: frozenset({_A.STORE, _A.REJECT, _A.ECHO}),
        Verb.FIND: frozenset({_A.QUERY, _A.ECHO}),
        Verb.MOVE: frozenset({_A.MOVE, _A.ECHO}),
        Verb.GET: frozenset({_A.RETRIEVE, _A.ECHO}),
        Verb.WORKLIST: frozenset({_A.WORKLIST, _A.ECHO}),
    }
)

KIND_ACTIONS = MappingProxyType(
    {
        PrincipalKind.OPERATOR: frozenset(Action),
        PrincipalKind.NODE: frozenset(Action),
        PrincipalKind.TASK: _EVERYBODY | {_A.QUERY, _A.RETRIEVE, _A.STORE, _A.ANSWER_TASK},
        PrincipalKind.ANONYMOUS: _EVERYBODY,
        PrincipalKind.USER: _EVERYBODY,
        PrincipalKind.TOKEN: _EVERYBODY,
        PrincipalKind.PEER: frozenset[Action](),
    }
)


@cache
def _allowed(kind: PrincipalKind, roles: frozenset[Role], verbs: frozenset[Verb]) -> frozenset[Action]:
    allowed = set(KIND_ACTIONS[kind])
    for role in roles:
        allowed |= ROLE_ACTIONS[role]
    for verb in verbs:
        allowed |= VERB_ACTIONS[verb]
    return frozenset(allowed)


def may(
    principal: Principal, action: Action, study_instance_uid: str | None = None, task_id: str | None = None
) -> bool:
    """Whether `principal` may do `action`, on that study or task where one is named. Pure.

    A caller restricted to some studies is refused every other study, and a token made for a task every other task.
    """
    if action not in _allowed(principal.kind, principal.roles, principal.verbs):
        return False
    if task_id is not None and principal.task_id != task_id:
        return False
    if study_instance_uid is None or principal.study_instance_uids is None:
        return True
    return study_instance_uid in principal.study_instance_uids
