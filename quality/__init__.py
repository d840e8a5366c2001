"""WHAT a table promises: one YAML a table, of Great Expectations' own types, and the code that enforces them."""
