"""TLS under DICOM: the profiles of PS3.15 B.12 and B.13 (BCP 195, RFC 9325), certificates that are read anew when
their files change, and connections that shake hands in their own thread, within the deadline of the association."""

from __future__ import annotations

import contextlib
import hashlib
import select
import socket
import ssl
import threading
from pathlib import Path
from typing import Final

import structlog

from pacs.dimse.connection import Connection, NotSecured
from pacs.errors import NodeFailed
from pacs.settings import DimseSettings

log = structlog.get_logger()

# of TLS 1.2 (PS3.15 B.12, B.13): forward secrecy and authenticated encryption only; TLS 1.3 has nothing else
_CIPHERS: Final = "ECDHE+AESGCM:DHE+AESGCM:ECDHE+CHACHA20:!aNULL:!PSK:!SRP"

_IN_WORDS: Final = {
    "WRONG_VERSION_NUMBER": "it does not speak TLS; this port is for DICOM over TLS",
    "HTTP_REQUEST": "it speaks HTTP; this port is for DICOM over TLS",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "it shows no certificate, which this node asks for",
    "NO_SHARED_CIPHER": "it offers no cipher suite of the BCP 195 profile",
    "UNSUPPORTED_PROTOCOL": "it offers no TLS 1.2 or newer",
    "TLSV1_ALERT_UNKNOWN_CA": "it does not trust the certificate of this node",
    "SSLV3_ALERT_BAD_CERTIFICATE": "it refuses the certificate of this node",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "it refuses the certificate of this node",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "it finds the certificate of this node expired",
}
_POLL = (ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Certificates:
    """The node's certificate, key and the authorities it trusts. Files that change are read at the next connection;
    files that cannot be read then are reported, and the ones before stay in use."""

    def __init__(self, settings: DimseSettings) -> None:
        """Raises NodeFailed when the files cannot be used."""
        self._settings = settings
        self._files = [
            Path(name) for name in (settings.tls_certificate, settings.tls_key, settings.tls_authorities) if name
        ]
        self._lock = threading.Lock()
        self._seen = self._stamps()
        try:
            self._accepting, self._asking = self._read()
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            raise NodeFailed(
                f"the certificates of the DICOM port cannot be used: {error}",
                "correct PACS_DIMSE__TLS_CERTIFICATE, __TLS_KEY and __TLS_AUTHORITIES (PEM files; the key belongs to "
                "the certificate and has no password)",
            ) from error

    def accepting(self) -> ssl.SSLContext:
        """For connections that come in."""
        self._renew()
        return self._accepting

    def asking(self) -> ssl.SSLContext:
        """For connections that the node opens: with its own certificate, and none unknown on the other side."""
        self._renew()
        return self._asking

    def _renew(self) -> None:
        with self._lock:
            stamps = self._stamps()
            if stamps == self._seen:
                return
            self._seen = stamps
            try:
                self._accepting, self._asking = self._read()
            except (OSError, ValueError) as error:
                log.error("certificates_not_renewed", error=str(error), hint="the ones before stay in use")
            else:
                log.info("certificates_renewed")

    def _stamps(self) -> list[tuple[int, int, int] | None]:
        stamps: list[tuple[int, int, int] | None] = []
        for file in self._files:
            try:
                found = file.stat()
            except OSError:
                stamps.append(None)
            else:
                stamps.append((found.st_ino, found.st_mtime_ns, found.st_size))
        return stamps

    def _read(self) -> tuple[ssl.SSLContext, ssl.SSLContext]:
        settings = self._settings
        accepting, asking = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        for context in (accepting, asking):
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers(_CIPHERS)
            context.load_cert_chain(settings.tls_certificate, settings.tls_key or None, password=_no_password)
            if settings.tls_authorities:
                context.load_verify_locations(settings.tls_authorities)
        accepting.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
        accepting.verify_mode = ssl.CERT_REQUIRED if settings.tls_mutual else ssl.CERT_OPTIONAL
        # application entities are known by title and address; their certificates carry names of many kinds
        asking.check_hostname = False
        asking.verify_mode = ssl.CERT_REQUIRED
        return accepting, asking


def _no_password() -> str:
    """Instead of a prompt at the terminal."""
    raise ValueError("the key has a password")


class TlsConnection(Connection):
    """A connection over TLS. One thread reads and writes it, as OpenSSL wants; others may only end it."""

    def __init__(
        self, stream: socket.socket, address: str, capacity: int, certificates: Certificates, *, accepted: bool = True
    ) -> None:
        """`accepted`: the peer opened it; else the node did."""
        super().__init__(stream, address, capacity)
        self._certificates = certificates
        self._accepted = accepted

    def secure(self) -> None:
        """Shake hands, within the deadline that is set. Raises NotSecured, which says why in plain words."""
        try:
            context = self._certificates.accepting() if self._accepted else self._certificates.asking()
            wrapped = context.wrap_socket(self._stream, server_side=self._accepted, do_handshake_on_connect=False)
            self._stream = wrapped
            wrapped.do_handshake()
        except (OSError, ValueError) as error:
            raise NotSecured(self.expired or f"no TLS with the peer: {explained(error)}") from None
        certificate = wrapped.getpeercert(binary_form=True)
        if certificate is not None:  # only one that is signed by a trusted authority comes so far
            self.certificate_sha256 = hashlib.sha256(certificate).hexdigest()
        self.encrypted = True

    def poll(self) -> None:
        """Take in what has arrived, without waiting. Raises ConnectionEnded."""
        stream = self._stream
        assert isinstance(stream, ssl.SSLSocket), "polled before the handshake"
        if not stream.pending() and not select.select([stream], [], [], 0)[0]:
            return
        stream.setblocking(False)
        try:
            self._receive(0)
        except _POLL:
            pass  # half a record, or one without application data
        finally:
            with contextlib.suppress(OSError):
                stream.setblocking(True)

    def send_last(self, data: bytes) -> None:
        """Nothing: another thread may be reading, and OpenSSL takes no two at once. The connection's end says it."""

    def linger(self, seconds: float) -> None:
        """As without TLS, after the close_notify that tells the peer that nothing was cut off."""
        self.expect_within(seconds)
        stream = self._stream
        if isinstance(stream, ssl.SSLSocket):
            with contextlib.suppress(OSError, ValueError):
                self._stream = stream.unwrap()
        super().linger(seconds)


def explained(error: Exception) -> str:
    """Why a handshake failed, in words for an administrator."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not accepted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return _IN_WORDS.get(error.reason or "", str(error.reason or error).replace("_", " ").lower())
    return str(error) or "the connection ended during the handshake"
