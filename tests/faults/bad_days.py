"""What an S3 service does on a bad day, as faults of the relay in front of it, and what a sender may then hear."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from tests.faults.witness import OUT_OF_RESOURCES, SUCCESS
from tests.support.relay import Exchange, Fault, damage_request, lose_answer, refuse

READ_TIMEOUT_S = 0.5
REFUSED = frozenset({OUT_OF_RESOURCES})
KEPT = frozenset({SUCCESS})
ERROR = "<?xml version='1.0'?><Error><Code>InternalError</Code><Message>no</Message></Error>"


def drop(exchange: Exchange) -> None:
    """The connection ends, and nothing was done."""
    exchange.send_bytes = -1


def slow(exchange: Exchange) -> None:
    """The answer comes just before the client would give up."""
    time.sleep(READ_TIMEOUT_S * 0.6)
    exchange.ask()


def hang(exchange: Exchange) -> None:
    """No answer before the client has given up, and nothing was done."""
    time.sleep(READ_TIMEOUT_S * 2)
    exchange.send_bytes = -1


def hang_after(exchange: Exchange) -> None:
    """It was done, and no answer comes before the client has given up."""
    exchange.ask()
    hang(exchange)


def error_in_success(exchange: Exchange) -> None:
    """Status 200 and an error in the body; nothing was done."""
    exchange.say(200, ERROR)


def lie(exchange: Exchange) -> None:
    """Says "stored" and forgets it."""
    exchange.say(200)
    exchange.answer_headers.append(("ETag", '"d41d8cd98f00b204e9800998ecf8427e"'))


def somebody_else(exchange: Exchange) -> None:
    """Another writer's object takes the key just before."""
    exchange.body = b"somebody else's"
    for name, value in (("Content-Length", str(len(exchange.body))), ("x-amz-content-sha256", "UNSIGNED-PAYLOAD")):
        exchange.headers.replace_header(name, value)
    exchange.ask()
    refuse(412, "PreconditionFailed")(exchange)


@dataclass(frozen=True, slots=True)
class Day:
    """A fault of PUT, how often in a row, and which answers a sender may get."""

    fault: Fault
    times: int
    answers: frozenset[int]


DAYS: Mapping[str, Day] = {
    "answer-lost": Day(lose_answer, 1, KEPT),
    "connection-dropped": Day(drop, 1, KEPT),
    "slow": Day(slow, 99, KEPT),
    "hang": Day(hang, 1, KEPT),
    "hang-after-commit": Day(hang_after, 1, KEPT),
    "internal-error": Day(refuse(500, "InternalError"), 1, KEPT),
    "slow-down": Day(refuse(503, "SlowDown"), 2, KEPT),
    "conflict": Day(refuse(409, "ConditionalRequestConflict"), 2, KEPT),
    "error-in-success": Day(error_in_success, 1, KEPT | REFUSED),
    "error-in-success-lasting": Day(error_in_success, 99, REFUSED),
    "damaged-on-the-way": Day(damage_request, 1, KEPT | REFUSED),
    "somebody-else": Day(somebody_else, 1, REFUSED),
    "lasting-error": Day(refuse(500, "InternalError"), 99, REFUSED),
    "lasting-hang": Day(hang, 99, REFUSED),
    "lasting-loss": Day(lose_answer, 99, KEPT | REFUSED),
    "no-room": Day(refuse(507, "InsufficientStorage"), 99, frozenset({OUT_OF_RESOURCES})),
}
FOREIGN_SERVICE = frozenset({"somebody-else"})
"""Days that only our own service plays, since it looks at no signature."""
