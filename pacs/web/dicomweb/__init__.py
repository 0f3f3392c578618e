"""DICOMweb (PS3.18): QIDO-RS, WADO-RS and STOW-RS as translations to the archive's verbs."""
