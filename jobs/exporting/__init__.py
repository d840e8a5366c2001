"""Writes what a snapshot holds in the formats that other programs read: one module a format, over blocks of images."""
