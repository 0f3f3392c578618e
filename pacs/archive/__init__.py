"""The verbs of the archive: store, find, open, verify."""
