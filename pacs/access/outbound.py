"""The one way out: an HTTP client that calls only where it may (server-side request forgery, and slow answers).

A name is resolved once, every address it has is checked, and the connection goes to a checked address, so that a
second answer of the name server changes nothing. No redirects, no proxy, no cookies, no credentials from the machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2

from pacs.errors import SettingsInvalid, SuretError

CONNECT_TIMEOUT_S = 10.0
TOTAL_TIMEOUT_S = 30.0
ANSWER_BYTES_MAX = 64 * 1024

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class OutboundRefused(SuretError):
    """The address may not be called."""


class AddressRefused(SettingsInvalid):
    """It is no address that could be called."""


class OutboundFailed(SuretError):
    """No usable answer came."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Where a call may go: any public address over TLS; `allow_loopback`: this machine, over plain HTTP too;
    `allowed_hosts`: names, addresses or networks (10.1.0.0/16) that may be private; `setting` is where
    they are from."""

    allow_loopback: bool
    allowed_hosts: Sequence[str] = ()
    setting: str = "PACS_TRIAGE__ALLOWED_HOSTS"

    def check(self, scheme: str, host: str, address: IPAddress) -> None:
        """Raise OutboundRefused when `address`, to which `host` resolved, may not be called by `scheme`."""
        target = unwrapped(address)
        if target.is_loopback and self.allow_loopback:
            return
        if scheme != "https":
            raise OutboundRefused(f"{host} would be called without TLS", "give it an https address")
        if target.is_global and not target.is_multicast:
            return
        if not self._listed(host, target):
            raise OutboundRefused(
                f"{host} is at {target}, which is not a public address",
                f"list it in {self.setting} if it is meant",
            )

    def _listed(self, host: str, address: IPAddress) -> bool:
        for entry in self.allowed_hosts:
            if entry.casefold() == host.casefold():
                return True
            try:
                if address in ipaddress.ip_network(entry):
                    return True
            except ValueError:  # a name, not a network
                continue
        return False


def unwrapped(address: IPAddress) -> IPAddress:
    """The IPv4 address inside an IPv6 one that stands for it (mapped, 6to4, NAT64), else `address`."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def check_url(url: str, *, allow_loopback: bool) -> None:
    """Raise AddressRefused for what cannot be an address to call; where it leads is checked at every call."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises for a port that is no number
    except ValueError as error:
        raise AddressRefused(f"{url!r} is not an address: {error}", "give https://host/path") from None
    if parts.scheme not in ("https", "http") or not parts.hostname or not url.isascii() or not url.isprintable():
        raise AddressRefused(f"{url!r} is not an address", "give https://host/path, or http:// on this machine")
    if parts.username is not None or parts.fragment:
        raise AddressRefused(f"{url!r} has a user name or a fragment", "leave them out; requests are signed")
    if parts.scheme == "http" and not (allow_loopback and _is_this_machine(parts.hostname)):
        here = "http:// is for this machine only (127.0.0.1, localhost)"
        raise AddressRefused(
            f"{url!r} would be called without TLS",
            f"give it an https:// address; {here}" if allow_loopback else "give it an https:// address",
        )


def _is_this_machine(host: str) -> bool:
    try:
        return unwrapped(ipaddress.ip_address(host)).is_loopback
    except ValueError:  # a name; any other may be somebody else's tomorrow
        return host.rstrip(".") == "localhost"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: `status`, and the wait in seconds that a Retry-After header asks for."""

    status: int
    retry_after_s: float | None


def post(url: str, body: bytes, headers: Mapping[str, str], policy: Policy) -> Answer:
    """POST `body` and read the answer, all within TOTAL_TIMEOUT_S; of its body at most ANSWER_BYTES_MAX are taken.

    Blocks. Raises OutboundRefused, OutboundFailed.
    """
    try:
        return asyncio.run(_within_time(url, body, headers, policy))
    except TimeoutError:
        raise OutboundFailed(f"no answer within {TOTAL_TIMEOUT_S:.0f} s") from None


async def _within_time(url: str, body: bytes, headers: Mapping[str, str], policy: Policy) -> Answer:
    async with asyncio.timeout(TOTAL_TIMEOUT_S):
        target = httpx2.URL(url)
        addresses = await _resolve(target)
        for address in addresses:
            policy.check(target.scheme, target.host, address)
        last: Exception | None = None
        for address in addresses:
            try:
                return await _post(target, address, body, headers)
            except httpx2.ConnectError as error:
                last = error
            except httpx2.HTTPError as error:
                raise OutboundFailed(f"{type(error).__name__}: {error}") from None
        raise OutboundFailed(f"no connection: {last}")


async def _resolve(target: httpx2.URL) -> list[IPAddress]:
    try:
        found = await _looked_up(target.host, target.port or 443)
    except OSError as error:
        raise OutboundFailed(f"{target.host} does not resolve: {error.strerror}") from None
    return list(dict.fromkeys(ipaddress.ip_address(str(address[0]).partition("%")[0]) for *_, address in found))


async def _looked_up(host: str, port: int) -> list[Any]:
    """getaddrinfo in a thread that nobody waits for at the end, unlike the loop's own: a name server may hang."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[Any]] = loop.create_future()

    def tell(take: Callable[[Any], None], result: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended: it took too long
            loop.call_soon_threadsafe(lambda: None if answer.done() else take(result))

    def look_up() -> None:
        try:
            tell(answer.set_result, socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except Exception as error:
            tell(answer.set_exception, error)

    threading.Thread(target=look_up, name="outbound-name", daemon=True).start()
    return await answer


async def _post(target: httpx2.URL, address: IPAddress, body: bytes, headers: Mapping[str, str]) -> Answer:
    async with httpx2.AsyncClient(
        verify=ssl.create_default_context() if target.scheme == "https" else False,
        follow_redirects=False,
        trust_env=False,
        timeout=httpx2.Timeout(TOTAL_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
    ) as client:
        host = target.netloc.decode("ascii")
        request = client.build_request(
            "POST",
            target.copy_with(host=str(address)),
            content=body,
            headers={**headers, "host": host, "user-agent": "suret", "accept-encoding": "identity"},
            extensions={"sni_hostname": target.host},
        )
        response = await client.send(request, stream=True)
        try:
            size = 0
            async for chunk in response.aiter_raw():
                size += len(chunk)
                if size > ANSWER_BYTES_MAX:
                    raise OutboundFailed(f"the answer has more than {ANSWER_BYTES_MAX} bytes")
            return Answer(response.status_code, _seconds(response.headers.get("retry-after", "")))
        finally:
            await response.aclose()


def _seconds(text: str) -> float | None:
    return float(text) if text.isdecimal() and len(text) < 9 else None
