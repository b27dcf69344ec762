"""Tests of what the kernel counts; they need a control group that can be written: make test-cgroup."""
