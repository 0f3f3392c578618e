"""The API of the viewer and the administrator: small JSON, the same principals and the same gate."""
