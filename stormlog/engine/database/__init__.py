"""The database: its settings, its tables, the SQL files that make its views, and the functions that SQL calls."""
