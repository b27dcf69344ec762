"""Tests of `stormlog.capture`."""
