"""A link as thin and as far as asked, through which browsers reach servers of this machine."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from typing import Final

_CHUNK: Final = 4096


class Link:
    """A proxy on 127.0.0.1 in front of servers, as thin as asked, in a thread of its own."""

    def __init__(self, bits_per_second: float, round_trip_s: float) -> None:
        self._rate, self._delay = bits_per_second / 8, round_trip_s / 2
        self._free_at = {"up": 0.0, "down": 0.0}
        self._loop = asyncio.new_event_loop()
        self.down_bytes = 0
        self._servers: list[asyncio.Server] = []
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Link:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def to(self, target: int) -> int:
        """The port behind which `target` is, over this link: what all targets send shares it."""
        serving = asyncio.run_coroutine_threadsafe(self._serve(target), self._loop)
        return serving.result(10)

    def settle(self) -> None:
        """Wait until nothing comes down any more: what an earlier round left on the way."""
        before = -1
        while before != self.down_bytes:
            before = self.down_bytes
            time.sleep(1)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.call_soon(self._ready.set)
        self._loop.run_forever()

    async def _end(self) -> None:
        """What is still on the way is lost."""
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, target: int) -> int:
        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await asyncio.sleep(2 * self._delay)  # the handshake
            with contextlib.suppress(OSError, asyncio.CancelledError):  # who went away, and the end of the link
                there_reader, there_writer = await asyncio.open_connection("127.0.0.1", target)
                ways = (self._pump(reader, there_writer, "up"), self._pump(there_reader, writer, "down"))
                await asyncio.gather(*ways, return_exceptions=True)

        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: str) -> None:
        late: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(64)

        async def deliver() -> None:
            while True:
                due, data = await late.get()
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                if not data:
                    writer.close()
                    return
                if not writer.is_closing():  # who went away gets no more
                    with contextlib.suppress(OSError):
                        writer.write(data)
                        await writer.drain()

        delivering = asyncio.create_task(deliver())
        gone_at = 0.0
        while True:
            if writer.is_closing():  # a reset takes its way too; until then the sender goes on
                gone_at = gone_at or time.monotonic()
                if time.monotonic() - gone_at > self._delay:
                    await late.put((0.0, b""))
                    break
            try:
                data = await reader.read(_CHUNK)
            except OSError:  # reset by who sent: an end as any other
                data = b""
            now = time.monotonic()
            self._free_at[way] = max(self._free_at[way], now) + len(data) / self._rate
            if way == "down":
                self.down_bytes += len(data)
            await asyncio.sleep(max(0.0, self._free_at[way] - now))
            await late.put((time.monotonic() + self._delay, data))
            if not data:
                break
        await delivering
