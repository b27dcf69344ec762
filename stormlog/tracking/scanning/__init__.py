"""Scans: what lies under some paths becomes tracked issues, at the cost of what changed."""
