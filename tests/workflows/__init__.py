"""Tests of what front ends do in more than one step."""
