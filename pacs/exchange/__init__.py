"""A leaf: what goes to other archives by rule. It follows the event log and adds jobs; the DICOM wire performs them."""
