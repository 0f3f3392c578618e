"""Bytes and keys: the object stores. Knows nothing of DICOM; see storage/README.md."""
