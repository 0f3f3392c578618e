"""Objects that the node itself writes of what a reader did: measurements, key images, display states."""
