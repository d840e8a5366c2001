"""What is published, asked by DuckDB over the files of one moment: rows for a page, and counts for the report."""
