"""WHAT a table is: one YAML a table, and the loader that makes Spark SQL and Arrow types of it."""
