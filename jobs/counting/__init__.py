"""Counts what a published release holds: the figures that its pages state."""
