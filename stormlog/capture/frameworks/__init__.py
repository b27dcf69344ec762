"""Callbacks that have a training library tell a tracker what it does.

Source: docs/launchers.md.
"""
