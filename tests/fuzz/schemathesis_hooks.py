"""What schemathesis has to be told to send octets under the media types that the node takes."""

from __future__ import annotations

import schemathesis


@schemathesis.serializer("application/dicom", "application/partial-upload", "application/zip", "multipart/related")
def octets(context: schemathesis.SerializationContext, value: object) -> bytes:
    """As they are; what stands for a value that is not octets is its text."""
    return value if isinstance(value, bytes) else str(getattr(value, "data", value)).encode()
