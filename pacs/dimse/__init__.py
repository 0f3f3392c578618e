"""The DICOM network: listener, associations and service classes."""
