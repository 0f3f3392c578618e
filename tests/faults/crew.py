"""A crew of hostile peers in a process of its own, from addresses of its own (127.0.1.1 and up).

    python -m tests.faults.crew PORT SOCKETS SEED          until its standard input closes; tells what it met as JSON

Each of its sockets does one harm after another: it connects, does it, waits for the node to end it, and comes again.
"""

from __future__ import annotations

import asyncio
import json
import random
import resource
import struct
import sys
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.dimse import ABORT, CT, ECHO, EXPLICIT, RELEASE, associate_request, pdata, request
from tests.support.modality import DATASET

ADDRESSES = 250
ASSOCIATED_AT_ONCE = 24  # of all: loopback may associate, strangers on a network may not; so some places stay free
PATIENCE_S = 30.0
PAUSE_S = 4.0  # between two harms of a socket
DRIP_S = 1.0
REQUEST = associate_request(((CT, (EXPLICIT,)),), calling="CREW")
STORE = pdata(request(0x0001, CT, data_set=True, x1000=b"1.2.826.0.1.3680043.9.7433.666\0"))
HEADER = struct.Struct(">BxI")


def lying_requests() -> list[bytes]:
    """Association requests whose lengths are lies, and others that cannot be."""
    lies = [HEADER.pack(1, length) + REQUEST[6:70] for length in (0, 1, 67, len(REQUEST) + 1, 1 << 20, 0xFFFFFFFF)]
    contexts = [associate_request([(CT, (EXPLICIT,))] * count) for count in (0, 128)]
    doubled = bytearray(associate_request([(CT, (EXPLICIT,))] * 2))
    doubled[doubled.rindex(b"\x20\0") + 4] = 1  # a second context 1
    return [*lies, *contexts, bytes(doubled)]


STRANGE = (
    b"GET / HTTP/1.1\r\nHost: node\r\n\r\n",
    bytes.fromhex("16030100c8010000c40303") + bytes(100),  # the beginning of a TLS handshake
    *(HEADER.pack(kind, 4) + bytes(4) for kind in (0, 2, 3, 4, 5, 6, 8, 0x47, 0xFF)),
)
LYING_DATA = (
    *(HEADER.pack(4, length) + bytes(6) for length in (0, 1, 5, (128 << 10) + 1, 0xFFFFFFFF)),
    *(HEADER.pack(4, 6) + struct.pack(">IBB", length, 1, 3) for length in (0, 1, 3, 0xFFFFFFFF)),
    pdata(b"data before command", DATASET | 2),
    pdata(ECHO[12:], context_id=77),
    REQUEST,
    HEADER.pack(6, 4) + bytes(4),
    RELEASE + RELEASE,
)


@dataclass(slots=True)
class Crew:
    """What all of them share."""

    port: int
    choose: random.Random
    met: Counter[str] = field(default_factory=Counter)
    associated: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(ASSOCIATED_AT_ONCE))

    async def harm(self, number: int) -> None:
        """One socket, as long as the crew is there."""
        address = f"127.0.1.{1 + number % ADDRESSES}"
        await asyncio.sleep(self.choose.uniform(0, PAUSE_S))
        names = sorted(HARMS)
        while True:
            name = names[(number + self.met.total()) % len(names)]
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port, local_addr=(address, 0))
            except OSError:
                self.met["not connected"] += 1
            else:
                self.met[name] += 1
                try:
                    async with asyncio.timeout(PATIENCE_S):
                        await HARMS[name](self, reader, writer)
                except TimeoutError:
                    self.met["left alone"] += 1
                except (OSError, asyncio.IncompleteReadError):
                    self.met["ended by the node"] += 1
                finally:
                    writer.close()
            await asyncio.sleep(PAUSE_S * self.choose.uniform(0.5, 1.5))

    async def associate(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """An association like any other. Raises IncompleteReadError where the node will not."""
        writer.write(REQUEST)
        kind, length = HEADER.unpack(await reader.readexactly(6))
        await reader.readexactly(length)
        self.met["accepted" if kind == 2 else "rejected"] += 1
        if kind != 2:
            raise ConnectionRefusedError


Harm = Callable[[Crew, asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


async def silent(crew: Crew, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def drip_request(crew: Crew, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for byte in REQUEST:
        writer.write(bytes((byte,)))
        await writer.drain()
        await asyncio.sleep(DRIP_S)
    await reader.readexactly(6)
    crew.met["a dripped request was accepted"] += 1


async def strange(crew: Crew, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(crew.choose.choice(STRANGE))
    await reader.read()


async def lying_request(crew: Crew, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(crew.choose.choice(lying_requests()))
    await reader.read()


async def abort_flood(crew: Crew, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(REQUEST[: crew.choose.randrange(len(REQUEST))] + ABORT)


async def _inside(crew: Crew, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sent: bytes) -> None:
    async with crew.associated:
        await crew.associate(reader, writer)
        writer.write(sent)
        await reader.read()


async def lying_data(crew: Crew, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _inside(crew, reader, writer, crew.choose.choice(LYING_DATA))


async def endless_command(crew: Crew, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _inside(crew, reader, writer, pdata(bytes(8000), 1) * 20)


async def paused_store(crew: Crew, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _inside(crew, reader, writer, STORE + pdata(bytes(20_000), DATASET))


async def cut_store(crew: Crew, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    async with crew.associated:
        await crew.associate(reader, writer)
        whole = STORE + pdata(bytes(20_000), DATASET)
        writer.write(whole[: crew.choose.randrange(len(whole))])
        await writer.drain()
        if crew.choose.random() < 0.5:
            writer.transport.abort()


HARMS: Mapping[str, Harm] = {
    "silent": silent,
    "silent too": silent,
    "drips a request": drip_request,
    "speaks another language": strange,
    "lies in its request": lying_request,
    "aborts": abort_flood,
    "lies in its data": lying_data,
    "a command without end": endless_command,
    "a store that pauses": paused_store,
    "a store that breaks off": cut_store,
}  # type: ignore[dict-item, unused-ignore]  # coroutine functions


async def _run(port: int, sockets: int, seed: int) -> None:
    crew = Crew(port, random.Random(seed))
    harms = [asyncio.create_task(crew.harm(number)) for number in range(sockets)]
    await asyncio.to_thread(sys.stdin.read)
    for harm in harms:
        harm.cancel()
    await asyncio.gather(*harms, return_exceptions=True)
    print(json.dumps(crew.met))


def main() -> None:
    """The command line."""
    port, sockets, seed = map(int, sys.argv[1:])
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(4096, 2 * sockets)), hard))
    asyncio.run(_run(port, sockets, seed))


if __name__ == "__main__":
    main()
