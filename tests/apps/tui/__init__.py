"""Tests of the terminal application, driven by its keys."""
