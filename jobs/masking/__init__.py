"""Masks against a release: which PNGs lie in which zips, and how each is held against its row of `masks`."""
