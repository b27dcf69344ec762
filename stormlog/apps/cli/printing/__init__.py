"""How answers are printed: formats, tables, messages."""
