"""Runs a command, watches its memory from outside, and says how it ended."""
