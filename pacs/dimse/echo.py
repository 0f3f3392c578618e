"""Verification (PS3.4 Annex A)."""

from __future__ import annotations

from typing import Final

from pacs.access.grants import Action, may
from pacs.dimse.command import C_ECHO_RQ, NOT_AUTHORISED, SUCCESS, Command
from pacs.dimse.service import MESSAGE_TRANSFER_SYNTAXES, Context, Discard, Exchange, Service

VERIFICATION: Final = "1.2.840.10008.1.1"
DATA_SET_BYTES_MAX: Final = 65536  # C-ECHO has no data set; a peer that sends one all the same is heard out


def echo(exchange: Exchange, context: Context, command: Command) -> None:
    """Answer C-ECHO (PS3.7 9.1.5)."""
    exchange.receive_data_set(context, Discard(DATA_SET_BYTES_MAX))
    allowed = may(exchange.principal, Action.ECHO)
    exchange.respond(context, command, SUCCESS if allowed else NOT_AUTHORISED)


def service() -> Service:
    """The Verification service."""
    return Service("verification", MESSAGE_TRANSFER_SYNTAXES, {C_ECHO_RQ: echo})
