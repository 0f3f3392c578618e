"""Every error of the product on one screen; wires map them to statuses in one table each.

SuretError(message, hint)
├── ArrivalRefused            an object that is not taken in; carries its DIMSE status (PS3.4 B.2.3)
│   ├── IncompleteDataSet     C000  it ends in the middle of something
│   ├── NotUnderstood         C000  no walk through it is possible, or over a structural limit
│   ├── DoesNotMatch          A900  class, instance, study or transfer syntax differ from what was announced
│   ├── TransferSyntaxRefused C122  not a syntax the node stores
│   ├── NotAuthorised         0124  the sender may not store
│   ├── InstanceTooLarge      A700  over the limit for one instance
│   ├── OutOfResources        A700/507  disk or inodes at their limit; nothing stored, send again later
│   └── StoreFailed           A700/503  storage or index failed (`troubles.py`); nothing promised, send again
│       └── ChangeNotTaken    0110/503  the index did not take the rows, and nothing is wrong with it: a mistake of ours
├── QueryRefused              A900/400  the question is malformed or too broad
├── AttributesRefused         400  attributes that are given are not as they have to be, every mistake at once
├── OperationRefused          carries its DIMSE status: an operation on a procedure step that its state does not allow
├── AlreadyThere              409  what is to be made has the identity of something that is there
├── StateConflict             409  it cannot be done to the thing as it is now
├── NotFound                  404  unknown, or not for this caller
│   └── Gone                  410  it was here and has been deleted
├── NotPermitted              0124/403
├── Unreadable                422  stored, but this part of it cannot be decoded
├── NotAcceptable             406  no form of it that the caller accepts
├── Busy                      503  too much is asked at once; ask again in a moment
├── SettingsInvalid           every mistake in the settings at once
├── NodeRunning               the command needs the node stopped
└── NodeFailed                the node cannot start or go on
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, Final

NO_FIELDS: Final[Mapping[str, str]] = MappingProxyType({})


class SuretError(Exception):
    """Root. `message` says what is wrong, `hint` what to do about it; `code` is for programs that say it themselves,
    and `fields` has the codes of mistakes by the field of what was given that each is in."""

    def __init__(self, message: str, hint: str = "", code: str = "", fields: Mapping[str, str] = NO_FIELDS) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code
        self.fields = fields

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message


class ArrivalRefused(SuretError):
    """An object that is not taken in. `status` is the C-STORE status and the STOW failure reason."""

    status: ClassVar[int] = 0x0110


class IncompleteDataSet(ArrivalRefused):
    """The data set ends in the middle of something."""

    status = 0xC000


class NotUnderstood(ArrivalRefused):
    """The data set cannot be walked, or it passes a structural limit."""

    status = 0xC000


class DoesNotMatch(ArrivalRefused):
    """What is in the data set differs from what was announced."""

    status = 0xA900


class TransferSyntaxRefused(ArrivalRefused):
    """The transfer syntax is not one the node stores (PS3.18 I.2.2)."""

    status = 0xC122


class NotAuthorised(ArrivalRefused):
    """The sender may not store here."""

    status = 0x0124


class InstanceTooLarge(ArrivalRefused):
    """Over the limit for one instance."""

    status = 0xA700


class OutOfResources(ArrivalRefused):
    """No room at the moment; nothing was stored and a later attempt may succeed."""

    status = 0xA700


class StoreFailed(ArrivalRefused):
    """Storage or index failed; nothing is promised and a re-send is safe."""

    status = 0xA700


class ChangeNotTaken(StoreFailed):
    """The index did not take what it was given, and nothing is wrong with it."""

    status = 0x0110


class QueryRefused(SuretError):
    """The question is malformed or too broad."""


class AttributesRefused(SuretError):
    """Attributes that are given are not as they have to be: one mistake a line."""


class OperationRefused(SuretError):
    """An operation on a procedure step that is not possible. `status` is the DIMSE status, `tags` the attributes it is
    about, `error_id` the Error ID (0000,0903) where the standard gives one."""

    def __init__(self, message: str, hint: str = "", *, status: int, tags: tuple[int, ...] = ()) -> None:
        super().__init__(message, hint)
        self.status = status
        self.tags = tags
        self.error_id = 0


class AlreadyThere(SuretError):
    """What is to be made has the identity of something that is there."""


class StateConflict(SuretError):
    """It cannot be done to the thing as it is now."""


class NotFound(SuretError):
    """Unknown, or not for this caller: the answer does not tell which."""


class Gone(NotFound):
    """It was here and has been deleted."""


class NotPermitted(SuretError):
    """The caller may not do this."""


class Unreadable(SuretError):
    """Stored as sent, but this part of it cannot be decoded."""


class MediaTypeRefused(SuretError):
    """A body of a type the route cannot read (HTTP 415)."""


class NotAcceptable(SuretError):
    """There is no form of it that the caller accepts."""


class Busy(SuretError):
    """Too much is asked at once; a later attempt succeeds."""


class TooManyOpen(Busy):
    """One account has begun so much that it has to finish some of it first."""


class SettingsInvalid(SuretError):
    """Every mistake in the settings, reported together, one a line; the hint is of all of them."""

    def __str__(self) -> str:
        return "\n".join(filter(None, (self.message, self.hint)))


class NodeRunning(SuretError):
    """The command needs the node stopped."""


class NodeFailed(SuretError):
    """The node cannot start or go on."""
