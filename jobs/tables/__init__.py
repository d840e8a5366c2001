"""The only door to Delta: create and migrate tables, stage files, publish them, read what was published."""
