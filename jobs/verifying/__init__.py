"""Blobs against a release: which are expected where, how each is looked at, and what is known of it already."""
