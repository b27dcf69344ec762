"""The index: what was worked out of some files, kept for the next question; it can always be deleted.

Promise: whatever is wrong with it, the answer comes from the files.

Source: docs/cache.md.
"""
