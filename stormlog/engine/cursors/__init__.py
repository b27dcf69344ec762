"""Statements of users: what they may do, and how they are run, stopped and read."""
