"""Rows that were kept aside: found, judged again, and merged into the tables."""
