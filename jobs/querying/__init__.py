"""Published rows for programs that run no Spark: as Arrow datasets, and as views of a locked DuckDB."""
