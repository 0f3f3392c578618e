"""A registered application entity: where it is, what it may ask for, and how it is treated."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import msgspec


class Verb(StrEnum):
    """What a DICOM peer may be allowed (`pacs ae add … --allow store,find,move,get,worklist`)."""

    ECHO = "echo"
    STORE = "store"
    FIND = "find"
    MOVE = "move"
    GET = "get"
    WORKLIST = "worklist"


class DuplicatePolicy(StrEnum):
    """What becomes of other content under a SOP Instance UID that is here already."""

    KEEP_FIRST = "keep_first"  # held beside the first for a person, answered with success
    REFUSE = "refuse"  # A900
    SUPERSEDE = "supersede"  # becomes the live one, the first is kept; only over mutual TLS


class PeerOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a peer is treated. Every default is what an unregistered caller of this machine gets.

    `character_set` are defined terms of Specific Character Set (backslash between several) for what the peer sends
    without one and for answers to it; `transfer_syntaxes` the UIDs it takes and sends, none for all;
    `move_destinations` the AE titles its C-MOVE may name, none for every registered one;
    `certificate_sha256` the only certificate it may show, in hexadecimal; limits are the node's own where None. The
    last four say what the node does when it sends to the peer.
    """

    description: str = ""
    check_address: bool = True  # its calls have to come from its host
    tls: bool = False  # it has to call over TLS, and is called over TLS
    certificate_sha256: str = ""
    character_set: str = ""
    transfer_syntaxes: tuple[str, ...] = ()
    move_destinations: tuple[str, ...] = ()
    duplicates: DuplicatePolicy = DuplicatePolicy.KEEP_FIRST
    associations_max: int | None = None
    idle_timeout_s: float | None = None
    asks_commitment: bool = False  # storage commitment, of what it was sent
    tells_availability: bool = False  # of studies that are stable (IAN)
    at_once_max: int = 2  # jobs at work for it
    bytes_per_s_max: int = 0  # that it is sent by a job; 0: as many as it takes


ORDINARY = PeerOptions()


@dataclass(frozen=True, slots=True)
class Peer:
    """A registered application entity: `host` is a name or an address, `verbs` what it may ask for."""

    ae_title: str
    host: str
    port: int
    verbs: frozenset[Verb]
    created_at: datetime
    options: PeerOptions = ORDINARY
