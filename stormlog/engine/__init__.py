"""Files in, tables out: the only code that fills DuckDB."""
