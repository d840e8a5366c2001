"""Synthetic releases: pure generators of invented rows in the published layouts, and what writes them as files."""
