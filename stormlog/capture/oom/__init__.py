"""Out-of-memory failures: told from others, and recorded with what happened before."""
