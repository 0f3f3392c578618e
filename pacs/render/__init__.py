"""Pixels to pictures, in sandboxed worker processes."""
