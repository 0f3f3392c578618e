"""Bytes to values and back: Part 10, the walker, frames, JSON, character sets."""
