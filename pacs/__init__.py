"""Suret: a DICOM PACS node. The house is described in pacs/README.md."""

__version__ = "0.1.0"
