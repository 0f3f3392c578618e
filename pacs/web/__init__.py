"""The HTTP edge: DICOMweb, the API of the viewer, live updates."""
