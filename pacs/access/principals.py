"""Who is asking: a person, a DICOM peer, a token, the operator at the machine, or nobody."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from pacs.access.peer import Peer, Verb


class Role(StrEnum):
    """What an account is; `pacs.access.grants` says what each may do."""

    ADMIN = "admin"
    RADIOLOGIST = "radiologist"
    CLINICIAN = "clinician"
    TECHNOLOGIST = "technologist"
    SERVICE = "service"


class PrincipalKind(StrEnum):
    """How the caller was recognised."""

    USER = "user"  # a session cookie
    TOKEN = "token"  # a bearer token of an account  # noqa: S105 - a kind, not a secret
    TASK = "task"  # a token that is good for one study only
    PEER = "peer"  # a DICOM application entity
    OPERATOR = "operator"  # the owner of the node's files, through the command line
    NODE = "node"  # the node itself: recovery, followers
    ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller as every access decision sees it.

    `study_instance_uids` None means no restriction; a set means these studies and no others exist for the caller.
    `task_id` is set for a token made for one AI task. `peer` is what is registered of a DICOM caller, None for one of
    this machine that is not; `certified` says that it proved who it is by a certificate (mutual TLS).
    """

    kind: PrincipalKind
    name: str
    roles: frozenset[Role] = frozenset()
    verbs: frozenset[Verb] = frozenset()
    study_instance_uids: frozenset[str] | None = None
    task_id: str = ""
    address: str = field(default="", compare=False)
    peer: Peer | None = field(default=None, compare=False)
    certified: bool = field(default=False, compare=False)

    def at(self, address: str) -> Principal:
        """The same caller, from `address`; every request asks, and `dataclasses.replace` takes three times as long."""
        return Principal(
            self.kind,
            self.name,
            self.roles,
            self.verbs,
            self.study_instance_uids,
            self.task_id,
            address,
            self.peer,
            self.certified,
        )


ANONYMOUS = Principal(PrincipalKind.ANONYMOUS, "anonymous")
OPERATOR = Principal(PrincipalKind.OPERATOR, "operator")
NODE = Principal(PrincipalKind.NODE, "node")
